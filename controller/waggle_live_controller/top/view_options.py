"""The options of the view, and the name of the variable with the password."""

from typing import NamedTuple

PASSWORD_VARIABLE = "WAGGLE_LIVE_PASSWORD"
#: The orders of rows. Numbers go from the largest down; "name" is plugin, kind and name.
ORDERS = ("name", "rate", "mean", "p95", "busy", "count", "age")


class ViewOptions(NamedTuple):
    """``order``: one of :data:`ORDERS`. ``filter``: a part of shown names, in any case.

    ``folded``: plugins are shown without rows.
    """

    order: str = "name"
    filter: str = ""
    folded: bool = False
