"""Sessions made by hand, so that a collector can be filled without a thousand processes."""

import socket
import time
from typing import Any, Dict

from waggle_live.wire.protocol import encode, encode_cell, encode_updates

BUCKETS = [-60, -52, -51, -50, -49, -48, -40, -36]


class Session:
    """One plugin process as the collector sees it: so many series, in the state ``tick``.

    ``kind`` is "timer", "gauge" or "counter".
    """

    def __init__(self, path: str, number: int, series: int, kind: str = "timer") -> None:
        self._number = 0
        self.series = series
        self._cell = {"timer": timer, "gauge": gauge, "counter": counter}[kind]
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        name = "session-%06d" % number
        self.tell(
            type="hello",
            version=1,
            session=name,
            key="not-so-secret",
            plugin="plugin%d" % (number % 50),
            task="task%d" % number,
        )

    def tell(self, **message: Any) -> None:
        """Send one message."""
        self.socket.sendall(encode(message))

    def update(self, tick: int, series: int = -1) -> None:
        """Send the state of the first so many series, of all by default."""
        self.send(self.lines(tick, series))

    def lines(self, tick: int, series: int = -1) -> bytes:
        """Return the next update, of the first so many series, of which there is one at least."""
        count = self.series if series < 0 else series
        cells = [self._cell(index, tick) for index in range(count)]
        now = time.monotonic()
        updates = encode_updates(map(encode_cell, cells), self._number + 1, now, now - 0.25)
        numbers, lines = zip(*updates)
        self._number = numbers[-1]
        return b"".join(lines)

    def send(self, lines: bytes) -> None:
        """Send what :meth:`lines` returned, in that order."""
        self.socket.sendall(lines)

    def flush(self) -> None:
        """Wait until all of it is applied."""
        self.tell(type="flush", number=self._number)
        answer = b""
        while b'"applied"' not in answer:
            part = self.socket.recv(65536)
            if not part:
                raise ConnectionError("the collector closed: %r" % answer[-300:])
            answer += part
        if b'"error"' in answer:
            raise ValueError(answer[:500])

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


def timer(index: int, tick: int) -> Dict[str, Any]:
    """Return a timer after ``tick`` batches of 8 samples."""
    count = 8 * tick
    return {
        "kind": "timer",
        "name": "block.%d" % index,
        "count": count,
        "sum": count * 20_000_000,
        "min": 5_000_000,
        "max": 44_000_000,
        "last": 20_000_000 + tick,
        "failures": 0,
        "buckets": [[bucket, tick] for bucket in BUCKETS],
    }


def gauge(index: int, tick: int) -> Dict[str, Any]:
    """Return a gauge of its own age and of few digits."""
    return {
        "kind": "gauge",
        "name": "level.%d" % index,
        "value": tick + 0.125 * index,
        "age": 0.0001 * index,
    }


def counter(index: int, tick: int) -> Dict[str, Any]:
    """Return a counter of its own age."""
    return {
        "kind": "counter",
        "name": "events.%d" % index,
        "value": tick + index,
        "age": 0.0001 * index,
    }
