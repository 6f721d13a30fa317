"""``live.knob``: declared by the author, told to the collector, pinned by the operator."""

import copy
import pickle
import threading

import pytest

from waggle_live.control.knob import Knob
from waggle_live.instruments.pace import declare_limit
from waggle_live.live import LiveMetrics
from waggle_live.wire.errors import InvalidMetric, InvalidType

from ..helpers import in_threads, until
from .setting import give, lease, told, wait_told


def test_a_knob_is_its_default(live):
    """Without a collector nobody sets it, and reading it needs nothing."""
    size = live.knob("resolution", default=1080, choices=[360, 720, 1080])
    assert (size.value, size.name) == (1080, "resolution")
    assert isinstance(size, Knob)
    assert repr(size) == "Knob('resolution', value=1080, source='default')"
    with pytest.raises(AttributeError):
        size.value = 3


def test_the_same_declaration_is_the_same_knob(live):
    """Another one of its name is an error at the call, and names both."""
    size = live.knob("resolution", 1080, choices=[360, 720, 1080])
    assert live.knob("resolution", default=1080, choices=(360, 720, 1080)) is size
    with pytest.raises(InvalidMetric, match=r"'resolution' is declared already, .*1080.*: .*720"):
        live.knob("resolution", 720, choices=[360, 720, 1080])
    with pytest.raises(InvalidMetric, match="'resolution' is declared already"):
        live.knob("resolution", 1080.0, choices=[360, 720, 1080])


def test_a_bad_declaration_raises_at_the_call(live):
    """And declares nothing."""
    with pytest.raises(InvalidMetric, match="got 5"):
        live.knob("a", 5, low=1, high=4)
    with pytest.raises(InvalidType, match="got NoneType"):
        live.knob("a", None)
    assert live.knob("a", 2, low=1, high=4).value == 2


def test_a_knob_too_many(live):
    """The 33rd is an error; those that are there can still be had."""
    for number in range(32):
        live.knob("k%d" % number, number)
    with pytest.raises(InvalidMetric, match="at most 32 knobs"):
        live.knob("more", 1)
    assert live.knob("k3", 3).value == 3


def test_one_too_many_with_that_of_run(live):
    """The author's go first: a collector takes no more of a process."""
    knobs = live._knobs
    assert knobs.automatic(declare_limit("camera.stream", 1, 2)) is not None
    for number in range(32):
        live.knob("k%d" % number, number)
    assert [entry["name"] for entry in knobs.entries()][1:] == ["k%d" % n for n in range(32)]
    assert knobs.automatic(declare_limit("camera.stream", 1, 2)) is None


def test_a_knob_and_a_metric_of_one_name(live):
    """They are no series, and may be called like one."""
    live.counter("events").inc()
    assert live.knob("events", True).value is True


def test_of_many_threads_one_makes_it(live):
    """All get the same knob."""
    found = []
    in_threads(8, lambda: found.append(live.knob("a", 1)))
    assert len({id(each) for each in found}) == 1


def test_copies_and_pickles_are_the_same_knob(live):
    """By name and declaration, as other instruments."""
    knob = live.knob("a", 1, low=0, high=3, settle=2)
    assert copy.copy(knob) is knob
    assert copy.deepcopy({"k": knob})["k"] is knob
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(knob, protocol)) is knob


def test_a_knob_begins_the_session(connect, listener):
    """It is told with all of its declaration, and with the reserved one."""
    live = connect()
    live.knob("model", "s", choices=["n", "s"], cost=[1, 2.6], settle=5)
    entry = wait_told(listener, "model")
    assert entry == {
        "name": "model",
        "type": "str",
        "default": "s",
        "choices": ["n", "s"],
        "cost": [1.0, 2.6],
        "settle": 5.0,
        "value": "s",
        "source": "default",
        "revision": 0,
    }
    assert told(listener)["__profile"]["high"] == 200


def test_without_a_knob_the_reserved_one_is_told_once(connect, listener):
    """After the hello, and no more while nothing is set."""
    live = connect()
    for _ in range(3):
        live.counter("events").inc()
        assert live.flush(5)
    (message,) = listener.messages("knobs")
    assert [entry["name"] for entry in message["knobs"]] == ["__profile"]


def test_knobs_are_told_again_after_a_reconnect(connect, listener):
    """With numbers that rise within the session."""
    live = connect()
    live.knob("a", 1)
    wait_told(listener, "a")
    listener.hang_up()
    until(lambda: len(listener.connections) > 1 and told_on_last(listener))
    numbers = [message["number"] for message in listener.messages("knobs")]
    assert numbers == sorted(set(numbers))
    live.knob("b", 1)
    wait_told(listener, "b")


def told_on_last(listener):
    return [message for message in listener.connections[-1] if message["type"] == "knobs"]


PINS = "resolution=360, threshold = 0.4,model=m,blur=True,scale=2"


def test_pins(connect, listener, monkeypatch):
    """What the operator pins at the start stands, and can't be set."""
    monkeypatch.setenv("WAGGLE_LIVE_KNOBS", PINS)
    live = connect()
    knobs = [
        live.knob("resolution", 1080, choices=[360, 720, 1080]),
        live.knob("threshold", 0.5, low=0.3, high=0.9),
        live.knob("model", "s", choices=["s", "m"]),
        live.knob("blur", False),
        live.knob("scale", 1.0),
        live.knob("free", 1),
    ]
    assert [knob.value for knob in knobs] == [360, 0.4, "m", True, 2.0, 1]
    assert [knobs[0].changed() for _ in range(2)] == [True, False]
    wait_told(listener, "free", source="default")
    assert told(listener)["resolution"]["source"] == "pinned"
    give(listener, lease("resolution", 720), lease("free", 2))
    entry = wait_told(listener, "resolution", revision=1)
    assert (entry["value"], entry["error"]) == (360, "pinned by WAGGLE_LIVE_KNOBS")
    assert (knobs[0].value, knobs[-1].value) == (360, 2)


@pytest.mark.parametrize(
    "pins, said",
    [
        ("resolution=480", "one of 360, 720, 1080, got 480"),
        ("resolution=many", "must be of type int, got 'many'"),
        ("resolution=", "must be of type int, got ''"),
        (" , resolution,", "name=value"),
        ("resolution", "name=value"),
        ("resolution=1\x1b[31m", "x1b"),
        ("threshold=nan", "finite"),
        ("threshold=1e999", "finite"),
        ("blur=perhaps", "true or false"),
        ("model=\udc80", "lone surrogate"),
        ("__profile=50", "WAGGLE_LIVE_PROFILE"),
    ],
)
def test_a_bad_pin_is_one_line_of_log(pins, said, monkeypatch, caplog, request):
    """Never an error in the plugin, whose default stands."""
    monkeypatch.setattr("os.environ", {"WAGGLE_LIVE_KNOBS": pins})
    live = LiveMetrics(address="off", plugin_name=request.node.name)
    for _ in range(2):
        knobs = [
            live.knob("resolution", 1080, choices=[360, 720, 1080]),
            live.knob("threshold", 0.5, low=0.3, high=0.9),
            live.knob("model", "s"),
            live.knob("blur", False),
        ]
    assert [knob.value for knob in knobs] == [1080, 0.5, "s", False]
    (line,) = [record.getMessage() for record in caplog.records]
    assert said in line
    assert "WAGGLE_LIVE_KNOBS" in line
    assert line.isprintable()


def test_no_orders_are_taken(connect, listener, monkeypatch, caplog):
    """With WAGGLE_LIVE_CONTROL=off nothing is told of knobs, and nothing can be set."""
    monkeypatch.setenv("WAGGLE_LIVE_CONTROL", "off")
    live = connect()
    knob = live.knob("a", 1)
    assert live.flush(5)
    give(listener, lease("a", 2))
    live.counter("events").inc()
    assert live.flush(5)
    assert live.flush(5)
    assert knob.value == 1
    assert listener.messages("knobs") == []
    assert not caplog.records


def test_an_unknown_word_for_control_is_off(connect, listener, monkeypatch, caplog):
    """It is said once."""
    monkeypatch.setenv("WAGGLE_LIVE_CONTROL", "no")
    live = connect()
    live.knob("a", 1)
    assert live.flush(5)
    assert listener.messages("knobs") == []
    (record,) = caplog.records
    assert "WAGGLE_LIVE_CONTROL must be on or off, got no" in record.getMessage()


def test_changed_is_told_each_thread_once(connect, listener):
    """At first, and then compared with what that thread saw when it asked last."""
    live = connect()
    knob = live.knob("a", 1)
    assert [knob.changed(), knob.changed()] == [True, False]
    wait_told(listener, "a")
    give(listener, lease("a", 2))
    until(lambda: knob.value == 2)
    seen = []
    for _ in range(2):
        thread = threading.Thread(target=lambda: seen.extend([knob.changed(), knob.changed()]))
        thread.start()
        thread.join()
    assert [knob.changed(), knob.changed()] == [True, False]
    assert seen == [True, False, True, False]
    give(listener)
    until(lambda: knob.value == 1)
    assert [knob.changed(), knob.changed()] == [True, False]
