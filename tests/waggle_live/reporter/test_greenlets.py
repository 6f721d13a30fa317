"""Under gevent and eventlet, patched before and after the import: as with threads."""

import signal
import sys

import pytest

from tests.programs import needs

from ..helpers import environment, run_python, write_script
from ..run.running import run
from ..run.stopping import check_told, stop

pytestmark = pytest.mark.oldest_and_newest

PATCH = {"gevent": "import gevent.monkey; gevent.monkey.patch_all()"}
PATCH["eventlet"] = "import eventlet; eventlet.monkey_patch()"
IMPORT = "from waggle_live.live import LiveMetrics; live = LiveMetrics(plugin_name='x')"
OPEN = "live.open()"

BODY = """
import os, sys, threading, time

def in_threads(count, work):
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


@pytest.fixture(params=["gevent", "eventlet"])
def package(request):
    """Who patches."""
    needs(request.param)
    return request.param


@pytest.fixture(params=["import", "open", "use"])
def lines(request, package):
    """The first lines of a program, which patches before it imports, opens or uses."""
    first = [IMPORT, OPEN]
    first.insert(["import", "open", "use"].index(request.param), PATCH[package])
    return "\n".join(first) + "\n" + BODY


@pytest.fixture
def play(listener, tmp_path, lines):
    """Run a script that begins so, to its end without a word."""

    def run(text):
        path = write_script(tmp_path, lines + text)
        env = environment("unix://" + listener.path)
        assert run_python("-W", "ignore", path, env=env) == (0, "", "")

    return run


def test_several_flush_at_once(listener, play):
    """Three greenlets, over and over: all of them True, all counts exact."""
    play("""
def work():
    for _ in range(20):
        live.counter("c").inc()
        with live.timer("t"):
            time.sleep(0.001)
        assert live.flush(10) is True
    done.append(1)

done = []
in_threads(3, work)
assert len(done) == 3
""")
    assert listener.total("counter", "c") == listener.total("timer", "t") == 60


def test_others_run_while_one_waits(listener, play):
    """A flush that nobody answers holds up its own greenlet alone; so does leaving a block."""
    listener.answers.clear()
    play("""
ticks = []

def tick():
    while not over:
        ticks.append(time.time())
        time.sleep(0.001)

def flush():
    with live:
        live.counter("c").inc()
        while len(ticks) <= 20:
            assert live.flush(0.3) is False
    over.append(1)

over = []
begin = time.time()
threads = [threading.Thread(target=work) for work in (tick, flush)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
took = time.time() - begin
assert took > 0.25, took
live.close(timeout=0.1)
""")


def test_timers_by_name_are_of_their_greenlet(listener, play):
    """One greenlet's ``stop_timer`` ends no other's ``start_timer``."""
    play("""
def work():
    begun.append(1)
    time.sleep(0.04 * len(begun))
    for _ in range(2):
        live.start_timer("t")
        time.sleep(0.1)
        live.stop_timer("t")

begun = []
in_threads(2, work)
""")
    ((_, state),) = [each for each in listener.state().items() if each[0][1][1] == "t"]
    assert state["count"] == 4
    assert state["min"] >= 0.099e9


def test_children(listener, play, lines):
    """Forked and spawned within greenlets."""
    if OPEN + "\n" + PATCH["gevent"] in lines and sys.version_info >= (3, 13):
        pytest.skip("gevent's hooks fail there for any thread that started before its patches")
    play("""
import multiprocessing, subprocess
if "gevent" in sys.modules:
    import gevent
    # gevent does this after its first fork, and without us, too, waits for ever for a child that
    # has ended by then.
    gevent.get_hub().loop.install_sigchld()

def count():
    live.counter("c").inc()
    live.close(timeout=10)

def work():
    pid = os.fork()
    if pid == 0:
        count()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert subprocess.check_output([sys.executable, "-c", "print(3)"]) == b"3\\n"
    live.counter("c").inc()

for _ in range(3):
    work()
child = multiprocessing.get_context("fork").Process(target=count)
child.start()
child.join()
assert child.exitcode == 0
""")
    assert listener.total("counter", "c") == 7


def test_an_author_s_timeout_ends_the_wait(listener, package, lines, tmp_path):
    """The greenlet's own timeout goes through a flush that nobody answers, whatever it raises."""
    listener.answers.clear()
    path = write_script(
        tmp_path,
        lines
        + """
import %s as package
class Late(Exception):
    pass
live.counter("c").inc()
begin = time.time()
for own in ((), (Late,), (TimeoutError,)):
    try:
        with package.Timeout(0.05, *own):
            live.flush(20)
        raise SystemExit("no timeout")
    except (package.Timeout, *own):
        pass
assert time.time() - begin < 10
live.close(timeout=0.1)
"""
        % package,
    )
    env = environment("unix://" + listener.path)
    assert run_python("-W", "ignore", path, env=env) == (0, "", "")


def test_a_flush_in_the_event_loop_itself(listener, tmp_path):
    """Where nothing can switch: it waits, and raises nothing."""
    needs("gevent")
    path = write_script(
        tmp_path,
        "\n".join([PATCH["gevent"], IMPORT, OPEN])
        + """
import gevent
found = []
live.counter("c").inc()
gevent.get_hub().loop.run_callback(lambda: found.append(live.flush(10)))
gevent.sleep(0.01)
assert found == [True], found
""",
    )
    env = environment("unix://" + listener.path)
    assert run_python("-W", "ignore", path, env=env) == (0, "", "")


def test_sigterm_under_run(listener, tmp_path, package):
    """The thread that the signal wakes is a real one, whatever the main thread does."""
    text = """
        import os, signal, sys, warnings
        warnings.simplefilter("ignore")
        %s
        import threading, time
        from waggle_live.live import LiveMetrics
        live = LiveMetrics(plugin_name="x")
        live._reporter._interval = 30
        for _ in range(5000):
            with live.timer("t"):
                pass
        live.counter("c").inc()
        import ctypes
        mutex, lock = ctypes.create_string_buffer(64), ctypes.CDLL(None).pthread_mutex_lock
        print("ready", flush=True)
        lock(mutex) or lock(mutex)
    """
    status, out, err, _ = stop(listener, tmp_path, text % PATCH[package])
    assert (status, out, err) == (-signal.SIGTERM, "", "")
    check_told(listener)


def test_an_exit_status_under_run(listener, tmp_path, package):
    """``sys.exit(3)`` is an end with an error, though greenlets have other idents than threads."""
    text = """
        import sys, warnings
        warnings.simplefilter("ignore")
        %s
        from waggle_live.live import LiveMetrics
        LiveMetrics(plugin_name="x").counter("c").inc()
        sys.exit(3)
    """
    assert run(listener, tmp_path, text % PATCH[package]) == (3, "", "")
    assert listener.messages("bye")[-1]["status"] == "error"
