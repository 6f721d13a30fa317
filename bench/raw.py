"""Sessions made by hand, so that a collector can be filled without a thousand processes."""

import socket
import time
from typing import Any, Dict, List

from waggle_live.protocol import encode, encode_updates

BUCKETS = [-60, -52, -51, -50, -49, -48, -40, -36]


class Session:
    """One plugin process as the collector sees it: so many timers, in the state ``tick``."""

    def __init__(self, path: str, number: int, timers: int, plugin: str = "") -> None:
        self._number = 0
        self._timers = timers
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        name = "session-%06d" % number
        self._tell(
            type="hello",
            version=1,
            session=name,
            key="not-so-secret",
            plugin=plugin or "plugin%d" % (number % 50),
            task="task%d" % number,
        )

    def _tell(self, **message: Any) -> None:
        self._socket.sendall(encode(message))

    def cells(self, tick: int, timers: int) -> List[Dict[str, Any]]:
        """Return the state of the first ``timers`` after ``tick`` batches of 8 samples."""
        count = 8 * tick
        return [
            {
                "kind": "timer",
                "name": "block.%d" % index,
                "count": count,
                "sum": count * 20_000_000,
                "min": 5_000_000,
                "max": 44_000_000,
                "last": 20_000_000 + tick,
                "age": 0.1,
                "failures": 0,
                "buckets": [[bucket, tick] for bucket in BUCKETS],
            }
            for index in range(timers)
        ]

    def update(self, tick: int, timers: int = -1) -> None:
        """Send the state of the first so many timers, of all by default."""
        cells = self.cells(tick, self._timers if timers < 0 else timers)
        now = time.monotonic()
        for number, line in encode_updates(cells, self._number + 1, now, now - 0.25):
            self._number = number
            self._socket.sendall(line)

    def flush(self) -> None:
        """Wait until all of it is applied."""
        self._tell(type="flush", number=self._number)
        answer = b""
        while b'"applied"' not in answer:
            part = self._socket.recv(65536)
            if not part:
                raise ConnectionError("the collector closed: %r" % answer[-300:])
            answer += part
        if b'"error"' in answer:
            raise ValueError(answer[:500])

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
