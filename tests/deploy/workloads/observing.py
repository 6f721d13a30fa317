"""A plugin whose timers are known, in whole rounds of durations, until its input ends.

Prints how many rounds there were.
"""

import select
import sys

from waggle_live import LiveMetrics

#: Seconds of the blocks of a round, by the name of the timer.
ROUND = {
    "constant": [0.04] * 20,
    "tail": [0.003] * 17 + [0.1] * 3,
    "uniform": [0.01 + 0.005 * step for step in range(100)],
    "micro": [round(2e-6 * 1.1**step, 9) for step in range(40)],
    "long": [5.0, 90.0],
}


def main() -> None:
    with LiveMetrics() as live:
        rounds = 0
        while not select.select([sys.stdin], [], [], 0.05)[0]:
            for name, durations in ROUND.items():
                for seconds in durations:
                    live.timer(name, camera="left").observe(seconds)
            rounds += 1
        while not live.flush(5):
            pass
    print(rounds)


if __name__ == "__main__":
    main()
