"""The error of an order that is refused as a whole."""

from __future__ import annotations


class OrderError(Exception):
    """Nothing has changed. ``outcome`` is what it is counted by, ``status`` that of HTTP."""

    def __init__(self, outcome: str, status: int, text: str) -> None:
        super().__init__(text)
        self.outcome = outcome
        self.status = status
