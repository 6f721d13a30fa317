"""What a reporter is told to profile."""

import logging

import pytest

from waggle_live import InvalidMetric, InvalidType
from waggle_live.live import LiveMetrics
from waggle_live.reporter.profiler import Profile, Profiler, parse_rate


class Recorder(Profiler):
    """Notes the rates that it is asked for."""

    def __init__(self, why=None):
        self.rates = []
        self.why = why

    def set_rate(self, owner, hz):
        self.rates.append(hz)
        return self.why if hz else None


class Owner:
    """Somebody who has a session."""


@pytest.mark.parametrize("wrong", [-1, 201, 10**9])
def test_a_rate_out_of_bounds_is_an_error_at_the_call(wrong):
    """With the bounds and the value in its text."""
    with pytest.raises(InvalidMetric, match="0 .off. to 200 samples a second, got int: %d" % wrong):
        LiveMetrics(address="off", plugin_name="rate", profile=wrong)


@pytest.mark.parametrize("wrong", [True, 50.0, "50", [50]])
def test_a_rate_of_another_type_is_an_error_at_the_call(wrong):
    """True would be one a second."""
    with pytest.raises(InvalidType, match="whole number of samples a second, like 50, got"):
        LiveMetrics(address="off", plugin_name="rate", profile=wrong)


@pytest.mark.parametrize("text", ["", "x", "5.5", "-1", "201"])
def test_the_text_of_a_rate_is_checked(text):
    """As an option of a command, or a variable."""
    with pytest.raises(InvalidMetric, match="profile must be"):
        parse_rate(text)
    assert parse_rate(" 50 ") == 50


def test_a_wrong_variable_is_logged_once(caplog):
    """And stands for off: a plugin is never hurt by its environment."""
    profile = Profile(Recorder(), Owner())
    with caplog.at_level(logging.WARNING):
        profile.tell(None, {"WAGGLE_LIVE_PROFILE": "fast"})
        profile.tell(None, {"WAGGLE_LIVE_PROFILE": "fast"})
    assert [record.getMessage() for record in caplog.records] == [
        "live metrics: WAGGLE_LIVE_PROFILE: profile must be a whole number of samples a second, "
        "like 50, got 'fast'"
    ]
    assert profile.rate == 0


def test_what_the_author_gives_stands_over_the_environment():
    """Also for a second handle that gives nothing."""
    owner, recorder = Owner(), Recorder()
    profile = Profile(recorder, owner)
    environ = {"WAGGLE_LIVE_PROFILE": "20"}
    profile.tell(None, environ)
    assert profile.rate == 20
    profile.tell(0, environ)
    profile.tell(None, environ)
    assert profile.rate == 0
    profile.begin()
    profile.tell(30, environ)  # while a session is on: at once
    profile.end()
    profile.tell(40, environ)
    assert recorder.rates == [0, 30, 0]


def test_what_prevents_it_is_logged_once(caplog):
    """One line, however many sessions."""
    owner = Owner()
    profile = Profile(Recorder("no thread"), owner)
    profile.tell(50, {})
    with caplog.at_level(logging.WARNING):
        profile.begin()
        profile.begin()
    texts = [record.getMessage() for record in caplog.records]
    assert texts == ["live metrics: the profiler doesn't run: no thread"]
