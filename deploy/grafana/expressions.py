"""PromQL of the panels: what is chosen, which series are drawn, timers in both forms, ends.

A panel of curves draws at most ``$most`` series: those that are highest over the whole time that is
looked at. Grafana's variables narrow the choice, and so show the others.
"""

#: What the variables choose: nodes, plugins of them, and names of their series.
NODE = 'job="waggle-live", vsn=~"$vsn"'
PLUGIN = NODE + ', plugin=~"$plugin", plugin_job=~"$job", plugin_task=~"$task"'
SERIES = PLUGIN + ', name=~"$name"'
#: Labels that say no more than those that stay: the author's, the name, job, task and VSN.
TARGET = "job, instance, node_id, plugin"
#: The interval that Grafana chooses for a point, and the whole time that is looked at.
POINT = "[$__rate_interval]"
WHOLE = "[$__range] @ end()"


def most(now: str, whole: str) -> str:
    """Return the series of ``now`` that are highest by ``whole``, which has the same labels."""
    return f"({now}) and topk($most, {whole})"


def total(family: str, window: str) -> str:
    """Return the rate of what authors record, by the series' own labels."""
    return f"sum without ({TARGET}) (rate({family}{{{SERIES}}}{window}))"


def rates(family: str) -> str:
    """Return that rate of the series that have the highest."""
    return most(total(family, POINT), total(family, WHOLE))


def rates_by(family: str, labels: str, choice: str = PLUGIN) -> str:
    """Return the rate of a family by some labels, of those that have the highest."""

    def summed(window: str) -> str:
        return f"sum by ({labels}) (rate({family}{{{choice}}}{window}))"

    return most(summed(POINT), summed(WHOLE))


def values(family: str, choice: str = SERIES) -> str:
    """Return the values of a gauge, of those that are highest on average."""
    series = f"{family}{{{choice}}}"
    mean = f"avg_over_time({series}{WHOLE})"
    return most(
        f"sum without ({TARGET}) ({series})",
        f"sum without ({TARGET}) ({mean})",
    )


class Classic:
    """Timers as series ``_bucket``, ``_sum`` and ``_count``."""

    #: Which durations the panel of the spread shows, in words.
    spread_of = "Between bounds that are powers of two."

    def quantile(self, q: str, window: str) -> str:
        """Return the seconds that a part ``q`` of the blocks took at most."""
        return f"histogram_quantile({q}, {total('waggle_timer_seconds_bucket', window)})"

    def worst(self, q: str, labels: str) -> str:
        """Return the longest of these by ``labels``."""
        blocks = f"rate(waggle_timer_seconds_bucket{{{PLUGIN}}}{POINT})"
        return f"max by ({labels}) (histogram_quantile({q}, {blocks}) > 0)"

    def seconds(self, window: str) -> str:
        """Return the seconds of blocks per second."""
        return total("waggle_timer_seconds_sum", window)

    def mean(self, window: str) -> str:
        """Return the seconds of a block."""
        return f"{self.seconds(window)} / {total('waggle_timer_seconds_count', window)}"

    def spread(self) -> str:
        """Return the blocks per second of each bucket, for a heatmap."""
        return f"sum by (le) (rate(waggle_timer_seconds_bucket{{{SERIES}}}{POINT}))"


class Native:
    """Timers as native histograms, and in a fleet on the move the classic ones of other nodes.

    Prometheus 2.42 gives 0 for ``avg``, ``max`` and others of a native histogram, without a word; a
    test holds the expressions to what is right.
    """

    spread_of = "Of nodes with native histograms."

    def quantile(self, q: str, window: str) -> str:
        blocks = total("waggle_timer_seconds", window)
        return f"histogram_quantile({q}, {blocks}) or {CLASSIC.quantile(q, window)}"

    def worst(self, q: str, labels: str) -> str:
        blocks = f"rate(waggle_timer_seconds{{{PLUGIN}}}{POINT})"
        native = f"max by ({labels}) (histogram_quantile({q}, {blocks}) > 0)"
        return f"{native} or {CLASSIC.worst(q, labels)}"

    def seconds(self, window: str) -> str:
        native = f"histogram_sum({total('waggle_timer_seconds', window)})"
        return f"{native} or {CLASSIC.seconds(window)}"

    def mean(self, window: str) -> str:
        blocks = total("waggle_timer_seconds", window)
        native = f"histogram_sum({blocks}) / histogram_count({blocks})"
        return f"{native} or {CLASSIC.mean(window)}"

    def spread(self) -> str:
        return f"sum (rate(waggle_timer_seconds{{{SERIES}}}{POINT}))"


Timers = Classic | Native
CLASSIC = Classic()
FORMS: dict[str, Timers] = {"classic": CLASSIC, "native": Native()}


def grown(family: str, choice: str, window: str, at: str = "") -> str:
    """Return exactly how much counters grew in a window, at the time ``at`` in PromQL.

    ``increase()`` is 0 for a counter that is first scraped at 1, and makes fractions of ends. The
    rule ``task:waggle_plugin_errors:increase30m`` explains the three cases: a series that is as old
    as the window, one that is younger than its target, and one that came back with it or was reset.
    """
    counter = f"{family}{{{choice}}}"
    scrapes = f"sum_over_time(up{{{NODE}}}[{window}]{at})"
    with_target = (
        f"count_over_time({counter}[{window}]{at}) >= on (job, instance) group_left () {scrapes}"
    )
    return (
        f"(({counter}{at} - {counter}{at} offset {window}) >= 0 "
        f"or ({counter}{at} unless ({with_target})) "
        f"or ({counter}{at} - min_over_time({counter}[{window}]{at})))"
    )


def ends(window: str) -> str:
    """Return how many processes ended in a window, by plugin and status."""
    return grown("waggle_plugin_exits_total", PLUGIN, window)


def last_hour(family: str, labels: str, choice: str) -> str:
    """Return how much a counter grew in an hour by some labels, of those that grew most."""

    def summed(window: str, at: str = "") -> str:
        return f"sum by ({labels}) ({grown(family, choice, window, at)}) > 0"

    return most(summed("1h"), summed("$__range", " @ end()"))


#: States of a plugin as numbers, the worst first, and what they are called.
STATES = {0: "silent", 1: "ended: error", 2: "ended: lost", 3: "ended", 4: "up"}


def state(labels: str) -> str:
    """Return the state of each plugin; of one that has ended, by its ends of the last hour."""
    up = f"max by ({labels}) (waggle_plugin_up{{{PLUGIN}}})"
    silent = f"max by ({labels}) (waggle_plugin_silent_seconds{{{PLUGIN}}})"

    def ended(status: str) -> str:
        ends_so = grown("waggle_plugin_exits_total", f'{PLUGIN}, status="{status}"', "1h")
        return f"0 * ({up} and sum by ({labels}) {ends_so} > 0)"

    return (
        f"0 * ({silent} > 0) or 3 + ({up} == 1) "
        f"or 1 + {ended('error')} or 2 + {ended('lost')} or 3 + {up}"
    )


def states() -> str:
    """Return the states over time, of the plugins that were up least or silent."""
    up, silent = (f"waggle_plugin_{name}{{{PLUGIN}}}" for name in ("up", "silent_seconds"))
    mean = f"avg_over_time({up}{WHOLE})"
    least = f"{mean} - (max_over_time({silent}{WHOLE}) > bool 0) or {mean}"
    return f"(0 * ({silent} > 0) or 3 + {up}) and bottomk($most, {least})"


def rows(expression: str, labels: str, first: str) -> str:
    """Return an expression for the rows of a table that come first, 500 at most."""
    return f"({expression}) and on ({labels}) bottomk(500, {first})"
