"""One series of each kind, and what is shown of them."""

from ..world import counter, function, gauge, rate, timer

CELLS = [
    timer("t", {-60: 2, -58: 1}, 3, last=1),
    timer("declared", {}),
    rate("r", 3, sum=5, last=1),
    gauge("g", 1.5, x="1"),
    counter("c", 0.1),
    {"kind": "messages", "name": "m", "value": 3},
    function("f", 3, 5),
    {"kind": "tau", "dropped": 1},
]
#: What is shown of each kind: family, labels, and the value of two processes and of one.
SHOWN = {
    "timer": ("waggle_timer_seconds_count", {"name": "t"}, 6, 3),
    "rate": ("waggle_rate_events_total", {"name": "r"}, 6, 3),
    "gauge": ("waggle_value", {"name": "g"}, 1.5, 1.5),
    "counter": ("waggle_count_total", {"name": "c"}, 0.2, 0.1),
    "messages": ("waggle_plugin_messages_total", {"name": "m"}, 6, 3),
    "function": ("waggle_function_calls_total", {"function": "f"}, 6, 3),
    "tau": ("waggle_tau_functions_dropped_total", {}, 2, 1),
}
