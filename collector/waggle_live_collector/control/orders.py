"""Orders of holders. Each states all that a holder wants, and has an answer for each entry.

No call blocks.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any

from msgspec import Meta, Struct

from waggle_live.wire.errors import LiveMetricsError
from waggle_live.wire.knobs import MAX_LEASE, Value

from ..identity.labels import IdentityLabels
from ..messages import Text
from .control import Control
from .knob import Knob
from .leases import DEFAULT_MAX_HOLDERS, DEFAULT_MAX_LEASES, MAX_PRIORITY, Holder, KnobKey

#: The shortest, default and longest lease in seconds.
MIN_TTL, DEFAULT_TTL, MAX_TTL = 2.0, 10.0, MAX_LEASE

#: The statuses of entries in answers.
STATUSES = (APPLIED, PENDING, UNCHANGED, REFUSED, HELD_BY, PINNED, QUARANTINED) = (
    *("applied", "pending", "unchanged", "refused"),
    *("held_by", "pinned", "quarantined"),
)
NOBODY = {"applied": 0, "refused": 0, "pending": 0}


class Which(Struct):
    """Names a knob of a plugin. ``plugin_task`` is ``plugin`` by default."""

    plugin: Text
    name: Text
    plugin_task: Text | None = None
    plugin_job: Text = ""

    @property
    def key(self) -> KnobKey:
        """Return the key of the knob."""
        identity = IdentityLabels(self.plugin, self.plugin_task or self.plugin, self.plugin_job)
        return KnobKey(identity, self.name)


class Entry(Which, kw_only=True):
    """A knob, and the value that a holder wants."""

    value: Any


class Will(Struct):
    """All that a holder wants. Its leases of knobs that are left out end."""

    set: list[Entry]
    ttl: Annotated[float, Meta(ge=MIN_TTL, le=MAX_TTL)] = DEFAULT_TTL
    priority: Annotated[int, Meta(ge=0, le=MAX_PRIORITY)] = 0


class OrderError(Exception):
    """An order is refused as a whole. ``outcome``: its label in metrics; ``status``: of HTTP."""

    def __init__(self, outcome: str, status: int, text: str) -> None:
        super().__init__(text)
        self.outcome = outcome
        self.status = status


class _RefusedError(Exception):
    """An entry is refused, with a status and the rule."""

    def __init__(self, status: str, rule: str) -> None:
        super().__init__(rule)
        self.status = status


class Orders:
    """Takes orders. Belongs to the event loop."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def put(
        self, name: str, will: Will, etags: Collection[str]
    ) -> tuple[Holder, list[dict[str, Any]]]:
        """Hold all that ``will`` says for its holder, and nothing else. Returns the holder and the
        answers.

        One of ``etags`` must be the holder's; a new holder gives none. Raises OrderError, and
        changes nothing, if a copy of the holder exists, it has ended, or there is no room for one
        more.
        """
        control = self._control
        now, leases = control.clock.monotonic(), control.leases
        holder = self._holder(name, etags, now)
        holder.priority, holder.until = will.priority, now + will.ttl
        keys = [entry.key for entry in will.set]
        dropped = holder.leases.keys() - set(keys)
        for key in dropped:
            leases.drop(holder, key)
        control.hold_leases(-len(dropped))
        knobs = {key: control.knob(key) for key in keys}
        wanted: dict[KnobKey, Value] = {}
        #: By number of their entry.
        refused: dict[int, _RefusedError] = {}
        first: dict[KnobKey, int] = {}
        for number, (key, entry) in enumerate(zip(keys, will.set, strict=True)):
            try:
                if first.setdefault(key, number) != number:
                    raise _RefusedError(REFUSED, "the knob stands twice in this request")
                wanted[key] = _allowed(knobs[key], entry.value)
            except _RefusedError as error:
                refused[number] = error
        new = [key for key in wanted if key not in holder.leases]
        room = max(min(DEFAULT_MAX_LEASES - leases.count, len(new)), 0)
        if not control.hold_leases(room):
            room = 0
        for key in new[room:]:
            del wanted[key]
            refused[first[key]] = _RefusedError(REFUSED, "there is no room for one more lease")
        for key, value in wanted.items():
            if key not in control.settings:
                control.make_setting(key)
            leases.want(holder, key, value, now, holder.until)
        # A lease whose renewal was refused may still last longer than this order.
        holder.until = max([holder.until, *[each.until for each in holder.leases.values()]])
        waits = {key: control.settle(key, now) for key in [*first, *dropped]}
        control.send({key.identity for key in waits}, now)
        return holder, [
            self._answer(holder, key, knobs[key], waits[key], refused.get(number))
            for number, key in enumerate(keys)
        ]

    def end(self, name: str, etags: Collection[str] = ()) -> bool:
        """Release all leases of a holder. Return False if there is no such holder.

        Raises OrderError if ``etags`` are given and none is its own.
        """
        holder = self._control.leases.holders.get(name)
        if holder is None:
            return False
        if etags and holder.etag not in etags:
            raise _conflict(f"{name} has another ETag now: another copy of it runs; stop one")
        self._end(holder, self._control.clock.monotonic())
        return True

    def clear(self, key: KnobKey, values: Collection[Value] | None) -> bool:
        """Remove values of a knob (None: all) from quarantine. Return False if none was in it."""
        control = self._control
        setting = control.settings.get(key)
        if setting is None or not setting.clear(values):
            return False
        now = control.clock.monotonic()
        control.settle(key, now)
        control.send([key.identity], now)
        control.changed()
        return True

    def _holder(self, name: str, etags: Collection[str], now: float) -> Holder:
        """Return the holder; a new one if there are no ``etags``. Raises as :meth:`put` does."""
        control = self._control
        holder = control.leases.holders.get(name)
        if holder is not None and now >= holder.until:
            self._end(holder, now)
            holder = None
        if not etags:
            if holder is not None:
                raise _conflict(f"{name} holds leases already: its ETag is missing")
            if len(control.leases.holders) >= DEFAULT_MAX_HOLDERS:
                raise OrderError("budget", 503, f"there are {DEFAULT_MAX_HOLDERS} holders already")
            holder = control.leases.begin(name, now)
            control.changed()
        elif holder is None:
            raise _conflict(f"{name} holds nothing: it has ended; begin with If-None-Match: *")
        elif holder.etag not in etags:
            raise _conflict(f"{name} has another ETag now: another copy of it runs; stop one")
        return holder

    def _end(self, holder: Holder, now: float) -> None:
        control = self._control
        keys = control.leases.end(holder)
        control.hold_leases(-len(keys))
        for key in keys:
            control.settle(key, now)
        control.send({key.identity for key in keys}, now)
        control.changed()

    def _answer(
        self,
        holder: Holder,
        key: KnobKey,
        knob: Knob | None,
        waits: str,
        refused: _RefusedError | None,
    ) -> dict[str, Any]:
        plugin, task, job = key.identity
        answer: dict[str, Any] = {"plugin": plugin, "plugin_task": task, "plugin_job": job}
        answer |= {"name": key.name, "status": REFUSED, "processes": NOBODY}
        if knob is not None:
            knob = knob._replace(setting=self._control.settings.get(key))
            answer["processes"] = knob.processes()
        if refused is not None:
            return {**answer, "status": refused.status, "rule": str(refused)}
        best = self._control.leases.best(key)
        if best is None or knob is None:  # it has ended meanwhile
            return answer
        if best[0] is not holder:
            return {**answer, "status": HELD_BY, "holder": best[0].name}
        if waits:
            return {**answer, "status": PENDING, "rule": waits}
        counts, lease = answer["processes"], best[1]
        if counts["pending"]:
            answer["status"] = PENDING
        elif counts["applied"]:
            answer["status"] = UNCHANGED if lease.is_known else APPLIED
            lease.is_known = True
        else:
            answer["rule"] = next((told.error for told in knob.told if told.error), "")
        return answer


def _conflict(text: str) -> OrderError:
    return OrderError("conflict", 412, text)


def _allowed(knob: Knob | None, value: Any) -> Value:
    """Return the wanted value of a knob if it is allowed; raises _RefusedError."""
    if knob is None:
        raise _RefusedError(REFUSED, "no connected process of that plugin has such a knob")
    if all(told.is_pinned for told in knob.told):
        text = f"the operator pinned it to {knob.newest.value!r} when the plugin was started"
        raise _RefusedError(PINNED, text)
    checked = _checked(knob, value)
    if knob.setting is not None and checked in knob.setting.quarantined:
        text = "the plugin ended twice after this value; DELETE /api/v1/quarantine clears it"
        raise _RefusedError(QUARANTINED, text)
    return checked


def _checked(knob: Knob, value: Any) -> Value:
    """Return a value in the knob's type; raises _RefusedError if no process allows it."""
    rule = ""
    for told in reversed(knob.told):
        if not told.is_pinned:
            try:
                return told.declaration.check(value)
            except LiveMetricsError as error:
                rule = rule or str(error)
    raise _RefusedError(REFUSED, rule)
