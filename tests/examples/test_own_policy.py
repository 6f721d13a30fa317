"""``examples/own_policy.py`` for real: a collector, a plugin with a knob and a gauge."""

import subprocess
import sys
from pathlib import Path

from tests.controller.test_leases import collector, eventually  # noqa: F401
from waggle_live import LiveMetrics

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "own_policy.py"


def test_it_turns_the_resolution_down_while_nothing_is_in_sight(collector, tmp_path):  # noqa: F811
    """And up again with the first car, and when it is killed."""
    live = LiveMetrics(address=collector.address, plugin_name="example", task="detect")
    with live:
        knob = live.knob("resolution", default=720, choices=[360, 720])
        cars = live.gauge("cars")
        cars.set(2)
        command = [sys.executable, str(EXAMPLE), collector.url, "detect", str(tmp_path / "token")]
        process = subprocess.Popen(command)
        try:
            cars.set(0)
            eventually(lambda: knob.value == 360)
            cars.set(1)
            eventually(lambda: knob.value == 720)
            cars.set(0)
            eventually(lambda: knob.value == 360)
        finally:
            process.kill()
            process.wait()
        eventually(lambda: knob.value == 720)
    live.close()
