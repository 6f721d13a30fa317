"""Misuse and limits that the client meets: counted each time, logged once per kind."""

from typing import Any, Dict

from ..logs import LogOnce
from ..wire.protocol import PROBLEM, PROBLEMS
from .counter import CounterState


class ProblemState(CounterState):
    """How often one problem occurred."""

    kind = PROBLEM


class Problems:
    """One counter per problem, ``waggle_plugin_problems_total`` at the collector. Thread-safe."""

    def __init__(self) -> None:
        self.states: Dict[str, ProblemState] = {}
        self._log_once = LogOnce()
        #: One log per problem, so that many kinds of one problem leave the others their line.
        self._log_kind_once = LogOnce()

    def count(self, problem: str, text: str, kind: Any = None) -> None:
        """Count one ``problem`` (of :data:`protocol.PROBLEMS`).

        ``text`` is logged the first time, and the first time with each other ``kind``.
        """
        assert problem in PROBLEMS, problem
        self.states.setdefault(problem, ProblemState(problem)).count()
        log_once = self._log_once if kind is None else self._log_kind_once
        log_once((problem, kind), "%s (counted as %r, logged once)", text, problem)
