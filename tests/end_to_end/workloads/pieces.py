"""A piece of work that is recorded in known figures; processes of any kind import it by name."""

import known_clock

from waggle_live import LiveMetrics

known_clock.install()

live = LiveMetrics()
done = live.counter("done")
weight = live.counter("weight")
ticks = live.rate("ticks")


@live.timer("decorated")
def decorated() -> None:
    """Take one step of the known clock."""


def piece(number: int) -> int:
    """Record once with each instrument, and ``number`` as a weight; return it."""
    done.inc()
    weight.inc(number)
    ticks.tick()
    with live.timer("block"):
        pass
    decorated()
    return number


def pieces(numbers: "list[int]") -> int:
    """Record a piece of each number; return their sum."""
    return sum(map(piece, numbers))
