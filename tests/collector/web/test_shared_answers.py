"""Answers that are shared, without HTTP."""

import asyncio

import pytest

from waggle_live_collector.web.shared_answers import SharedAnswers


class Maker:
    """Makes answers when told to: each is the number of how many were begun."""

    def __init__(self):
        self.begun = []
        self.go = asyncio.Event()
        self.answers = SharedAnswers(self.make)

    async def make(self, key):
        self.begun.append(key)
        number = len(self.begun)
        await self.go.wait()
        if key == "bad":
            raise ValueError(key)
        return b"%d" % number

    def ask(self, key="a"):
        return asyncio.create_task(self.answers.get(key))


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


def run(test):
    asyncio.run(test())


def test_an_answer_begun_before_the_question_is_not_given():
    """It could lack what was applied between; all who come meanwhile share the next."""

    @run
    async def _():
        maker = Maker()
        first = [maker.ask() for _ in range(3)]
        await settle()
        later = [maker.ask() for _ in range(50)]
        await settle()
        assert maker.begun == ["a"]
        maker.go.set()
        assert await asyncio.gather(*first) == [b"1"] * 3
        assert await asyncio.gather(*later) == [b"2"] * 50
        assert await maker.ask() == b"3"


def test_what_nobody_waits_for_any_more_is_not_made():
    """Whoever gave up while others were served costs nothing."""

    @run
    async def _():
        maker = Maker()
        first = maker.ask()
        await settle()
        late = [maker.ask() for _ in range(5)]
        await settle()
        for task in late:
            task.cancel()
        maker.go.set()
        assert await first == b"1"
        await settle()
        assert maker.begun == ["a"]


def test_one_who_gives_up_takes_nothing_from_the_others():
    """The answer is made on, and given to who is left."""

    @run
    async def _():
        maker = Maker()
        tasks = [maker.ask() for _ in range(2)]
        await settle()
        tasks[0].cancel()
        maker.go.set()
        assert await tasks[1] == b"1"


def test_an_error_reaches_all_who_wait_and_nobody_after():
    """The next question is a new one; other keys go on."""

    @run
    async def _():
        maker = Maker()
        maker.go.set()
        bad = [maker.ask("bad"), maker.ask("bad")]
        good = maker.ask("good")
        for task in bad:
            with pytest.raises(ValueError, match="bad"):
                await task
        assert await good == b"2"
        assert await maker.ask() == b"3"
