"""The images, built once for all tests."""

import shutil
import subprocess
import sys

import pytest

from .podman import ROOT, SYSTEMD_BASE, Podman, need

#: Left out of copies; what other tests import just now comes and goes in __pycache__.
SKIPPED = shutil.ignore_patterns("*.whl", "__pycache__")


@pytest.fixture(scope="session")
def podman(tmp_path_factory):
    """podman; whatever it made is removed at the end."""
    need()
    runner = Podman(tmp_path_factory.mktemp("podman"))
    yield runner
    runner.clean()


@pytest.fixture(scope="session")
def collector_image(podman):
    """The collector's image, built from this repository."""
    return podman.build("collector", ROOT, "--file=%s" % (ROOT / "Dockerfile.collector"))


@pytest.fixture(scope="session")
def controller_image(podman):
    """The controller's image, built from this repository."""
    return podman.build("controller", ROOT, "--file=%s" % (ROOT / "Dockerfile.controller"))


@pytest.fixture(scope="session")
def systemd_image(podman, collector_image, tmp_path_factory):
    """The collector in /opt/collector of a Debian that systemd can start, as it was built above."""
    context = tmp_path_factory.mktemp("systemd")
    (context / "Dockerfile").write_text(
        "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\n"
        "COPY --from=%s /opt/collector /opt/collector\n" % collector_image,
        encoding="utf-8",
    )
    return podman.build("systemd", context, base=SYSTEMD_BASE)


@pytest.fixture(scope="session")
def plugin_image(podman, tmp_path_factory):
    """The example's image, built from its directory and the wheel of this very waggle-live."""
    context = tmp_path_factory.mktemp("plugin") / "plugin-example"
    shutil.copytree(ROOT / "plugin-example", context, ignore=SKIPPED)
    # Built from a copy: a build leaves its own directory beside the sources.
    source = tmp_path_factory.mktemp("source")
    shutil.copytree(ROOT / "waggle_live", source / "waggle_live", ignore=SKIPPED)
    for name in ("setup.cfg", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*command, "--wheel-dir", str(context), str(source)], check=True)
    return podman.build("plugin", context)
