"""Counts what a library does, with the plugin that is open in this process, if one is."""

from contextlib import suppress
from functools import wraps
from typing import Any

from ..wire.errors import LiveMetricsError


def tick(name: str) -> None:
    """Count one event of the rate ``name``."""
    from ..live import current

    live = current()
    if live is not None:
        with suppress(LiveMetricsError):  # the author uses that name for something else
            live.rate(name).tick()


def counted(function: Any, name: str) -> Any:
    """Return ``function`` with each call that returns counted as an event of ``name``."""

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        tick(name)
        return result

    return wrapper
