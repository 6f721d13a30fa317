"""Reads the JSON of a collector's ``/api/v1/plugins`` (docs/metrics.md).

Unknown fields are ignored. A field of the wrong type is an error: a guess would be a wrong number.
"""

import json
from typing import Any, List, Mapping, NamedTuple, Optional, Tuple

from .functions import Function, Tau
from .plugins import PluginIdentity, PluginReading, Plugins, is_heard
from .readings import CounterReading, GaugeReading, RateReading, Readings, TimerReading
from .snapshot import NodeIdentity


class Answer(NamedTuple):
    """The content of the JSON."""

    node: NodeIdentity
    plugins: Plugins


def read(body: bytes) -> Answer:
    """Return the content of an answer; raises ValueError if it isn't one of a collector."""
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except RecursionError:
        raise ValueError("JSON of too many levels") from None
    whole = _Fields(value, "the answer")
    node = _Fields(whole.get("node") or {}, "node")
    plugins = Plugins(_plugin(fields) for fields in whole.objects("plugins"))
    return Answer(NodeIdentity(node.text("node_id"), node.text("vsn")), plugins)


def _no_number(text: str) -> float:
    raise ValueError("%s is not JSON" % text)


class _Fields:
    """An object of the JSON. Its methods raise ValueError for a field of another type."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise ValueError("%s is no object" % where)
        self._value = value
        self._where = where

    def get(self, name: str) -> Any:
        return self._value.get(name)

    def _typed(self, name: str, *types: type) -> Any:
        value = self._value.get(name)
        if type(value) not in types:  # isinstance would take a bool for an int
            raise ValueError("%s has a %s of the wrong type" % (self._where, name))
        return value

    def text(self, name: str) -> str:
        """Return a text; empty if it is null or missing."""
        return self._typed(name, str, type(None)) or ""

    def flag(self, name: str) -> bool:
        return bool(self._typed(name, bool))

    def number(self, name: str) -> Optional[float]:
        """Return a number; None if it is null or missing."""
        value: Optional[float] = self._typed(name, int, float, type(None))
        return value

    def whole(self, name: str) -> int:
        return int(self._typed(name, int))

    def objects(self, name: str) -> List["_Fields"]:
        return [_Fields(each, name) for each in self._typed(name, list)]

    def texts(self, name: str) -> Mapping[str, str]:
        fields = _Fields(self.get(name), name)
        return {key: fields.text(key) for key in fields._value}

    def counts(self, name: str) -> Mapping[str, int]:
        fields = _Fields(self.get(name) or {}, name)
        return {key: fields.whole(key) for key in fields._value}


def _plugin(fields: _Fields) -> PluginReading:
    up, silent = fields.flag("up"), fields.number("silent")
    heard = is_heard(up, silent)
    # Collectors from before TAU have neither functions nor tau.
    functions = fields.objects("functions") if fields.get("functions") is not None else []
    return PluginReading(
        identity=PluginIdentity(*map(fields.text, ("plugin", "plugin_task", "plugin_job"))),
        up=up,
        silent=silent,
        timers=Readings("timer", map(_timer, fields.objects("timers"))),
        rates=Readings("rate", (_rate(each, heard) for each in fields.objects("rates"))),
        gauges=Readings("gauge", map(_gauge, fields.objects("gauges"))),
        counters=Readings("counter", map(_counter, fields.objects("counters"))),
        sessions=fields.whole("sessions"),
        start=fields.number("start"),
        cpu_seconds=fields.number("cpu_seconds"),
        memory_bytes=fields.number("memory_bytes"),
        exits=fields.counts("exits"),
        messages=fields.counts("messages"),
        problems=fields.counts("problems"),
        uploads=fields.number("uploads"),
        app_id=fields.text("app_id"),
        version=fields.text("version"),
        host=fields.text("host"),
        zone=fields.text("zone"),
        verified=fields.get("verified") is True,
        client=fields.text("client"),
        functions=tuple(map(_function, functions)),
        tau=_tau(fields.get("tau")),
    )


def _function(fields: _Fields) -> Function:
    times = ("exclusive", "inclusive", "exclusive_cpu", "inclusive_cpu")
    return Function(fields.text("name"), fields.whole("calls"), *map(fields.number, times))


def _tau(value: Any) -> Optional[Tau]:
    if value is None:
        return None
    fields = _Fields(value, "tau")
    return Tau(fields.number("last_dump"), fields.whole("dropped"), fields.whole("torn"))


def _head(fields: _Fields) -> Tuple[str, Mapping[str, str], Optional[float]]:
    return fields.text("name"), fields.texts("labels"), fields.number("age")


def _timer(fields: _Fields) -> TimerReading:
    return TimerReading(
        *_head(fields),
        fields.whole("count"),
        fields.number("sum") or 0.0,
        fields.whole("failures"),
        *map(fields.number, ("last", "mean", "p50", "p95", "p99")),
    )


def _rate(fields: _Fields, heard: bool) -> RateReading:
    # Checked in any case, so that an answer is right or wrong whether or not the plugin is heard.
    recent = [fields.number(name) for name in ("per_second", "block_per_second")]
    per_second, block_per_second = recent if heard else (None, None)
    return RateReading(
        *_head(fields), fields.whole("total"), per_second, block_per_second, fields.number("last")
    )


def _gauge(fields: _Fields) -> GaugeReading:
    return GaugeReading(*_head(fields), fields.number("value"))


def _counter(fields: _Fields) -> CounterReading:
    return CounterReading(*_head(fields), fields.number("total"))
