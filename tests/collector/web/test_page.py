"""The page as bytes; tests/end_to_end/test_page.py has it in a browser."""

import asyncio
import base64
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from waggle_live_collector.web import page as module
from waggle_live_collector.web.page import Page

from ..harness import start

COLLECTOR = Path(module.__file__).resolve().parents[2]


def made(**more):
    """Return the page, made of these facts."""
    facts = {"telemetry_path": "/metrics", "socket_path": "/run/s.sock"}
    return Page(**{"node": {"vsn": "W023", "node_id": "0000"}, **facts, **more})


def html_of(page):
    """Return the text that is sent."""

    async def text():
        return b"".join([piece async for piece in page.answer.pieces(packed=False)]).decode()

    return asyncio.run(text())


def test_the_policy_names_the_script_and_the_style_by_their_hashes():
    """Exactly these bytes run, and nothing else inline or from elsewhere."""
    page = made()
    policy = page.headers["Content-Security-Policy"]
    html = html_of(page)
    for directive, tag in (("script-src", "script"), ("style-src", "style")):
        (inline,) = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "connect-src 'self';" in policy
    assert "unsafe" not in policy
    assert not re.search(r"\son\w+=|\sstyle=", html.split("<script>")[0])


def test_what_the_operator_says_is_text():
    """A node's name and a path are escaped; no placeholder is left."""
    page = made(socket_path="/run/<b>&'\"/s.sock", node={"vsn": "<i>", "node_id": ""})
    html = html_of(page)
    assert "/run/&lt;b&gt;&amp;&#x27;&quot;/s.sock" in html
    assert "&lt;i&gt;" in html
    assert "<b>" not in html and "<i>" not in html
    assert "{{" not in html.split("<script>")[0]


@pytest.mark.parametrize(
    ("node", "shown"),
    [({"vsn": "W023", "node_id": "00"}, "W023"), ({"vsn": "", "node_id": "00"}, "00")],
)
def test_the_node_is_named(node, shown):
    """By its VSN, else by its id."""
    assert f'<span class="node" title="The node">{shown}</span>' in html_of(made(node=node))


def test_it_is_small_and_packed_where_that_is_taken():
    """One file, which a slow link brings in a moment."""
    with start() as collector:
        status, headers, plain = collector.get("/")
        assert (status, headers["Content-Encoding"]) == (200, None)
        assert headers["X-Content-Type-Options"] == "nosniff"
        _, headers, packed = collector.get("/", {"Accept-Encoding": "gzip"})
        assert headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed) == plain
        assert len(packed) < 28 * 1024


def test_metrics_at_the_root_leave_no_room_for_it():
    """Then there is no page, and all else is there."""
    with start(flags=["--web.telemetry-path=/"]) as collector:
        assert b"# HELP" in collector.get("/")[2]
        assert collector.get("/api/v1/plugins")[0] == 200


def test_a_policy_of_the_operator_does_not_loosen_the_page(tmp_path):
    """It stands on every other answer."""
    config = tmp_path / "web.yml"
    config.write_text("http_server_config: {headers: {Content-Security-Policy: default-src *}}\n")
    with start(flags=[f"--web.config.file={config}"]) as collector:
        assert collector.get("/-/ready")[1]["Content-Security-Policy"] == "default-src *"
        assert collector.get("/")[1]["Content-Security-Policy"].startswith("default-src 'none'")


def test_the_wheel_has_all_of_it(tmp_path):
    """Whoever installs the collector has the page."""
    source = tmp_path / "collector"
    # What other tests import just now comes and goes in __pycache__.
    skipped = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    shutil.copytree(COLLECTOR, source, ignore=skipped)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
    environ = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run([*command, str(tmp_path), str(source)], check=True, env=environ)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    assets = {f"waggle_live_collector/web/assets/{path.name}" for path in module._ASSETS.iterdir()}
    assert assets and assets <= names
