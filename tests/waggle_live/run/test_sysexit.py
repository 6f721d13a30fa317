"""``sys.exit`` under ``waggle-live run``: what it ends the interpreter with is told."""

import pytest

from .running import RUN, run

pytestmark = pytest.mark.oldest_and_newest

RECORD = """
    import concurrent.futures, pickle, sys, threading, _thread, time
    from sys import exit
    from waggle_live.live import LiveMetrics
    LiveMetrics().open().counter("c").inc()
    def caught(leave, *status):
        try:
            leave(*status)
        except SystemExit as error:
            return error
    %s
"""
ENDS = {
    "sys.exit(3)": (3, "error"),
    "exit(3)": (3, "error"),
    "sys.exit('why')": (1, "error"),
    "(lambda: sys.exit(3))()": (3, "error"),
    "sys.exit()": (0, "ok"),
    "sys.exit(0)": (0, "ok"),
    "caught(sys.exit, 3)": (0, "ok"),
    "caught(sys.exit, 3); sys.exit(0)": (0, "ok"),
    "raise caught(sys.exit, 3)": (3, "error"),
    "error = caught(sys.exit, 3)": (0, "ok"),
    "threading.Thread(target=sys.exit, args=(3,)).start()": (0, "ok"),
    "_thread.start_new_thread(sys.exit, (3,)); time.sleep(0.1)": (0, "ok"),
}


@pytest.mark.parametrize("end", sorted(ENDS))
def test_a_failed_exit_is_an_error(listener, tmp_path, end):
    """It counts where it ends the interpreter, not where it is caught or ends a thread alone."""
    status, said = ENDS[end]
    assert run(listener, tmp_path, RECORD % end)[:2] == (status, "")
    assert listener.total("counter", "c") == 1
    assert [message["status"] for message in listener.messages("bye")] == [said]


def test_the_exception_is_what_it_is_without_us(listener, tmp_path):
    """Its type, its code and its pickle are the same; so are wrong calls."""
    text = """
        error = caught(sys.exit, 3)
        print(type(error) is SystemExit, error.code, error.args, error.__cause__)
        print(pickle.loads(pickle.dumps(error)).code, sys.exit.__name__)
        try:
            sys.exit(1, 2)
        except TypeError as error:
            print(error)
    """
    text = RECORD % "\n    ".join(line[8:] for line in text.splitlines())
    plain, ours = (run(listener, tmp_path, text, launcher=how) for how in ((), RUN))
    assert ours == plain
