"""A profile as TAU writes it: one file, the functions of one thread, one metric.

Nothing in it is escaped: a function's name may hold quotes, line ends and text like a row. So a row
is recognised by its right end. A file is accepted only if it has exactly as many rows as its first
line says, with nothing before, between or after them. A file that is cut short anywhere, or can be
read in two ways, is refused as a whole.
"""

import re
from typing import List, NamedTuple, Tuple

from ...wire.errors import InvalidProfile

_HEAD = re.compile(
    rb"([0-9]{1,9}) templated_functions_MULTI_([^\s/]{1,128})\n"
    rb"# Name Calls Subrs Excl Incl ProfileCalls # <metadata>"
)
_METADATA_END = b"</metadata>\n"
_NUMBER = rb"-?[0-9]{1,17}(?:\.[0-9]{1,20})?(?:E[+-][0-9]{2,3})?"  # as printf's %.16G writes it
#: From the quote after the name to the end of the line; then another row or the end of the rows.
_ROW_END = re.compile(
    rb'" ([0-9]{1,19}) [0-9]{1,19} (%b) (%b) [0-9]{1,19} GROUP="([^"\n]*)" \n(?="|\Z)'
    % (_NUMBER, _NUMBER)
)
_AFTER_ROWS = b"0 aggregates\n"
_EVENTS = re.compile(
    rb"([0-9]{1,9}) userevents\n# eventname numevents max min mean sumsqr\n(.*)\Z", re.DOTALL
)
_EVENT_NUMBER = rb"(?:%b|-?(?:INF|NAN))" % _NUMBER
_EVENT_END = re.compile(rb'"(?: %b){5}\n(?="|\Z)' % _EVENT_NUMBER)
_ATTRIBUTE = re.compile("<name>([^<]*)</name><value>([^<]*)</value>")

#: Name, calls, exclusive and inclusive value as written (times are microseconds), group.
Row = Tuple[bytes, bytes, bytes, bytes, bytes]


class Run(NamedTuple):
    """One run of one process: tells its numbers from those of the next run."""

    pid: str
    #: TAU's ``Starting Timestamp``, microseconds of Unix time.
    started: str


class Profile(NamedTuple):
    """A whole file. ``has_ended``: TAU wrote it at the end of the run, so it is the last."""

    metric: str
    run: Run
    has_ended: bool
    command: str
    rows: List[Row]


def parse(data: bytes) -> Profile:
    """Return the profile in ``data``. Raises InvalidProfile if it is no whole one."""
    head = _HEAD.match(data)
    if head is None:
        raise InvalidProfile("it does not begin as a profile does")
    end = data.find(_METADATA_END, head.end())
    if end < 0:
        raise InvalidProfile("its metadata does not end")
    metadata = data[head.end() : end].decode("utf-8", "replace")
    attributes = _ATTRIBUTE.findall(metadata)
    first = dict(reversed(attributes))
    if "pid" not in first or "Starting Timestamp" not in first:
        raise InvalidProfile("its metadata names no pid or no starting timestamp")
    # A dump ends with a 0.
    ended = [value.strip() for name, value in attributes if name == "Ending Timestamp"]
    return Profile(
        metric=head.group(2).decode("ascii", "replace"),
        run=Run(first["pid"], first["Starting Timestamp"]),
        has_ended=any(value not in ("", "0") for value in ended),
        command=first.get("Command Line", ""),
        rows=_rows(data, end + len(_METADATA_END), int(head.group(1))),
    )


def _rows(data: bytes, start: int, count: int) -> List[Row]:
    """Return the rows. Raises InvalidProfile if they are not those that the file announces.

    The mark after them may also stand in a name. The right one has nothing but rows before it, and
    nothing but user events after it.
    """
    at = data.find(_AFTER_ROWS, start)
    while at >= 0:
        if (at == start or data[at - 1 : at] == b"\n") and _ends_well(data, at + len(_AFTER_ROWS)):
            # name, calls, exclusive, inclusive, group, name, ...
            pieces = _ROW_END.split(data[start:at])
            names = pieces[:-1:5]
            if len(names) == count and not pieces[-1] and all(name[:1] == b'"' for name in names):
                bare = [name[1:] for name in names]
                return list(zip(bare, pieces[1::5], pieces[2::5], pieces[3::5], pieces[4::5]))
        at = data.find(_AFTER_ROWS, at + 1)
    raise InvalidProfile("it has not the %d rows that it says, and nothing else" % count)


def _ends_well(data: bytes, at: int) -> bool:
    """Tell whether only whole user events follow from ``at`` on."""
    if at == len(data):
        return True
    events = _EVENTS.match(data, at)
    if events is None:
        return False
    names = _EVENT_END.split(events.group(2))
    whole = not names[-1] and all(name[:1] == b'"' for name in names[:-1])
    return whole and len(names) - 1 == int(events.group(1))
