"""Build the distributions of HEAD into dist/, and try them as their users would.

    make dist

Wheels and source distributions of the client, the collector and the controller are built from a
clean export: what is not committed is not in them, nor what an earlier build left. The same commit
gives the same bytes. Each wheel is built from its source distribution. It must have every file of
its package, the licence and nothing else. Then each is installed in a fresh environment, once on
the oldest Python that it supports and this machine has, and once on the newest; its commands say
their version. The collector's environment has all three, as in the README. There the README's three
steps are done, on a port and a socket of their own. Then the client does the second step, and the
controller the third, in environments of theirs.

Beside them stand a bill of materials for each image, made of its lock, and the SHA-256 of each.
What `make images` wrote stays.
"""

import contextlib
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")


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

#: Prints how many blocks of the README's script are known, once there are more than so many.
READ = """
import sys, time
from waggle_live_controller import Node, NodeNotReady
deadline = time.monotonic() + 60
count = 0
while count <= int(sys.argv[2]) and time.monotonic() < deadline:
    time.sleep(0.1)
    try:
        plugins = Node(sys.argv[1]).poll().plugins
    except NodeNotReady:
        continue
    count = plugins["first"].timers["inference"].count if "first" in plugins else 0
print(count)
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
    command = ["git", "archive", "HEAD"]
    archive = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    command = ["tar", "-x", "--no-same-permissions", "-C", source]
    subprocess.run(command, input=archive.stdout, check=True)
    DIST.mkdir(exist_ok=True)
    for path in DIST.iterdir():
        if path.is_file():
            path.unlink()
    date = run("git", "log", "-1", "--format=%ct", cwd=ROOT)
    tools = source.with_name("tools")
    run(
        *PIP, "--target", tools, "--require-hashes", "--requirement", source / "locks" / "build.txt"
    )
    command = (sys.executable, "-m", "build", "--no-isolation", "--outdir", DIST)
    for each in ALL:
        settings = {"SOURCE_DATE_EPOCH": date, "PYTHONPATH": str(tools)}
        run(*command, source / each.folder, env=settings)
        (sdist,) = DIST.glob(each.package + "-*.tar.gz")
        redate(sdist, int(date))
        check(each, sdist, source)


def redate(sdist, date):
    """Pack a source distribution anew, without the time of the build and the name of who built."""
    packed = BytesIO()
    with tarfile.open(sdist) as old, tarfile.open(fileobj=packed, mode="w") as new:
        for member in sorted(old, key=lambda one: one.name):
            member.mtime, member.pax_headers = date, {}
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    sdist.write_bytes(gzip.compress(packed.getvalue(), mtime=date))


def wheel_of(each):
    """Return the wheel of a distribution."""
    (found,) = DIST.glob(each.package + "-*.whl")
    return found


def check(each, sdist, source):
    """Fail unless both have the package's files and the licence, and nothing that isn't needed."""
    folder = source / each.folder
    files = (path for path in (folder / each.package).rglob("*") if path.is_file())
    expected = {str(path.relative_to(folder)) for path in files}
    with zipfile.ZipFile(wheel_of(each)) as wheel:
        found = {name for name in wheel.namelist() if ".dist-info/" not in name}
        licences = [wheel.read(name) for name in wheel.namelist() if name.endswith("/LICENSE")]
    with tarfile.open(sdist) as archive:
        packed = {one.name.partition("/")[2] for one in archive if one.isfile()}
    packed = {name for name in packed if "/" in name and ".egg-info/" not in name}
    for name, there in (("wheel", found), ("source distribution", packed)):
        if there != expected:
            differ = sorted(there ^ expected)
            raise SystemExit("%s: the %s differs from HEAD: %s" % (each.package, name, differ))
    if licences != [(source / "LICENSE").read_bytes()]:
        raise SystemExit("%s: the wheel lacks the licence" % each.package)


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
    wheels = ["%s%s" % (wheel_of(one), one.extra) for one in (ALL if each is COLLECTOR else [each])]
    run(*pip, *wheels)
    run(environment / "bin" / "python", "-c", "import " + each.package, cwd=directory)
    for command in each.commands:
        said = run(environment / "bin" / command, "--version", cwd=directory)
        if said.split() != [command, wheel_of(each).name.split("-")[1]]:
            raise SystemExit("%s --version says %r" % (command, said))
    return environment / "bin"


def try_the_steps(programs, directory):
    """Do the README's three steps with what is installed."""
    client, collector, controller = programs
    readme = (directory / "source" / "README.md").read_text(encoding="utf-8")
    steps = re.search(r"^## Three steps\n(.*?)^## ", readme, re.DOTALL | re.MULTILINE).group(1)
    _, script, _, _, shown = re.findall(r"```\w*\n(.*?)```", steps, re.DOTALL)
    (directory / "first.py").write_text(script, encoding="utf-8")
    socket = directory / "s"
    with started(collector / "waggle-live-collector", socket, directory) as url:
        count = "0"
        for python in (collector / "python", client / "python"):
            environment = dict(os.environ, WAGGLE_LIVE_METRICS="unix://%s" % socket)
            with subprocess.Popen([python, "first.py"], cwd=directory, env=environment) as first:
                before = count
                count = run(controller / "python", "-c", READ, url, before, cwd=directory)
                first.terminate()
            if int(count) <= int(before):
                raise SystemExit("%s first.py: nothing arrived" % python)
        if "<title>" not in ask(url + "/"):
            raise SystemExit("no page")
        metrics = ask(url + "/metrics")
        for line in shown.splitlines():
            if "\n%s " % line.rpartition(" ")[0] not in metrics:
                raise SystemExit("not on /metrics: %s" % line)


@contextlib.contextmanager
def started(program, socket, directory):
    """Start a collector; give its URL."""
    command = [program, "--socket.path=%s" % socket, "--web.listen-address=127.0.0.1:0"]
    with subprocess.Popen(command, cwd=directory, stderr=subprocess.PIPE, text=True) as process:
        try:
            found = None
            while not found:
                line = process.stderr.readline()
                if not line:
                    raise SystemExit("the collector did not start")
                found = re.search(r"http=(127\.0\.0\.1:\d+)", line)
            yield "http://" + found.group(1)
        finally:
            process.terminate()


def ask(url):
    """Return what stands at a URL."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def describe(each, packages, directory):
    """Write the bill of materials of an image: its lock, and ``packages`` of this build."""
    version = wheel_of(each).name.split("-")[1]
    name = each.package.replace("_", "-")
    image = directory / "image.toml"
    image.write_text('[project]\nname = "%s"\nversion = "%s"\n' % (name, version), encoding="utf-8")
    lock = (directory / "source" / "locks" / (each.folder + ".txt")).read_text(encoding="utf-8")
    ours = "".join("%s==%s\n" % (one.package.replace("_", "-"), version) for one in packages)
    command = [Path(sys.executable).with_name("cyclonedx-py"), "requirements", "-"]
    command += ["--pyproject=%s" % image, "--output-reproducible"]
    bill = json.loads(run(*command, input=lock + ours))
    # A lock has no licences, so each package is asked, also those for other Pythons.
    installed = directory / ("image-" + each.folder)
    everywhere = directory / "lock.txt"
    everywhere.write_text(re.sub(r" ; .*(?= \\\n)", "", lock), encoding="utf-8")
    pip = (*PIP, "--no-deps", "--target", installed)
    run(*pip, "--require-hashes", "--requirement", everywhere)
    run(*pip, *map(wheel_of, packages))
    for component in bill["components"]:
        (found,) = metadata.distributions(name=component["name"], path=[str(installed)])
        licence = found.metadata["License-Expression"] or found.metadata["License"]
        component["licenses"] = [{"license": {"name": licence}}]
    path = DIST / ("%s-%s.cdx.json" % (name, version))
    path.write_text(json.dumps(bill, indent=2) + "\n", encoding="utf-8")


def sum_up():
    """Write the SHA-256 of all that was built, as `sha256sum --check` reads it."""
    lines = [
        "%s  %s\n" % (hashlib.sha256(path.read_bytes()).hexdigest(), path.name)
        for path in sorted(DIST.iterdir())
        if path.is_file()
    ]
    (DIST / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def main():
    """Build and try all."""
    os.umask(0o022)  # the modes of files are in the archives
    with tempfile.TemporaryDirectory(prefix="wl-dist-") as temporary:
        directory = Path(temporary)
        (directory / "source").mkdir()
        source = directory / "source"
        build(source)
        describe(COLLECTOR, [CLIENT, COLLECTOR], directory)
        describe(CONTROLLER, [CONTROLLER], directory)
        sum_up()
        supported = [range(each.oldest, NEWEST + 1) for each in ALL]
        oldest = tuple(map(first_here, supported))
        newest = tuple(first_here(minors[::-1]) for minors in supported)
        for versions in dict.fromkeys((oldest, newest)):
            wanted = list(zip(ALL, versions))
            with ThreadPoolExecutor() as pool:
                programs = list(pool.map(lambda one: install(*one, directory), wanted))
            try_the_steps(programs, directory)
            for each, version in wanted:
                print("%s: tried on CPython %s" % (wheel_of(each).name, version))


if __name__ == "__main__":
    main()
