"""The knobs of a plugin: how they are drawn, and which value stands beside another."""

from typing import Any, List, Optional, Sequence, Tuple

from .. import KnobReading
from .figures import NOTHING, age, clean, number

#: The knob that each plugin has which may be controlled: samples of its stacks a second.
PROFILE = "__profile"
#: Steps from one bound of a knob to the other.
STEPS = 10


def shown(knobs: Sequence[KnobReading], *, all_of_them: bool) -> List[KnobReading]:
    """Return the knobs to show: the profiler's only while it runs, or if somebody may set it."""
    return [each for each in knobs if all_of_them or each.name != PROFILE or each.value]


def arranged(knobs: Sequence[KnobReading], part: str) -> List[KnobReading]:
    """Return those with a part in their names, in the order of their author, the profiler last."""
    fit = [each for each in knobs if part in title(each).lower()]
    return sorted(fit, key=lambda knob: knob.name == PROFILE)


def title(knob: KnobReading) -> str:
    """Return how a knob is called."""
    return "profiler" if knob.name == PROFILE else clean(knob.name)


def value(knob: KnobReading, of: Any) -> str:
    """Write a value of a knob."""
    if of is None:
        return NOTHING
    if knob.name == PROFILE:
        return "%s Hz" % number(of) if of else "off"
    if isinstance(of, bool):
        return str(of).lower()
    return clean(of) if isinstance(of, str) else number(of)


def choices(knob: KnobReading) -> str:
    """Write what it may be, with its value in brackets."""
    if knob.choices is None and knob.type != "bool":
        return (
            "" if knob.low is None else "%s … %s" % (value(knob, knob.low), value(knob, knob.high))
        )
    allowed = [False, True] if knob.choices is None else knob.choices
    texts = [value(knob, each) for each in allowed]
    return " ".join("[%s]" % text if text == value(knob, knob.value) else text for text in texts)


def holder(knob: KnobReading, now: float) -> Tuple[str, str]:
    """Write who decides on its value at ``now`` (Unix time), and return the style for that."""
    if knob.holder:
        words = "held by " + clean(knob.holder)
        if knob.since is not None:
            words += " for " + age(max(now - knob.since, 0.0))
        if knob.seconds_left is not None:
            words += ", %.0f s left" % knob.seconds_left
        style = "cyan"
    else:
        said = {"pinned": "pinned by the operator", "set": "until its lease ends"}
        words, style = said.get(knob.source, "default"), "" if knob.source == "pinned" else "dim"
    for what in ("pending", "refused"):
        if knob.processes.get(what):
            words, style = "%s, %d %s" % (words, knob.processes[what], what), "yellow"
    if knob.error:
        words, style = "%s: %s" % (words, clean(knob.error)), "yellow"
    if knob.quarantined:
        bad = ", ".join(value(knob, each) for each in knob.quarantined)
        words, style = "%s; %s quarantined" % (words, bad), "yellow"
    return words, style


def beside(knob: KnobReading, step: int) -> Any:
    """Return the value that stands ``step`` (1 or -1) beside the knob's own; None if none does."""
    if knob.choices is not None:
        return _next(knob.choices, knob.value, step)
    if knob.type == "bool":
        return _next([False, True], knob.value, step)
    if knob.low is None or knob.high is None or isinstance(knob.value, str):
        return None
    size = (knob.high - knob.low) / STEPS
    if knob.type == "int":
        size = max(round(size), 1)
    moved = min(max(knob.value + step * size, knob.low), knob.high)
    return None if moved == knob.value else moved


def _next(allowed: Sequence[Any], at: Any, step: int) -> Optional[Any]:
    place = list(allowed).index(at) + step if at in allowed else 0
    return allowed[place] if 0 <= place < len(allowed) else None
