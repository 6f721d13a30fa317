"""What the library needs of the system is real, and its threads are nobody's trouble."""

import os
import signal
import threading
import time

import pytest

from waggle_live.native import Native

from .helpers import environment, in_threads, run_python, until, write_script


def test_the_clocks_are_those_of_python():
    """In an unpatched program nothing is made anew: they are ``time``'s own."""
    assert Native.monotonic is time.monotonic
    assert Native.time is time.time
    assert isinstance(Native.perf_counter_ns(), int)
    before = time.perf_counter()
    assert before <= Native.perf_counter_ns() / 1e9 + 1e-6
    assert Native.perf_counter_ns() / 1e9 <= time.perf_counter() + 1e-6


def test_sleep_takes_its_time():
    """At least what is asked for."""
    before = time.monotonic()
    Native.sleep(0.02)
    assert time.monotonic() - before >= 0.019


def test_files(tmp_path):
    """Read whole, or so much of it; errors are OSErrors."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * 200000)
    assert Native.read_file(str(path)) == b"x" * 200000
    assert Native.read_file(str(path), 10) == b"x" * 10
    assert Native.read_file("/proc/self/statm").count(b" ") == 6
    assert Native.exists(str(path))
    assert not Native.exists(str(path) + "s")
    with pytest.raises(OSError, match="No such file"):
        Native.read_file(str(path) + "s")


def test_a_thread_is_known_while_it_runs():
    """By its name, as a daemon, and to nobody once it has ended."""
    held, names = threading.Event(), []

    def run():
        names.append(threading.current_thread())
        held.wait(10)

    Native.start_thread(run, "mine")
    assert "mine" in [thread.name for thread in threading.enumerate()]
    until(lambda: names)
    assert names[0].daemon
    names[0].join()  # programs join all threads there are; with this one they don't wait
    held.set()
    until(lambda: names[0] not in threading.enumerate())


def test_a_thread_takes_no_signal():
    """All are blocked in it from its start, those of real time as well."""
    masks = []
    Native.start_thread(lambda: masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, [])))
    (mask,) = until(lambda: masks)
    assert {signal.SIGUSR1, signal.SIGTERM, signal.SIGINT, signal.SIGRTMIN + 3} <= mask
    assert signal.SIGUSR1 not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_what_the_main_thread_blocks():
    """Is known to all threads, those of ours too."""
    seen = []
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2, signal.SIGRTMIN + 3])
    try:
        of_main = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        Native.start_thread(
            lambda: seen.append((Native.mask_of(os.getpid()), Native.is_own_thread()))
        )
        until(lambda: seen)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert seen == [(of_main, True)]
    assert not Native.is_own_thread()


def test_whose_an_exception_is():
    """A signal handler's, also a method, and also in what it calls; or anybody else's."""

    class Handler:
        def handle(self, signum, frame):
            int("no number")

    before = signal.signal(signal.SIGUSR1, Handler().handle)
    try:
        with pytest.raises(ValueError, match="no number") as raised:
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(10)
        assert Native.is_of_handler(raised.value)
        with pytest.raises(ValueError, match="no int") as raised:
            int("no int")
        assert not Native.is_of_handler(raised.value)
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("number", ["SIGUSR1", "SIGTERM", "SIGINT", "SIGRTMIN + 3"])
@pytest.mark.parametrize("opened", ["before", "after"])
def test_a_signal_that_the_plugin_waits_for_is_the_plugins(listener, tmp_path, number, opened):
    """Blocked and polled by ``sigtimedwait``: no thread of ours takes it, and dies of it."""
    path = write_script(
        tmp_path,
        """
        import os, signal, sys
        from waggle_live.live import LiveMetrics
        number = signal.%s
        if "%s" == "before":
            LiveMetrics(plugin_name="x").open()
        signal.pthread_sigmask(signal.SIG_BLOCK, [number])
        live = LiveMetrics(plugin_name="x").open()
        for _ in range(20):
            live.counter("c").inc()
            os.kill(os.getpid(), number)
            assert signal.sigtimedwait([number], 10).si_signo == number
        """
        % (number, opened),
    )
    assert run_python(path, env=environment("unix://" + listener.path)) == (0, "", "")
    assert listener.total("counter", "c") == 20


def test_threads_start_at_once(fast_switching):
    """Any number of them, from any thread."""
    ran = []
    in_threads(8, lambda: [Native.start_thread(lambda: ran.append(1)) for _ in range(20)])
    until(lambda: len(ran) == 160)


def test_a_fork_knows_no_thread_of_ours():
    """What was told of its name is forgotten in the child."""
    held = threading.Event()
    Native.start_thread(lambda: held.wait(10), "mine")
    pid = os.fork()
    if pid == 0:
        os._exit(any(thread.name == "mine" for thread in threading.enumerate()))
    held.set()
    assert os.waitpid(pid, 0)[1] == 0
