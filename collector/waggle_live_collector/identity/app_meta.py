"""The stack's records of pods, from its app-meta cache, and which are wanted.

Holds no socket; ``lookups.py`` asks. A pod's record is written once, before the pod starts, and
never changes. So it is kept for as long as there is room. A missing record is asked for again, in
growing intervals, for as long as anything of that pod is known.
"""

from collections.abc import Callable, Iterable
from itertools import chain, islice, zip_longest
from typing import NamedTuple

from msgspec import DecodeError, Struct, json
from msgspec.structs import replace

from ..clock import Clock
from .labels import RESERVED, UNPROVEN, IdentityLabels, ProcessInfo, split_image

#: The most records kept; the least recently used goes first.
DEFAULT_MAX_CACHED = 4096
#: Seconds until a missing record is asked for again: doubled each time, up to the second number.
DEFAULT_RETRY_SECONDS = 0.1
DEFAULT_MAX_RETRY_SECONDS = 5.0
#: The longest label in characters; a longer one is cut.
MAX_LABEL = 256


class _Record(Struct):
    """One record as the stack writes it. ``plugin`` is an image with its tag."""

    plugin: str
    task: str = ""
    job: str = ""
    host: str = ""
    zone: str = ""


class AppMeta(NamedTuple):
    """What a record says of a pod."""

    identity: IdentityLabels
    version: str = ""
    host: str = ""
    zone: str = ""

    def complete(self, info: ProcessInfo) -> ProcessInfo:
        """Return the info with the stack's values in place of the process's."""
        return replace(info, version=self.version, host=self.host, zone=self.zone, resolved=True)


def decode(data: bytes) -> AppMeta:
    """Return the record in its JSON text. Raises ValueError if it gives no labels."""
    try:
        record = json.decode(data, type=_Record)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    plugin, version = (part[:MAX_LABEL] for part in split_image(record.plugin))
    task, job, host, zone = (
        text[:MAX_LABEL] for text in (record.task, record.job, record.host, record.zone)
    )
    if not plugin:
        raise ValueError("it names no plugin")
    if job.startswith(RESERVED):
        raise ValueError(f"its job begins with {' or '.join(RESERVED)}")
    return AppMeta(IdentityLabels(plugin, task or plugin, job), version, host, zone)


class _Wanted:
    """When an app_id is asked for next, and the interval after that."""

    __slots__ = ("asked", "delay", "due", "principals")

    def __init__(self, due: float) -> None:
        #: Who wants it.
        self.principals: set[str] = set()
        self.due = due
        self.delay = DEFAULT_RETRY_SECONDS
        self.asked = due - DEFAULT_RETRY_SECONDS


class AppMetas:
    """The found records and the wanted ones. Belongs to the event loop; not thread-safe."""

    def __init__(self, *, clock: Clock, max_cached: int = DEFAULT_MAX_CACHED) -> None:
        #: Called when something becomes due earlier than before.
        self.on_want: Callable[[], None] = lambda: None
        self._clock = clock
        self._max_cached = max_cached
        self._found: dict[str, AppMeta] = {}
        self._wanted: dict[str, _Wanted] = {}

    def get(self, app_id: str) -> AppMeta | None:
        """Return the record if it is known."""
        meta = self._found.pop(app_id, None)
        if meta is not None:
            self._found[app_id] = meta
        return meta

    def add(self, app_id: str, meta: AppMeta) -> None:
        """Store a record."""
        self._wanted.pop(app_id, None)
        self._found[app_id] = meta
        while len(self._found) > self._max_cached:
            del self._found[next(iter(self._found))]

    def learn(self, identity: IdentityLabels, info: ProcessInfo) -> None:
        """Store the record of a process in the state file, if it had one."""
        if info.resolved:
            job = identity.plugin_job.removeprefix(UNPROVEN)
            labels = identity._replace(plugin_job=job)
            self.add(info.app_id, AppMeta(labels, info.version, info.host, info.zone))

    def want(self, app_id: str, principal: str) -> None:
        """Ask for a record soon, and again until it is there."""
        now = self._clock.monotonic()
        wanted = self._wanted.setdefault(app_id, _Wanted(now))
        wanted.principals.add(principal)
        # A process that reconnects all the time must not make us ask without a pause.
        wanted.due = min(wanted.due, max(now, wanted.asked + DEFAULT_RETRY_SECONDS))
        self.on_want()

    def retain(self, app_ids: Iterable[str]) -> None:
        """Drop all other wanted records, since nothing is known of those pods any more."""
        kept = set(app_ids)
        for app_id in [app_id for app_id in self._wanted if app_id not in kept]:
            del self._wanted[app_id]

    def due(self, most: int) -> list[str]:
        """Return up to ``most`` app_ids to ask for now, taking turns between those who want some.

        Of each, those that have waited longest come first. So invented app_ids delay nobody else's.
        """
        now = self._clock.monotonic()
        due: dict[str, list[tuple[float, str]]] = {}
        for app_id, wanted in self._wanted.items():
            if wanted.due <= now:
                for principal in wanted.principals:
                    due.setdefault(principal, []).append((wanted.due, app_id))
        turns = chain.from_iterable(zip_longest(*map(sorted, due.values())))
        return list(islice(dict.fromkeys(each[1] for each in turns if each is not None), most))

    def next_due(self) -> float | None:
        """Return the monotonic time at which something is due; None if nothing is wanted."""
        return min((wanted.due for wanted in self._wanted.values()), default=None)

    def missing(self, app_id: str) -> None:
        """Note that there is no record yet. It is asked for again, later each time."""
        wanted = self._wanted.get(app_id)
        if wanted is not None:
            wanted.asked = self._clock.monotonic()
            wanted.due = wanted.asked + wanted.delay
            wanted.delay = min(2 * wanted.delay, DEFAULT_MAX_RETRY_SECONDS)
