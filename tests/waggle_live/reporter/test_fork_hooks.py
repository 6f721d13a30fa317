"""The hooks of a fork, where a signal handler raises in them or C code forks without them."""

import sys

import pytest

from .test_fork import per_session


@pytest.mark.parametrize("hook", ["_before", "_after_in_parent"])
def test_a_handler_that_raises_in_a_hook(listener, play_forking, hook):
    """Before its first line: no signal stays blocked, and no later fork or opening waits."""
    play_forking(
        """
        import signal, sys, time
        from waggle_live.reporter import fork
        def raise_once(frame, event, argument):
            if frame.f_code.co_name == "%s":
                sys.settrace(None)
                raise TimeoutError
        stderr = os.dup(2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # Python says what a hook raised
        sys.settrace(raise_once)
        try:
            wait(in_child(lambda: None))
        except TimeoutError:
            assert sys.version_info < (3, 7)
        os.dup2(stderr, 2)
        assert sys.gettrace() is None
        assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])
        begun = time.monotonic()
        with fork.held_off():
            pass
        assert time.monotonic() - begun < fork.OPENING_WAITS / 2
        live.counter("c").inc()
        """
        % hook
    )
    assert listener.total("counter", "c") == 1


@pytest.mark.skipif(
    not (3, 9) <= sys.version_info < (3, 13),
    reason="Python alone may call its hook there, or logging's own prints an error",
)
def test_c_code_that_forks_and_calls_the_hook_of_the_child_alone(listener, play_forking):
    """As uWSGI does it: the child counts from zero in a session of its own."""
    play_forking("""
        import ctypes
        live.counter("c").inc(10)
        live.flush(5)
        pid = ctypes.PyDLL(None).fork()
        if pid == 0:
            ctypes.pythonapi.PyOS_AfterFork_Child()
            live.counter("c").inc(3)
            live.close("ok", 5)
            os._exit(0)
        wait(pid)
        live.counter("c").inc(1)
    """)
    assert per_session(listener, "counter", "c", "value") == [11, 3]
