"""Any order of processes, records and restarts: nothing falls, nothing shows twice or is lost."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from waggle_live_collector.budget import What
from waggle_live_collector.identity.app_meta import AppMeta
from waggle_live_collector.identity.labels import IdentityLabels
from waggle_live_collector.table import costs

from ..state.test_state_file import state_of
from ..world import World, counter, timer

#: Four pods of two tasks.
PODS = {f"pod-{n}": AppMeta(IdentityLabels(f"image-{n % 2}", "t", "j"), "1") for n in range(4)}

steps = st.lists(
    st.one_of(
        st.tuples(st.just("report"), st.integers(0, 7), st.integers(1, 9)),
        st.tuples(st.just("bye"), st.integers(0, 7)),
        st.tuples(st.just("drop"), st.integers(0, 7)),
        st.tuples(st.just("pass"), st.sampled_from([0.5, 3, 31])),
        st.tuples(st.just("resolve"), st.sampled_from(sorted(PODS))),
        st.tuples(st.just("restart")),
    ),
    max_size=40,
)


class Model:
    """Eight processes, two of each pod, as they should be counted."""

    def __init__(self, directory):
        self.path = Path(directory) / "state"
        self.world = World(stack=True, hold_time=30)
        self.peers = {}
        self.counts = {}
        self.total = 0
        self.generation = [0] * 8
        self.keeper = self.keep()
        self.shown = {}

    def keep(self):
        """Connect a process of each pod, so that no plugin leaves with its holding time."""
        return [self.world.peer(f"keeper-{pod}", app_id=pod, plugin="main") for pod in PODS]

    def process(self, n):
        return f"session-{n}-{self.generation[n]}"

    def report(self, n, more):
        process = self.process(n)
        if process not in self.peers:
            self.peers[process] = self.world.peer(process, app_id=f"pod-{n % 4}", plugin="main")
        number, count = self.counts.get(process, (0, 0))
        self.counts[process] = number, count = number + 1, count + more
        self.total += more
        cells = counter("c", count), timer("t", {0: count}, count)
        assert self.peers[process].update(number, *cells) == []

    def bye(self, n):
        peer = self.peers.pop(self.process(n), None)
        if peer is not None:
            peer.bye()
            self.generation[n] += 1

    def drop(self, n):
        peer = self.peers.pop(self.process(n), None)
        if peer is not None:
            peer.close()

    def pass_(self, seconds):
        self.world.pass_(seconds)

    def resolve(self, pod):
        self.world.resolve(pod, PODS[pod])

    def restart(self):
        self.path.unlink(missing_ok=True)  # a state overwrites no file that it has not read
        state_of(self.world, self.path).save()
        known = {app_id: self.world.apps.get(app_id) for app_id in PODS}
        self.world = World(stack=True, hold_time=30, time=self.world.time)
        assert state_of(self.world, self.path).load()
        self.world.when_saved = lambda call: call(True)
        for app_id, meta in known.items():
            if meta is not None:
                self.world.apps.add(app_id, meta)
        for process in self.peers:
            pod = f"pod-{int(process[8]) % 4}"
            self.peers[process] = self.world.peer(process, app_id=pod, plugin="main")
        self.keeper = self.keep()

    def check(self):
        """No line twice (the parser and this dict see to it); no counter below what it was."""
        now = {}
        for family in self.world.scrape():
            for sample in family.samples:
                if sample.name in ("waggle_count_total", "waggle_timer_seconds_count"):
                    key = sample.name, frozenset(sample.labels.items())
                    assert key not in now
                    now[key] = sample.value
        for key, value in now.items():
            assert value >= self.shown.get(key, 0)
        for key in self.shown.keys() - now.keys():
            assert dict(key[1])["plugin_job"].startswith("app_id:")
        self.shown = now

    def check_sums(self):
        """Once nothing is withheld, all that was reported is there, once."""
        self.world.time.pass_(3)
        scrape = self.world.scrape()
        for family in ("waggle_count_total", "waggle_timer_seconds_count"):
            assert scrape.sum(family) == self.total
        table = self.world.table
        assert table.series == sum(len(plugin.series) for plugin in table.plugins.values())
        processes = self.world.processes
        assert table.cells == sum(len(s.rows) for s in processes.by_id.values())
        self.check_budget()
        for process in processes.all():
            assert table.plugins[process.plugin.identity] is process.plugin
            for _, series in process.rows.values():
                assert any(series is one for one in process.plugin.series.values())

    def check_budget(self):
        """What is held is what the parts add up to, and no more is counted as shown."""
        table, processes = self.world.table, self.world.processes
        held, remains = self.world.budget.root.held, processes.tombstones.closed.rows
        rows = 0
        for process in processes.all():
            taken = sum(costs.row(row, costs.words(row)) for row in process.cells)
            base = process.account.total - taken  # its texts came to be known later
            assert costs.PROCESS <= base <= costs.PROCESS + 1000
            rows += process.account.total
        paid = sum(sum(plugin.paid.values()) for plugin in table.plugins.values())
        gone = sum(costs.gone(row) for row in table.gone.rows.values())
        dead = gone + costs.CLOSED * len(remains)
        assert held[What.SERIES] + held[What.ENDED] + held[What.LEFT] == rows + paid + dead
        series = [one for plugin in table.plugins.values() for one in plugin.series.values()]
        windows = sum(map(costs.window, series))
        assert held[What.HISTORY] >= windows
        before = table.series, table.lines, table.text
        for plugin in table.plugins.values():
            table.count(plugin, -1)
        assert (table.series, table.lines, table.text) == (
            0,
            costs.GONE_LINES * len(table.gone.rows),
            costs.GONE_TEXT * len(table.gone.rows),
        )
        for plugin in table.plugins.values():
            table.count(plugin, 1)
        assert (table.series, table.lines, table.text) == before


@settings(max_examples=80)
@given(steps)
def test_any_order_of_processes_records_and_restarts(taken):
    """Checked after each step, and the sums in the end."""
    with tempfile.TemporaryDirectory() as directory:
        model = Model(directory)
        for name, *arguments in taken:
            getattr(model, "pass_" if name == "pass" else name)(*arguments)
            model.check()
        model.check_sums()
        for pod in PODS:
            model.resolve(pod)
            model.check()
        model.check_sums()
        assert not model.world.table.pending()
