"""Which names and labels a cell may have; the rules are those of the wire."""

from typing import Any

from waggle_live.wire.errors import InvalidMetric, InvalidType, ProtocolError
from waggle_live.wire.protocol import OVERFLOW, Labels, check_labels, check_name

from ...messages import Cell


def of_author(cell: Cell) -> tuple[str, Labels]:
    """Return name and sorted labels of a series that an author made; raises ProtocolError."""
    return named(cell), _checked(check_labels, cell.labels or {})


def named(cell: Cell) -> str:
    """Return a name that keeps the rule of metric names; raises ProtocolError."""
    return cell.name if cell.name == OVERFLOW else _checked(check_name, cell.name)


def unlabelled(cell: Cell, check: Any = None) -> str:
    """Return the name of a cell without labels, checked by ``check``; raises ProtocolError."""
    if cell.labels:
        raise ProtocolError("bad_cell", f"cells of kind {cell.kind} have no labels")
    return cell.name if check is None else _checked(check, cell.name)


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
