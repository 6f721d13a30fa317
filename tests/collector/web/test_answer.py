"""Answers that readers share, without HTTP."""

import asyncio
import gzip
import random
import string
import time

import pytest

from waggle_live_collector.budget import Budget, What
from waggle_live_collector.web.answer import (
    DEFAULT_MAX_PIECES,
    PIECE,
    READER_BYTES,
    TURN_SECONDS,
    Answer,
    NoRoomError,
)


class Reader:
    """What an answer knows of a connection."""

    def __init__(self, budget, principal="address:a"):
        self.outcome = ""
        self.account = budget.account(principal, object(), lose=lambda _: self.cut("crowded"))

    def hold_answer(self, size):
        return not self.outcome and self.account.hold(What.ANSWERS, size)

    def cut(self, outcome):
        self.outcome = outcome

    @property
    def held(self):
        return self.account.own(What.ANSWERS)


def finished(text=b"text"):
    answer = Answer()
    answer.finish(text)
    return answer


def large(size=1_000_000):
    """Return an answer that can't be compressed well."""
    return finished(random.Random(1).randbytes(size))


async def sent(answer, packed):
    return [piece async for piece in answer.pieces(packed)]


@pytest.mark.parametrize(
    "size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE - 7, 1_000_000]
)
@pytest.mark.parametrize("letters", ["a", string.printable])
def test_both_forms_are_the_text(size, letters):
    """Of any size; the length is told before, and nobody is sent much at a time."""
    text = "".join(random.Random(size).choices(letters, k=size)).encode()
    for packed in (True, False):
        answer = finished(text)
        told = b"".join(asyncio.run(sent(answer, packed)))
        assert len(told) == answer.length(packed)
        assert (gzip.decompress(told) if packed else told) == text
    for piece in asyncio.run(sent(finished(text), False)):
        assert len(piece) <= DEFAULT_MAX_PIECES


def test_it_is_made_piece_by_piece_while_others_have_their_turn():
    """Pieces that take long, small, empty or large ones: others run between any two."""
    pieces = [b"a" * 10, b"", b"b" * 300_000, b"c", b"d" * 300_000]
    turns = []

    def made():
        for piece in pieces:
            turns.append("made")
            time.sleep(TURN_SECONDS)
            yield piece

    async def run():
        async def other():
            while True:
                turns.append("other")
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        answer = Answer()
        await answer.make(made())
        task.cancel()
        assert answer.seconds > 0
        return b"".join(await sent(answer, False))

    assert asyncio.run(run()) == b"".join(pieces)
    assert ("made", "made") not in zip(turns, turns[1:])


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("size", [10, 1_000_000])
def test_nobody_has_the_whole_before_the_state_is_written(packed, size):
    """All but the last piece is on its way meanwhile."""

    async def run():
        answer, before = large(size), []

        async def never():
            raise TimeoutError

        answer.written = never
        with pytest.raises(TimeoutError):
            async for piece in answer.pieces(packed):
                before.append(piece)
        assert sum(map(len, before)) < answer.length(packed)
        assert bool(before) == (size > PIECE)

    asyncio.run(run())


def test_the_newest_is_paid_for_by_the_series_and_an_older_one_by_a_reader():
    """By one after another of those that still read it; each has a little of its own."""
    budget = Budget(10_000_000)
    answer, readers = large(), [Reader(budget) for _ in range(3)]
    reading = [answer.read_by(reader) for reader in readers]
    for each in reading:
        each.__enter__()
    assert [reader.held for reader in readers] == [READER_BYTES] * 3
    answer.grow_old()
    assert [reader.held > 1_000_000 for reader in readers] == [True, False, False]
    reading[0].__exit__(None, None, None)
    assert [reader.held > 1_000_000 for reader in readers] == [False, True, False]
    reading[2].__exit__(None, None, None)
    reading[1].__exit__(None, None, None)
    assert budget.root.total == 0
    with answer.read_by(readers[2]):
        assert readers[2].held > 1_000_000


def test_who_cannot_pay_is_cut_and_the_next_one_asked():
    """A slow reader of a full principal doesn't take the others with it."""
    budget = Budget(4_300_000, reserve=0)
    answer, poor, rich = large(), Reader(budget, "address:poor"), Reader(budget, "address:rich")
    with answer.read_by(poor), answer.read_by(rich):
        poor.account.take(What.SERIES, 2_600_000)
        budget.account("uid:1").take(What.SERIES, 50_000)
        answer.grow_old()
        assert (poor.outcome, rich.outcome) == ("crowded", "")
        assert rich.held > 1_000_000


def test_where_there_is_no_room_a_reader_is_refused():
    """Before anything is sent to it."""
    budget = Budget(READER_BYTES * 2, reserve=0)
    budget.account("uid:1").take(What.SERIES, READER_BYTES + 1)
    with pytest.raises(NoRoomError), finished().read_by(Reader(budget)):
        raise AssertionError


def test_a_slow_reader_of_an_old_answer_loses_it_to_a_new_reader():
    """The largest holder of answers does."""
    budget = Budget(2_000_000, reserve=0)
    answer, slow = large(), Reader(budget, "address:slow")
    with answer.read_by(slow):
        answer.grow_old()
        budget.account("uid:1").take(What.SERIES, 800_000)
        assert slow.outcome == ""
        assert Reader(budget, "address:new").hold_answer(READER_BYTES)
        assert slow.outcome == "crowded"
        assert slow.held == 0
