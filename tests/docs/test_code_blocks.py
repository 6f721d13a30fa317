"""Each block of code in README and docs is run or checked; one that no test knows fails."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from waggle_live import LiveMetrics, Plugin

from ..collector.web.orders import TOKEN
from ..programs import program
from . import commands
from .blocks import BLOCKS, of
from .test_http import schema

ROOT = Path(__file__).resolve().parents[2]
#: Pages whose blocks go on from one another; others stand for themselves.
GOES_ON = {"docs/guides/reading.md", "docs/reference/api.md"}
#: What runs a block that needs more than a test here has: a video, containers, a cluster, root.
#: Its commands are held to our programs and files even so.
ELSEWHERE = {
    ("README.md", "python3 -m venv ~/waggle-env"): "tests/first_steps",
    ("README.md", "import random, time"): "tests/first_steps",
    ("README.md", "make test     #"): "tests/demo/test_demo.py",
    ("README.md", ". ~/waggle-env/bin/activate"): "tests/first_steps",
    ("README.md", "grep first"): "tests/first_steps",
    ("README.md", "--state.file=/run/waggle-live-state/state"): "tests/collector/test_main.py",
    ("RELEASING.md", "registry=registry.example/waggle"): "tests/test_releasing.py",
    ("RELEASING.md", "git grep"): "tests/test_releasing.py",
    ("RELEASING.md", "git tag"): "tests/test_releasing.py",
    ("RELEASING.md", "git push"): "tests/containers/test_platforms.py",
    ("RELEASING.md", "make images"): "tests/containers/test_platforms.py",
    ("docs/explanation/sameness.md", "waggle-live run"): "tests/waggle_live/run/test_sameness.py",
    ("docs/guides/control.md", "make demo-control"): "tests/demo",
    ("docs/guides/control.md", "--config controller.yaml"): "tests/first_steps",
    ("docs/guides/deploy.md", "docker build -f Dockerfile.collector"): "tests/containers",
    ("docs/guides/deploy.md", "docker build -f Dockerfile.controller"): "tests/containers",
    ("docs/guides/deploy.md", "docker compose"): "tests/containers",
    ("docs/guides/deploy.md", "kubectl apply -k deploy/waggle/wes-live-metrics"): "tests/deploy",
    ("docs/guides/deploy.md", "systemctl"): "tests/deploy/test_systemd.py",
    ("docs/guides/fleet.md", "waggle-prometheus"): "tests/deploy/test_own_node.py",
    ("docs/guides/fleet.md", "api/v1/query"): "tests/deploy/test_own_node.py",
    ("docs/guides/identity.md", "--identity.app-meta-cache"): "tests/collector/identity",
    ("docs/guides/operate.md", "kubectl"): "tests/containers/test_waggle_stack.py",
    ("docs/guides/operate.md", "docker compose pull"): "tests/containers/test_compose.py",
    ("docs/guides/operate.md", "waggle-live-0.1.0 /opt"): "tests/containers/test_systemd.py",
    ("docs/guides/operate.md", "waggle-live-0.2.0 /opt"): "tests/containers/test_systemd.py",
    ("docs/guides/operate.md", "state.newer"): "tests/containers",
    ("docs/guides/profiling.md", "waggle-live run"): "tests/plugin_example/test_readme.py",
    ("docs/guides/run.md", "waggle-live run"): "tests/waggle_live/run/test_sameness.py",
    ("docs/guides/tau.md", "waggle-live tau-run"): "tests/end_to_end/test_tau.py",
    ("docs/reference/top.md", "--once --json"): "tests/controller/top",
    ("docs/tutorial.md", ""): "tests/first_steps",
    ("docs/guides/tau.md", "git clone"): "tests/end_to_end/test_tau.py",
    ("plugin-example/README.md", "get_clip.py"): "tests/plugin_example/test_plugin.py",
    ("plugin-example/README.md", "waggle-live top"): "tests/plugin_example/test_readme.py",
}
#: Blocks in no language, or in one that no test here speaks, and what holds them.
SHOWN = {
    ("README.md", "waggle_rate_per_second{"): "tests/first_steps",
    ("README.md", "$ make demo"): "tests/demo/test_demo.py",
    ("README.md", "deadline met"): "tests/demo/test_demo.py",
    ("docs/explanation/design.md", "flowchart"): "docs/explanation/design.md",
    ("docs/guides/deploy.md", "apiv1.Volume"): "tests/deploy",
    ("docs/guides/profiling.md", "<module>"): "tests/plugin_example/test_readme.py",
    ("docs/guides/tau.md", "waggle_function"): "tests/docs/test_metrics.py",
    ("plugin-example/README.md", "foreground"): "tests/plugin_example/test_readme.py",
    ("plugin-example/README.md", "grab_frame"): "tests/plugin_example/test_readme.py",
}


class Enough(Exception):
    """Ends an example that would go on for ever."""


def runs_elsewhere(block):
    """Return whether another test runs it."""
    return any(block.is_of(*entry) for entry in ELSEWHERE)


def test_every_block_is_known():
    """Each is in a language that a test runs, or in one of the tables above; no entry is stale."""
    runs = {"python", "yaml", "json", "promql"}
    shell = [*ELSEWHERE, *RUN]
    for block in BLOCKS:
        if block.language not in runs and not runs_elsewhere(block):
            table = shell if block.language == "sh" else SHOWN
            known = [entry for entry in table if block.is_of(*entry)]
            assert known, "%s: say in %s what runs this block" % (block, __file__)
    for page, words in [*shell, *SHOWN]:
        assert not (ROOT / page).exists() or [b for b in BLOCKS if b.is_of(page, words)], words
    for path in [*ELSEWHERE.values(), *SHOWN.values()]:
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("block", of("sh"), ids=str)
def test_commands_are_there(block):
    """Flags, targets, files, routes and packages that a block of shell names."""
    subprocess.run(["bash", "-n"], input=block.text, encoding="utf-8", check=True)
    for words in commands.commands(block.text):
        commands.check(words, block.page)


# Shell: what is run here, with another address and other paths.


@pytest.fixture
def shell(collector, tmp_path):
    """Run a text by bash in a directory of its own; return its exit status and what it printed."""
    (tmp_path / "token").write_text(TOKEN)

    def run(text, **replaced):
        changes = {
            "http://127.0.0.1:9090": collector.url,
            "http://node:9090": collector.url,
            "/run/waggle/live-metrics/live_metrics.sock": collector.socket_path,
            "/run/waggle/": str(tmp_path) + "/",
            **replaced,
        }
        for written, used in changes.items():
            text = text.replace(written, used)
        environ = {name: value for name, value in os.environ.items() if "WAGGLE" not in name}
        environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environ["PATH"]])
        done = subprocess.run(
            ["bash", "-c", text],
            check=False,
            cwd=str(tmp_path),
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def a_script_speaks_the_wire(shell, text, collector, tmp_path):
    """Its count stands on /metrics."""
    program("socat", "socat")
    status, answers, errors = shell(text)
    assert (status, errors) == (0, "")
    assert [json.loads(each)["type"] for each in answers.splitlines()] == ["welcome", "applied"]
    assert collector.value("waggle_count_total", name="runs") == 1


def a_holder_begins(shell, text, collector, tmp_path):
    """Though its plugin isn't there."""
    program("curl", "curl")
    status, answer, _ = shell(text.replace("curl", "curl --silent"))
    assert status == 0
    schema("control.schema.json#answer").validate(json.loads(answer))


def a_profile_is_asked_for(shell, text, collector, tmp_path):
    """Of a plugin that isn't there: 404, so all but the plugin is right."""
    program("curl", "curl")
    (tmp_path / "control-token").write_text(TOKEN)
    status, _, _ = shell(text.replace("curl", "curl --silent --write-out '%{http_code}'"))
    (answer,) = [path.read_text() for path in tmp_path.glob("*.folded")]
    assert (status, answer[-3:]) == (0, "404"), answer


def a_token_is_made(shell, text, collector, tmp_path):
    """And a collector takes it."""
    text = text.replace(
        "waggle-live-collector",
        "timeout 1 waggle-live-collector --socket.path=s --web.listen-address=127.0.0.1:0",
    )
    status, _, log = shell(text)
    assert status in (0, 124), log
    assert "level=error" not in log
    assert len((tmp_path / "control-token").read_text()) > 20


RUN = {
    ("docs/protocol.md", "shell-0001"): a_script_speaks_the_wire,
    ("docs/reference/control.md", "-X PUT"): a_holder_begins,
    ("docs/reference/control.md", "-X POST"): a_profile_is_asked_for,
    ("docs/guides/control.md", "/api/v1/profile"): a_profile_is_asked_for,
    ("docs/guides/control.md", "/dev/urandom"): a_token_is_made,
}


@pytest.mark.parametrize("entry", RUN, ids=" ".join)
def test_shell_runs(entry, shell, collector, tmp_path):
    """As it stands in the page, but for addresses and paths."""
    (block,) = [block for block in of("sh") if block.is_of(*entry)]
    RUN[entry](shell, block.text, collector, tmp_path)


# Python


@pytest.fixture
def names(monkeypatch, tmp_path):
    """What examples take from the plugin around them."""
    monkeypatch.setenv("PYWAGGLE_LOG_DIR", str(tmp_path))
    monkeypatch.setenv("WAGGLE_LIVE_METRICS", "off")
    monkeypatch.setenv("WAGGLE_LIVE_TASK", tmp_path.name)  # so no example knows another's names
    monkeypatch.setattr(sys, "argv", ["main.py"])
    monkeypatch.setattr(os, "setpriority", lambda *_: None)  # it would be that of these tests
    seen = []

    def enough(*_):
        raise Enough

    return {
        "LiveMetrics": LiveMetrics,
        "camera": SimpleNamespace(stream=lambda: iter([1, 2])),
        "decode": lambda packet: packet,
        "detect": seen.append,
        "frames": [1, 2],
        "live": LiveMetrics(),
        "load": enough,
        "queue": SimpleNamespace(qsize=lambda: 3),
        "resize": lambda frame, size: frame,
        "seen": seen,
        "time": SimpleNamespace(sleep=enough, monotonic=time.monotonic),
        "token": TOKEN,
        "torch": SimpleNamespace(cuda=SimpleNamespace(synchronize=lambda: time.sleep(0))),
    }


def execute(block, request, names):
    """Run a block of Python, with the collector of these tests in place of a node's."""
    text = block.text
    for url in ("http://127.0.0.1:9090", "http://host:9090", "host:9090"):
        if url in text:
            text = text.replace(url, request.getfixturevalue("collector").url)
    lines = "\n" * (block.line - 1)  # so that a traceback names the line of the page
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.suppress(Enough))
        if "plugin.live" in text and "Plugin(" not in text:
            names["plugin"] = stack.enter_context(Plugin())
        exec(compile(lines + text, str(ROOT / block.page), "exec"), names)


@pytest.mark.parametrize(
    "block",
    [each for each in of("python") if each.page not in GOES_ON and not runs_elsewhere(each)],
    ids=str,
)
def test_python_runs(block, request, names):
    """Each example runs as it stands there."""
    execute(block, request, names)
    if "detect(" in block.text:
        assert names["seen"] == [1, 2]


@pytest.mark.parametrize("page", sorted(GOES_ON))
def test_python_runs_on(page, request, names):
    """One after the other, where they go on from one another."""
    for block in of("python"):
        if block.page == page:
            execute(block, request, names)
