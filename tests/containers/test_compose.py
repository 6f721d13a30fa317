"""compose.yaml, as it stands: run, updated, gone back from, as docs/guides/operate.md says."""

import sys
from pathlib import Path

import pytest

from tests.collector.harness import wait_until
from tests.programs import free_port

from .podman import ROOT
from .test_containers import STATE, counted, scrape

#: What the state file of a release to come could hold.
NEWER = '{"format": 99}'


class Project:
    """A collector and two plugins under podman-compose, and their port on the host."""

    def __init__(self, podman, collector_image, plugin_image):
        self._podman = podman
        self.name = podman.name("compose", "project")
        self.port = free_port()
        self._settings = {
            "COLLECTOR_IMAGE": collector_image,
            "PLUGIN_IMAGE": plugin_image,
            "PORT": str(self.port),
        }

    def __call__(self, *words, codes=(0,)):
        """Run podman-compose, and return what it printed."""
        command = [Path(sys.executable).with_name("podman-compose"), "--project-name", self.name]
        command += ["--file", ROOT / "compose.yaml", *words]
        return self._podman.run(*command, codes=codes, **self._settings)

    def update(self, image):
        """Have the collector run another image."""
        self._settings["COLLECTOR_IMAGE"] = image
        self("up", "--detach", "--no-build", "collector")
        assert (
            self._podman("inspect", "--format={{.ImageName}}", self.collector) == image + ":latest"
        )

    @property
    def collector(self):
        """The collector's container."""
        label = "--filter=label=com.docker.compose.%s="
        filters = [label % "project" + self.name, label % "service" + "collector"]
        return self._podman("ps", "--all", "--quiet", *filters)

    def log(self):
        """Return what the collector's container said."""
        return self._podman.log(self.collector)


@pytest.fixture()
def project(podman, collector_image, plugin_image):
    """All of compose.yaml, up; both plugins' numbers are on the host's port."""
    made = Project(podman, collector_image, plugin_image)
    try:
        made("up", "--detach", "--no-build")
        wait_until(lambda: counted(made.port, "movers-left") and counted(made.port, "movers-right"))
        yield made
    finally:
        made("down", "--volumes", codes=None)


def test_an_update_and_the_way_back_lose_no_count(podman, collector_image, project):
    """Neither of a plugin that runs on nor of one that has ended. Other services stay as they are.

    A state file of a later release is refused; once it is moved away the collector is back.
    """
    project("stop", "movers-right")
    newer = podman.name("collector-newer", "image")
    podman("tag", collector_image, newer)
    left, right = (counted(project.port, task) for task in ("movers-left", "movers-right"))
    for image in (newer, collector_image):
        project.update(image)
        wait_until(lambda: counted(project.port, "movers-left"))
        assert counted(project.port, "movers-left") >= left
        assert counted(project.port, "movers-right") == right
        left = counted(project.port, "movers-left")
        exits = scrape(project.port).value(
            "waggle_plugin_exits_total", plugin_task="movers-right", status="ok"
        )
        assert exits == 1

    project("stop", "collector")
    write = ["run", "--rm", "--no-deps", "--entrypoint", "sh", "collector", "-c"]
    project(*write, "echo '%s' > %s/state" % (NEWER, STATE))
    project("start", "collector")
    wait_until(lambda: "its format is 99, of a newer collector" in project.log())
    move = ["run", "--rm", "--no-deps", "--entrypoint", "mv", "collector"]
    project(*move, STATE + "/state", STATE + "/state.newer")
    wait_until(lambda: counted(project.port, "movers-left"))
    assert counted(project.port, "movers-left") >= left
