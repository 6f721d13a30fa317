"""TAU's functions on /metrics, from programs that write profiles to a real collector.

TAU itself is in no package index: it is built against one Python, inside the image of a plugin.
So these tests replay what it wrote, and the last one runs where TAU is, and only there.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap

import pytest

from tests.collector.harness import start, wait_until
from tests.robustness.processes import scrape_ended
from tests.waggle_live.helpers import ROOT, environment
from tests.waggle_live.profile.tau.recorded import (
    FILES,
    PROFILES,
    SERIES,
    SERIES_END,
    by_metric,
    profile,
    read,
    row,
)
from tests.waggle_live.profile.tau.test_launcher import STANDIN
from waggle_live.profile.names import label
from waggle_live.profile.tau.directory import TIME, Directory
from waggle_live.profile.tau.program import parse, tau_command
from waggle_live.profile.tau.rows import key
from waggle_live.wire.protocol import IDLE_FUNCTIONS, OTHER_FUNCTIONS

CALLS = "waggle_function_calls_total"
EXCLUSIVE = "waggle_function_exclusive_seconds_total"
INCLUSIVE = "waggle_function_inclusive_seconds_total"
COUNTERS = (CALLS, EXCLUSIVE, INCLUSIVE)
SUMS_ALONE = (OTHER_FUNCTIONS, IDLE_FUNCTIONS)


class Watcher:
    """``waggle-live tau-watch`` on a directory, as a process."""

    def __init__(self, collector, directory, *options):
        command = [sys.executable, "-m", "waggle_live", "tau-watch", *options, str(directory)]
        self.process = subprocess.Popen(command, env=environment(collector.address))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0


def counters(collector):
    """Return all of TAU's counters."""
    scrape = collector.scrape()
    return {
        (family, labels["plugin"], labels["function"]): value
        for family in COUNTERS
        for labels, value in scrape.all(family)
    }


@pytest.mark.quiet
def test_the_dumps_of_a_run_replayed_in_real_time(tmp_path):
    """Counters rise with each, through the death of the collector, to TAU's final totals."""
    directory = tmp_path / "profiles"
    directory.mkdir()
    with start() as collector, Watcher(collector, directory, "--plugin=p"):
        before, stood = {}, []
        for step, name in enumerate([*SERIES, SERIES_END]):
            target = directory / os.path.basename(name)
            (directory / ".part").write_bytes(read(name))
            os.replace(str(directory / ".part"), str(target))
            written = target.stat().st_mtime
            application = 36234 if name == SERIES_END else [236, 11364, 13961, 17803][step]
            function = {"plugin": "p", "function": "__idle__"}
            wait_until(
                lambda f=function, us=application: (
                    collector.value(EXCLUSIVE, None, **f) == pytest.approx(us / 1e6)
                )
            )
            dumped = collector.value("waggle_tau_last_dump_timestamp_seconds", plugin="p")
            assert abs(dumped - written) < 1.0
            now = counters(collector)
            assert all(now[key] >= value for key, value in before.items())
            before = now
            stood.append(now[CALLS, "p", "inference"])
            if step == 1:
                collector.kill()
                collector.start()
                assert counters(collector) == now
        assert stood == [5, 10, 15, 20, 20]
        found = collector.scrape()
    for name, calls, exclusive in (("__idle__", 1, 0.036234), ("inference", 20, 0.020192)):
        of = {"plugin": "p", "function": name}
        assert found.value(CALLS, **of) == calls
        assert found.value(EXCLUSIVE, **of) == pytest.approx(exclusive, abs=1e-9)
    inclusive = found.value(INCLUSIVE, plugin="p", function="inference")
    assert inclusive == pytest.approx(0.020192, abs=1e-9)


def test_every_recorded_run_at_once(tmp_path):
    """Of each file what TAU wrote: the functions by name, and the sum of them all."""
    names = sorted({os.path.dirname(name).partition("/MULTI__")[0] for name in FILES})
    names = [name for name in names if "/series/" not in name]
    expected = {}
    with start() as collector:
        watchers = []
        for number, name in enumerate(names):
            readings = Directory(str(PROFILES / name)).read()
            expected["plugin-%d" % number] = by_metric(readings)[TIME]
            watchers.append(Watcher(collector, PROFILES / name, "--plugin=plugin-%d" % number))
        wait_until(lambda: len({plugin for _, plugin, _ in counters(collector)}) == len(names))
        for watcher in watchers:
            watcher.__exit__()
        ups = [0] * len(names)
        wait_until(lambda: [up for _, up in collector.scrape().all("waggle_plugin_up")] == ups)
        scrape = collector.scrape()
    for plugin, functions in expected.items():
        shown = {
            labels["function"]: value for labels, value in scrape.all(EXCLUSIVE, plugin=plugin)
        }
        application = functions[b".TAU application"][2]
        assert sum(shown.values()) == pytest.approx(application / 1e9, abs=1e-6)
        assert len(shown) <= 52
        by_label = {}
        for name, values in functions.items():
            by_label[label(key(name))] = by_label.get(label(key(name)), 0) + values[1]
        named = {name: value for name, value in shown.items() if name not in SUMS_ALONE}
        assert all(value == pytest.approx(by_label[name] / 1e9) for name, value in named.items())


def test_runs_add_up_and_five_thousand_functions_are_bounded(tmp_path):
    """The next process of a program goes on where the one before ended; 51 series in all."""
    directory = tmp_path / "profiles"
    directory.mkdir()
    rows = [row("f%d [{/app/m.py}{%d}]" % (i, i), i, i * 10) for i in range(1, 5001)]
    total = sum(i * 10 for i in range(1, 5001)) / 1e6
    with start() as collector, Watcher(collector, directory, "--plugin=p"):
        for run in (1, 2):
            (directory / "profile.0.0.0").write_bytes(profile(*rows, pid=run, ended=1))
            wait_until(lambda n=run: collector.scrape().sum(EXCLUSIVE) == pytest.approx(n * total))
        wait_until(lambda: collector.value("waggle_tau_functions_dropped_total") == 2 * 4950)
        scrape = collector.scrape()
        assert len(scrape.all(CALLS)) == 51
        assert scrape.value(CALLS, function="f5000 [m.py:5000]") == 10000
        (plugin,) = collector.plugins()
        assert [entry["calls"] for entry in plugin["functions"][:5]] == [
            2 * i for i in range(5000, 4995, -1)
        ]
        assert plugin["functions"][-1]["name"] == "__other__"


def test_torn_late_and_new_runs_through_the_whole(tmp_path):
    """Who is admitted late leaves what it had in the rest; half a file changes nothing; the same
    pid that started again is a new run. Neither pid nor thread is a label."""
    path = tmp_path / "dump.0.0.0"

    def dump(late, cut=None, **more):
        rows = [row("f%d" % i, i, i * 1000) for i in range(1, 5)] + [row("late", *late)]
        (tmp_path / ".part").write_bytes(profile(*rows, **more)[:cut])
        os.replace(str(tmp_path / ".part"), str(path))

    def exclusive():
        return {
            labels["function"]: round(value * 1000)
            for labels, value in collector.scrape().all(EXCLUSIVE)
        }

    options = ["--plugin=p", "--tau.functions=4", "--tau.include=[34e]"]
    with start() as collector, Watcher(collector, tmp_path, *options):
        dump((1, 50))
        wait_until(lambda: exclusive() == {"f3": 3, "f4": 4, "__other__": 3})
        wait_until(lambda: collector.value("waggle_tau_functions_dropped_total") == 3)
        dump((9, 90000), cut=-40)
        wait_until(lambda: collector.value("waggle_tau_torn_reads_total") == 1)
        assert exclusive() == {"f3": 3, "f4": 4, "__other__": 3}
        dump((9, 90050))
        wait_until(lambda: exclusive() == {"f3": 3, "f4": 4, "late": 90, "__other__": 3})
        dump((1, 7000), started=1795433799000000)
        wait_until(lambda: exclusive() == {"f3": 6, "f4": 8, "late": 97, "__other__": 6})
        for labels, _ in collector.scrape().all(CALLS):
            assert set(labels) == {"function", "profiler", "plugin", "plugin_task", "plugin_job"}
        assert collector.value("waggle_tau_torn_reads_total") == 1


def test_tau_run_with_a_stand_in(tmp_path):
    """A plugin's own metrics and its functions stand side by side, under one identity."""
    app = tmp_path / "app.py"
    app.write_text(
        textwrap.dedent(
            """
            import time
            from waggle_live.live import LiveMetrics
            with LiveMetrics() as live:
                for _ in range(20):
                    with live.timer("inference"):
                        time.sleep(0.01)
            """
        )
    )
    with start() as collector:
        env = environment(collector.address)
        env["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(STANDIN)])
        command = [sys.executable, "-m", "waggle_live", "tau-run", "--tau.interval=0.05"]
        command += ["--tau.command", sys.executable, "--plugin=p", "--", str(app)]
        assert subprocess.run(command, env=env, timeout=60, check=False).returncode == 0
        scrape = scrape_ended(collector, plugin="p")
        assert scrape.value("waggle_timer_seconds_count", plugin="p", name="inference") == 20
        assert scrape.value(CALLS, plugin="p", function="inference") == 20
        exclusive = scrape.value(EXCLUSIVE, plugin="p", function="__idle__")
        assert exclusive == pytest.approx(0.036234)


THREADS = """
    import os, sys, threading, time

    def busy(seconds):
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            pass

    workers = [threading.Thread(target=busy, args=(float(sys.argv[1]),)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    busy(0.1)
"""


def test_a_live_run_under_tau(tmp_path):
    """Four threads, killed, started again, and compared with what TAU wrote at the end.

    The one test that needs TAU. No package has it, so it is skipped where it isn't, in CI too.
    """
    if not (shutil.which("tau_python") or shutil.which("tau_exec")):
        pytest.skip("TAU (tau_python) is missing; no package has it: see docs/guides/tau.md")
    app = tmp_path / "app.py"
    app.write_text(textwrap.dedent(THREADS))
    with start() as collector:
        env = environment(collector.address)
        profiles = tmp_path / "tmp"
        profiles.mkdir()
        env["TMPDIR"] = str(profiles)
        kept = tmp_path / "kept"  # what tau-run removes at its end
        kept.mkdir()
        tau = tmp_path / "tau"
        lines = [
            "#!/bin/sh",
            shlex.join(tau_command(None, parse([str(app)]))) + ' "$@"',
            "status=$?",
        ]
        lines += [f'cp "$PROFILEDIR"/profile.* {shlex.quote(str(kept))}', "exit $status"]
        tau.write_text("\n".join(lines) + "\n")
        tau.chmod(0o755)
        command = [sys.executable, "-m", "waggle_live", "tau-run", "--tau.interval=0.5"]
        command += ["--tau.command", str(tau), "--plugin=p", "--", str(app)]
        with subprocess.Popen([*command, "30"], env=env) as killed:
            wait_until(lambda: collector.scrape().all(CALLS, plugin="p"), seconds=60)
            before = counters(collector)
            killed.send_signal(signal.SIGKILL)
            pid = int(next(profiles.glob("*/.waggle-pid")).read_text())
            os.kill(pid, signal.SIGKILL)
        collector.kill()
        collector.start()
        assert all(counters(collector)[name] >= value for name, value in before.items())
        for leftover in profiles.iterdir():
            shutil.rmtree(leftover)
        start_of_second = counters(collector)
        for partial in kept.iterdir():
            partial.unlink()
        assert subprocess.run([*command, "3"], env=env, timeout=120, check=False).returncode == 0
        end = counters(collector)
        assert all(end[name] >= value for name, value in start_of_second.items())
        grown = sum(v for (f, _, _), v in end.items() if f == EXCLUSIVE)
        grown -= sum(v for (f, _, _), v in start_of_second.items() if f == EXCLUSIVE)
        final = Directory(str(kept)).read()
        assert any(reading.profile.has_ended for reading in final)
        total = sum(values[1] for values in by_metric(final)[TIME].values()) / 1e9
        assert grown == pytest.approx(total, rel=0.02)
        busy = next(key for key in end if key[0] == EXCLUSIVE and key[2].startswith("busy "))
        # Four threads of 3 s each, and of it what the functions that they call take.
        assert end[busy] - start_of_second.get(busy, 0) > 4.0
