"""SIGTERM under ``waggle-live run`` beside others who use the process's wakeup descriptor."""

import signal
import textwrap

import pytest

from .running import run
from .stopping import BLOCKED_IN_C, SLEEP, check_told, stop, text_of

OWNERS = {
    "before us": """
reader, writer = os.pipe()
os.set_blocking(writer, False)
signal.set_wakeup_fd(writer)
""",
    "asyncio": """
import asyncio
loop = asyncio.new_event_loop()
loop.add_signal_handler(signal.SIGUSR1, print)
loop.call_soon(ready)
loop.run_forever()
""",
    "blocked beside asyncio": """
import asyncio
loop = asyncio.new_event_loop()
loop.add_signal_handler(signal.SIGUSR1, print)
loop.call_soon(lambda: (ready(), os.read(os.pipe()[0], 1)))
loop.run_forever()
""",
    "after asyncio": """
import asyncio
loop = asyncio.new_event_loop()
loop.add_signal_handler(signal.SIGUSR1, print)
loop.remove_signal_handler(signal.SIGUSR1)
loop.close()
ready()
"""
    + BLOCKED_IN_C,
}


@pytest.mark.parametrize("owner", sorted(OWNERS))
def test_who_owns_the_wakeup_descriptor(listener, tmp_path, owner):
    """Where somebody else does, the handler in the main thread does the work; given back, it
    is ours again."""
    text = text_of(OWNERS[owner])
    if owner == "before us":
        text = "import os, signal" + OWNERS[owner] + textwrap.dedent(text_of(SLEEP))
    status, out, err, _ = stop(listener, tmp_path, text)
    assert (status, out, err) == (-signal.SIGTERM, "", "")
    check_told(listener)


def test_nobody_sees_our_wakeup_descriptor(listener, tmp_path):
    """It reads as none, as without us (trio warns of another's), and others get their own back."""
    text = """
        import os, signal
        from waggle_live.live import LiveMetrics
        write = os.pipe()[1]
        os.set_blocking(write, False)
        print(signal.set_wakeup_fd(write) == -1, signal.set_wakeup_fd(-1) == write)
        print(signal.set_wakeup_fd(-1))
        if os.fork():
            os.wait()
        print(signal.set_wakeup_fd(-1), flush=True)
    """
    assert run(listener, tmp_path, text) == (0, "True True\n-1\n-1\n-1\n", "")
