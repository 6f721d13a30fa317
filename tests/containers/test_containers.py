"""Both images, really built and run, as an operator would: apart, and with no rights."""

import json
import re
import time
import urllib.error
import urllib.request

import pytest

from tests.collector.harness import Scrape, wait_until
from tests.programs import free_port

from .podman import BASE_IMAGE, HARDENED, ROOT

SOCKETS = "/run/waggle/live-metrics"
STATE = "/run/waggle-live-state"
FRAMES = 300


def scrape(port):
    """Return what the collector shows on the host's side; None while it shows nothing."""
    try:
        with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % port, timeout=5) as answer:
            return Scrape(answer.read().decode())
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def counted(port, task):
    """Return how many frames of a plugin are shown, None while nothing is."""
    shown = scrape(port)
    return shown and shown.sum("waggle_count_total", name="frames", plugin_task=task)


@pytest.fixture()
def node(podman, collector_image):
    """A collector in a container with 60 MiB and no rights: its name, and its port on the host."""
    sockets, state = podman.name("sockets", "volume"), podman.name("state", "volume")
    name, port = podman.name("collector"), free_port()
    podman(
        *("run", "--detach", "--name", name, *HARDENED, "--memory=60m", "--pids-limit=64"),
        "--publish=127.0.0.1:%d:9090" % port,
        "--volume=%s:%s" % (sockets, SOCKETS),
        "--volume=%s:%s" % (state, STATE),
        collector_image,
    )
    yield name, port, sockets
    podman("rm", "--force", name)
    podman("volume", "rm", "--force", sockets, state)


@pytest.fixture()
def plug(podman, plugin_image, node):
    """Start the example in a container that shares nothing but the socket's directory."""
    made = []

    def plug(task, *arguments):
        name = podman.name(task)
        made.append(name)
        podman(
            *("run", "--detach", "--name", name, *HARDENED, "--user=10002:10002"),
            *("--network=none", "--tmpfs=/tmp", "--volume=%s:%s:ro" % (node[2], SOCKETS)),
            *("--env=PYWAGGLE_LOG_DIR=/tmp/log", "--env=WAGGLE_LIVE_TASK=" + task),
            *(plugin_image, *arguments),
        )
        return name

    yield plug
    podman("rm", "--force", *made)


def test_plugin_and_collector_in_containers_of_their_own(podman, node, plug):
    """Other uids, read-only, no capabilities, 60 MiB: the host scrapes the plugin's numbers.

    The collector ends cleanly and is started again while the plugin runs; no scrape shows less
    than one before, and in the end each frame is counted once. Then the other plugin is told to
    stop, and does so with a farewell.
    """
    collector, port, _ = node
    begin = time.monotonic()
    short = plug("short", "--fps", "30", "--frames", str(FRAMES))
    long = plug("long", "--fps", "10")
    wait_until(lambda: counted(port, "short") and counted(port, "long"))
    podman("healthcheck", "run", collector)

    podman("stop", "--time=60", collector)
    assert podman.exit_code(collector) == (0, False)
    assert scrape(port) is None
    podman("start", collector)
    shown = [0]
    while shown[-1] < FRAMES:
        now = counted(port, "short")
        if now is not None:
            assert now >= shown[-1]
            shown.append(now)
        time.sleep(0.1)
        assert time.monotonic() - begin < 120
    assert podman("wait", short) == "0"
    whole = scrape(port)
    assert counted(port, "short") == FRAMES
    assert whole.value("waggle_rate_events_total", name="fps", plugin_task="short") == FRAMES
    assert (
        whole.value("waggle_timer_seconds_count", name="inference", plugin_task="short") == FRAMES
    )
    assert whole.sum("waggle_count_total", name="frames", plugin_task="long") > 0
    podman("healthcheck", "run", collector)

    asked = time.monotonic()
    podman("stop", "--time=60", long)
    assert time.monotonic() - asked < 30
    assert podman.exit_code(long) == (0, False)
    # The farewell was answered, so it is there already.
    end = scrape(port)
    assert end.value("waggle_plugin_exits_total", status="ok", plugin_task="long") == 1
    assert end.value("waggle_plugin_up", plugin_task="long") == 0


def test_the_health_check_tells_a_collector_that_hangs(podman, node):
    """One that answers is healthy, one that is stopped in the middle is not."""
    collector, port, _ = node
    wait_until(lambda: scrape(port))
    podman("healthcheck", "run", collector)
    podman("kill", "--signal=STOP", collector)
    podman("healthcheck", "run", collector, codes=(1,))
    podman("kill", "--signal=CONT", collector)
    podman("healthcheck", "run", collector)


def test_the_collectors_image_is_no_bigger_than_needed(podman, collector_image):
    """No pywaggle, no AMQP client, no pip of its own, no compiler; it runs as 10001."""
    look = "import os, sys; print(*os.listdir(sys.path[-1]), os.geteuid(), os.getegid())"
    words = podman(
        "run", "--rm", "--network=none", "--entrypoint=python3", collector_image, "-c", look
    )
    found = words.split()
    assert {"aiohttp", "msgspec", "waggle_live", "waggle_live_collector"} <= set(found)
    assert not {"pika", "waggle", "wagglemsg", "pip", "setuptools"} & set(found)
    assert found[-2:] == ["10001", "10001"]
    compilers = "command -v gcc cc clang tcc"
    podman("run", "--rm", "--entrypoint=sh", collector_image, "-c", compilers, codes=(1, 127))
    labels = json.loads(podman("inspect", "--format={{json .Labels}}", collector_image))
    assert labels["org.opencontainers.image.licenses"] == "BSD-3-Clause"
    version = podman("run", "--rm", "--network=none", collector_image, "--version").split()[-1]
    assert labels["org.opencontainers.image.version"] == version


def test_the_page_says_how_big_the_image_is(podman, collector_image):
    """What it adds to its base, in MB, as docs/guides/deploy.md says."""
    sizes = podman("image", "inspect", "--format={{.Size}}", collector_image, BASE_IMAGE).split()
    added = (int(sizes[0]) - int(sizes[1])) / 1e6
    text = (ROOT / "docs" / "guides" / "deploy.md").read_text(encoding="utf-8")
    (said,) = re.findall(r"adds (\d+) MB\s+to its base", text)
    assert added == pytest.approx(int(said), abs=2)
