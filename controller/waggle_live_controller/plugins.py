"""The plugins of a node, as one answer of its collector describes them."""

from typing import Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from .errors import AmbiguousPlugin, UnknownPlugin
from .functions import Function, Tau
from .hints import names_its_fields
from .readings import CounterReading, GaugeReading, RateReading, Readings, TimerReading, series_key


@names_its_fields
class PluginIdentity(NamedTuple):
    """The three labels of all series of a plugin."""

    plugin: str
    task: str
    job: str


@names_its_fields
class Process(NamedTuple):
    """One process of a plugin that is connected, or may return.

    To act on one (``renice``, a cgroup), check ``pid_verified``, and compare ``started_ticks`` with
    ``/proc/PID/stat`` first: the kernel uses pids again.
    """

    #: With ``pid_verified`` the pid that the collector sees: the node's, if the collector shares
    #: the node's pid namespace. Else what the process says, in its own namespace.
    pid: Optional[int]
    #: Whether the pid is from the kernel, and still this process's.
    pid_verified: bool
    #: The kernel's start time, in clock ticks since the boot: the 22nd field of ``/proc/PID/stat``.
    #: None unless the pid is from the kernel.
    started_ticks: Optional[int]
    #: The Kubernetes node that it runs on; None if unknown.
    host: Optional[str]
    #: Whether that is from the stack's record of a proven pod. Else the process says so.
    host_verified: bool
    #: The runtime's id of its container, from the path of its cgroup. None outside of containers,
    #: or if the pid is not from the kernel.
    container: Optional[str]
    #: Whether only runtimes make such a path. In a user's slice the user chooses the names.
    container_verified: bool
    #: ``up``, ``silent`` or ``ended``.
    state: str
    #: Unix time of its start, as the process says.
    start: Optional[float]


@names_its_fields
class PluginReading(NamedTuple):
    """One plugin: its identity, its state, and the readings of its series. Immutable."""

    identity: PluginIdentity
    #: Whether a process of it is connected. If not, the rest is what was known last.
    up: bool
    #: ``up``, ``silent`` or ``ended``, as the collector decides. Silent: connected but not heard
    #: for 4 s, or disconnected and not known to be gone. None from an older collector.
    state: Optional[str]
    #: How its latest process ended: ``ok``, ``error``, ``stopped`` or ``lost`` (without ``bye``).
    #: None if none has ended, and from an older collector.
    status: Optional[str]
    #: Seconds from its latest message of any kind to the node's answer.
    silent: Optional[float]
    timers: Readings[TimerReading]
    rates: Readings[RateReading]
    gauges: Readings[GaugeReading]
    counters: Readings[CounterReading]
    #: The number of connected processes.
    sessions: int
    #: The connected processes and those that may return; empty from an older collector.
    processes: List[Process]
    #: Unix time of the start of its oldest connected process.
    start: Optional[float]
    #: CPU seconds of all its processes; and per second over the last 10 s, so 1.0 is one core.
    cpu_seconds: Optional[float]
    cpu_per_second: Optional[float]
    memory_bytes: Optional[float]
    #: Whose memory that is: ``container``, or ``process`` for the sum of its processes. None if
    #: unknown or mixed, and from an older collector.
    memory_scope: Optional[str]
    #: Processes that ended, by status; problems, by reason.
    exits: Mapping[str, int]
    problems: Mapping[str, int]
    #: Messages published, by name: their number, their number per second over the last 10 s, and
    #: seconds since the last one. An older collector gives only the first.
    messages: Mapping[str, int]
    messages_per_second: Mapping[str, Optional[float]]
    messages_age: Mapping[str, Optional[float]]
    #: The same for uploaded files; None before the first one.
    uploads: Optional[float]
    uploads_per_second: Optional[float]
    uploads_age: Optional[float]
    app_id: str
    version: str
    host: str
    zone: str
    verified: bool
    client: str
    #: For each profiler the most expensive first; its ``__other__``, if there is one, is last.
    #: Empty for a plugin that never ran under one. See :meth:`most_expensive`.
    functions: Tuple[Function, ...]
    #: None for a plugin that never ran under TAU.
    tau: Optional[Tau]

    @property
    def heard(self) -> bool:
        """Whether its state is ``up``. If not, all values per second are None."""
        return self.up if self.state is None else self.state == "up"

    def most_expensive(self, most: Optional[int] = None) -> Dict[str, List[Function]]:
        """Return the ``most`` expensive functions, or all, by the profiler that measured them.

        ``__other__`` is left out. Mostly there is one profiler, or none.
        """
        found: Dict[str, List[Function]] = {}
        for function in self.functions:
            if not function.is_other:
                found.setdefault(function.profiler, []).append(function)
        return {profiler: functions[:most] for profiler, functions in found.items()}


class Plugins(Mapping[str, PluginReading]):
    """The plugins by their tasks. Immutable and thread-safe.

    Several plugins may share a task: those of two jobs, or of an ended job and its successor.
    ``plugins["task"]`` is the only one of them, or the only one that is up; else it raises
    AmbiguousPlugin. The others have keys with their whole identity,
    ``task{job="17",plugin="yolo"}``. So iteration yields each plugin once.

    A plugin that the node doesn't know raises UnknownPlugin, a KeyError. An ended one stays for the
    collector's holding time (5 min) with ``up`` False.
    """

    def __init__(self, plugins: Iterable[PluginReading]) -> None:
        self._by_task: Dict[str, List[PluginReading]] = {}
        for plugin in sorted(plugins, key=lambda each: each.identity):
            self._by_task.setdefault(plugin.identity.task, []).append(plugin)
        self._by_key: Dict[str, PluginReading] = {}
        for task, shared in self._by_task.items():
            chosen = _choose(shared)
            for plugin in shared:
                # A task that looks like such a key is never a key itself, so keys are unique.
                bare = plugin is chosen and "{" not in task
                self._by_key[task if bare else _whole_key(plugin)] = plugin

    def __getitem__(self, key: str) -> PluginReading:
        found = self._by_key.get(key)
        if found is not None:
            return found
        shared = self._by_task.get(key)
        if shared is None:
            raise UnknownPlugin(self._unknown(key))
        chosen = _choose(shared)
        if chosen is None:
            keys = " or ".join(map(_whole_key, shared))
            how = "are up" if shared[0].up or shared[-1].up else "were here"
            text = "%d plugins with the task %s %s: %s"
            raise AmbiguousPlugin(text % (len(shared), key, how, keys))
        return chosen

    def _unknown(self, key: object) -> str:
        known = ", ".join(self._by_key) or "none"
        text = "no plugin with the task %s; there are: %s" % (key, known)
        for right, plugin in self._by_key.items():
            identity = plugin.identity
            if key in (identity, identity.plugin, identity.plugin.rpartition("/")[2]):
                return "%s. That is the plugin (image) of plugins[%r]" % (text, right)
        return text

    def __contains__(self, key: object) -> bool:
        return key in self._by_key or key in self._by_task

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_key)

    def __len__(self) -> int:
        return len(self._by_key)

    def __repr__(self) -> str:
        return "<plugins: %s>" % (", ".join(self._by_key) or "none")


def _choose(shared: List[PluginReading]) -> Optional[PluginReading]:
    """Return the plugin that the task alone means, if there is one."""
    candidates = [plugin for plugin in shared if plugin.up] or shared
    return candidates[0] if len(candidates) == 1 else None


def _whole_key(plugin: PluginReading) -> str:
    identity = plugin.identity
    return series_key(identity.task, {"plugin": identity.plugin, "job": identity.job})
