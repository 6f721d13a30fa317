"""Misuse and bounds that the client meets: counted each time, logged once per kind."""

from typing import Dict

from ..logs import warn
from ..wire.protocol import PROBLEM, PROBLEMS
from .counter import CounterState


class ProblemState(CounterState):
    """How often one problem was met."""

    kind = PROBLEM


class Problems:
    """One counter per problem, ``waggle_plugin_problems_total`` at the collector. Thread-safe."""

    def __init__(self) -> None:
        self.states: Dict[str, ProblemState] = {}

    def count(self, problem: str, text: str) -> None:
        """Count one ``problem`` (of :data:`protocol.PROBLEMS`); log ``text`` the first time."""
        assert problem in PROBLEMS, problem
        made = ProblemState(problem)
        state = self.states.setdefault(problem, made)
        state.count()
        if state is made:  # the first time, and not another thread's
            warn("%s (counted as %r, logged once)", text, problem)
