"""What ends the process: SIGTERM, SIGINT, and SIGHUP from a terminal that has gone."""

import asyncio
import logging
import os
import signal

log = logging.getLogger(__name__)


def stop_signal() -> asyncio.Event:
    """Return what is set when the process is to end: by SIGTERM, SIGINT, or with its terminal."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup has it
        loop.add_signal_handler(signal.SIGHUP, _hang_up, stop, _has_terminal())
    return stop


def _hang_up(stop: asyncio.Event, had_terminal: bool) -> None:
    """SIGHUP: stop if the terminal has gone; from anybody else it asks for a reload."""
    if had_terminal and not _has_terminal():
        stop.set()
    else:
        log.info("SIGHUP: the web configuration and tokens are read anew at each use already")


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
