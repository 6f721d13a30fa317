"""What is kept of the stack's records, and when who is asked for."""

import json

import pytest

from waggle_live_collector.clock import Clock
from waggle_live_collector.identity.app_meta import (
    DEFAULT_MAX_RETRY_SECONDS,
    AppMeta,
    AppMetas,
    decode,
)
from waggle_live_collector.identity.labels import IdentityLabels, ProcessInfo

from ..world import Time


def metas_of(time, **more):
    return AppMetas(clock=Clock(monotonic=time.monotonic, now=time.now), **more)


def asked(metas, time, seconds, step=0.05):
    """Return after how many seconds a record that stays missing is asked for."""
    begin, at = time.at, []
    while time.at < begin + seconds:
        for app_id in metas.due(10):
            at.append(round(time.at - begin, 2))
            metas.missing(app_id)
        time.pass_(step)
    return at


def test_a_missing_record_is_asked_for_less_and_less_and_never_given_up():
    """Intervals double from 0.1 s to 5 s."""
    time = Time()
    metas = metas_of(time)
    metas.want("a", "uid:1")
    times = asked(metas, time, 60)
    gaps = [round(b - a, 2) for a, b in zip(times, times[1:])]
    assert times[0] == 0
    assert len(times) < 20
    assert gaps == sorted(gaps)
    assert gaps[-1] == pytest.approx(DEFAULT_MAX_RETRY_SECONDS, abs=0.2)


def test_who_asks_again_is_looked_up_soon_and_not_without_a_pause():
    """A new process of a pod brings its turn forward; a flood of them does no more."""
    time = Time()
    metas = metas_of(time)
    metas.want("a", "uid:1")
    asked(metas, time, 30)
    metas.want("a", "uid:1")
    assert metas.due(10) == ["a"]
    times = []
    for _ in range(100):
        metas.want("a", "uid:1")
        times += asked(metas, time, 0.01, 0.01)
    assert len(times) <= 11


def test_what_strangers_invent_delays_nobody_else():
    """Each who wants something has its turn, and what two want is asked for in that of either."""
    time = Time()
    metas = metas_of(time)
    for number in range(1000):
        metas.want(f"invented-{number:04}", "uid:666")
    time.pass_(1)
    metas.want("real", "pod:real")
    metas.want("invented-0999", "uid:1000")
    asked = metas.due(256)
    assert len(asked) == len(set(asked)) == 256
    assert asked.index("real") < 3
    assert asked.index("invented-0999") < 3
    assert asked[-1] == "invented-0253"


def test_what_nobody_has_any_more_is_not_asked_for():
    """The wishes are bounded by the plugins that are known."""
    time = Time()
    metas = metas_of(time)
    for app_id in "abc":
        metas.want(app_id, "uid:1")
    metas.retain({"b"})
    assert metas.due(10) == ["b"]
    metas.add("b", AppMeta(IdentityLabels("x", "x", "")))
    assert metas.next_due() is None


def test_the_record_used_longest_ago_goes_first():
    """A bounded number of them is kept."""
    metas = metas_of(Time(), max_cached=2)
    for app_id in "ab":
        metas.add(app_id, AppMeta(IdentityLabels(app_id, "", "")))
    assert metas.get("a") == AppMeta(IdentityLabels("a", "", ""))
    metas.add("c", AppMeta(IdentityLabels("c", "", "")))
    assert metas.get("b") is None
    assert metas.get("a") == AppMeta(IdentityLabels("a", "", ""))


def test_a_record_gives_labels_and_what_is_shown_beside():
    """The image without its tag; the tag is the version. No claim fills what is empty."""
    meta = decode(b'{"host":"","job":"j","task":"t","plugin":"r:5000/w/cars:1.2","zone":"core"}')
    assert meta.identity == ("r:5000/w/cars", "t", "j")
    info = meta.complete(ProcessInfo(app_id="a", version="0", host="h", pid=7))
    assert info == ProcessInfo(app_id="a", version="1.2", zone="core", pid=7, resolved=True)
    assert decode(b'{"plugin":"cars"}').identity == ("cars", "cars", "")
    long = decode(b'{"plugin":"%b"}' % (b"x" * 5000)).identity
    assert [len(label) for label in long] == [256, 256, 0]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"plugin":""}',
        b'{"plugin":":1.2"}',
        b'{"plugin":7}',
        b'{"plugin":"x","job":"app_id:y"}',
        b'{"plugin":"\xff"}',
        b'{"plugin":' + b"[" * 100_000,
    ],
)
def test_what_gives_no_labels_is_no_record(text):
    """Refused whole."""
    with pytest.raises(ValueError, match=r".+"):
        decode(text)


IMAGES = {
    "cars": ("cars", ""),
    "cars:1.2": ("cars", "1.2"),
    "registry:5000/cars": ("registry:5000/cars", ""),
    "registry:5000/W/Cars:V1": ("registry:5000/W/Cars", "V1"),
    "r/good@sha256:abcd": ("r/good", "sha256:abcd"),
    "r:5000/good:1@sha256:abcd": ("r:5000/good", "1"),
    "cars:": ("cars", ""),
    "cars@": ("cars", ""),
}


@pytest.mark.parametrize("image", IMAGES)
def test_records_of_processes_in_the_state_file_are_known_again(image):
    """As far as they came from the stack; what a process said of itself is no record."""
    metas = metas_of(Time())
    text = {"plugin": image, "task": "north", "host": "h", "zone": "core"}
    record = decode(json.dumps(text).encode())
    assert (record.identity.plugin, record.version) == IMAGES[image]
    claimed = ProcessInfo(app_id="a", version="evil", host="evil", zone="evil")
    metas.learn(record.identity, record.complete(claimed))
    metas.learn(record.identity, ProcessInfo(app_id="b", version="1.2"))
    assert metas.get("a") == record
    assert metas.get("b") is None
