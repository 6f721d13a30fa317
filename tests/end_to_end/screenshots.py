"""``python -m tests.end_to_end.screenshots``: draws ``docs/pictures/`` anew.

Runs the demonstration of control for a few minutes, so that there are curves to see, functions, and
knobs that a controller holds.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.browser import Browser
from tests.collector.harness import start, wait_until
from tests.programs import free_port

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
#: A third plugin, whose end the pictures show.
BRIEF = """
import random, time
from waggle_live import LiveMetrics
with LiveMetrics(plugin_name="waggle/air-quality:0.3.1", task="air-quality") as live:
    for _ in live.rate("samples").each(range(400)):
        live.gauge("pm2_5", unit="ug/m3").set(round(random.gauss(12, 1), 2))
        with live.timer("read"):
            time.sleep(random.uniform(0.04, 0.06))
"""


def main():
    """Draw light, dark, phone and empty."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=225, help="default: %(default)s")
    seconds = parser.parse_args().seconds
    with contextlib.ExitStack() as stack:
        light, dark, phone = (stack.enter_context(Browser()) for _ in range(3))
        with start() as collector:
            light.visit(collector.url, width=1200, height=900)
            wait_until(lambda: light.text("#empty h2"))
            light.screenshot(PICTURES / "page-empty.png")
        port = free_port()
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        command = [sys.executable, "-m", "demo", "--control", f"--port={port}"]
        environ = dict(os.environ, HOME=directory, TMPDIR=directory, WAGGLE_LIVE_PROFILE="50")
        demo = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environ)
        stack.callback(demo.wait)
        stack.callback(demo.terminate)
        path = Path(directory, ".waggle", f"demo-{port}.sock")
        wait_until(path.is_socket)
        time.sleep(5)
        environ["WAGGLE_LIVE_METRICS"] = f"unix://{path}"
        subprocess.Popen([sys.executable, "-c", BRIEF], env=environ)
        url = f"http://127.0.0.1:{port}/"
        light.visit(url, width=1200, height=940)
        dark.visit(url, width=1200, height=940, dark=True)
        phone.visit(url, width=390, height=844, phone=True)
        time.sleep(seconds)
        light.screenshot(PICTURES / "page-light.png")
        dark.screenshot(PICTURES / "page-dark.png")
        phone.screenshot(PICTURES / "page-phone.png")


if __name__ == "__main__":
    main()
