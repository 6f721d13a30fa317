"""Leases: which holder wants which value of a knob, and until when.

If several holders want one knob, the one with the highest priority has it. Of equal ones it is the
first. The others wait. Belongs to the event loop.
"""

from __future__ import annotations

import re
import secrets
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from waggle_live.wire.knobs import Value

from ..clock import Seconds
from ..identity.labels import IdentityLabels

#: The highest priority. The lowest is 0.
MAX_PRIORITY = 9
#: The most holders, and the most leases of all holders. ``PUT`` refuses more.
DEFAULT_MAX_HOLDERS, DEFAULT_MAX_LEASES = 1000, 4000


_HOLDER = re.compile(r"[a-z0-9._-]{1,64}")


def check_holder(name: str) -> str:
    """Return the name of a holder. Raises ValueError with the rule."""
    if not _HOLDER.fullmatch(name):
        raise ValueError(f"a holder is 1 to 64 characters of [a-z0-9._-], got {name[:80]!r}")
    return name


class KnobKey(NamedTuple):
    """Identifies a knob of a plugin. All processes of the plugin share it."""

    identity: IdentityLabels
    name: str

    def pairs(self) -> list[tuple[str, str]]:
        """Return its labels with their names."""
        return [*self.identity.pairs(), ("name", self.name)]


class Lease(Struct, array_like=True, eq=False):
    """The value that a holder wants of a knob. A row of the state file. Times are monotonic."""

    key: KnobKey
    value: Value
    #: When the holder first wanted a value of this knob.
    since: Seconds
    until: Seconds
    #: Whether the holder was told that the value is applied.
    is_known: bool = False


class Holder(Struct, array_like=True, dict=True, eq=False):
    """A holder of leases. A row of the state file."""

    name: str
    #: Random, so that a second holder of the same name is noticed.
    etag: str
    priority: Annotated[int, Meta(ge=0, le=MAX_PRIORITY)]
    until: Seconds
    rows: list[Lease] = []

    def __post_init__(self) -> None:
        self.leases: dict[KnobKey, Lease] = {lease.key: lease for lease in self.rows}


class Leases:
    """All holders and their leases."""

    def __init__(self) -> None:
        self.holders: dict[str, Holder] = {}
        self.count = 0
        self._by_knob: dict[KnobKey, dict[str, Lease]] = {}

    def begin(self, name: str, until: float) -> Holder:
        """Add and return a new holder."""
        holder = self.holders[name] = Holder(name, f'"{secrets.token_hex(8)}"', 0, until)
        return holder

    def restore(self, holder: Holder) -> None:
        """Add a holder of the state file."""
        self.holders[holder.name] = holder
        for lease in holder.leases.values():
            self._by_knob.setdefault(lease.key, {})[holder.name] = lease
        self.count += len(holder.leases)

    def of(self, key: KnobKey, holder: str) -> Lease | None:
        """Return the lease of a holder for a knob; None if there is none."""
        return self._by_knob.get(key, {}).get(holder)

    def want(self, holder: Holder, key: KnobKey, value: Value, now: float, until: float) -> Lease:
        """Add or renew a lease, and return it."""
        lease = holder.leases.get(key)
        if lease is None:
            lease = holder.leases[key] = Lease(key, value, now, until)
            self._by_knob.setdefault(key, {})[holder.name] = lease
            self.count += 1
        elif lease.value != value:
            lease.value, lease.is_known = value, False
        lease.until = until
        return lease

    def drop(self, holder: Holder, key: KnobKey) -> None:
        """Remove the lease of a holder for a knob."""
        if holder.leases.pop(key, None) is not None:
            self.count -= 1
            wanted = self._by_knob[key]
            del wanted[holder.name]
            if not wanted:
                del self._by_knob[key]

    def end(self, holder: Holder) -> list[KnobKey]:
        """Remove a holder, and return the knobs of its leases."""
        keys = list(holder.leases)
        for key in keys:
            self.drop(holder, key)
        self.holders.pop(holder.name, None)
        return keys

    def expire(self, now: float) -> list[KnobKey]:
        """Remove the leases and holders that are over their time, and return the knobs of these."""
        over: list[KnobKey] = []
        for holder in list(self.holders.values()):
            for key in [key for key, each in holder.leases.items() if now >= each.until]:
                self.drop(holder, key)
                over.append(key)
            if now >= holder.until:
                del self.holders[holder.name]
        return over

    def best(self, key: KnobKey) -> tuple[Holder, Lease] | None:
        """Return the holder that has a knob, and its lease; None if nobody has it."""
        wanted = self._by_knob.get(key)
        if not wanted:
            return None
        holders = self.holders
        if len(wanted) == 1:
            ((name, lease),) = wanted.items()
            return holders[name], lease
        name = min(wanted, key=lambda each: (-holders[each].priority, wanted[each].since))
        return holders[name], wanted[name]
