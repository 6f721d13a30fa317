"""Which names and labels a cell may have; the rules are those of the wire."""

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

#: The labels that a function may have; each is kept once, for all rows.
FUNCTION_LABELS: dict[Labels, Labels] = {
    labels: labels for labels in [(), *[(("profiler", profiler),) for profiler in PROFILERS]]
}


def of_author(cell: Cell) -> tuple[str, Labels]:
    """Return name and sorted labels of a series that an author made; raises ProtocolError."""
    return named(cell), _checked(check_labels, cell.labels or {})


def named(cell: Cell) -> str:
    """Return a name that keeps the rule of metric names; raises ProtocolError."""
    return cell.name if cell.name == OVERFLOW else _checked(check_name, cell.name)


def of_function(cell: Cell) -> tuple[str, Labels]:
    """Return name and labels of a function: none, or its profiler; raises ProtocolError."""
    labels = FUNCTION_LABELS.get(tuple((cell.labels or {}).items()))
    if labels is None:
        text = "the only label of a function is profiler, %s; got %.60r"
        raise ProtocolError("bad_cell", text % (" or ".join(PROFILERS), cell.labels))
    return _checked(check_function, cell.name), labels


def unlabelled(cell: Cell) -> str:
    """Return the name of a cell without labels, as it is; raises ProtocolError."""
    if cell.labels:
        raise ProtocolError("bad_cell", f"cells of kind {cell.kind} have no labels")
    return cell.name


def nameless(cell: Cell) -> str:
    """Return the empty name of a cell without a name and labels; raises ProtocolError."""
    if cell.name:
        raise ProtocolError("bad_cell", f"{cell.kind} cells have no name")
    return unlabelled(cell)


def _checked(check: Any, value: Any) -> Any:
    try:
        return check(value)
    except (InvalidMetric, InvalidType) as error:
        raise ProtocolError("bad_cell", str(error)) from None
