"""The page at ``/``: says what this is and links what there is."""

from html import escape

from .version import VERSION


def landing_page(telemetry_path: str) -> str:
    """Return the page as HTML."""
    links = [
        (telemetry_path, "metrics for Prometheus"),
        ("/api/v1/plugins", "the same as JSON"),
        ("/-/healthy", "is it alive"),
        ("/-/ready", "are its answers whole"),
    ]
    items = "\n".join(
        f'<li><a href="{escape(path, quote=True)}">{escape(path)}</a> {text}</li>'
        for path, text in links
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Waggle Live</title></head>
<body>
<h1>Waggle Live</h1>
<p>Live metrics of the plugins on this node, collector {escape(VERSION)}.</p>
<ul>
{items}
</ul>
</body>
</html>
"""
