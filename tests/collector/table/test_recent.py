"""The last ten seconds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waggle_live_collector.table.recent import GIVEN_UP, Recent


def filled(recent):
    """Return the durations in the window by bucket."""
    return dict(recent.buckets.items())


class Loop:
    """A steady loop that reports four times a second."""

    def __init__(self, recent, start, fps):
        self.recent, self.start, self.fps = recent, start, fps
        self.at, self.events = start, 0

    def run(self, seconds):
        """Report for so long; return the time at the end."""
        for _ in range(round(seconds * 4)):
            self.at += 0.25
            new = int((self.at - self.start) * self.fps) - self.events
            if new:
                self.recent.add(self.at, 0.25, new, new * 1000, {-60: new})
            self.events += new
        return self.at


@pytest.mark.parametrize("fps", [5, 30, 300])
@pytest.mark.parametrize("offset", [0.0, 0.13, 0.5, 0.87])
def test_a_steady_loop_reads_its_rate_at_any_moment(fps, offset):
    """30 frames a second are 30 ± 1, whenever it is asked, also between two updates."""
    recent = Recent()
    loop = Loop(recent, 100.0 + offset, fps)
    loop.run(20)
    for _ in range(100):
        at = loop.run(0.25)
        for later in (0.0, 0.05, 0.1, 0.2, 0.249):
            recent.advance(at + later)
            assert recent.per_second(at + later) == pytest.approx(fps, abs=max(1, fps / 30))


@pytest.mark.parametrize("age", [2, 3, 5, 9])
def test_a_young_loop_reads_its_rate_over_its_age(age):
    """Two seconds after its first frame a loop of 30 reads 30, not 6."""
    recent = Recent()
    at = Loop(recent, 100.3, 30).run(age)
    assert recent.per_second(at) == pytest.approx(30, abs=1)


def test_the_first_event_is_not_a_thousand_a_second():
    """A rate is never taken over less than a second."""
    recent = Recent()
    recent.add(100.01, 0.001, 1, 0, {})
    assert recent.per_second(100.01) == 1


def test_what_stops_falls_to_zero_in_ten_seconds():
    """The rate sinks while the window slides, and ends at exactly nothing."""
    recent = Recent()
    at = Loop(recent, 100.0, 30).run(20)
    rates = []
    for second in range(12):
        recent.advance(at + second)
        rates.append(recent.per_second(at + second))
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == 0
    assert (recent.count, recent.sum, filled(recent)) == (0, 0, {})


def test_a_long_gap_is_spread_and_what_is_older_is_left_out():
    """After 100 s without a connection a tenth of the events is recent, and no burst shows."""
    recent = Recent()
    recent.add(1000.0, 100.0, 3000, 3000 * 7, {-60: 3000})
    assert recent.per_second(1000.0) == pytest.approx(30, abs=1)
    assert recent.count == pytest.approx(270, abs=1)  # 9 whole seconds and a new one
    assert recent.sum == pytest.approx(recent.count * 7, abs=10)
    assert recent.buckets[-60] == pytest.approx(recent.count, abs=1)


def test_a_gap_of_some_seconds_is_kept_whole():
    """Spreading loses nothing that is younger than the window."""
    recent = Recent()
    recent.add(1000.7, 4.0, 101, 101 * 13 + 5, {-60: 100, 3: 1})
    assert (recent.count, recent.sum) == (101, 101 * 13 + 5)
    assert filled(recent) == {-60: 100, 3: 1}
    recent.advance(1008.0)
    assert 0 < recent.count < 101


def test_many_long_gaps_take_no_more_room_than_one():
    """A sender that is always late, or says so, piles up no slots: there is one for each second."""
    recent = Recent()
    recent.add(1000.5, 20.0, 2000, 2000, {-60: 2000})
    size = len(recent._past)
    for _ in range(300):
        recent.add(1000.5, 20.0, 2000, 2000, {-60: 1000, -59: 1000})
    assert len(recent._past) < 3 * size
    assert recent.count == recent.sum == 301 * 950
    assert recent.per_second(1000.5) == pytest.approx(301 * 100, rel=0.1)
    recent.advance(1010.0)
    assert (recent.count, recent.sum, filled(recent)) == (0, 0, {})


def test_the_largest_counts_come_and_go():
    """What a series may hold at most fits into the window, in one second or spread over several."""
    recent = Recent()
    most = 2**63 - 1
    recent.add(1000.0, 0.25, most - 2, most - 2, {-60: most - 2})
    recent.add(1000.5, 0.25, 1, 1, {-240: 1})
    recent.add(1001.5, 0.25, 1, 1, {160: 1})
    recent.advance(1005.0)
    assert (recent.count, recent.sum) == (most, most)
    assert filled(recent) == {-240: 1, -60: most - 2, 160: 1}
    recent.advance(1010.5)
    assert filled(recent) == {160: 1}
    recent = Recent()
    recent.add(1000.7, 4.0, most, most, {-60: most})
    assert (recent.count, recent.sum, filled(recent)) == (most, most, {-60: most})
    recent.advance(1011.0)
    assert (recent.count, recent.sum, filled(recent)) == (0, 0, {})


def test_windows_that_become_one_hold_what_both_held():
    """Second by second, the current one included, and how far back they go."""
    one, other = Recent(), Recent()
    for second in range(12):
        one.add(100.5 + second, 1.0, 2, 20, {0: 2})
        other.add(100.7 + second, 1.0, 3, 30, {0: 1, 5: 2})
    one.absorb(other, 111.8)
    for second in range(10):
        one.advance(111.9 + second)
        left = 10 - second
        assert (one.count, one.sum) == (5 * left, 50 * left)
        assert filled(one) == {0: 3 * left, 5: 2 * left}
    one.advance(121.9)
    assert (one.count, one.sum, filled(one)) == (0, 0, {})


def test_a_quiet_window_holds_nothing():
    """A series without a recent event takes the memory of its few numbers alone."""
    recent = Recent()
    at = Loop(recent, 100.0, 30).run(20)
    recent.advance(at + 11)
    assert len(recent._past) == len(recent.buckets.counts) == 0
    assert recent._now is None


def test_a_baseline_is_no_burst():
    """What a returning process had counted is not recent; what follows is."""
    recent = Recent()
    recent.add(100.0, None, 5000)
    assert recent.per_second(100.0) == 0
    at = Loop(recent, 100.0, 30).run(3)
    assert recent.per_second(at) == pytest.approx(30, abs=1)


def test_a_window_may_begin_before_the_clock_does():
    """The clock begins at 0 with a new state file, and what comes then may be a minute old."""
    recent = Recent()
    recent.add(5.5, 60.0, 600, 600, {0: 600})
    assert 80 < recent.count < 100
    recent.advance(20.0)
    assert recent.count == 0


@pytest.mark.parametrize("seconds", range(1, 11))
@pytest.mark.parametrize("offset", [0.0, 0.13, 0.5, 0.87])
def test_each_window_reads_the_rate_of_a_steady_loop(seconds, offset):
    """However short it is, whenever it is asked, and without a change to the window of 10 s."""
    recent = Recent()
    loop = Loop(recent, 100.0 + offset, 30)
    loop.run(20)
    for _ in range(40):
        at = loop.run(0.25)
        for later in (0.0, 0.1, 0.249):
            now = at + later
            part = recent.last(seconds, now)
            assert part.per_second(now, seconds=seconds) == pytest.approx(30, abs=1)
            assert part.sum == part.count * 1000
            assert filled(part) == {-60: part.count}
            assert recent.per_second(now) == pytest.approx(30, abs=1)


@pytest.mark.parametrize("seconds", range(1, 11))
def test_a_window_of_n_seconds_has_nothing_older(seconds):
    """What was before its slots is not in it; 10 is the window itself."""
    for step in range(8):
        recent = Recent()
        at = Loop(recent, 100.0 + step / 8, 30).run(15)
        assert recent.last(seconds, at + seconds - 0.99).count > 0
        for later in (max(seconds, 1.5), seconds + 5):
            part = recent.last(seconds, at + later)
            assert (part.count, part.sum, filled(part)) == (0, 0, {})
            assert part.per_second(at + later, seconds=seconds) == 0
    assert recent.last(10, at) is recent


def test_a_gap_is_spread_in_a_short_window_too():
    """After 100 s without a connection 2 s hold two seconds' worth, and no burst shows."""
    recent = Recent()
    recent.add(1000.0, 100.0, 3000, 3000 * 7, {-60: 3000})
    part = recent.last(2, 1000.0)
    assert part.count == pytest.approx(30, abs=1)
    assert part.per_second(1000.0, seconds=2) == pytest.approx(30, abs=1)
    assert recent.count == pytest.approx(270, abs=1)


def test_what_was_given_up_is_known_in_no_window():
    """A rate without history is None, not 0."""
    assert GIVEN_UP.last(2, 1000.0).per_second(1000.0, seconds=2) is None


def test_events_without_a_time_between_them_are_no_endless_rate():
    """One event that took no time, in a window that has hardly begun."""
    recent = Recent()
    recent.add(100.0, None, 0)
    recent.add(200.6, 0.0, 1)
    assert recent.last(1, 200.6).per_second(200.6, seconds=1) == 2


@given(
    st.lists(
        st.tuples(st.floats(0, 4), st.floats(0, 30), st.integers(1, 50), st.integers(0, 10**9)),
        max_size=30,
    )
)
def test_the_sums_are_those_of_the_slots_and_vanish(steps):
    """Whatever comes and however late: what left the window is subtracted to nothing."""
    recent, at = Recent(), 100.0
    for wait, gap, count, total in steps:
        at += wait
        recent.add(at, gap, count, total, {count % 7: count})
        assert recent.count >= 0
        assert recent.sum >= 0
        assert sum(filled(recent).values()) <= recent.count
    recent.advance(at + 10)
    assert (recent.count, recent.sum, filled(recent)) == (0, 0, {})
