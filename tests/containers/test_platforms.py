"""The images of `make images`, run as each architecture: the other one under QEMU."""

import os
import ssl
import subprocess
import urllib.request

import bcrypt
import pytest

from tests.collector.certificates import Authority
from tests.collector.harness import Scrape, wait_until
from tests.programs import free_port, program
from waggle_live_collector.version import VERSION

from .podman import HARDENED, ROOT
from .test_containers import SOCKETS, STATE, counted, scrape
from .test_controller_image import CONFIG

FRAMES = 60
#: Seconds that a start may take: QEMU is some twenty times as slow as the machine.
PATIENCE = 180
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


@pytest.fixture(scope="module", autouse=True)
def built():
    """Skip unless `make images` has just built them, which takes a quarter of an hour."""
    if not os.environ.get("WAGGLE_LIVE_IMAGES"):
        pytest.skip("make images builds these images and runs this")


@pytest.fixture(params=list(MACHINES))
def architecture(request):
    """Each architecture, which this machine's kernel runs."""
    # Again, for a systemd that ends in a privileged container switches QEMU off.
    subprocess.run([ROOT / "scripts" / "emulate", request.param], check=True)
    return request.param


@pytest.fixture
def images(architecture):
    """The name of each image of one architecture, by what it is."""
    return lambda what: "localhost/waggle-live-%s:%s-%s" % (what, VERSION, architecture)


@pytest.fixture
def start(podman, images, architecture):
    """Start a collector; return its name and port. What was started ends with the test."""
    made = []

    def start(*options, arguments=()):
        name, port = podman.name("%s-%d" % (architecture, len(made))), free_port()
        made.append(name)
        publish = "--publish=127.0.0.1:%d:9090" % port
        run = ("run", "--detach", "--name", name, *HARDENED, publish)
        podman(*run, *options, images("collector"), *arguments)
        return name, port

    yield start
    podman("rm", "--force", "--volumes", *made)


@pytest.mark.parametrize("what", ["collector", "controller", "plugin"])
def test_each_image_is_of_its_architecture(podman, images, architecture, what):
    """So are its Python, and the index of both."""
    name = images(what)
    run = ("run", "--rm", "--network=none", "--entrypoint=python3")
    machine = podman(*run, name, "-c", "import platform; print(platform.machine())")
    assert machine == MACHINES[architecture]
    assert podman("inspect", "--format={{.Architecture}}", name) == architecture
    command = [
        program("skopeo", "skopeo"),
        "inspect",
        "--raw",
        "dir:%s" % (ROOT / "dist" / "images" / what),
    ]
    index = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert '"architecture":"%s"' % architecture in index.replace(" ", "")


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A registry of this machine's own; its address."""
    directory, address = tmp_path_factory.mktemp("registry"), "127.0.0.1:%d" % free_port()
    text = "{version: 0.1, storage: {filesystem: {rootdirectory: %s}}, http: {addr: %s}}"
    (directory / "settings.yaml").write_text(text % (directory, address), encoding="utf-8")
    command = [program("docker-registry", "docker-registry"), "serve", directory / "settings.yaml"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        yield address
        process.terminate()


@pytest.mark.parametrize("what", ["collector", "controller", "plugin"])
def test_a_registry_keeps_the_digest(registry, what):
    """Pushed as RELEASING.md has it, an index has the digest that was noted."""
    skopeo, image = program("skopeo", "skopeo"), "docker://%s/%s:new" % (registry, what)
    built = ROOT / "dist" / "images"
    command = [skopeo, "copy", "--quiet", "--retry-times=3", "--all", "--preserve-digests"]
    command += ["--dest-tls-verify=false", "dir:%s" % (built / what), image]
    subprocess.run(command, check=True)
    command = [skopeo, "inspect", "--tls-verify=false", "--format={{.Digest}}", image]
    digest = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    noted = (built / "digests").read_text(encoding="utf-8").splitlines()
    assert "%s %s" % (digest, what) in noted


def test_a_plugin_is_measured(podman, images, architecture, start):
    """Over the socket and by its uid, which the kernel tells; a restart loses no count."""
    sockets = podman.name("sockets-" + architecture, "volume")
    state = podman.name("state-" + architecture, "volume")
    mounts = ["--volume=%s:%s" % pair for pair in ((sockets, SOCKETS), (state, STATE))]
    collector, port = start(*mounts)
    wait_until(lambda: scrape(port), PATIENCE)
    plugin = podman.name("plugin-" + architecture)
    podman(
        *("run", "--name", plugin, *HARDENED, "--user=10002:10002", "--network=none"),
        *("--tmpfs=/tmp", "--env=PYWAGGLE_LOG_DIR=/tmp/log", "--env=WAGGLE_LIVE_TASK=movers"),
        *("--volume=%s:%s:ro" % (sockets, SOCKETS), images("plugin")),
        *("--fps", "30", "--frames", str(FRAMES)),
    )
    assert counted(port, "movers") == FRAMES
    shown = scrape(port)
    assert shown.value("waggle_plugin_exits_total", status="ok", plugin_task="movers") == 1
    assert shown.sum("waggle_collector_budget_bytes", principal="uid:10002") > 0

    podman("stop", "--time=60", collector)
    assert podman.exit_code(collector) == (0, False)
    podman("start", collector)
    wait_until(lambda: scrape(port), PATIENCE)
    assert counted(port, "movers") == FRAMES
    podman("healthcheck", "run", collector, codes=None)


def test_a_controller_polls_a_node(podman, images, architecture, start, tmp_path):
    """Started as its image has it, a dry run; told to end, it does."""
    _, port = start()
    wait_until(lambda: scrape(port), PATIENCE)
    own, name = free_port(), podman.name("controller-" + architecture)
    listen = "listen: 127.0.0.1:%d\n" % own
    config = tmp_path / "controller.yaml"
    config.write_text(listen + CONFIG.replace("127.0.0.1:9", "127.0.0.1:%d" % port))
    config.chmod(0o644)
    tmp_path.chmod(0o755)
    mount = "--volume=%s:/etc/waggle-live-controller:ro" % tmp_path
    run = ("run", "--detach", "--name", name, *HARDENED, "--network=host", mount)
    podman(*run, images("controller"))

    def polls():
        shown = scrape(own)
        return shown and shown.sum("waggle_controller_polls_total", outcome="ok")

    wait_until(lambda: (polls() or 0) > 1, PATIENCE)
    podman("stop", "--time=60", name)
    assert podman.exit_code(name) == (0, False)


def test_it_speaks_tls_and_asks_for_a_password(start, tmp_path):
    """OpenSSL and bcrypt, which are native, work."""
    directory = tmp_path / "web"
    directory.mkdir()
    authority = Authority(directory)
    authority.server()
    config = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"
    config += "basic_auth_users: {a: '%s'}\n" % bcrypt.hashpw(b"a", bcrypt.gensalt(4)).decode()
    (directory / "web.yaml").write_text(config, encoding="utf-8")
    for path in [tmp_path, directory, *directory.iterdir()]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    mount = "--volume=%s:/etc/web:ro" % directory
    _, port = start(mount, arguments=["--web.config.file=/etc/web/web.yaml"])
    context = ssl.create_default_context(cafile=str(authority.path))

    def read():
        request = urllib.request.Request("https://localhost:%d/metrics" % port)
        request.add_header("Authorization", "Basic YTph")
        try:
            with urllib.request.urlopen(request, context=context, timeout=60) as answer:
                return Scrape(answer.read().decode())
        except OSError:
            return None

    assert wait_until(read, PATIENCE).value("waggle_collector_sessions", state="connected") == 0
