"""PromQL of the panels: what is chosen, rates, timers in both forms of histograms, ends."""

#: What the variables choose: nodes, plugins of them, and names of their series.
NODE = 'job="waggle-live", vsn=~"$vsn"'
PLUGIN = NODE + ', plugin=~"$plugin", plugin_task=~"$task"'
SERIES = PLUGIN + ', name=~"$name"'
#: Labels of the author's are part of a series, those of the target say no more than the VSN.
TARGET = "job, instance, node_id, plugin"


def over(family: str) -> str:
    """Return the rate of what authors record, over the interval that Grafana chooses."""
    return f"rate({family}{{{SERIES}}}[$__rate_interval])"


def total(family: str) -> str:
    """Return that rate by the series' own labels."""
    return f"sum without ({TARGET}) ({over(family)})"


class Classic:
    """Timers as series ``_bucket``, ``_sum`` and ``_count``."""

    #: Which durations the panel of the spread shows, in words.
    spread_of = "Between bounds that are powers of two."

    def quantile(self, q: float) -> str:
        """Return the seconds that a part ``q`` of the blocks took at most."""
        return f"histogram_quantile({q}, {total('waggle_timer_seconds_bucket')})"

    def seconds(self) -> str:
        """Return the seconds of blocks per second."""
        return total("waggle_timer_seconds_sum")

    def mean(self) -> str:
        """Return the seconds of a block."""
        return f"{self.seconds()} / {total('waggle_timer_seconds_count')}"

    def spread(self) -> str:
        """Return the blocks per second of each bucket, for a heatmap."""
        return f"sum by (le) ({over('waggle_timer_seconds_bucket')})"


class Native:
    """Timers as native histograms, and in a fleet on the move the classic ones of other nodes.

    Prometheus 2.42 gives 0 for ``avg``, ``max`` and others of a native histogram, without a word; a
    test holds the expressions to what is right.
    """

    spread_of = "Of nodes with native histograms."

    def quantile(self, q: float) -> str:
        return f"histogram_quantile({q}, {total('waggle_timer_seconds')}) or {CLASSIC.quantile(q)}"

    def seconds(self) -> str:
        return f"histogram_sum({total('waggle_timer_seconds')}) or {CLASSIC.seconds()}"

    def mean(self) -> str:
        blocks = total("waggle_timer_seconds")
        return f"histogram_sum({blocks}) / histogram_count({blocks}) or {CLASSIC.mean()}"

    def spread(self) -> str:
        return f"sum ({over('waggle_timer_seconds')})"


Timers = Classic | Native
CLASSIC = Classic()
FORMS: dict[str, Timers] = {"classic": CLASSIC, "native": Native()}


def ends(window: str) -> str:
    """Return an expression that counts the ends of processes within a window, exactly.

    ``increase()`` is 0 for a counter that is first scraped at 1, and makes fractions of ends. The
    rule ``task:waggle_plugin_errors:increase30m`` explains the three cases: a series that is as old
    as the window, one that is younger than its target, and one that came back with it or was reset.
    """
    counter = f"waggle_plugin_exits_total{{{PLUGIN}}}"
    scrapes = f"sum_over_time(up{{{NODE}}}[{window}])"
    with_target = (
        f"count_over_time({counter}[{window}]) >= on (job, instance) group_left () {scrapes}"
    )
    return (
        f"(({counter} - {counter} offset {window}) >= 0 "
        f"or ({counter} unless ({with_target})) "
        f"or ({counter} - min_over_time({counter}[{window}])))"
    )
