"""K1: much of what is allowed, and more."""

import time

from .stranger import Stranger, again, attack, counter, timer

#: The buckets of the whole span of a timer.
WHOLE_SPAN = [[index, 1] for index in range(-240, 161)]


def reporters(target, number, cells, pause=0.5, **claims):
    """Report the same cells by so many sessions, which come back, for ever."""
    ids = ["%s-reporter-%d" % (target.me, index) for index in range(number)]
    begun = time.time_ns()
    sessions = []

    def once():
        try:
            while len(sessions) < number:
                stranger = Stranger(target)
                stranger.number = time.time_ns() - begun  # above all that it has said before
                sessions.append(stranger.hello(ids[len(sessions)], **claims))
                stranger.update(cells)
            for stranger in sessions:
                stranger.update(cells[:5])
        except OSError:
            for stranger in sessions:
                stranger.close()
            sessions.clear()
            raise

    again(once, pause)


@attack
def labels_of_4_kib(target):
    """300 timers × 16 labels × 256 characters."""
    reporters(
        target,
        3,
        [
            timer("t%d" % number, labels={"l%d" % each: "%d" % number * 80 for each in range(16)})
            for number in range(300)
        ],
    )


@attack
def labels_of_1_kib(target):
    """Ten sessions of 1,000 timers with labels that are just not too large, all different."""
    labels = {"label%d" % each: "x" * 230 for each in range(4)}
    cells = [timer("t", labels={**labels, "n": str(number)}) for number in range(1000)]
    reporters(target, 10, cells)


@attack
def escaped_labels(target):
    """Labels that are twice as large in the text: each character is escaped."""
    cells = [timer("t", labels={"a": '"\n' * 120, "n": str(number)}) for number in range(1000)]
    reporters(target, 5, cells)


@attack
def plain_timers(target):
    """15 plugins of 1,000 timers: more lines than Prometheus takes of one target."""
    numbers = range(15)
    for number in numbers[1:]:
        _beside(lambda name=number: _plain(target, name))
    _plain(target, 0)


def _plain(target, number):
    cells = [timer("t%d" % each, 9, [[8 * e, 1] for e in range(-5, 4)]) for each in range(1000)]
    me = "%s-%d" % (target.me, number)
    reporters(target._replace(me=me), 1, cells)


def _beside(function):
    import threading

    threading.Thread(target=function, daemon=True).start()


@attack
def whole_spans(target):
    """Ten sessions of 200 timers that use every bucket that there is, again and again."""

    def session(number):
        def once():
            stranger = Stranger(target).hello()
            for count in range(1, 1000):
                buckets = [[index, count] for index, _ in WHOLE_SPAN]
                for each in range(200):
                    stranger.update([timer("t%d" % each, count * 401, buckets)])
                time.sleep(0.5)

        again(once)

    for number in range(9):
        _beside(lambda number=number: session(number))
    session(9)


@attack
def long_function_names(target):
    """1,000 functions with the longest names in each of ten sessions."""
    cells = [
        {"kind": "function", "name": "f" * 250 + str(number), "calls": 1, "exclusive": 1}
        for number in range(990)
    ]
    cells += [{"kind": "messages", "name": "m" * 120 + str(n), "value": 1} for n in range(10)]
    reporters(target, 10, cells)


@attack
def new_names_for_ever(target):
    """Counters of ever new names, with no regard to the limit of series."""

    def once():
        stranger = Stranger(target).hello()
        for number in range(1_000_000):
            stranger.update([counter("c%d" % (200 * number + each)) for each in range(200)])

    again(once)
