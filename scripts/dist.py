"""Build the distributions of HEAD into dist/, and try them as their users would.

    make dist

Wheels and source distributions of the client, the collector and the controller are built from a
clean export: what is not committed is not in them, nor what an earlier build left. Each wheel is
built from its source distribution and must have every file of its package and no other. Then each
is installed in a fresh environment, once on the oldest Python that it supports and this machine
has, and once on the newest; its commands say their version, and a sample goes from client to
collector to controller.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"


class Distribution(NamedTuple):
    """One of the three; ``oldest`` is the minor version of the first Python that it supports."""

    package: str
    folder: str
    oldest: int
    extra: str
    commands: "tuple[str, ...]"


CLIENT = Distribution("waggle_live", ".", 6, "", ("waggle-live",))
COLLECTOR = Distribution("waggle_live_collector", "collector", 11, "", ("waggle-live-collector",))
CONTROLLER = Distribution(
    "waggle_live_controller",
    "controller",
    8,
    "[top,service]",
    ("waggle-live-top", "waggle-live-controller"),
)
ALL = (CLIENT, COLLECTOR, CONTROLLER)
#: The minor version of the newest Python that all support.
NEWEST = 13

REPORT = """
import sys
from waggle_live import LiveMetrics
with LiveMetrics(address=sys.argv[1], plugin_name="dist", task="dist") as live:
    with live.timer("inference"):
        pass
"""
READ = """
import sys, time
from waggle_live_controller import Node, NodeNotReady
while True:
    try:
        snapshot = Node(sys.argv[1]).poll()
        break
    except NodeNotReady:
        time.sleep(0.1)
print(snapshot.plugins["dist"].timers["inference"].count)
"""


def run(*command, **options):
    """Run a program and return what it printed; its failure ends all, with what it said."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        [str(word) for word in command],
        env={**environment, **options.pop("env", {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        **options,
    )
    if done.returncode:
        raise SystemExit("%s: %d\n%s%s" % (command, done.returncode, done.stdout, done.stderr))
    return done.stdout.strip()


def build(source):
    """Export HEAD to ``source``, and build all from there."""
    archive = subprocess.run(
        ["git", "archive", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    subprocess.run(["tar", "-x", "-C", source], input=archive.stdout, check=True)
    shutil.rmtree(DIST, ignore_errors=True)
    # What is in an archive is dated by the commit, so that it can be built again the same.
    date = {"SOURCE_DATE_EPOCH": run("git", "log", "-1", "--format=%ct", cwd=ROOT)}
    pip = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_QUIET": "1"}
    for each in ALL:
        command = (sys.executable, "-m", "build", "--outdir", DIST, source / each.folder)
        run(*command, env={**date, **pip})
        check(each, source)


def wheel_of(each):
    """Return the wheel of a distribution."""
    (found,) = DIST.glob(each.package + "-*.whl")
    return found


def check(each, source):
    """Fail unless the wheel has the package's files, all of them and no other."""
    folder = source / each.folder
    files = (path for path in (folder / each.package).rglob("*") if path.is_file())
    expected = {str(path.relative_to(folder)) for path in files}
    with zipfile.ZipFile(wheel_of(each)) as wheel:
        found = {name for name in wheel.namelist() if ".dist-info/" not in name}
    if found != expected:
        raise SystemExit("%s differs from HEAD: %s" % (each.package, sorted(found ^ expected)))


def first_here(minors):
    """Return the first of these versions of CPython that this machine has."""
    for minor in minors:
        version = "3.%d" % minor
        finder = [str(ROOT / "scripts" / "find-python"), version]
        if subprocess.run(finder, capture_output=True, check=False).returncode == 0:
            return version
    raise SystemExit(
        "none of CPython %s is on this machine" % ", ".join("3.%d" % m for m in minors)
    )


def install(each, version, directory):
    """Install a distribution in an environment of its own; return its directory of programs."""
    python = run(ROOT / "scripts" / "find-python", version)
    environment = directory / ("%s-%s" % (each.package, version))
    run(python, "-m", "venv", environment)
    pip = (environment / "bin" / "python", "-m", "pip", "install", "--quiet")
    pip += ("--disable-pip-version-check",)
    if version == "3.6":  # its own pip is too old for the metadata, and 21 is the last for it
        run(*pip, "--upgrade", "pip<22")
    # The collector takes the client of this very build.
    wheels = ["%s%s" % (wheel_of(each), each.extra)]
    wheels += [wheel_of(CLIENT)] if each is COLLECTOR else []
    run(*pip, *wheels)
    run(environment / "bin" / "python", "-c", "import " + each.package, cwd=directory)
    for command in each.commands:
        said = run(environment / "bin" / command, "--version", cwd=directory)
        if said.split() != [command, wheel_of(each).name.split("-")[1]]:
            raise SystemExit("%s --version says %r" % (command, said))
    return environment / "bin"


def try_a_sample(programs, directory):
    """Send one duration from the client to the collector, and read it with the controller."""
    client, collector, controller = programs
    socket = directory / "s"
    command = [collector / "waggle-live-collector", "--socket.path=%s" % socket]
    command += ["--web.listen-address=127.0.0.1:0"]
    with subprocess.Popen(command, cwd=directory, stderr=subprocess.PIPE, text=True) as process:
        try:
            found = None
            while not found:
                line = process.stderr.readline()
                if not line:
                    raise SystemExit("the collector did not start")
                found = re.search(r"http=(127\.0\.0\.1:\d+)", line)
            url = "http://" + found.group(1)
            run(client / "python", "-c", REPORT, "unix://%s" % socket, cwd=directory)
            read = run(controller / "python", "-c", READ, url, cwd=directory)
        finally:
            process.terminate()
    if read != "1":
        raise SystemExit("of one sample %r were read" % read)


def main():
    """Build and try all."""
    with tempfile.TemporaryDirectory(prefix="wl-dist-") as temporary:
        directory = Path(temporary)
        (directory / "source").mkdir()
        build(directory / "source")
        supported = [range(each.oldest, NEWEST + 1) for each in ALL]
        oldest = tuple(map(first_here, supported))
        newest = tuple(first_here(minors[::-1]) for minors in supported)
        for versions in dict.fromkeys((oldest, newest)):
            wanted = list(zip(ALL, versions))
            with ThreadPoolExecutor() as pool:
                programs = list(pool.map(lambda one: install(*one, directory), wanted))
            try_a_sample(programs, directory)
            for each, version in wanted:
                print("%s: tried on CPython %s" % (wheel_of(each).name, version))


if __name__ == "__main__":
    main()
