"""podman as the tests need it: images built without a registry, containers that leave nothing."""

import os
import subprocess
import uuid
from pathlib import Path

from tests.programs import program

ROOT = Path(__file__).resolve().parents[2]
BASE_IMAGE = "localhost/waggle-live-base:bookworm"
SYSTEMD_BASE = "localhost/waggle-live-base:bookworm-systemd", "systemd"
#: What is looked for, and the Debian package that has it.
NEEDS = {
    "podman": "podman",
    "runc": "runc",
    "mmdebstrap": "mmdebstrap",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
}
#: Within the limits of a container that podman itself runs in; and crun knows no hybrid cgroups.
CONFIGURATION = """
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=8192:8192"]
[engine]
runtime = "runc"
"""
#: How pip gets its packages here is also how it gets them while an image is built.
PIP_FILES = ("/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")
HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")
PATIENCE_SECONDS = 300


def need():
    """Skip without the programs that are needed; fail where they are meant to be there."""
    for name, package in NEEDS.items():
        program(name, package)


class Podman:
    """Runs podman; `clean` removes every container, volume and image that was made."""

    def __init__(self, directory):
        self._configuration = directory / "containers.conf"
        self._configuration.write_text(CONFIGURATION, encoding="utf-8")
        self._mark = "wl-test-" + uuid.uuid4().hex[:8]
        self._made = []

    @property
    def environment(self):
        """The environment in which podman works as it does here."""
        return dict(os.environ, CONTAINERS_CONF=str(self._configuration))

    def name(self, what, kind="container"):
        """Return a name of this run's own; what it stands for is removed at the end."""
        name = "%s-%s" % (self._mark, what)
        if kind == "image":
            name = "localhost/" + name
        self._made.append((kind, name))
        return name

    def __call__(self, *arguments, codes=(0,)):
        """Run podman and return what it printed."""
        return self.run("podman", *arguments, codes=codes)

    def run(self, *command, codes=(0,), **environment):
        """Run a program that uses podman; fail with what it said unless it ended well."""
        done = subprocess.run(
            [str(word) for word in command],
            env=dict(self.environment, **environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        said = "%s: %d\n%s%s" % (command, done.returncode, done.stdout[-4000:], done.stderr[-4000:])
        assert codes is None or done.returncode in codes, said
        return done.stdout.strip()

    def build(self, what, context, *arguments, base=(BASE_IMAGE,)):
        """Build an image on a base that needs no registry; return its name.

        ``base``: the name of the base, and more Debian packages that are in it.
        """
        self.run(ROOT / "scripts" / "base-image", *base)
        name = self.name(what, "image")
        volumes = ["--volume=%s:%s:ro" % (path, path) for path in PIP_FILES if Path(path).exists()]
        self(
            *("build", "--quiet", "--format=docker", "--pull=never", "--layers=false"),
            *("--network=host", "--build-arg=BASE_IMAGE=" + base[0], "--tag=" + name),
            *volumes,
            *arguments,
            context,
        )
        return name

    def log(self, container):
        """Return what a container has said, on standard error too."""
        return self.run("sh", "-c", 'podman logs "$0" 2>&1', container)

    def exit_code(self, container):
        """Return the exit code of a container that has ended, and whether it ran out of memory."""
        state = self("inspect", "--format={{.State.ExitCode}} {{.State.OOMKilled}}", container)
        code, killed = state.split()
        return int(code), killed == "true"

    def clean(self):
        """Remove what was made, newest first."""
        verbs = {"container": "rm --volumes", "volume": "volume rm", "image": "rmi"}
        for kind, name in reversed(self._made):
            if kind in verbs:
                self(*verbs[kind].split(), "--force", name, codes=None)
