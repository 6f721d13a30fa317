"""The columns of the view: how wide they are, and how rows and functions are drawn in them."""

import time
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from rich.text import Text

from .. import Function, KnobReading
from .desk import Desk
from .figures import NOTHING, age, clean, number, seconds, tenths
from .history import sparkline
from .knobs import choices, holder, title, value
from .profile import PROFILE_SECONDS, Profile
from .rows import KINDS, MOST, Block, Row


class Column(NamedTuple):
    """One column: its title, least width and style, and which field of a row it shows, and how.
    Columns keep their least widths while numbers change; with two spaces between them they fit 80
    columns."""

    title: str
    width: int
    style: str
    field: str
    write: Callable[[Any], str]
    words: bool = False

    def text(self, row: Row) -> str:
        """Return what stands in it: a dash if that isn't known, nothing if the kind has none."""
        return "" if self.field in KINDS[row.kind] else self.write(getattr(row, self.field))


NAME = Column("instrument", 20, "", "name", clean, True)
KIND = Column("kind", 7, "dim", "kind", str, True)
NUMBERS = (
    Column("count", 5, "dim", "count", number),
    Column("per s", 5, "green", "rate", tenths),
    Column("mean", 7, "bold", "mean", seconds),
    Column("p95", 7, "", "p95", seconds),
    Column("last", 7, "", "last", str),
    Column("age", 6, "dim", "age", age),
)
#: The columns of a function beside its name: title, least width, style, field, how it is written.
#: Those of which nothing is known are left out.
FUNCTION_NUMBERS = (
    Column("calls", 5, "dim", "calls", number),
    Column("CPU", 7, "", "exclusive_cpu", seconds),
    Column("exclusive", 9, "", "exclusive", seconds),
    Column("inclusive", 9, "", "inclusive", seconds),
    Column("share", 7, "bold", "share", lambda share: tenths(100 * share, " %")),
)
GAP = "  "
#: Characters of a knob's choices, within these limits: what is left beside who decides.
CHOICES = (14, 30)
#: Characters of a curve: what is left of the line, within these limits.
TREND = (8, 60)
#: Characters of a function's name at most: C++ has very long ones.
FUNCTION = 60
#: From this width of the terminal on there is room for the column of kinds.
WIDE = 96
#: Rows that were not updated for longer than this are drawn faintly.
STALE = 10.0


class Layout:
    """The widths of all columns for some blocks, on a terminal of ``width`` characters, or as wide
    as it takes if that is None. With ``trend`` there is a column of curves."""

    def __init__(self, blocks: Sequence[Block], width: Optional[int], trend: bool) -> None:
        self._width = width
        rows = [row for block in blocks for row in block.rows]
        functions = [each for block in blocks for some in block.functions.values() for each in some]
        self._columns = [NAME, KIND, *NUMBERS]
        if width is not None and width < WIDE:
            self._columns.remove(KIND)
        self._widths: Dict[str, int] = {
            each.title: max([each.width, len(each.title), *(len(each.text(row)) for row in rows)])
            for each in self._columns
        }
        widths = self._widths
        widths["count"] = max([widths["count"], *(len(number(each.calls)) for each in functions)])
        longest = min(max([0, *(len(_named(each)) for each in functions)]), FUNCTION)
        if width is None:
            room = longest - len(GAP) - widths["kind"]
            widths["instrument"] = max(widths["instrument"], room)
        self._curve = self._curve_width(width) if trend else 0
        #: Of a name that stands in no column of kinds.
        self._plain = widths["instrument"] + (len(GAP) + widths["kind"] if "kind" in widths else 0)
        #: Of a function's name: those lines have no curve, and on a terminal it takes the room.
        self._name = self._plain
        if width is not None:
            numbers = sum(len(GAP) + self._function_width(each) for each in FUNCTION_NUMBERS)
            self._name = max(self._name, min(longest, width - 1 - numbers))

    def _curve_width(self, width: Optional[int]) -> int:
        if width is None:
            return TREND[0]
        left = width - 1 - sum(self._widths.values()) - len(GAP) * len(self._widths)
        # A long name gives way to the curve, down to the least width of its column.
        given = max(0, min(TREND[0] - left, self._widths["instrument"] - NAME.width))
        self._widths["instrument"] -= given
        return min(max(left + given, 0), TREND[1])

    def header(self) -> Text:
        """Draw the titles."""
        cells = [(self._cell(each.title, each), "dim") for each in self._columns]
        return _line([*cells, (("trend" if self._curve else "").rjust(self._curve), "dim")])

    def row(self, row: Row) -> Text:
        """Draw one series."""
        stale = row.age is None or row.age > STALE
        cells = []
        for column in self._columns:
            text = column.text(row)
            style = "dim" if stale or text == NOTHING else column.style
            cells.append((self._cell(text, column), style))
        return _line([*cells, (sparkline(row.trend, self._curve), "cyan")])

    def functions(self, functions: Sequence[Function]) -> List[Text]:
        """Draw some functions of one profiler, with titles of their own."""
        name, first = self._name, functions[0]
        columns = [
            (each, self._function_width(each))
            for each in FUNCTION_NUMBERS
            if any(getattr(function, each.field) is not None for function in functions)
        ]
        titles = [_cut("function (%s)" % clean(first.profiler), name)]
        for column, width in columns:
            of_wall = column.field == "share" and first.share_of == "wall"
            titles.append(("of wall" if of_wall else column.title).rjust(width))
        drawn = [_line((title, "dim") for title in titles)]
        for function in functions:
            cells = [(_cut_function(_named(function), name), "")]
            for column, width in columns:
                value = getattr(function, column.field)
                text = NOTHING if value is None else column.write(value)
                cells.append((text.rjust(width), column.style))
            drawn.append(_line(cells))
        return drawn

    def _function_width(self, column: Column) -> int:
        return max(column.width, self._widths["count"] if column.field == "calls" else 0)

    def knobs(self, knobs: Sequence[KnobReading], desk: Desk, url: str) -> List[Text]:
        """Draw the knobs of a plugin: value, what it may be, and who decides; the chosen one in
        reverse."""
        if not knobs:
            return []
        name = self._plain
        number = self._widths["count"] + len(GAP) + self._widths["per s"]
        allowed = [choices(knob) for knob in knobs]
        room = min(max([len("choices"), *map(len, allowed)]), CHOICES[1])
        if self._width is not None:
            words = max(len(holder(knob, desk.now(url))[0]) for knob in knobs)
            left = self._width - 1 - name - number - 3 * len(GAP) - words
            room = min(room, max(left, CHOICES[0]))
        titles = ("knob".ljust(name), "value".rjust(number), "choices".ljust(room), "decided by")
        drawn = [_line((text, "dim") for text in titles)]
        for knob, text in zip(knobs, allowed):
            style = "reverse" if desk.is_chosen(url, knob) else ""
            cells = [
                (_cut(title(knob), name), style),
                (value(knob, knob.value).rjust(number), "bold"),
                (_cut(text, room), ""),
                holder(knob, desk.now(url)),
            ]
            drawn.append(_line(cells))
        return drawn

    def profile(self, profile: Optional[Profile]) -> List[Text]:
        """Draw a profile that somebody asked for: how far it is, then where the time went."""
        if profile is None:
            return []
        if not profile.is_over:
            passed = min(time.monotonic() - profile.began, PROFILE_SECONDS)
            return [Text("profiling for %d s: %.0f s" % (PROFILE_SECONDS, passed), "yellow")]
        drawn = [
            _line([("profile of %d s" % PROFILE_SECONDS, "dim"), (clean(profile.text), "dim")])
        ]
        for function, share in profile.leaves(MOST):
            name = _cut_function(clean(function), self._plain)
            drawn.append(_line([(name, ""), ("%.1f %%" % (100 * share), "bold")]))
        return drawn

    def _cell(self, text: str, column: Column) -> str:
        width = self._widths[column.title]
        return _cut(text, width) if column.words else text.rjust(width)


def _line(cells: Iterable[Tuple[str, str]]) -> Text:
    """Return the line of some texts with their styles."""
    # Several times faster than Text.join.
    line = Text.assemble(*(part for cell in cells for part in (cell, GAP)), no_wrap=True)
    line.rstrip()
    return line


def _named(function: Function) -> str:
    return clean(function.name) + (" (throttled)" if function.throttled else "")


def _cut(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "…"


def _cut_function(text: str, width: int) -> str:
    """Cut the name of a function and keep its place: ``infer_all… [app.py:4]``."""
    name, bracket, place = text.rpartition(" [")
    left = width - len(bracket + place)
    if not bracket or left < width * 2 // 5 or len(text) <= width:
        return _cut(text, width)
    return _cut(name, left) + bracket + place
