"""A collector's state with a process that counts, and a loop to run it in."""

import asyncio

from ..world import World, counter
from .frozen import frozen
from .test_state_file import reborn, state_of

LATE = "waggle_collector_state_late_total"
WRITES = "waggle_collector_state_write_seconds_count"


class Node(World):
    """A world with a state file and one process that counts."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.state = state_of(self, path)
        self.plugin = self.peer()
        self.counted = 0

    def count(self):
        """Let the process count one more."""
        self.counted += 1
        self.plugin.update(self.counted, counter("a", self.counted))

    def saved(self):
        """Return what a collector that is started now knows."""
        return reborn(self, self.path).value("waggle_count_total", name="a")

    async def freeze(self):
        """Return a disk that is frozen, with a write that hangs there."""
        disk = frozen()
        waits = disk.__enter__()
        self.count()
        self.state.hand_over()
        await until(waits.is_set)
        return disk


def codes(peer):
    """Return the codes of the errors that a peer was answered."""
    return [answer["code"] for answer in peer.answers if answer["type"] == "error"]


def run(test):
    asyncio.run(test())


async def until(condition):
    """Wait for the loop to make something true."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)
