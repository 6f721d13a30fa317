"""pywaggle's own behaviours hold with our Plugin and under ``waggle-live run -m pytest``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.test_pythons import interpreter
from tests.end_to_end.workload import ROOT, WORKLOADS
from tests.waggle_live.helpers import oldest_pywaggle

#: How the behaviours are run: what stands before pytest, and what is added to its arguments.
WAYS = {
    "plain": ([], []),
    "ours": ([], ["-p", "ours_for_theirs"]),
    "run": (["-m", "waggle_live", "run", "--"], []),
}
OURS_FOR_THEIRS = """
import waggle.plugin, waggle_live
waggle.plugin.Plugin = waggle.plugin.plugin.Plugin = waggle_live.Plugin
"""


def check(python, way, is_oldest, *, broker, collector, tmp_path):
    """Run all behaviours; return what pytest says of them."""
    before, more = WAYS[way]
    paths = [str(ROOT), str(tmp_path)]
    environ = {name: value for name, value in os.environ.items() if "WAGGLE" not in name}
    if is_oldest:
        paths.insert(0, oldest_pywaggle(str(python.parents[1])))
        environ["OLDEST"] = "yes"
    (tmp_path / "ours_for_theirs.py").write_text(OURS_FOR_THEIRS)
    environ.update(broker.environment("pod"), WAY=way, PYTHONPATH=os.pathsep.join(paths))
    environ["WAGGLE_LIVE_METRICS"] = collector.address
    pytest_of = [*before, "-m", "pytest", "-q", "--noconftest", "-c", os.devnull, *more]
    done = subprocess.run(
        [str(python), *pytest_of, "-p", "no:cacheprovider", str(WORKLOADS / "behaviours.py")],
        cwd=str(tmp_path),
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert broker.waiting() == 0
    return done.stdout


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("is_oldest", [False, True], ids=["newest", "oldest"])
def test_behaviours(broker, collector, tmp_path, way, is_oldest):
    """Each of them passes, with the newest pywaggle and with the oldest that we take."""
    given = {"broker": broker, "collector": collector, "tmp_path": tmp_path}
    said = check(Path(sys.executable), way, is_oldest, **given)
    assert is_oldest or "skipped" not in said


@pytest.mark.parametrize("version", ["3.6", "3.13"])
@pytest.mark.parametrize("is_oldest", [False, True], ids=["newest", "oldest"])
def test_behaviours_on_other_pythons(broker, collector, tmp_path, version, is_oldest):
    """So it is under ``run`` on the oldest Python that plugins have, and on the newest; there is
    no OpenCV for a camera there."""
    python = interpreter(version)
    if not python.exists():
        pytest.skip("no .venv-%s: `make pythons` makes it" % version)
    check(python, "run", is_oldest, broker=broker, collector=collector, tmp_path=tmp_path)
