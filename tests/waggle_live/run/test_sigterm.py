"""SIGTERM under ``waggle-live run``: what is left is sent, and the end is as without us."""

import os
import signal
import subprocess
import time

import pytest

from tests.programs import program

from .running import RUN, run
from .stopping import BLOCKED_IN_C, IN_TIME, SLEEP, check_told, started, stop, text_of

#: None of it runs without us.
ENDS = """
atexit.register(print, "atexit", flush=True)
try:
    with live:
        ready()
        time.sleep(30)
finally:
    print("finally", flush=True)
"""


BLOCKED = {
    "sleep": "time.sleep(30)",
    "read": "os.read(os.pipe()[0], 1)",
    "queue": "import queue; queue.Queue().get()",
    "join": "t = threading.Thread(target=time.sleep, args=(30,)); t.start(); t.join()",
    "python": "while True: pass",
    "C": BLOCKED_IN_C,
    "matmul": """
import numpy
a = numpy.ones((9000, 9000)); a @ a
""",
}


@pytest.mark.parametrize("where", sorted(BLOCKED))
def test_wherever_the_main_thread_is(listener, tmp_path, where):
    """The last samples are sent and the signal ends it, in Python or in C that lets the GIL go."""
    if where == "matmul":
        pytest.importorskip("numpy")
    status, out, err, _ = stop(listener, tmp_path, text_of("ready()\n" + BLOCKED[where]))
    assert (status, out, err) == (-signal.SIGTERM, "", "")
    check_told(listener)


@pytest.mark.parametrize("launcher", [(), RUN], ids=["plain", "run"])
def test_nothing_runs_that_would_not_without_us(listener, tmp_path, launcher):
    """No finally, no end of a block, no atexit function: status and output are the same."""
    status, out, err, _ = stop(listener, tmp_path, text_of(ENDS), launcher=launcher)
    assert (status, out, err) == (-signal.SIGTERM, "", "")
    if launcher:
        check_told(listener)


@pytest.mark.quiet
def test_a_thread_that_goes_on_recording_begins_no_other_session(listener, tmp_path):
    """The process has one end, however busy it is."""
    text = """
def work():
    while True:
        live.timer("busy").observe(1)
for _ in range(3):
    threading.Thread(target=work).start()
"""
    assert stop(listener, tmp_path, text_of(text + SLEEP))[0] == -signal.SIGTERM
    check_told(listener)


def test_a_main_that_ends_meanwhile_ends_by_the_signal(listener, tmp_path):
    """While the collector keeps the end waiting, the end of main is none of its own."""
    listener.answers.clear()
    text = IN_TIME + "ready()\nos.kill(os.getpid(), signal.SIGTERM)\n"
    with started(listener, tmp_path, text_of(text)) as child:
        assert child.wait(20) == -signal.SIGTERM
    check_told(listener)


def test_a_main_that_ends_before_a_thread_of_ours_runs_ends_by_the_signal(listener, tmp_path):
    """Where somebody else is woken by signals, our thread begins late on a busy machine."""
    text = """
from waggle_live.native import Native
begin = Native.start_thread
Native.start_thread = lambda run, name="": begin(lambda: (time.sleep(0.3), run()), name)
reader, writer = os.pipe()
os.set_blocking(writer, False)
signal.set_wakeup_fd(writer)
live._reporter._interval = 0.01
ready()
assert live.flush(20)
os.kill(os.getpid(), signal.SIGTERM)
"""
    with started(listener, tmp_path, text_of(text)) as child:
        assert child.wait(20) == -signal.SIGTERM
    check_told(listener)


def test_a_second_sigterm_changes_nothing(listener, tmp_path):
    """Whoever asks again while the end is under way waits for the same end."""
    listener.answers.clear()
    with started(listener, tmp_path, text_of(IN_TIME + SLEEP)) as child:
        for _ in range(5):
            child.send_signal(signal.SIGTERM)
            time.sleep(0.02)
        assert child.wait(20) == -signal.SIGTERM
    check_told(listener)


@pytest.mark.quiet
@pytest.mark.parametrize("hurdle", ["none", "answers", "reads", "no samples"])
def test_the_end_is_in_time(listener, tmp_path, hurdle):
    """Half a second more than without us, with a collector that neither answers nor reads."""
    if hurdle in ("answers", "reads"):
        getattr(listener, hurdle).clear()
    text = "print('ready', flush=True)\ntime.sleep(30)" if hurdle == "no samples" else SLEEP
    status, _, err, took = stop(listener, tmp_path, text_of(IN_TIME + text))
    assert (status, err) == (-signal.SIGTERM, "")
    assert took < 0.6 + 0.5  # the promise, and the hiccups of a busy machine


def test_a_program_gets_the_signals_as_without_us(listener, tmp_path):
    """What is executed inherits no handler, no mask and no descriptor."""
    text = (
        "record()\nimport subprocess\nsubprocess.call(['sh', '-c', "
        "'grep -E \"Sig(Blk|Ign|Cgt)\" /proc/self/status; ls /proc/self/fd'])"
    )
    plain, ours = (
        run(listener, tmp_path, text_of(text), launcher=launcher) for launcher in ((), RUN)
    )
    assert "SigBlk" in plain[1]
    assert ours == plain


@pytest.mark.parametrize("imports", ["", "from waggle_live.live import LiveMetrics"])
def test_an_authors_own_handler_wins(listener, tmp_path, imports):
    """A plugin that handles SIGTERM itself is left alone; so is one that ignores it."""
    text = """
        import os, signal, sys, time
        %s
        signal.signal(signal.SIGTERM, lambda *_: print("mine", flush=True))
        from waggle_live.live import LiveMetrics
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.1)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.execv(sys.executable, [sys.executable, "-c",
            "import waggle_live.live, signal;"
            "print(signal.getsignal(signal.SIGTERM) == signal.SIG_IGN)"])
    """
    assert run(listener, tmp_path, text % imports) == (0, "mine\nTrue\n", "")


def test_an_author_who_waits_for_the_signal_gets_it(listener, tmp_path):
    """Blocked in every thread of the plugin's, it isn't taken by ours."""
    text = """
        import os, signal
        from waggle_live.live import LiveMetrics
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        for _ in range(20):
            os.kill(os.getpid(), signal.SIGTERM)
            assert signal.sigtimedwait([signal.SIGTERM], 5) is not None
    """
    assert run(listener, tmp_path, text) == (0, "", "")


def test_without_ctypes_it_ends_with_143(listener, tmp_path):
    """The default action can't be restored then; the samples are sent all the same."""
    text = "sys.modules['ctypes'] = None\n" + SLEEP
    assert stop(listener, tmp_path, text_of(text))[:3] == (143, "", "")
    check_told(listener)


def test_where_no_thread_can_be_started(listener, tmp_path):
    """What wasn't sent is lost, but the signal ends the process."""
    text = """
        from waggle_live.native import Native
        def fail(*_):
            raise RuntimeError("can't start new thread")
        Native._start_new_thread = fail
        from waggle_live.live import LiveMetrics
        import time
        print("ready", flush=True)
        time.sleep(30)
    """
    assert stop(listener, tmp_path, text)[:3] == (-signal.SIGTERM, "", "")


def test_as_pid_1_it_ends_with_143(listener, tmp_path):
    """The kernel spares PID 1 the default action: a container stops without us only by SIGKILL."""
    before = (program("unshare", "util-linux"), "--pid", "--fork", "--mount-proc")
    if subprocess.call([*before, "true"], stderr=subprocess.DEVNULL):
        pytest.skip("only root makes pid namespaces")
    text = "assert os.getpid() == 1\n" + SLEEP
    with started(listener, tmp_path, text_of(text), before=before) as child:
        with open("/proc/%d/task/%d/children" % (child.pid, child.pid)) as file:
            os.kill(int(file.read()), signal.SIGTERM)
        assert child.wait(20) == 143
    check_told(listener)
