"""Reads the collector's JSON (docs/metrics.md): fields that it doesn't know are let go, and a field
of the wrong type is an error, for a guess would be a wrong number."""

import json
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from .functions import Function, Tau
from .instruments import Counter, Gauge, Instruments, Rate, Timer
from .plugins import Identity, Plugin, Plugins, is_heard
from .snapshot import NodeIdentity


class Answer(NamedTuple):
    """What the JSON says."""

    node: NodeIdentity
    plugins: Plugins


def read(body: bytes) -> Answer:
    """Return what the collector said; raises ValueError for what is none of its answers."""
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
    """An object of the JSON whose fields are taken with their types."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise ValueError("%s is no object" % where)
        self._value: Dict[str, Any] = value
        self._where = where

    def get(self, name: str) -> Any:
        return self._value.get(name)

    def _wrong(self, name: str) -> ValueError:
        return ValueError("%s has no %s as it should be" % (self._where, name))

    def text(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._wrong(name)
        return value

    def flag(self, name: str) -> bool:
        value = self.get(name)
        if not isinstance(value, bool):
            raise self._wrong(name)
        return value

    def number(self, name: str) -> Optional[float]:
        """Return a number; None where it is null or missing."""
        value = self.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._wrong(name)
        return value

    def whole(self, name: str) -> int:
        value = self.get(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(name)
        return value

    def objects(self, name: str) -> List["_Fields"]:
        value = self.get(name)
        if not isinstance(value, list):
            raise self._wrong(name)
        return [_Fields(each, name) for each in value]

    def objects_if_any(self, name: str) -> List["_Fields"]:
        """Return them; none where older collectors say nothing of them."""
        return [] if self.get(name) is None else self.objects(name)

    def texts(self, name: str) -> Mapping[str, str]:
        fields = _Fields(self.get(name), name)
        return {key: fields.text(key) for key in fields._value}

    def counts(self, name: str) -> Mapping[str, int]:
        fields = _Fields(self.get(name) or {}, name)
        return {key: fields.whole(key) for key in fields._value}


def _plugin(fields: _Fields) -> Plugin:
    up, silent = fields.flag("up"), fields.number("silent")
    return Plugin(
        identity=Identity(*map(fields.text, ("plugin", "plugin_task", "plugin_job"))),
        up=up,
        silent=silent,
        timers=Instruments("timer", map(_timer, fields.objects("timers"))),
        rates=Instruments("rate", map(_rate_reader(is_heard(up, silent)), fields.objects("rates"))),
        gauges=Instruments("gauge", map(_gauge, fields.objects("gauges"))),
        counters=Instruments("counter", map(_counter, fields.objects("counters"))),
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
        functions=tuple(map(_function, fields.objects_if_any("functions"))),
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


def _timer(fields: _Fields) -> Timer:
    return Timer(
        *_head(fields),
        fields.whole("count"),
        fields.number("sum") or 0.0,
        fields.whole("failures"),
        *map(fields.number, ("last", "mean", "p50", "p95", "p99")),
    )


def _rate_reader(heard: bool) -> Callable[[_Fields], Rate]:
    def rate(fields: _Fields) -> Rate:
        per_second = fields.number("per_second") if heard else None
        return Rate(*_head(fields), fields.whole("total"), per_second, fields.number("last"))

    return rate


def _gauge(fields: _Fields) -> Gauge:
    return Gauge(*_head(fields), fields.number("value"))


def _counter(fields: _Fields) -> Counter:
    return Counter(*_head(fields), fields.number("total"))
