"""The end of the collector: what stands in the sockets is read."""

import asyncio
import json
import socket
import time

from ..world import counter
from .test_room import hello, listening


def test_a_process_that_stood_still_reads_what_stands_in_its_sockets_all_the_same():
    """However long it stood still, right after it had accepted the connection."""

    async def test(world, listener, connect):
        (sock,) = listener.acceptor._listening
        update = {"type": "update", "number": 1, "monotonic": 1.0, "cells": [counter("a", 1)]}
        with socket.socket(socket.AF_UNIX) as late:
            late.connect(sock.getsockname())
            for message in (hello("late-one"), update):
                late.sendall(json.dumps(message).encode() + b"\n")
            asyncio.get_running_loop().call_soon(time.sleep, 0.2)
            await listener.stop()
        assert world.value("waggle_count_total", name="a") == 1

    listening(test)
