"""Writes the knobs of a plugin as text, and finds the value next to another."""

from typing import Any, List, Optional, Sequence, Tuple

from rich.cells import cell_len

from .. import KnobReading
from .figures import NOTHING, age, clean, fixed, number
from .letters import CUT, cut

#: The knob of the profiler, in samples per second. Each plugin that can be controlled has it.
PROFILE = "__profile"
#: The least cells of a holder's name.
LEAST = 8
#: Steps of the keys + and - between the bounds of a knob.
STEPS = 10


def shown(knobs: Sequence[KnobReading], *, all_of_them: bool) -> List[KnobReading]:
    """Return the knobs to show. That of the profiler only while it runs, or if ``all_of_them``."""
    return [each for each in knobs if all_of_them or each.name != PROFILE or each.value]


def arranged(knobs: Sequence[KnobReading], part: str) -> List[KnobReading]:
    """Return the knobs with ``part`` in their names, in the author's order, the profiler last."""
    fit = [each for each in knobs if part in title(each).lower()]
    return sorted(fit, key=lambda knob: knob.name == PROFILE)


def title(knob: KnobReading) -> str:
    """Return the name to show."""
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


def choices(knob: KnobReading, room: Optional[int] = None) -> str:
    """Write the allowed values, the present one in brackets; as many as fit ``room`` cells."""
    if knob.choices is None and knob.type != "bool":
        text = "%s … %s" % (value(knob, knob.low), value(knob, knob.high))
        fits = room is None or len(text) <= room
        return text if fits and knob.low is not None else ""
    allowed = [False, True] if knob.choices is None else knob.choices
    texts = [value(knob, each) for each in allowed]
    own = value(knob, knob.value)
    at = texts.index(own) if own in texts else 0
    texts = ["[%s]" % text if text == own else text for text in texts]
    whole = " ".join(texts)
    if room is None or cell_len(whole) <= room:
        return whole
    # The present choice, and as many beside it as fit.
    first, last, shown = at, at + 1, _between(texts, at, at + 1)
    if cell_len(shown) > room:
        return cut(texts[at], room)
    while True:
        wider = [(first - 1, last), (first, last + 1)]
        for low, high in wider:
            inside = low >= 0 and high <= len(texts)
            text = _between(texts, low, high) if inside else ""
            if inside and cell_len(text) <= room:
                first, last, shown = low, high, text
                break
        else:
            return shown


def _between(texts: Sequence[str], first: int, last: int) -> str:
    before, behind = [CUT] * (first > 0), [CUT] * (last < len(texts))
    return " ".join([*before, *texts[first:last], *behind])


def holder(knob: KnobReading, now: float, room: Optional[int] = None) -> Tuple[str, str]:
    """Return who decides on the value at ``now`` (Unix time) as text, and its style.

    To fit ``room`` cells, the name is cut first, then whole parts at the end are left out.
    """
    name, said, style = "", [], "cyan"
    if knob.holder:
        name, words = clean(knob.holder), "held by "
        if knob.since is not None:
            said.append(" for " + age(max(now - knob.since, 0.0)))
        if knob.seconds_left is not None:
            said.append(", %s s left" % fixed(knob.seconds_left))
    else:
        known = {"pinned": "pinned by the operator", "set": "until its lease ends"}
        words, style = known.get(knob.source, "default"), "" if knob.source == "pinned" else "dim"
    for what in ("pending", "refused"):
        if knob.processes.get(what):
            said.append(", %d %s" % (knob.processes[what], what))
            style = "yellow"
    if knob.error:
        said.append(": " + clean(knob.error))
        style = "yellow"
    if knob.quarantined:
        said.append("; %s quarantined" % ", ".join(value(knob, each) for each in knob.quarantined))
        style = "yellow"
    if room is None:
        return words + name + "".join(said), style
    least = min(cell_len(name), LEAST)
    while said and cell_len(words + "".join(said)) + least > room:
        said.pop()
    left = max(room - cell_len(words + "".join(said)), least)
    return words + cut(name, left) + "".join(said), style


def beside(knob: KnobReading, step: int) -> Any:
    """Return the value ``step`` (1 or -1) from the present one; None if there is none."""
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
