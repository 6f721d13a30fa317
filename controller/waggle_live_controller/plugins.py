"""The plugins of a node, as one answer of its collector shows them."""

from typing import Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from .errors import AmbiguousPlugin, UnknownPlugin
from .functions import Function, Tau
from .instruments import Counter, Gauge, Instruments, Rate, Timer, labelled

#: Who was not heard for longer than this (the window of recent values, twice the longest pause of
#: our client) may be frozen or cut off: nobody knows then at which rate things happen in it.
SILENT_SECONDS = 10.0


def is_heard(up: bool, silent: Optional[float]) -> bool:
    """Is it known what happens in a plugin now, that nothing does included?"""
    return up and (silent is None or silent <= SILENT_SECONDS)


class Identity(NamedTuple):
    """Who a plugin is: three labels that are on all of its series."""

    plugin: str
    task: str
    job: str


class Plugin(NamedTuple):
    """One plugin: who it is, whether it runs, and what its instruments say."""

    identity: Identity
    #: Is a process of it connected? If not, it is gone: what follows is what it said last.
    up: bool
    #: Seconds from its latest message, of whatever content, to the node's answer. Our client says
    #: something every 5 s at the least.
    silent: Optional[float]
    timers: Instruments[Timer]
    rates: Instruments[Rate]
    gauges: Instruments[Gauge]
    counters: Instruments[Counter]
    #: Connected processes.
    sessions: int
    #: Unix time at which the oldest of the living processes began.
    start: Optional[float]
    cpu_seconds: Optional[float]
    memory_bytes: Optional[float]
    #: Processes that ended, by how; messages published, by name; what the client had to note.
    exits: Mapping[str, int]
    messages: Mapping[str, int]
    problems: Mapping[str, int]
    uploads: Optional[float]
    app_id: str
    version: str
    host: str
    zone: str
    verified: bool
    client: str
    #: What TAU measured, the most exclusive time first and ``__other__``, if it is there, last:
    #: ``[:5]`` are the most expensive. Empty without TAU, and of collectors that don't know it.
    functions: Tuple[Function, ...]
    #: None for who never ran under TAU.
    tau: Optional[Tau]

    @property
    def heard(self) -> bool:
        """Is it up, and did it say anything in the last 10 s? Else its rates are None."""
        return is_heard(self.up, self.silent)


class Plugins(Mapping[str, Plugin]):
    """The plugins by their tasks.

    Two plugins may have one task: of two jobs, say, or of a job that ended and its successor. None
    hides another. ``plugins["task"]`` is the one with that task, or the one of them that is up;
    when several are up, or none, it raises AmbiguousPlugin. The others have keys that name all of
    it, ``task{job="17",plugin="yolo"}``, and iteration goes over every plugin once.

    What the node doesn't know (any more) is an UnknownPlugin, a KeyError. One that ended stays
    for the collector's holding time (5 min) with ``up`` False.
    """

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self._by_task: Dict[str, List[Plugin]] = {}
        for plugin in sorted(plugins, key=lambda each: each.identity):
            self._by_task.setdefault(plugin.identity.task, []).append(plugin)
        self._by_key: Dict[str, Plugin] = {}
        for task, shared in self._by_task.items():
            chosen = _choose(shared)
            for plugin in shared:
                # A task that is written like a key never stands alone, so that keys are unique.
                bare = plugin is chosen and "{" not in task
                self._by_key[task if bare else _whole_key(plugin)] = plugin

    def __getitem__(self, key: str) -> Plugin:
        found = self._by_key.get(key)
        if found is not None:
            return found
        shared = self._by_task.get(key)
        if shared is None:
            known = ", ".join(self._by_key) or "none"
            raise UnknownPlugin("no plugin with the task %s; there are: %s" % (key, known))
        chosen = _choose(shared)
        if chosen is None:
            keys = " or ".join(map(_whole_key, shared))
            how = "are up" if shared[0].up or shared[-1].up else "were here"
            text = "%d plugins with the task %s %s: %s"
            raise AmbiguousPlugin(text % (len(shared), key, how, keys))
        return chosen

    def __contains__(self, key: object) -> bool:
        return key in self._by_key or key in self._by_task

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_key)

    def __len__(self) -> int:
        return len(self._by_key)

    def __repr__(self) -> str:
        return "<plugins: %s>" % (", ".join(self._by_key) or "none")


def _choose(shared: List[Plugin]) -> Optional[Plugin]:
    """Return the plugin that a task alone stands for, if there is one."""
    candidates = [plugin for plugin in shared if plugin.up] or shared
    return candidates[0] if len(candidates) == 1 else None


def _whole_key(plugin: Plugin) -> str:
    identity = plugin.identity
    return labelled(identity.task, {"plugin": identity.plugin, "job": identity.job})
