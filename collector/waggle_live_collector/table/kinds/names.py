"""Checks the names and labels of cells by the rules of the wire."""

from typing import Any

from waggle_live.wire.errors import InvalidMetric, InvalidType, ProtocolError
from waggle_live.wire.protocol import (
    OVERFLOW,
    PROFILERS,
    Labels,
    check_function,
    check_labels,
    check_name,
)

from ...messages import Cell

#: The labels that a function may have, each by itself, so that all rows share one object.
FUNCTION_LABELS: dict[Labels, Labels] = {
    labels: labels for labels in [(), *[(("profiler", profiler),) for profiler in PROFILERS]]
}


def of_author(cell: Cell) -> tuple[str, Labels]:
    """Return the name and sorted labels of a series of an author; raises ProtocolError."""
    return named(cell), _checked(check_labels, cell.labels or {})


def named(cell: Cell) -> str:
    """Return the name of a cell, which must be a metric name; raises ProtocolError."""
    return cell.name if cell.name == OVERFLOW else _checked(check_name, cell.name)


def of_function(cell: Cell) -> tuple[str, Labels]:
    """Return the name and labels of a function; raises ProtocolError."""
    labels = FUNCTION_LABELS.get(tuple((cell.labels or {}).items()))
    if labels is None:
        text = "the only label of a function is profiler, %s; got %.60r"
        raise ProtocolError("bad_cell", text % (" or ".join(PROFILERS), cell.labels))
    return _checked(check_function, cell.name), labels


def unlabelled(cell: Cell) -> str:
    """Return the name of a cell, unchecked; raises ProtocolError if it has labels."""
    if cell.labels:
        text = f"cells of kind {cell.kind} have no labels, got {cell.labels!r:.60}"
        raise ProtocolError("bad_cell", text)
    return cell.name


def nameless(cell: Cell) -> str:
    """Return the empty name of a cell; raises ProtocolError if it has a name or labels."""
    if cell.name:
        text = f"cells of kind {cell.kind} have no name, got {cell.name[:60]!r}"
        raise ProtocolError("bad_cell", text)
    return unlabelled(cell)


def _checked(check: Any, value: Any) -> Any:
    try:
        return check(value)
    except (InvalidMetric, InvalidType) as error:
        raise ProtocolError("bad_cell", str(error)) from None
