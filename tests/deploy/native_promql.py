"""PromQL over native histograms that Prometheus 2.42 answers rightly."""

import re

_SERIES = r"(?<![\w:])waggle_timer_seconds(?![\w:])(?:\{[^}]*\})?"
_RATE = rf"(?:rate|increase)\({_SERIES}\[[^]]+\](?: @ end\(\))?\)"
_SUM = rf"sum(?: (?:by|without) \([^)]*\))? ?\({_RATE}\)"
_NUMBER = (
    rf"histogram_(?:quantile\((?:[\d.]+|\$quantile), |count\(|sum\()(?:{_SUM}|{_RATE}|{_SERIES})\)"
)
_PRESENT = rf"unless (?:{_SERIES}|count(?: (?:by|without) \([^)]*\))? ?\({_SERIES}\))"


def is_right(expression, heatmap=False):
    """Whether an expression asks native histograms of timers for nothing that is wrong in silence.

    Each comes to a number by a ``histogram_`` function, with nothing but a rate and a sum inside of
    it, or is only looked for by ``unless``; a heatmap may have the sum itself. Most other functions
    give 0, and ``* 2`` does nothing.
    """
    rest = re.sub(f"{_NUMBER}|{_PRESENT}", "", expression)
    return bool(re.fullmatch(_SUM, rest) if heatmap else not re.search(_SERIES, rest))
