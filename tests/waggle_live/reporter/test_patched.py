"""Programs that replace clocks, locks, threads, files, sockets, json: all arrives, none raises."""

import pytest

from tests.programs import needs

from ..helpers import environment, run_python, write_script

pytestmark = pytest.mark.oldest_and_newest

#: What a program does in the middle of its patches: three values, a timed block, two flushes.
BODY = """
    from waggle_live.live import LiveMetrics

    def work():
        with LiveMetrics(plugin_name="x") as live:
            live.counter("c").inc()
            live.gauge("g").set(7)
            assert live.flush(5) is True
            with live.timer("t"):
                sleep(0.02)
            live.counter("c").inc(2)
            assert live.flush(5) is True
        live.close(timeout=5)
"""
SLEEP = """
    import _thread
    def sleep(seconds, lock=_thread.allocate_lock()):
        lock.acquire(False)
        lock.acquire(True, seconds)
"""

#: Context managers, each of which a program is run in.
PATCHES = {
    "freezegun": "__import__('freezegun').freeze_time('2012-01-14')",
    "freezegun, ticking": "__import__('freezegun').freeze_time('2012-01-14', tick=True)",
    "a stopped clock": "mock.patch('time.monotonic', lambda: 1e9)",
    "a clock of no numbers": "mock.patch.multiple('time', **{name: mock.Mock() for name in "
    "('time', 'monotonic', 'perf_counter', 'process_time', 'sleep')})",
    "a clock that raises": "mock.patch('time.time', side_effect=ZeroDivisionError)",
    "perf_counter_ns": "mock.patch('time.perf_counter_ns', lambda: 5, create=True)",
    "open": "mock.patch('builtins.open', mock.mock_open(read_data='name: other'))",
    "open that raises": "mock.patch('builtins.open', side_effect=ZeroDivisionError)",
    "sockets": "mock.patch('socket.socket', side_effect=ZeroDivisionError)",
    "sockets that connect nowhere": "mock.patch('socket.socket.connect', side_effect=OSError)",
    "select": "mock.patch.multiple('select', select=None, poll=None, create=True)",
    "json": "mock.patch.multiple('json', **{name: mock.Mock(side_effect=ZeroDivisionError) "
    "for name in ('dumps', 'loads', 'JSONEncoder', 'JSONDecoder')})",
    "urandom": "mock.patch('os.urandom', side_effect=ZeroDivisionError)",
    "stat": "mock.patch('os.stat', side_effect=OSError)",
    "getpid": "mock.patch('os.getpid', lambda: 'none')",
    "threads": "mock.patch('threading.Thread')",
    "threads that don't start": "mock.patch('threading.Thread.start', side_effect=RuntimeError)",
    "locks of mock": "mock.patch.multiple('threading', Lock=mock.Mock(), RLock=mock.Mock(), "
    "Event=mock.Mock(), Condition=mock.Mock(), get_ident=mock.Mock())",
    "locks in Python": "locks_in_python()",
    "pyfakefs": "importlib.import_module('pyfakefs.fake_filesystem_unittest').Patcher()",
}

#: As tools do it that watch who waits for whom. Like gevent's, they can't be interrupted anywhere.
LOCKS = """
    import contextlib, importlib, threading, _thread
    from unittest import mock

    def wrapped(make):
        class Wrapped:
            def __init__(self):
                self.lock = make()
                self.is_held = False

            def acquire(self, *arguments, **options):
                got = self.lock.acquire(*arguments, **options)
                self.is_held = self.is_held or bool(got)
                return got

            def release(self):
                if not self.is_held:
                    raise RuntimeError("released by whoever doesn't hold it")
                self.is_held = False
                self.lock.release()

            def locked(self):
                return self.is_held

            def __enter__(self):
                self.acquire()

            def __exit__(self, *_):
                self.release()

        return Wrapped

    @contextlib.contextmanager
    def locks_in_python():
        allocate = _thread.allocate_lock
        plain, reentrant = wrapped(allocate), wrapped(_thread.RLock)
        with mock.patch.multiple("threading", Lock=plain, _allocate_lock=plain, RLock=reentrant):
            with mock.patch.multiple("_thread", allocate_lock=plain, RLock=reentrant):
                yield
"""


def check(listener, tmp_path, *parts):
    """Run a script of these parts: all is told exactly, and not a word is said."""
    path = write_script(tmp_path, "".join(parts))
    found = run_python("-W", "ignore", path, env=environment("unix://" + listener.path))
    assert found == (0, "", "")
    ((key, state),) = [(key, state) for key, state in listener.state().items() if key[1][1] == "t"]
    assert state["count"] == 1
    assert 0.02 <= state["sum"] / 1e9 < 5
    assert listener.total("counter", "c") == 3
    assert listener.state()[key[0], ("gauge", "g", ())]["age"] < 60
    assert listener.messages("bye")[-1]["status"] == "ok"


def needed(patch):
    """Skip without the package that a patch comes from."""
    needs(*[name for name in ("freezegun", "pyfakefs") if name in patch])


@pytest.mark.parametrize("patch", sorted(PATCHES))
def test_patched_after_the_import(listener, tmp_path, patch):
    """Whatever is patched around the whole life of a session: exact, and durations are real."""
    needed(patch)
    script = LOCKS + SLEEP + BODY + "\n    with %s:\n        work()\n" % PATCHES[patch]
    check(listener, tmp_path, script)


IMPORTABLE = sorted(
    # Without these Python itself imports nothing.
    set(PATCHES) - {"open", "open that raises", "stat", "pyfakefs"}
)


@pytest.mark.parametrize("patch", IMPORTABLE)
def test_imported_within_the_patch(listener, tmp_path, patch):
    """The same where the library is first imported there: the originals are found."""
    needed(patch)
    body = BODY.replace("\n", "\n    ")
    script = LOCKS + SLEEP + "\n    with %s:" % PATCHES[patch] + body + "\n        work()\n"
    check(listener, tmp_path, script)
