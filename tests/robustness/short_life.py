"""The life of a short process. It imports little: thousands of processes are forked to live it."""

import contextlib
import socket

from waggle_live.wire.protocol import encode


def live_once(path, session, bye=True, **hello):
    """One short process: hello, one update, bye; returns when the collector has it."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as sock:
        sock.settimeout(30)
        sock.connect(path)
        cells = [
            {"kind": "counter", "name": "runs", "value": 1, "labels": {"of": "it"}},
            {"kind": "timer", "name": "run", "count": 1, "sum": 9, "last": 9, "buckets": [[-9, 1]]},
            {"kind": "rate", "name": "fps", "count": 3, "last": 5},
            {"kind": "gauge", "name": "cars", "value": 2},
            {"kind": "messages", "name": "env.cars", "value": 1},
        ]
        process = {"cpu_seconds": 0.1, "memory_bytes": 1 << 20}
        question = {"type": "bye", "number": 1} if bye else {"type": "flush", "number": 1}
        hello = {"type": "hello", "version": 1, "session": session, "key": session, **hello}
        update = {"type": "update", "number": 1, "monotonic": 1.0, "cells": cells}
        sock.sendall(encode(hello) + encode({**update, "process": process}) + encode(question))
        answers = b""
        while b'"applied"' not in answers:
            data = sock.recv(65536)
            assert data, answers
            answers += data
