"""Attacks on a collector, each a program of its own: ``python -m tests.robustness.attacks NAME …``.

One module for each kind: ``sizes`` (much that is allowed), ``lines`` (bad input), ``halves`` (what
is never finished) and ``offenders`` (many names, many lives). ``anything`` is random.
"""

from . import anything, halves, lines, offenders, sizes
from .stranger import ATTACKS

__all__ = ["ATTACKS", "anything", "halves", "lines", "offenders", "sizes"]
