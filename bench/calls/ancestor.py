"""The ancestor's design of 2021, re-created from its description: names, a queue, a slow thread.

Starts stand in a dict by name; each stop puts a message into a queue; a thread takes at most ten a
second out of it, newest first, and sends them as JSON over a socket.
"""

import json
import queue
import socket
import threading
import time
from typing import Dict


class Timers:
    """``start(name)`` and ``stop(name)``."""

    def __init__(self) -> None:
        self._starts: Dict[str, float] = {}
        self._queue: "queue.LifoQueue[str]" = queue.LifoQueue()
        self._near, self._far = socket.socketpair()
        threading.Thread(target=self._send, daemon=True).start()

    def start(self, name: str) -> None:
        """Begin."""
        self._starts[name] = time.time()

    def stop(self, name: str) -> None:
        """End, and queue what it took."""
        took = time.time() - self._starts[name]
        self._queue.put(json.dumps({"name": name, "type": "timer", "value": took}))

    def _send(self) -> None:
        while True:
            self._near.send(self._queue.get().encode())
            self._far.recv(4096)
            time.sleep(0.1)
