"""What the view is told: which rows it shows, in which order, and the name of a variable."""

from typing import NamedTuple

PASSWORD_VARIABLE = "WAGGLE_LIVE_PASSWORD"
#: What rows can be sorted by: numbers from the largest down; "name" by plugin, kind and name.
ORDERS = ("name", "rate", "mean", "p95", "busy", "count", "age")


class ViewOptions(NamedTuple):
    """The order of the rows, a part of the names of those that are shown, in any case, and whether
    plugins are shown without their rows."""

    order: str = "name"
    filter: str = ""
    folded: bool = False
