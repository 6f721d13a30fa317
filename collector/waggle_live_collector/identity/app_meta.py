"""What the stack knows of each pod: the records of its app-meta cache, and who is asked for.

Holds no socket; ``lookups.py`` asks. A pod's record is written once, before the
pod starts, and never changes, so what was found is kept for as long as there is room. What is
missing is asked for again, in growing intervals, for as long as anything of that pod is known.
"""

from collections.abc import Callable, Iterable

from msgspec import DecodeError, Struct, json
from msgspec.structs import replace

from ..clock import Clock
from .labels import PROVISIONAL, IdentityLabels, ProcessInfo, split_image

#: Records kept; the one used longest ago goes first.
DEFAULT_MAX_CACHED = 4096
#: Seconds until a missing record is asked for again: doubled each time, up to the second.
DEFAULT_RETRY_SECONDS = 0.1
DEFAULT_MAX_RETRY_SECONDS = 5.0
#: Longest label; what is longer is cut.
MAX_LABEL = 256


class AppMeta(Struct):
    """One record, as the stack writes it: ``plugin`` is an image with its tag."""

    plugin: str
    task: str = ""
    job: str = ""
    host: str = ""
    zone: str = ""

    @property
    def identity(self) -> IdentityLabels:
        """The labels that it gives."""
        plugin = split_image(self.plugin)[0][:MAX_LABEL]
        return IdentityLabels(plugin, self.task[:MAX_LABEL] or plugin, self.job[:MAX_LABEL])

    def complete(self, info: ProcessInfo) -> ProcessInfo:
        """Return the info with what the stack knows better."""
        return replace(
            info,
            version=split_image(self.plugin)[1][:MAX_LABEL] or info.version,
            host=self.host[:MAX_LABEL] or info.host,
            zone=self.zone[:MAX_LABEL],
            resolved=True,
        )


def decode(data: bytes) -> AppMeta:
    """Return the record of its JSON text; raises ValueError if it gives no labels."""
    try:
        meta = json.decode(data, type=AppMeta)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if not meta.identity.plugin:
        raise ValueError("it names no plugin")
    if meta.job.startswith(PROVISIONAL):
        raise ValueError(f"its job begins with {PROVISIONAL!r}")
    return meta


class _Wanted:
    """When an app_id is asked for next, and how long after that."""

    __slots__ = ("asked", "delay", "due")

    def __init__(self, due: float) -> None:
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
            image = f"{identity.plugin}:{info.version}" if info.version else identity.plugin
            self.add(info.app_id, AppMeta(image, *identity[1:], info.host, info.zone))

    def want(self, app_id: str) -> None:
        """Ask for a record soon, and again until it is there."""
        now = self._clock.monotonic()
        wanted = self._wanted.setdefault(app_id, _Wanted(now))
        # Who comes again and again must not have us ask without a pause.
        wanted.due = min(wanted.due, max(now, wanted.asked + DEFAULT_RETRY_SECONDS))
        self.on_want()

    def retain(self, app_ids: Iterable[str]) -> None:
        """Forget the wish for all others, of which nothing is known any more."""
        kept = set(app_ids)
        for app_id in [app_id for app_id in self._wanted if app_id not in kept]:
            del self._wanted[app_id]

    def due(self, most: int) -> list[str]:
        """Return up to ``most`` app_ids to ask for now, those that wait longest first."""
        now = self._clock.monotonic()
        due = [(wanted.due, app_id) for app_id, wanted in self._wanted.items() if wanted.due <= now]
        return [app_id for _, app_id in sorted(due)[:most]]

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
