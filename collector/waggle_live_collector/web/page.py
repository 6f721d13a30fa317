"""The page at ``/``: one self-contained file, built once at the start.

It shows ``/api/v1/changes``, ``/api/v1/history`` and ``/api/v1/knobs``. By its security policy the
browser runs only this script, connects only to this collector, and loads nothing else. No string
becomes HTML, so a plugin's name is always plain text.
"""

import os
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from pathlib import Path

from ..version import VERSION
from .answer import Answer

_ASSETS = Path(__file__).with_name("assets")
#: The parts of the script, in order.
_SCRIPTS = (
    "format.js",
    "history.js",
    "curve.js",
    "rows.js",
    "summary.js",
    "functions.js",
    "knobs.js",
    "sections.js",
    "changes.js",
    "feed.js",
    "page.js",
    "keys.js",
)

_STYLES = ("page.css", "knobs.css")

_POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


class Page:
    """The page and its headers. ``node`` has ``vsn`` and ``node_id``, which may be empty."""

    def __init__(self, *, telemetry_path: str, socket_path: str, node: Mapping[str, str]) -> None:
        self.telemetry_path = telemetry_path
        style = "\n".join(map(_read, _STYLES))
        script = '"use strict";\n' + "\n".join(map(_read, _SCRIPTS))
        facts = {
            # Relative, for a proxy that serves the page below another path.
            "metrics": telemetry_path.lstrip("/"),
            "version": VERSION,
            "node": node["vsn"] or node["node_id"],
            "socket": os.path.abspath(socket_path),
        }
        html = _read("page.html")
        #: Identifies this version of the page. An open page of another version reloads itself.
        self.build = sha256(f"{html}{style}{script}{facts}".encode()).hexdigest()[:16]
        for name, text in {
            "build": self.build,
            **{name: escape(text) for name, text in facts.items()},
            "style": style,
            "script": script,
        }.items():
            html = html.replace("{{%s}}" % name, text)
        self.answer = Answer(level=9)
        self.answer.finish(html.encode(errors="replace"))  # a path may be any bytes
        self.headers = {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": _POLICY.format(script=_hash(script), style=_hash(style)),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache",
            "Vary": "Accept-Encoding",
        }


def _read(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
