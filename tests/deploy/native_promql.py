"""What is wrong with PromQL over native histograms that no server complains of."""

import re

#: The function or aggregation that an opening parenthesis belongs to, before it.
_NAME = re.compile(r"(\w*)\s*(?:\b(?:by|without)\s*\([^()]*\)\s*)?$")
#: What Prometheus 2.42 does right with a native histogram; for the others it gives 0, or nothing.
RIGHT = {"rate", "increase", "sum", ""}


def misused(expression, heatmap=False):
    """Return what an expression does with the native histogram of timers that it must not do.

    It must come to a number by a ``histogram_`` function (but for a heatmap), and on the way there
    by nothing but :data:`RIGHT`.
    """
    found = set()
    for selector in re.finditer(r"(?<![\w:])waggle_timer_seconds(?![\w:])", expression):
        for name in _around(expression[: selector.start()]):
            if name.startswith("histogram_"):
                break
            found |= {name} - RIGHT
        else:
            found |= set() if heatmap else {"no histogram function"}
    return found


def _around(before):
    """Yield the names of the functions whose parentheses are open, the innermost first."""
    closed = 0
    for position in range(len(before) - 1, -1, -1):
        closed += {")": 1, "(": -1}.get(before[position], 0)
        if closed < 0:
            closed = 0
            yield _NAME.search(before[:position]).group(1)
