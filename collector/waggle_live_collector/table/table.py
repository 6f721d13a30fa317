"""The table: all plugins that the collector knows, and what they hold of the budget.

While a plugin is in the table its totals only rise. A connected one is never dropped. A plugin
leaves when its last process has been gone for the holding time, and its exits leave a day later.
For lack of room, an unproven plugin without processes leaves earlier. Belongs to the event loop;
not thread-safe.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from waggle_live.wire.errors import ProtocolError

from ..budget import UNKNOWN, Account, Budget, What
from ..identity.labels import IdentityLabels, Naming
from ..limits import Limits
from . import costs, exits
from .exits import Gone, GoneRow
from .kinds import AnyTotals
from .plugin import Plugin
from .recent import GIVEN_UP
from .series import Series, no_room

#: The most seconds that a plugin isn't shown while its labels are looked up.
DEFAULT_WITHHOLD_SECONDS = 2.0
#: Lines and bytes of a scrape from which on new series are refused, except within a reserve.
#: Prometheus drops a whole answer over its ``sample_limit`` or ``body_size_limit``. In the
#: configuration that we ship these are 400,000 and 64 MB.
DEFAULT_MAX_LINES = 340_000
DEFAULT_MAX_TEXT = 54_000_000


class Holder(Protocol):
    """What the table needs to know about a process."""

    account: Account
    principal: str
    plugin: Plugin


@dataclass(eq=False, kw_only=True)
class Table:
    """Plugins by identity. ``version`` rises with each change that a scrape could show.

    ``hold_time``: seconds that an ended plugin stays.
    """

    limits: Limits
    budget: Budget
    hold_time: float

    def __post_init__(self) -> None:
        self.plugins: dict[IdentityLabels, Plugin] = {}
        self.version = 0
        #: How many merged series all plugins have.
        self.series = 0
        #: How many cells all processes have. :class:`.Processes` counts them.
        self.cells = 0
        self.gone = Gone(self.budget)
        self._lines = self._text = 0

    @property
    def lines(self) -> int:
        """The most lines that a scrape can have, without the collector's own."""
        return self._lines + costs.GONE_LINES * len(self.gone.rows)

    @property
    def text(self) -> int:
        """About how many bytes these lines have."""
        return self._text + costs.GONE_TEXT * len(self.gone.rows)

    def plugin(self, naming: Naming, principal: str, *, at: float, started: float) -> Plugin:
        """Return the plugin of an identity, a new one if it isn't known. ``naming.info`` is shown.

        ``at`` is monotonic; ``started`` is the Unix time of its process. Raises ProtocolError
        (``budget``).
        """
        identity, info, pending = naming
        plugin = self.plugins.get(identity)
        if plugin is None:
            plugin = Plugin(identity, info, started=started, last_seen=at, left_at=at)
            plugin.pending, plugin.shown_at = pending, at + DEFAULT_WITHHOLD_SECONDS
            self._hold(plugin, principal, costs.plugin(plugin))
            exits.add(plugin.exits, self.gone.take(identity))
            self.plugins[identity] = plugin
            self.count(plugin, 1)
        plugin.info = info
        self.version += 1
        return plugin

    def hold(self, holder: Holder, row: int, merged: int, *, room: bool = False) -> None:
        """Hold ``row`` more bytes for rows of a process, and ``merged`` for series; or fewer.

        Raises ProtocolError (``budget``) if there is no room. Then nothing changes. With ``room``
        it doesn't ask for room.
        """
        account = holder.account
        if room:
            share = self._share(holder.plugin, holder.principal)
            account.take(What.SERIES, row)
            share.take(What.SERIES, merged)
            holder.plugin.paid[holder.principal] = share.own(What.SERIES)
            return
        if not account.hold(What.SERIES, account.own(What.SERIES) + row):
            raise no_room()
        if merged:
            try:
                self._hold(holder.plugin, holder.principal, merged)
            except ProtocolError:
                account.take(What.SERIES, -row)
                raise

    def hold_window(self, holder: Holder, series: Series, more: int) -> None:
        """Hold ``more`` bytes for a series' window. Without room, drop the window for good."""
        share = self._share(holder.plugin, holder.principal)
        if series.recent is not GIVEN_UP and not share.hold(
            What.HISTORY, share.own(What.HISTORY) + more
        ):
            series.recent = GIVEN_UP

    def add(self, holder: Holder, series: Series) -> None:
        """Add a series that is new to the plugin of a process."""
        if series.is_windowed:
            self.hold_window(holder, series, costs.WINDOW)
        holder.plugin.add(series)
        self.series += 1
        self._show(series.totals, costs.text(holder.plugin.identity), 1)

    def attend(self, plugin: Plugin) -> None:
        """Let a plugin be dropped for lack of room if it is unproven and has no processes."""
        before, after = What.LEFT, What.SERIES
        if not plugin.processes and not plugin.info.verified:
            before, after = after, before
        for principal in plugin.paid:
            self._share(plugin, principal).move(before, after)

    def shown(self, now: float) -> Iterator[Plugin]:
        """Yield the plugins to show: all but those whose labels are being looked up."""
        for plugin in self.plugins.values():
            if not plugin.pending or now >= plugin.shown_at:
                yield plugin

    def pending(self) -> set[str]:
        """Return the app_ids whose labels are being looked up."""
        return {plugin.pending for plugin in self.plugins.values() if plugin.pending}

    def place(self, naming: Naming, move: Callable[[Plugin, IdentityLabels], None]) -> Naming:
        """Return the naming of a process, so that proven and unproven never share an identity.

        If both are known under one identity, the unproven get another one (``apart``). ``move`` is
        called to give a known unproven plugin that identity.
        """
        identity, apart = naming.identity, naming.identity.apart()
        if not naming.info.verified:
            is_apart = self._has(apart, verified=False) or self._has(identity, verified=True)
            return naming._replace(identity=apart) if is_apart else naming
        plugin = self.plugins.get(identity)
        if plugin is not None and not plugin.info.verified:
            move(plugin, apart)
        elif self._has(identity, verified=False):
            self._set_apart(identity, apart)
        return naming

    def _set_apart(self, identity: IdentityLabels, apart: IdentityLabels) -> None:
        """Move the exits of an unproven plugin that has left to another identity."""
        row, known = self.gone.pop(identity), self.plugins.get(apart)
        assert row is not None
        if known is not None:
            exits.add(known.exits, row.exits)
        else:
            exits.add(row.exits, self.gone.take(apart))
            row.identity = apart
            self.gone.add(apart, row)

    def _has(self, identity: IdentityLabels, *, verified: bool) -> bool:
        """Tell whether a proven (or unproven) plugin has that identity, or had it until it left."""
        plugin, gone = self.plugins.get(identity), self.gone.rows.get(identity)
        return (plugin is not None and plugin.info.verified == verified) or (
            gone is not None and gone.verified == verified
        )

    def settle(self, plugin: Plugin, identity: IdentityLabels) -> Plugin:
        """Give a plugin another identity, and return the plugin that has it.

        If another plugin has it already, that one is returned. The caller then merges the two, and
        calls :meth:`pay`.
        """
        self.count(plugin, -1)
        del self.plugins[plugin.identity]
        self.version += 1
        known = self.plugins.setdefault(identity, plugin)
        if known is plugin:
            exits.add(plugin.exits, self.gone.take(identity))
            plugin.identity = identity
            self.count(plugin, 1)
        else:
            for principal in plugin.paid:
                self._share(plugin, principal).close()
        return known

    def pay(self, known: Plugin, merged: Plugin, series: int, history: int) -> None:
        """Hold the bytes that a merged plugin added to a known one, without asking for room."""
        first = next(iter(merged.paid))
        share = self._share(known, first)
        share.take(What.SERIES, series)
        share.take(What.HISTORY, history)
        if series or history:
            known.paid[first] = known.paid.get(first, 0) + series

    def restore(self, plugin: Plugin) -> None:
        """Take in a plugin of the state file, without asking for room."""
        self.plugins[plugin.identity] = plugin
        size = costs.plugin(plugin) + costs.series(plugin)
        # The file may say anything. Sums far from our own estimate are not believed.
        if not size <= 2 * sum(plugin.paid.values()) <= 4 * size:
            plugin.paid = {UNKNOWN: size}
        for principal, size in plugin.paid.items():
            self._share(plugin, principal).take(What.SERIES, size)
        first = self._share(plugin, next(iter(plugin.paid)))
        first.take(What.HISTORY, costs.history(plugin))
        self.attend(plugin)
        self.count(plugin, 1)
        self.version += 1

    def expire(self, now: float) -> None:
        """Drop the plugins whose holding time is over."""
        gone = [
            plugin
            for plugin in self.plugins.values()
            if not plugin.processes
            and plugin.left_at is not None
            and now - plugin.left_at >= self.hold_time
        ]
        for plugin in gone:
            self._drop(plugin)
        if self.gone.expire(now):
            self.version += 1

    def count(self, plugin: Plugin, sign: int) -> None:
        """Add the series and lines of a plugin to the sums (1), or subtract them (-1)."""
        self.series += sign * len(plugin.series)
        identity = costs.text(plugin.identity)
        for totals in plugin.totals:
            self._show(totals, identity, sign)
        self._lines += sign * costs.PLUGIN_LINES
        self._text += sign * costs.PLUGIN_LINES * costs.line(identity)

    def count_lines(self, lines: int, length: int) -> None:
        """Add ``lines`` of a scrape to the sums, each ``length`` bytes long, or subtract them."""
        self._lines += lines
        self._text += lines * length

    def _show(self, totals: AnyTotals, identity: int, sign: int) -> None:
        lines = sign * costs.LINES[totals.kind]
        self._lines += lines
        self._text += lines * costs.line(identity, costs.words(totals))

    def account_of_curves(self, plugin: Plugin, lose: Callable[[What], None]) -> Account:
        """Return the account of a plugin's curves, as a part of the account of its series."""
        share = self._share(plugin, next(iter(plugin.paid)))
        return self.budget.account(str(share.principal().name), share.name, "curves", lose=lose)

    def _share(self, plugin: Plugin, principal: str) -> Account:
        """Return the account of a principal's part of a plugin."""
        lose = partial(self._lose, plugin)
        return self.budget.account(principal, ("plugin", id(plugin)), lose=lose)

    def _hold(self, plugin: Plugin, principal: str, more: int) -> None:
        share = self._share(plugin, principal)
        full = self.lines >= DEFAULT_MAX_LINES or self.text >= DEFAULT_MAX_TEXT
        if more > 0 and full and not self.budget.within_reserve(share):
            self.budget.count(share, What.SERIES)
            raise no_room()
        if not share.hold(What.SERIES, share.own(What.SERIES) + more):
            raise no_room()
        plugin.paid[principal] = share.own(What.SERIES)

    def _lose(self, plugin: Plugin, what: What) -> None:
        if what is What.HISTORY:
            plugin.give_up_history()
            for each in plugin.paid:
                share = self._share(plugin, each)
                share.take(what, -share.own(what))
        elif not plugin.gone:
            self._drop(plugin)
        self.version += 1

    def _drop(self, plugin: Plugin) -> None:
        del self.plugins[plugin.identity]
        plugin.gone = True
        self.count(plugin, -1)
        for principal in plugin.paid:
            self._share(plugin, principal).close()
        if not plugin.pending:
            at, first = plugin.left_at or 0.0, next(iter(plugin.paid))
            row = GoneRow(plugin.identity, plugin.exits, at, first, plugin.info.verified)
            self.gone.add(plugin.identity, row)
        self.version += 1
