"""Log lines in logfmt or JSON, on standard error, written by a thread of their own.

A full pipe or a stopped terminal holds up that thread alone. What doesn't fit into its queue
meanwhile is lost; it is counted, and said once lines can be written again. At the end of the
process all lines are written first, if that takes no longer than :data:`END_SECONDS`.
"""

import json
import logging
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

#: Bytes that may wait to be written.
DEFAULT_MAX_WAITING = 256 * 1024
#: Seconds that the end of the process waits for the last lines.
END_SECONDS = 1.0


def start(level: str, form: str) -> "Lines":
    """Log at ``level`` (debug, info, warn, error) and above, as ``logfmt`` or ``json``."""
    # Without standard error its number is free, and soon that of something else.
    lines = Lines(2 if sys.stderr is not None else os.open(os.devnull, os.O_WRONLY))
    lines.setFormatter(Formatter(form))
    logging.basicConfig(
        level={"warn": "WARNING"}.get(level, level.upper()), handlers=[lines], force=True
    )
    # aiohttp logs each bad request with a traceback; those are the client's troubles.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    return lines


class Lines(logging.Handler):
    """Writes lines to a descriptor, in their order. Thread-safe; logging never blocks.

    Once a line was lost the others are too, until all that waits is written.
    """

    def __init__(self, descriptor: int, max_waiting: int = DEFAULT_MAX_WAITING) -> None:
        super().__init__()
        #: Called for each line that is lost, by any thread.
        self.count_lost: Callable[[], object] = lambda: None
        self._descriptor = descriptor
        self._max_waiting = max_waiting
        #: Lines, the one that is being written included, and the bytes of all.
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        #: Lost lines that the log doesn't tell of yet.
        self._lost = 0
        self._closed = False
        self._changed = threading.Condition()
        # A daemon, so that the process can end while a write hangs.
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue one line."""
        try:
            data = self.format(record).encode() + b"\n"
        except Exception as error:
            data = self._line("a line of the log can't be made: %r: %r", record.msg, error)
        with self._changed:
            is_behind = self._lost and self._waiting
            if is_behind or self._bytes + len(data) > self._max_waiting:
                self._lose()
            else:
                self._waiting.append(data)
                self._bytes += len(data)
                if len(self._waiting) == 1:  # or the thread is writing, and looks by itself
                    self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all lines are written, at most ``END_SECONDS``. Called by logging at exit."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting, END_SECONDS)

    def close(self) -> None:
        """Write what waits, and end the thread."""
        self.flush()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        super().close()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return
                count, data = len(self._waiting), b"".join(self._waiting)
            is_written = self._write(data)
            with self._changed:
                for _ in range(count):
                    self._waiting.popleft()
                    if not is_written:
                        self._lose()
                self._bytes -= len(data)
                if is_written and self._lost and not self._waiting:
                    self._waiting.append(self._line("%d lines of the log were lost", self._lost))
                    self._bytes += len(self._waiting[0])
                    self._lost = 0
                self._changed.notify_all()

    def _write(self, data: bytes) -> bool:
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # whoever shares the terminal or pipe with us made it so
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                poll.poll()
            except OSError:
                return False
        return True

    def _lose(self) -> None:
        self._lost += 1
        self.count_lost()

    def _line(self, text: str, *args: object) -> bytes:
        record = logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, args, None)
        return self.format(record).encode() + b"\n"


class Formatter(logging.Formatter):
    """Lines in one of the two forms. Both are ASCII: all else of a text is escaped."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        """Return one line: ``ts=... level=info msg="..."``, or the same as a JSON object."""
        moment = datetime.fromtimestamp(record.created, UTC)
        fields = {
            "ts": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": {"WARNING": "warn"}.get(record.levelname, record.levelname.lower()),
            "msg": record.getMessage(),
        }
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        if self._form == "json":
            return json.dumps(fields)
        quoted = {k: json.dumps(v) if k in ("msg", "error") else v for k, v in fields.items()}
        return " ".join(f"{key}={value}" for key, value in quoted.items())
