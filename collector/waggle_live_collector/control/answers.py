"""The JSON objects of knobs, leases and holders for the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .control import Control
from .knob import Knob
from .leases import Holder, KnobKey


def head(control: Control) -> dict[str, Any]:
    """Return the fields before the knobs: the time and the holders."""
    clock = control.clock
    clock.refresh()
    now = clock.monotonic()
    return {
        "now": clock.unix(now),
        "control": "on" if control.is_on else "off",
        "holders": [_holder(each, now) for each in control.leases.holders.values()],
    }


def knobs(control: Control) -> Iterator[dict[str, Any]]:
    """Yield the object of each knob of the shown plugins."""
    now = control.clock.monotonic()
    for knob in control.knobs():
        yield _knob(control, knob, now)


def quarantined(control: Control) -> list[dict[str, Any]]:
    """Return the quarantined values, including those of plugins that have left."""
    return [
        {**_names(key), "value": value}
        for key, setting in control.settings.items()
        for value in setting.quarantined
    ]


def _holder(holder: Holder, now: float) -> dict[str, Any]:
    return {
        "holder": holder.name,
        "priority": holder.priority,
        "seconds_left": round(max(holder.until - now, 0.0), 3),
        "entries": [{**_names(key), "value": lease.value} for key, lease in holder.leases.items()],
    }


def _knob(control: Control, knob: Knob, now: float) -> dict[str, Any]:
    newest, setting, in_force = knob.newest, knob.setting, knob.in_force
    declaration = newest.declaration.fields()
    told = {**_names(knob.key), **declaration, "value": newest.value}
    values = list(dict.fromkeys(each.value for each in knob.told))
    if len(values) > 1:
        told["values"] = values
    return {
        **told,
        "source": newest.source,
        "holder": in_force and in_force.holder,
        "since": control.clock.unix(setting.since) if setting and setting.since else None,
        "seconds_left": in_force and round(max(in_force.until - now, 0.0), 3),
        "processes": knob.processes(),
        "quarantined": [] if setting is None else setting.quarantined,
        "error": next((each.error for each in reversed(knob.told) if each.error), ""),
    }


def _names(key: KnobKey) -> dict[str, Any]:
    return {**key.identity._asdict(), "name": key.name}
