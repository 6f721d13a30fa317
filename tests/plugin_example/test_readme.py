"""The README of the example: its walk from "it is slow" to a function, run as it stands there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.programs import free_port

from .conftest import EXAMPLE, ROOT, need

PAGE = EXAMPLE.joinpath("README.md").read_text(encoding="utf-8")
WALK = PAGE.partition('## From "it is slow" to the function that is\n')[2]
COMMANDS, SHOWN = re.findall(r"```(?:sh)?\n(.*?)```", WALK, re.DOTALL)[:2]
#: A machine with much to do may need longer than the page says.
LOOK = """\
plugin=$!
until waggle-live top --once http://%s > seen && grep -q ^_foreground seen && grep -q ^_tidied seen
do sleep 0.5; done
kill $plugin
cat seen"""
#: A function as top and a folded stack name it.
FUNCTION = r"(\w+) \[\w+\.py:\d+\]"


def test_the_walk_leads_to_the_functions_that_it_shows(cv2, clip, tmp_path):
    """With the commands of the page, but a free port, and as soon as the functions are there."""
    need("rich", "waggle-live-controller[top]")
    for name in ("main.py", "movers.py"):
        shutil.copy(EXAMPLE / name, tmp_path)
    (tmp_path / "bikes.mp4").symlink_to(clip)
    url = "127.0.0.1:%d" % free_port()
    commands = COMMANDS
    for written, run in (
        ("live.sock &", "live.sock --web.listen-address=%s &" % url),
        ("--seconds 20", "--seconds 100"),
        ("sleep 15\nwaggle-live top --once", LOOK % url),
    ):
        assert written in commands
        commands = commands.replace(written, run)
    environ = {name: value for name, value in os.environ.items() if "WAGGLE" not in name}
    environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environ["PATH"]])
    done = subprocess.run(
        ["bash", "-ec", "trap 'kill %%1' EXIT\n%s\nwait $plugin" % commands.rstrip()],
        check=False,
        cwd=str(tmp_path),
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    names = re.findall("^" + FUNCTION, SHOWN, re.MULTILINE)
    assert names[:2] == ["_foreground", "_tidied"]
    assert {*names[:2]} <= {*re.findall("^" + FUNCTION, done.stdout, re.MULTILINE)}
    stacks = tmp_path.joinpath("stacks.txt").read_text(encoding="utf-8")
    assert re.search(r"find \[movers\.py:\d+\];_foreground \[movers\.py:\d+\] \d+$", stacks, re.M)


def test_functions_have_the_lines_that_the_pages_show():
    """Those of the example, here and in the README of the repository."""
    pages = PAGE + ROOT.joinpath("README.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"(\w+) \[(main|movers)\.py:(\d+)\]", pages))
    assert shown
    for name, module, line in shown:
        lines = EXAMPLE.joinpath(module + ".py").read_text(encoding="utf-8").splitlines()
        assert "def %s(" % name in lines[int(line) - 1], (name, line)
