"""A claim has one owner at a time, whatever interrupts whom, and never keeps a dead one."""

import gc
import threading

import pytest

from waggle_live.claim import Claim, Owner

from .helpers import in_threads

pytestmark = pytest.mark.oldest_and_newest


def test_one_owner_at_a_time():
    """Who comes while another holds it goes without, also the same thread."""
    claim, first, second = Claim(), Owner(), Owner()
    assert claim.take(first)
    assert not claim.take(second)
    assert not claim.wait(second, 0.01)
    first.is_done = True
    assert claim.take(second)
    assert not claim.take(Owner())


def test_an_owner_that_is_gone_holds_nothing():
    """An exception came before it could give the claim back."""
    claim = Claim()
    for _ in range(3):
        owner = Owner()
        assert claim.take(owner)
        del owner
        gc.collect()
    assert claim.wait(Owner(), 0)


def test_who_went_without_gives_nothing_back():
    """The end of one that never held it changes nothing."""
    claim, holder, other = Claim(), Owner(), Owner()
    assert claim.take(holder)
    assert not claim.take(other)
    other.is_done = True
    del other
    assert not claim.take(Owner())


def test_waiting_ends_with_the_holder():
    """``wait`` has it as soon as the holder is done."""
    claim, holder = Claim(), Owner()
    assert claim.take(holder)
    timer = threading.Timer(0.02, setattr, (holder, "is_done", True))
    timer.start()
    assert claim.wait(Owner(), 10)
    timer.join()


def test_an_exception_between_the_taking_and_the_remembering():
    """The next one finds the successor that never came to be known."""
    claim = Claim()
    before = claim._turn
    lost = Owner()
    assert claim.take(lost)
    claim._turn = before  # as if interrupted just then
    assert not claim.take(Owner())
    lost.is_done = True
    last = Owner()
    assert claim.take(last)
    claim._turn = before
    assert not claim.take(Owner())


def test_threads_never_hold_it_both(fast_switching):
    """Many threads, half of which forget to give it back: never two at once."""
    claim, inside, together, taken = Claim(), [], [], []

    def work():
        for number in range(3000):
            owner = Owner()
            if claim.take(owner):
                inside.append(owner)
                together.append(len(inside))
                inside.pop()
                taken.append(1)
                if number % 2:
                    owner.is_done = True

    in_threads(6, work)
    assert set(together) == {1}
    assert len(taken) > 100
    assert claim.take(Owner())
