"""The columns of the view: how wide they are, and how rows, functions and knobs are drawn."""

import time
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from rich.cells import cell_len
from rich.text import Text

from .. import Function, KnobReading
from .desk import Desk
from .figures import NOTHING, age, clean, number, percent, seconds, tenths
from .history import LENGTH, extent, sparkline
from .knobs import choices, holder, title, value
from .letters import cut, fit, right
from .profile import PROFILE_SECONDS, Profile
from .rows import KINDS, MOST, Block, Row


class Column(NamedTuple):
    """A column: title, least width, style, the field that it shows, and how that is written.

    The least width keeps columns in place while numbers change.
    """

    title: str
    width: int
    style: str
    field: str
    write: Callable[[Any], str]

    def text(self, row: Row) -> str:
        """Return the text of a row: a dash if unknown, "" if its kind has no such figure."""
        return "" if self.field in KINDS[row.kind] else self.write(getattr(row, self.field))


#: The columns of a row after its name, from left to right.
COLUMNS = (
    Column("kind", 7, "dim", "kind", str),
    Column("count", 5, "dim", "count", number),
    Column("per s", 5, "green", "rate", tenths),
    Column("mean", 7, "bold", "mean", seconds),
    Column("p95", 7, "", "p95", seconds),
    Column("last", 7, "", "last", str),
    Column("busy", 6, "", "busy", percent),
    Column("frame", 6, "", "frame", percent),
    Column("failed", 6, "yellow", "failures", number),
    Column("age", 6, "dim", "age", age),
)
#: The order in which columns get room, including the curve (trend) and its range.
WORTH = [
    "per s",
    "mean",
    "last",
    "p95",
    "age",
    "count",
    "trend",
    "failed",
    "busy",
    "kind",
    "frame",
    "range",
]
#: Columns that are left out if all their figures are unknown or 0.
IF_ANY = ("busy", "frame", "failed")
#: The columns of a function after its name. Those with only unknown figures are left out.
FUNCTION_COLUMNS = (
    Column("calls", 5, "dim", "calls", number),
    Column("CPU", 7, "", "exclusive_cpu", seconds),
    Column("exclusive", 9, "", "exclusive", seconds),
    Column("inclusive", 9, "", "inclusive", seconds),
    Column("share", 7, "bold", "share", lambda share: tenths(100 * share, " %")),
)
#: The order in which these get room.
FUNCTION_WORTH = ["share", "exclusive", "CPU", "inclusive", "calls"]
GAP = "  "
#: Cells of a name: the least, the least beside more columns than ``FIRST``, and the most.
NARROW, NAME, LONGEST = 8, 20, 60
FIRST = WORTH[:3]
#: The least cells of a curve, and the cells of its range.
TREND, RANGE = 8, 19
#: The least and the most cells of a knob's choices.
CHOICES = (11, 30)
#: The least cells for who decides on a knob. With fewer, its choices are left out.
DECIDED = 12
#: Seconds without an update after which a row is dim.
STALE = 10.0


class Layout:
    """The widths of all columns for some blocks, and how their lines are drawn.

    ``width`` is that of the terminal, or None for no limit. With ``trend`` there are curves.
    """

    def __init__(self, blocks: Sequence[Block], width: Optional[int], trend: bool) -> None:
        self._room = None if width is None else max(width - 1, 0)
        rows = [row for block in blocks for row in block.rows]
        functions = [each for block in blocks for some in block.functions.values() for each in some]
        widths: Dict[str, int] = {}
        for each in COLUMNS:
            if each.title not in IF_ANY or any(getattr(row, each.field) for row in rows):
                texts = (len(each.text(row)) for row in rows)
                widths[each.title] = max([each.width, len(each.title), *texts])
        widths["count"] = max([widths["count"], *(len(number(f.calls)) for f in functions)])
        if trend:
            widths.update(trend=TREND, range=RANGE)
        self._widths = _fitting(widths, WORTH, self._room)
        longest = max([NAME, *(cell_len(clean(row.name)) for row in rows)])
        longest_function = max([0, *(cell_len(_named(each)) for each in functions)])
        self._name = longest
        if self._room is not None:
            left = self._room - _with_gaps(self._widths.values())
            # Long names and the curve share the rest.
            wanted = max(NAME, left // 2) if "trend" in self._widths else left
            self._name = max(min(longest, wanted, left), 1)
            if "trend" in self._widths:
                self._widths["trend"] = min(TREND + left - self._name, LENGTH)
        #: The width of a name in lines without a kind.
        self._plain = self._name + _with_gaps(self._some("kind"))
        #: Lines of functions have no curve. On a terminal their names may take its room.
        self._function_widths = {
            each.title: max(each.width, widths["count"] if each.field == "calls" else 0)
            for each in FUNCTION_COLUMNS
        }
        kept = _fitting(self._function_widths, FUNCTION_WORTH, self._room)
        self._function_widths = kept
        self._function = max(self._plain, min(longest_function, LONGEST))
        if self._room is not None:
            left = self._room - _with_gaps(kept.values())
            self._function = max(min(max(self._plain, longest_function), left), 1)

    def _some(self, *titles: str) -> List[int]:
        """Return the widths of these columns, without those that are left out."""
        return [self._widths[each] for each in titles if each in self._widths]

    def header(self) -> Text:
        """Draw the titles."""
        cells = [(fit("instrument", self._name), "dim")]
        for column in COLUMNS:
            if column.title in self._widths:
                title = fit if column.field == "kind" else right
                cells.append((title(column.title, self._widths[column.title]), "dim"))
        for each in ("trend", "range"):
            cells += [(right(each, width), "dim") for width in self._some(each)]
        return _line(cells)

    def row(self, row: Row) -> Text:
        """Draw one series."""
        stale = row.age is None or row.age > STALE
        cells = [(fit(clean(row.name), self._name), "dim" if stale else "")]
        for column in COLUMNS:
            if column.title in self._widths:
                text = column.text(row)
                style = "dim" if stale or text in (NOTHING, "0") else column.style
                put = fit if column.field == "kind" else right
                cells.append((put(text, self._widths[column.title]), style))
        for width in self._some("trend"):
            cells.append((sparkline(row.trend, width), "cyan"))
            shown = extent(row.trend, width)
            for room in self._some("range"):
                low, high = [row.write(each) for each in shown or ()] or ("", "")
                text = low if low == high else "%s … %s" % (low, high)
                cells.append((right(text if len(text) <= room else "", room), "dim"))
        return _line(cells)

    def functions(self, functions: Sequence[Function]) -> List[Text]:
        """Draw functions of one profiler, with their own titles."""
        name, first = self._function, functions[0]
        columns = [
            (each, self._function_widths[each.title])
            for each in FUNCTION_COLUMNS
            if each.title in self._function_widths
            and any(getattr(function, each.field) is not None for function in functions)
        ]
        titles = [fit("function (%s)" % clean(first.profiler), name)]
        for column, width in columns:
            of_wall = column.field == "share" and first.share_of == "wall"
            titles.append(("of wall" if of_wall else column.title).rjust(width))
        drawn = [_line((title, "dim") for title in titles)]
        for function in functions:
            cells = [(fit(_named(function), name), "")]
            for column, width in columns:
                value = getattr(function, column.field)
                text = NOTHING if value is None else column.write(value)
                cells.append((text.rjust(width), column.style))
            drawn.append(_line(cells))
        return drawn

    def knobs(self, knobs: Sequence[KnobReading], desk: Desk, url: str) -> List[Text]:
        """Draw the knobs of a plugin: value, choices, who decides; the chosen one in reverse."""
        if not knobs:
            return []
        name, now = self._plain, desk.now(url)
        values = [value(knob, knob.value) for knob in knobs]
        numbers = [len(text) for knob, text in zip(knobs, values) if knob.type != "str"]
        number = max([_with_gaps(self._some("count", "per s")) - len(GAP), *numbers])
        allowed = min(max(len("choices"), *(len(choices(each)) for each in knobs)), CHOICES[1])
        words: Optional[int] = None
        if self._room is not None:
            wanted = max(cell_len(holder(knob, now)[0]) for knob in knobs)
            if name + number + allowed + wanted + 3 * len(GAP) > self._room:
                # Give up aligning values with the numbers of rows: who decides matters more.
                name = min(name, max(cell_len(title(knob)) for knob in knobs), NAME)
                number = max([len("value"), *numbers])
            left = self._room - name - number - 3 * len(GAP)
            allowed = min(allowed, max(left - wanted, CHOICES[0]))
            if left - allowed < DECIDED:
                allowed = 0
            words = left - allowed if allowed else left + len(GAP)
        rows = [("knob", "value", "choices", ("decided by", "dim"), "dim")]
        for knob, text in zip(knobs, values):
            style = "reverse" if desk.is_chosen(url, knob) else ""
            rows.append(
                (title(knob), text, choices(knob, allowed), holder(knob, now, words), style)
            )
        return [
            _line(
                [
                    (fit(called, name), style),
                    (right(cut(text, number), number), style or "bold"),
                    *([(fit(may_be, allowed), style)] if allowed else []),
                    decided,
                ]
            )
            for called, text, may_be, decided, style in rows
        ]

    def profile(self, profile: Optional[Profile]) -> List[Text]:
        """Draw a profile: its progress, then the functions that took most time."""
        if profile is None:
            return []
        if not profile.is_over:
            passed = min(time.monotonic() - profile.began, PROFILE_SECONDS)
            return [Text("profiling for %d s: %.0f s" % (PROFILE_SECONDS, passed), "yellow")]
        drawn = [
            _line([("profile of %d s" % PROFILE_SECONDS, "dim"), (clean(profile.text), "dim")])
        ]
        for function, share in profile.leaves(MOST):
            name = fit(clean(function), self._plain)
            drawn.append(_line([(name, ""), ("%.1f %%" % (100 * share), "bold")]))
        return drawn


def _fitting(widths: Dict[str, int], worth: Sequence[str], room: Optional[int]) -> Dict[str, int]:
    """Return the columns that fit beside a name, taken in the order of ``worth``."""
    kept: Dict[str, int] = {}
    for each in worth:
        if each in widths:
            name = NARROW if each in FIRST or not kept else NAME
            if room is None or name + _with_gaps([*kept.values(), widths[each]]) <= room:
                kept[each] = widths[each]
    return kept


def _with_gaps(widths: Iterable[int]) -> int:
    """Return the cells of some columns, each with the gap before it."""
    return sum(len(GAP) + width for width in widths)


def _line(cells: Iterable[Tuple[str, str]]) -> Text:
    """Return a line of some texts with their styles."""
    # Several times faster than Text.join.
    line = Text.assemble(*(part for cell in cells for part in (cell, GAP)), no_wrap=True)
    line.rstrip()
    return line


def _named(function: Function) -> str:
    return clean(function.name) + (" (throttled)" if function.throttled else "")
