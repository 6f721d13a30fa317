"""docs/reference/api.md has every public name of waggle_live, as it is."""

import inspect
import re

import pytest

import waggle_live
from waggle_live import LiveMetrics, Plugin
from waggle_live.control.knob import Knob
from waggle_live.instruments.counter import Counter
from waggle_live.instruments.gauge import Gauge
from waggle_live.instruments.rate import Rate
from waggle_live.instruments.timer import Span, Timer

from .tables import code, read

PAGE = read("api.md")
#: What an example calls an object of each class.
CLASSES = {
    "live": LiveMetrics,
    "timer": Timer,
    "span": Span,
    "rate": Rate,
    "gauge": Gauge,
    "counter": Counter,
    "knob": Knob,
}
#: Without an underscore, but for others of the package; of a knob those that its owner calls.
OF_THE_PACKAGE = {
    "rate": {"iterator"},
    "knob": {
        *("apply", "count_sleep", "current", "declaration", "entry", "error", "lock", "owner"),
        *("pin", "refuse", "release", "report", "reset", "revision", "slept", "source", "take"),
        "until",
    },
}
#: Calls that are wrong, and the error of each, by what the page describes.
WRONG = {
    "LiveMetrics": {
        'LiveMetrics("my-plugin")': "InvalidType",
        "LiveMetrics(task=3)": "InvalidType",
        'LiveMetrics(address="localhost:9091")': "InvalidAddress",
        "LiveMetrics(interval=0)": "InvalidMetric",
        "LiveMetrics(profile=201)": "InvalidMetric",
    },
    "Plugin": {"Plugin(live=3)": "InvalidType"},
    "live.timer": {
        'live.timer("A")': "InvalidMetric",
        "live.timer(3)": "InvalidType",
        'live.timer("g")': "InvalidMetric",
        'live.timer("t", sync=3)': "InvalidType",
        'live.timer("t", le="x")': "InvalidMetric",
        'live.timer("t", x="x" * 257)': "InvalidMetric",
    },
    "live.rate": {'live.rate("t")': "InvalidMetric", "live.rate(3)": "InvalidType"},
    "live.gauge": {'live.gauge("t")': "InvalidMetric", "live.gauge(3)": "InvalidType"},
    "live.counter": {'live.counter("t")': "InvalidMetric", "live.counter(3)": "InvalidType"},
    "live.knob": {
        'live.knob("k", default=1, choices=[2])': "InvalidMetric",
        'live.knob("k", default=[])': "InvalidType",
    },
    "live.pace": {
        'live.pace("p", 3)': "InvalidType",
        'live.pace("p", [], low=0)': "InvalidMetric",
    },
    "live.declare": {
        'live.declare(a="x")': "InvalidMetric",
        "live.declare(t=RATE)": "InvalidMetric",
    },
    "live.start_timer": {
        'live.start_timer("g")': "InvalidMetric",
        "live.start_timer(3)": "InvalidType",
    },
    "live.stop_timer": {
        'live.stop_timer("A")': "InvalidMetric",
        "live.stop_timer(3)": "InvalidType",
    },
    "live.open": {},
    "live.flush": {'live.flush("soon")': "InvalidType"},
    "live.close": {'live.close("lost")': "InvalidMetric", 'live.close(timeout="x")': "InvalidType"},
    "live.count_message": {"live.count_message(3)": "InvalidType"},
    "live.count_upload": {},
    "timer.start": {},
    "timer.observe": {
        'live.timer("t").observe(-1)': "InvalidMetric",
        'live.timer("t").observe("1")': "InvalidType",
    },
    "span.stop": {},
    "rate.tick": {
        'live.rate("ticked").tick(-1)': "InvalidMetric",
        'live.rate("ticked").tick(0.5)': "InvalidType",
        'live.rate("blocks").tick()': "InvalidMetric",
    },
    "rate.each": {
        'live.rate("ticked").each(3)': "InvalidType",
        'next(live.rate("blocks").each([1]))': "InvalidMetric",
    },
    "rate.each_async": {
        'live.rate("ticked").each_async([])': "InvalidType",
        'run(live.rate("blocks").each_async(stream()).__anext__())': "InvalidMetric",
    },
    "rate.start": {'live.rate("ticked").start()': "InvalidMetric"},
    "rate.observe": {
        'live.rate("ticked").observe(1)': "InvalidMetric",
        'live.rate("blocks").observe(-1)': "InvalidMetric",
        'live.rate("blocks").observe("1")': "InvalidType",
    },
    **{
        "gauge." + name: {
            'live.gauge("g").%s("1")' % name: "InvalidType",
            'live.gauge("g").%s(10**400)' % name: "InvalidMetric",
        }
        for name in ("set", "inc", "dec")
    },
    "gauge.set_function": {'live.gauge("g").set_function(3)': "InvalidType"},
    "counter.inc": {
        'live.counter("c").inc(-1)': "InvalidMetric",
        'live.counter("c").inc(float("inf"))': "InvalidMetric",
        'live.counter("c").inc("1")': "InvalidType",
    },
    **{"knob." + name: {} for name in ("value", "name", "changed")},
}


def sections():
    """Return the text of each part of the page by its heading, the code in it without backticks."""
    parts = re.split(r"^##+ (.+)\n", PAGE, flags=re.MULTILINE)[1:]
    return dict(zip((heading.replace("`", "") for heading in parts[::2]), parts[1::2]))


SECTIONS = sections()
#: Headings of what is called, by what stands before the parenthesis.
CALLS = {heading.partition("(")[0]: heading for heading in SECTIONS if "(" in heading}


@pytest.fixture
def names(monkeypatch, tmp_path):
    """What the calls of ``WRONG`` name."""
    import asyncio

    monkeypatch.setenv("WAGGLE_LIVE_METRICS", "off")
    monkeypatch.setenv("PYWAGGLE_LOG_DIR", str(tmp_path))

    async def stream():
        yield 1

    live = LiveMetrics(plugin_name="of-test-api", task=tmp_path.name)
    live.timer("t")
    live.gauge("g")
    live.rate("ticked").tick()
    live.rate("blocks").observe(1)
    return {**vars_of_package(), "live": live, "run": asyncio.run, "stream": stream}


def vars_of_package():
    """Return the public names of the package."""
    return {name: getattr(waggle_live, name) for name in waggle_live.__all__}


def test_every_public_name_has_a_part():
    """Each of ``__all__``; and what the calls return."""
    headings = {name for heading in SECTIONS for name in re.split(r"[(,]\s*", heading)[:4]}
    assert sorted(set(waggle_live.__all__) - headings) == []
    assert {"Timer", "Span", "Rate", "Gauge", "Counter"} <= headings


@pytest.mark.parametrize("called", CLASSES)
def test_every_public_method_has_a_part(called):
    """And each part is of one that is there."""
    public = {name for name in dir(CLASSES[called]) if not name.startswith("_")}
    described = {
        heading.partition("(")[0].partition(".")[2]
        for heading in SECTIONS
        if heading.startswith(called + ".")
    }
    of_blocks = {"start", "observe"} if called == "rate" else set()
    assert described == public - OF_THE_PACKAGE.get(called, set()) | of_blocks
    assert set(OF_THE_PACKAGE.get(called, ())) <= public | {"until"}


@pytest.mark.parametrize("call", CALLS)
def test_signatures_are_the_programs(call):
    """Names, order, kinds and defaults of the parameters."""
    called, _, name = call.partition(".")
    of_class = {"LiveMetrics": LiveMetrics, "Plugin": Plugin}.get(call)
    function = of_class.__init__ if of_class else getattr(CLASSES[called], name)
    shown = []
    seen_star = False
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind == parameter.KEYWORD_ONLY and not seen_star:
            seen_star = True
            shown.append("*")
        text = str(parameter.replace(annotation=parameter.empty))
        seen_star = seen_star or parameter.kind == parameter.VAR_POSITIONAL
        # A name may also be given as a keyword, so to Python it has a default.
        shown.append("name" if text == "name=None" else text)
    assert CALLS[call] == "%s(%s)" % (call, ", ".join(shown))


@pytest.mark.parametrize("call", WRONG)
def test_errors_are_those_of_the_page(call, names):
    """Each error that is named is raised by some call, and none else."""
    (text,) = [text for heading, text in SECTIONS.items() if heading.partition("(")[0] == call]
    named = re.search(r"\*\*Raises\*\*(.*?)\n\n", text, re.DOTALL).group(1)
    assert bool(WRONG[call]) != named.startswith(" nothing")
    raised = set()
    for wrong, error in WRONG[call].items():
        with pytest.raises(waggle_live.LiveMetricsError) as caught:
            eval(wrong, names)
        assert type(caught.value).__name__ == error, wrong
        raised.add(error)
    assert {each for each in code(named) if each.startswith("Invalid")} == raised


def test_every_call_says_what_it_raises_and_shows_an_example():
    """So does each name; and each class what threads may do and what can be lost."""
    for heading, text in SECTIONS.items():
        if heading == "Rules for every call":
            continue
        assert "```python" in text or heading in ("Span", "Gauge", "Counter", "Knob"), heading
        if "." in heading or "(" in heading:
            assert "**Raises**" in text, heading
            assert heading.partition("(")[0] in WRONG, heading
        if heading in ("Timer", "Span", "Rate", "Gauge", "Counter", "Knob"):
            assert "**Threads.**" in text, heading
            assert "**Lost.**" in text, heading
