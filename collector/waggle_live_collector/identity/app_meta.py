"""What the stack knows of each pod: the records of its app-meta cache, and who is asked for.

Holds no socket; ``lookups.py`` asks. A pod's record is written once, before the
pod starts, and never changes, so what was found is kept for as long as there is room. What is
missing is asked for again, in growing intervals, for as long as anything of that pod is known.
"""

from collections.abc import Callable, Iterable
from itertools import chain, islice, zip_longest
from typing import NamedTuple

from msgspec import DecodeError, Struct, json
from msgspec.structs import replace

from ..clock import Clock
from .labels import RESERVED, UNPROVEN, IdentityLabels, ProcessInfo, split_image

#: Records kept; the one used longest ago goes first.
DEFAULT_MAX_CACHED = 4096
#: Seconds until a missing record is asked for again: doubled each time, up to the second.
DEFAULT_RETRY_SECONDS = 0.1
DEFAULT_MAX_RETRY_SECONDS = 5.0
#: Longest label; what is longer is cut.
MAX_LABEL = 256


class _Record(Struct):
    """One record, as the stack writes it: ``plugin`` is an image with its tag."""

    plugin: str
    task: str = ""
    job: str = ""
    host: str = ""
    zone: str = ""


class AppMeta(NamedTuple):
    """What a record tells of a pod."""

    identity: IdentityLabels
    version: str = ""
    host: str = ""
    zone: str = ""

    def complete(self, info: ProcessInfo) -> ProcessInfo:
        """Return the info with what the stack knows in place of what the process said."""
        return replace(info, version=self.version, host=self.host, zone=self.zone, resolved=True)


def decode(data: bytes) -> AppMeta:
    """Return the record of its JSON text; raises ValueError if it gives no labels."""
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
    """When an app_id is asked for next, and how long after that."""

    __slots__ = ("asked", "delay", "due", "principals")

    def __init__(self, due: float) -> None:
        #: Who wants it.
        self.principals: set[str] = set()
        self.due = due
        self.delay = DEFAULT_RETRY_SECONDS
        self.asked = due - DEFAULT_RETRY_SECONDS


class AppMetas:
    """Found records and wanted ones. Belongs to the event loop; not thread-safe."""

    def __init__(self, *, clock: Clock, max_cached: int = DEFAULT_MAX_CACHED) -> None:
        #: Called when something is due earlier than it was before.
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
        """Know a record from now on."""
        self._wanted.pop(app_id, None)
        self._found[app_id] = meta
        while len(self._found) > self._max_cached:
            del self._found[next(iter(self._found))]

    def learn(self, identity: IdentityLabels, info: ProcessInfo) -> None:
        """Know the record of a process that the state file held, if it had one."""
        if info.resolved:
            job = identity.plugin_job.removeprefix(UNPROVEN)
            labels = identity._replace(plugin_job=job)
            self.add(info.app_id, AppMeta(labels, info.version, info.host, info.zone))

    def want(self, app_id: str, principal: str) -> None:
        """Ask for a record soon, and again until it is there."""
        now = self._clock.monotonic()
        wanted = self._wanted.setdefault(app_id, _Wanted(now))
        wanted.principals.add(principal)
        # Who comes again and again must not have us ask without a pause.
        wanted.due = min(wanted.due, max(now, wanted.asked + DEFAULT_RETRY_SECONDS))
        self.on_want()

    def retain(self, app_ids: Iterable[str]) -> None:
        """Forget the wish for all others, of which nothing is known any more."""
        kept = set(app_ids)
        for app_id in [app_id for app_id in self._wanted if app_id not in kept]:
            del self._wanted[app_id]

    def due(self, most: int) -> list[str]:
        """Return up to ``most`` app_ids to ask for now: in turn of each who wants some.

        Of each those come first that wait longest. So nobody waits for what strangers invent.
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
        """There is no record yet: ask again, later each time."""
        wanted = self._wanted.get(app_id)
        if wanted is not None:
            wanted.asked = self._clock.monotonic()
            wanted.due = wanted.asked + wanted.delay
            wanted.delay = min(2 * wanted.delay, DEFAULT_MAX_RETRY_SECONDS)
