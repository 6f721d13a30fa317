"""What the person before the screen wants to see."""

from typing import NamedTuple

#: What can be sorted by: the largest first, but by name in the order of kinds and names.
ORDERS = ("name", "rate", "mean", "p95", "count", "age")


class ViewOptions(NamedTuple):
    """In which order, and of which plugins, instruments or functions (a part of their names)."""

    order: str = "name"
    only: str = ""
