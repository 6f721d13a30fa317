"""The metric families of ``/metrics``: their names, types and help, in order of appearance.

Families are fixed. The name that an author gives a metric is the label ``name``. So no author's
name can clash with another one, change a type or break a scrape.
"""

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)  # a key of dicts by identity, which is quick
class Family:
    """A metric family. ``name`` is that of its samples, without the suffixes of a histogram.

    ``live``: it covers only the last seconds, for readers without PromQL. ``?live=0`` omits it.
    """

    name: str
    type: str
    help: str
    live: bool = False


def gauge(name: str, text: str, *, live: bool = False) -> Family:
    """Return a family of gauges."""
    return Family(name, "gauge", text, live)


def counter(name: str, text: str) -> Family:
    """Return a family of counters."""
    return Family(name, "counter", text)


TIMER_SECONDS = Family(
    "waggle_timer_seconds", "histogram", "Durations of timed blocks since the start."
)
TIMER_LAST = gauge("waggle_timer_last_seconds", "Most recent duration.", live=True)
TIMER_RECENT = gauge(
    "waggle_timer_recent_seconds", "Quantiles of the durations of the last 10 s.", live=True
)
TIMER_RECENT_MEAN = gauge(
    "waggle_timer_recent_mean_seconds", "Mean of the durations of the last 10 s.", live=True
)
TIMER_FAILURES = counter(
    "waggle_timer_failures_total", "Timed blocks that ended with an exception."
)
RATE_EVENTS = counter("waggle_rate_events_total", "Events of a rate.")
RATE_PER_SECOND = gauge("waggle_rate_per_second", "Events per second over the last 10 s.")
RATE_BLOCK = gauge(
    "waggle_rate_block_per_second",
    "Of a rate used as a block: 1 / its mean duration over the last 10 s.",
)
RATE_LAST = gauge(
    "waggle_rate_last_per_second",
    "Events per second by the last two events, or by the last block, alone.",
    live=True,
)
VALUE = gauge("waggle_value", "Value of an author's gauge.")
COUNT = counter("waggle_count_total", "Value of an author's counter.")
UPDATED = gauge(
    "waggle_updated_timestamp_seconds", "When the series was last updated, Unix time.", live=True
)
UP = gauge("waggle_plugin_up", "Whether a process of the plugin is connected.")
INFO = gauge("waggle_plugin_info", "What is known of the plugin's newest process.")
SESSIONS = gauge("waggle_plugin_sessions", "Connected processes of the plugin.")
START = gauge(
    "waggle_plugin_start_timestamp_seconds",
    "When the oldest living process of the plugin began, Unix time.",
)
LAST_SEEN = gauge(
    "waggle_plugin_last_seen_timestamp_seconds",
    "When the last message of the plugin arrived, Unix time.",
    live=True,
)
SILENT = gauge(
    "waggle_plugin_silent_seconds",
    "Seconds since the last message of a silent plugin; 0 of one that isn't silent.",
)
CPU = counter("waggle_plugin_cpu_seconds_total", "CPU time of all processes of the plugin.")
MEMORY = gauge(
    "waggle_plugin_memory_bytes", "Memory of the plugin's containers, else of its living processes."
)
MESSAGES = counter("waggle_plugin_messages_total", "Messages that the plugin published.")
UPLOADS = counter("waggle_plugin_uploads_total", "Files that the plugin uploaded.")
PROBLEMS = counter(
    "waggle_plugin_problems_total", "Bounds and misuses that the instrumentation in the plugin met."
)
EXITS = counter("waggle_plugin_exits_total", "Processes of the plugin that ended, by how.")
KNOB_VALUE = gauge("waggle_knob_value", "Value of a knob that is a number or a bool.")
KNOB_INFO = gauge("waggle_knob_info", "Value of a knob that is a string, as a label.")
KNOB_DEFAULT = gauge("waggle_knob_default", "Default of a knob that is a number or a bool.")
KNOB_LEASED = gauge("waggle_knob_leased", "Whether a lease sets the knob.")
KNOB_CHANGES = counter(
    "waggle_knob_changes_total", "How often a knob was set by a lease, or went back to its default."
)
PACE_SLEPT = counter(
    "waggle_pace_slept_seconds_total", "Time that the plugin slept to keep to the rate of a knob."
)
FUNCTION_CALLS = counter("waggle_function_calls_total", "Calls of a function.")
FUNCTION_EXCLUSIVE = counter(
    "waggle_function_exclusive_seconds_total",
    "Time in a function without what it called, waiting included.",
)
FUNCTION_INCLUSIVE = counter(
    "waggle_function_inclusive_seconds_total",
    "Time in a function and in what it called, waiting included.",
)
FUNCTION_EXCLUSIVE_CPU = counter(
    "waggle_function_exclusive_cpu_seconds_total",
    "CPU time in a function without what it called.",
)
TAU_DROPPED = counter(
    "waggle_tau_functions_dropped_total",
    "Functions that had no series of their own and were added up in __other__.",
)
TAU_TORN = counter(
    "waggle_tau_torn_reads_total",
    "Profiles that were not whole when they were read, and left for the next time.",
)
TAU_LAST_DUMP = gauge(
    "waggle_tau_last_dump_timestamp_seconds",
    "When TAU last wrote a profile of the plugin, Unix time.",
    live=True,
)
NODE_INFO = gauge("waggle_node_info", "The node that this collector runs on.")

#: All families, in the order in which they are defined here and written.
ALL = tuple(family for family in list(globals().values()) if isinstance(family, Family))
