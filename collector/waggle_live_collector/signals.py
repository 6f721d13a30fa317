"""What ends the process: SIGTERM, SIGINT, and SIGHUP from a terminal that has gone."""

import asyncio
import logging
import os
import signal

log = logging.getLogger(__name__)


def stop_signal() -> asyncio.Event:
    """Return an event that is set by SIGTERM, SIGINT, or the end of the terminal."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup ignores it
        loop.add_signal_handler(signal.SIGHUP, _hang_up, stop, _has_terminal())
    return stop


def _hang_up(stop: asyncio.Event, had_terminal: bool) -> None:
    """Handle SIGHUP: stop if the terminal has gone. Else it asks for a reload: log why not."""
    if had_terminal and not _has_terminal():
        stop.set()
    else:
        log.info("SIGHUP ignored: the web configuration and tokens are read again at each use")


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
