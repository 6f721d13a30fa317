"""An ordinary plugin: 20 timers, a rate and a counter, 20 rounds a second.

Each line of its standard input stops it: it prints how many rounds it has made once all of them
are applied, and goes on at the next line. It ends with its input.
"""

import select

from waggle_live import LiveMetrics

TIMERS = 20
#: Unbuffered: a line that stands in a buffer would not wake :func:`select.select`.
STDIN = open(0, "rb", buffering=0)  # noqa: SIM115


def stop(live: LiveMetrics, rounds: int) -> None:
    """Say how many rounds were made, once the collector has them, and wait for the next line."""
    while not live.flush(5):
        pass
    print(rounds, flush=True)
    STDIN.readline()


def main() -> None:
    rounds = 0
    with LiveMetrics() as live:
        frames = live.rate("frames")
        while True:
            for number in range(TIMERS):
                with live.timer("block_%d" % number):
                    pass
            live.counter("done").inc()
            frames.tick()
            rounds += 1
            if select.select([STDIN], [], [], 0.05)[0]:
                if not STDIN.readline():
                    break
                stop(live, rounds)


main()
