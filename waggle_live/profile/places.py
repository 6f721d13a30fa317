"""Which functions get a series of their own: a limited number of places, kept for good."""

import heapq
from typing import Callable, Iterable, Iterator, TypeVar

#: The default number of functions with a series of their own.
DEFAULT_LIMIT = 50
#: While a program runs, half of the places are kept for functions with at least this share of all
#: time. Else the functions of its start would take all places for good.
SHARE = 0.01

F = TypeVar("F")


def admit(
    candidates: Iterable[F],
    cost: Callable[[F], int],
    *,
    room: int,
    limit: int,
    total: int,
    all_places: bool = False,
) -> Iterator[F]:
    """Yield the candidates that get a place now, the most expensive first.

    ``cost`` and ``total``, the cost of all functions, are in nanoseconds. ``room``: how many of the
    ``limit`` places are free. ``all_places``: no function will come later.
    """
    kept = 0 if all_places else limit // 2
    for function in heapq.nlargest(room, candidates, key=cost):
        if room <= kept and cost(function) < SHARE * total:
            return
        yield function
        room -= 1
