"""The metric families of ``/metrics``: their names, types and help, in order of appearance.

Families are fixed: what authors call their metrics is the label ``name``. So no name of a
stranger can clash with another's, change a type or break a scrape.
"""

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)  # a key of dicts by identity, which is quick
class Family:
    """``name`` is that of the samples, but for a histogram's suffixes."""

    name: str
    type: str
    help: str

    def header(self, *, openmetrics: bool) -> bytes:
        """Return the HELP and TYPE lines; OpenMetrics names a counter without ``_total``."""
        name = self.name
        if openmetrics and self.type == "counter":
            name = name.removesuffix("_total")
        return f"# HELP {name} {self.help}\n# TYPE {name} {self.type}\n".encode()


TIMER_SECONDS = Family(
    "waggle_timer_seconds", "histogram", "Durations of timed blocks since the start."
)
TIMER_LAST = Family("waggle_timer_last_seconds", "gauge", "Most recent duration.")
TIMER_RECENT = Family(
    "waggle_timer_recent_seconds", "gauge", "Quantiles of the durations of the last 10 s."
)
TIMER_RECENT_MEAN = Family(
    "waggle_timer_recent_mean_seconds", "gauge", "Mean of the durations of the last 10 s."
)
TIMER_FAILURES = Family(
    "waggle_timer_failures_total", "counter", "Timed blocks that ended with an exception."
)
RATE_EVENTS = Family("waggle_rate_events_total", "counter", "Events of a rate.")
RATE_PER_SECOND = Family(
    "waggle_rate_per_second",
    "gauge",
    "Events per second over the last 10 s.",
)
RATE_BLOCK = Family(
    "waggle_rate_block_per_second",
    "gauge",
    "Of a rate used as a block: 1 / its mean duration over the last 10 s.",
)
RATE_LAST = Family(
    "waggle_rate_last_per_second",
    "gauge",
    "Events per second by the last two events, or by the last block, alone.",
)
VALUE = Family("waggle_value", "gauge", "Value of an author's gauge.")
COUNT = Family("waggle_count_total", "counter", "Value of an author's counter.")
UPDATED = Family(
    "waggle_updated_timestamp_seconds", "gauge", "When the series was last updated, Unix time."
)
UP = Family("waggle_plugin_up", "gauge", "Whether a process of the plugin is connected.")
INFO = Family("waggle_plugin_info", "gauge", "What is known of the plugin's newest process.")
SESSIONS = Family("waggle_plugin_sessions", "gauge", "Connected processes of the plugin.")
START = Family(
    "waggle_plugin_start_timestamp_seconds",
    "gauge",
    "When the oldest living process of the plugin began, Unix time.",
)
LAST_SEEN = Family(
    "waggle_plugin_last_seen_timestamp_seconds",
    "gauge",
    "When the last message of the plugin arrived, Unix time.",
)
SILENT = Family(
    "waggle_plugin_silent_seconds",
    "gauge",
    "Since how many seconds a silent plugin said nothing; 0 of one that isn't silent.",
)
CPU = Family(
    "waggle_plugin_cpu_seconds_total", "counter", "CPU time of all processes of the plugin."
)
MEMORY = Family(
    "waggle_plugin_memory_bytes",
    "gauge",
    "Memory of the plugin's containers, else of its living processes.",
)
MESSAGES = Family("waggle_plugin_messages_total", "counter", "Messages that the plugin published.")
UPLOADS = Family("waggle_plugin_uploads_total", "counter", "Files that the plugin uploaded.")
PROBLEMS = Family(
    "waggle_plugin_problems_total",
    "counter",
    "Bounds and misuses that the instrumentation in the plugin met.",
)
EXITS = Family(
    "waggle_plugin_exits_total", "counter", "Processes of the plugin that ended, by how."
)
TAU_CALLS = Family(
    "waggle_tau_function_calls_total", "counter", "Calls of a function, measured by TAU."
)
TAU_EXCLUSIVE = Family(
    "waggle_tau_function_exclusive_seconds_total",
    "counter",
    "Time in a function without what it called, measured by TAU.",
)
TAU_INCLUSIVE = Family(
    "waggle_tau_function_inclusive_seconds_total",
    "counter",
    "Time in a function and in what it called, measured by TAU.",
)
TAU_EXCLUSIVE_CPU = Family(
    "waggle_tau_function_exclusive_cpu_seconds_total",
    "counter",
    "CPU time in a function without what it called, measured by TAU.",
)
TAU_INCLUSIVE_CPU = Family(
    "waggle_tau_function_inclusive_cpu_seconds_total",
    "counter",
    "CPU time in a function and in what it called, measured by TAU.",
)
TAU_DROPPED = Family(
    "waggle_tau_functions_dropped_total",
    "counter",
    "Functions that had no series of their own and were added up in __other__.",
)
TAU_TORN = Family(
    "waggle_tau_torn_reads_total",
    "counter",
    "Profiles that were not whole when they were read, and left for the next time.",
)
TAU_LAST_DUMP = Family(
    "waggle_tau_last_dump_timestamp_seconds",
    "gauge",
    "When TAU last wrote a profile of the plugin, Unix time.",
)
NODE_INFO = Family("waggle_node_info", "gauge", "The node that this collector runs on.")

#: In the order in which they are written, which is that of their definition.
ALL = tuple(family for family in list(globals().values()) if isinstance(family, Family))
