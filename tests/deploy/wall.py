"""A node whose plugins count, fail, end, hang and hold knobs, in three real servers."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

from tests.collector.harness import Client, start, wait_until
from tests.collector.world import counter, function, gauge, rate, sampled, timer
from tests.deploy.shipped import shipped
from tests.prometheus import Prometheus, VictoriaMetrics
from waggle_live_controller import Entry, Leases, Node, PluginIdentity

ROOT = Path(__file__).parents[2]
WORKLOADS = ROOT / "tests" / "deploy" / "workloads"
#: Seconds of which the servers have samples when the first panel is asked.
RUN = 8.0
#: How many plugins there are beside those that are looked at.
MANY = 100


class Many:
    """Plugins that connect by hand and count, on a thread, until the end."""

    def __init__(self, collector):
        self._stop = threading.Event()
        self._clients = []
        for number in range(MANY + 1):
            # A process may connect 64 times at once, and then 20 times a second.
            time.sleep(0.06 if number >= 60 else 0)
            task = "many-%d" % number if number < MANY else "profiled"
            self._clients.append(Client(collector))
            answer = self._clients[-1].hello(
                "session-%d" % number, plugin="p", task=task, job="night"
            )
            assert answer["type"] == "welcome", answer
        self._thread = threading.Thread(target=self._count)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        for client in self._clients:
            client.close()

    def _count(self):
        steps = 0
        while not self._stop.wait(0.5):
            steps += 1
            # The last ten are the highest by far.
            for number, client in enumerate(self._clients[:MANY]):
                blocks = steps * (1 + number if number < MANY - 10 else 1000)
                cells = [
                    timer("block", {-30: blocks}, blocks * 10**8),
                    rate("fps", blocks),
                    gauge("level", number),
                    counter("seen", blocks),
                ]
                client.update(steps, cells, monotonic=steps / 2, process={"cpu": steps * 10**7})
            seconds = steps * 10**8
            cells = [sampled("work", seconds, seconds), function("main", steps, seconds, seconds)]
            self._clients[MANY].update(steps, cells, monotonic=steps / 2)


def serve(stack, directory, collector):
    """Start the three servers; return them by name."""
    targets = [
        {
            "targets": [collector.url.rpartition("/")[2]],
            "labels": {"node_id": "0000000000000001", "vsn": "W001"},
        }
    ]
    (directory / "victoria").mkdir()
    victoria = stack.enter_context(VictoriaMetrics(directory / "victoria"))
    servers = {"victoria": victoria}
    for form, name, flags in (
        ("classic", "prometheus.yml", []),
        ("native", "prometheus-native.yml", ["--enable-feature=native-histograms"]),
    ):
        jobs, more = shipped(directory / form, name, targets)
        # A busy machine is late for the 250 ms of the other tests.
        more["global"].update(scrape_interval="2s", scrape_timeout="2s")
        if form == "classic":
            more["remote_write"] = [{"url": victoria.write_url}]
        servers[form] = Prometheus(directory / form, jobs, more, flags)
        stack.enter_context(servers[form])
    return servers


@contextlib.contextmanager
def filled(directory):
    """Have three servers of one node, on which plugins count, fail, end, hang and hold knobs."""
    token = directory / "token"
    token.write_text("a-token-of-the-tests", encoding="utf-8")
    token.chmod(0o600)
    with contextlib.ExitStack() as stack:
        collector = stack.enter_context(start(flags=["--control.token-file=%s" % token]))
        servers = serve(stack, directory, collector)
        for server in servers.values():
            wait_until(lambda server=server: server.value("sum(up)") == 1)
        begun = time.time()

        def plugin(name, task, *arguments):
            env = dict(os.environ, WAGGLE_LIVE_METRICS=collector.address, PYTHONPATH=str(ROOT))
            env.update(WAGGLE_LIVE_TASK=task, WAGGLE_LIVE_JOB="night")
            env.update(PYWAGGLE_LOG_DIR=str(directory / "published"))
            command = [sys.executable, str(WORKLOADS / name), *arguments]
            pipe = subprocess.PIPE
            process = stack.enter_context(
                subprocess.Popen(command, env=env, stdin=pipe, stderr=subprocess.DEVNULL)
            )
            stack.callback(process.kill)
            return process

        plugin("varied.py", "varied")
        plugin("varied.py", "hung", "hang")
        plugin("varied.py", "failed", "fail")
        plugin("publishing.py", "publisher", str(ROOT / "LICENSE"))
        killed, finished = plugin("varied.py", "killed"), plugin("varied.py", "finished")
        stack.enter_context(Many(collector))
        with Client(collector) as stranger:
            stranger.hello("session-x", plugin="stranger")
            stranger.send(b"nonsense\n")
            assert stranger.read()["type"] == "error"
        # A busy machine may be late for the 2 s that a node has by default.
        node = Node(collector.url, control_token=token.read_text(), timeout=30)
        stack.enter_context(node)
        varied = PluginIdentity("varied", "varied", "night")
        wait_until(lambda: "resolution" in node.knobs().of(varied))
        leases = stack.enter_context(Leases(node, "test", ttl=60))

        def hold():
            """Decide again: who doesn't for 60 s loses the lease."""
            leases.hold([Entry(varied, "resolution", 360)], by=node.poll())

        hold()
        assert leases.wait(30)
        wait_until(lambda: collector.value("waggle_plugin_up", plugin_task="killed", default=0))
        killed.kill()
        finished.stdin.close()
        time.sleep(max(0.0, begun + RUN - time.time()))
        silent = 'waggle_plugin_silent_seconds{plugin_task="hung"} > 0'
        idle = 'task:waggle_plugin_idle:minutes{plugin_task="varied"}'
        lost = 'waggle_plugin_exits_total{status="lost"} > 0'
        for server in servers.values():
            for told in (silent, idle, lost, "waggle_knob_leased > 0"):
                wait_until(lambda server=server, told=told: server.query(told))
        yield SimpleNamespace(servers=servers, begun=begun, hold=hold)
