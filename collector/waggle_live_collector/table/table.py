"""The table: every plugin that this node knows, and what they hold of the budget.

Totals only rise while a plugin is known. What is connected is never dropped. A plugin leaves a
holding time after its last process ended, and its exits a day after. For lack of room an unproven
plugin without processes leaves earlier. Belongs to the event loop; not thread-safe.
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

#: Seconds for which a plugin is not shown while its labels are being looked up.
DEFAULT_WITHHOLD_SECONDS = 2.0
#: Lines, and bytes, of a scrape from which on new series are refused to whoever holds more than its
#: reserve: a Prometheus takes no part of an answer over its ``sample_limit`` or
#: ``body_size_limit``. The configuration that we ship has 400,000 and 64 MB.
DEFAULT_MAX_LINES = 340_000
DEFAULT_MAX_TEXT = 54_000_000


class Holder(Protocol):
    """A process, as far as it is asked here: what it holds, and of which plugin it is."""

    account: Account
    principal: str
    plugin: Plugin


@dataclass(eq=False, kw_only=True)
class Table:
    """Plugins by identity. ``version`` rises with every change that a scrape could show."""

    limits: Limits
    budget: Budget
    hold_time: float

    def __post_init__(self) -> None:
        self.plugins: dict[IdentityLabels, Plugin] = {}
        self.version = 0
        #: Merged series of all plugins.
        self.series = 0
        #: Cells of all processes; kept by them.
        self.cells = 0
        self.gone = Gone(self.budget)
        self._lines = self._text = 0

    @property
    def lines(self) -> int:
        """How many lines a scrape has at most, without the collector's own."""
        return self._lines + costs.GONE_LINES * len(self.gone.rows)

    @property
    def text(self) -> int:
        """About how many bytes they have."""
        return self._text + costs.GONE_TEXT * len(self.gone.rows)

    def plugin(self, naming: Naming, principal: str, *, at: float, started: float) -> Plugin:
        """Return the plugin of that name, new or known; what its newest process told is shown.

        Raises ProtocolError (``budget``).
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
        """Hold so many bytes more of a process's rows, and of merged series; or less.

        Raises ProtocolError (``budget``) if there is no room; nothing has changed then. With
        ``room`` there always is.
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
        """Hold so many bytes more of a series' window; without room it is given up for good."""
        share = self._share(holder.plugin, holder.principal)
        if series.recent is not GIVEN_UP and not share.hold(
            What.HISTORY, share.own(What.HISTORY) + more
        ):
            series.recent = GIVEN_UP

    def add(self, holder: Holder, series: Series) -> None:
        """Take in a series that is new to the plugin of a process."""
        if series.is_windowed:
            self.hold_window(holder, series, costs.WINDOW)
        holder.plugin.add(series)
        self.series += 1
        self._show(series.totals, costs.text(holder.plugin.identity), 1)

    def attend(self, plugin: Plugin) -> None:
        """Look again whether what a plugin holds is that of the living, or may go.

        What is proven stays until its time is over.
        """
        before, after = What.LEFT, What.SERIES
        if not plugin.processes and not plugin.info.verified:
            before, after = after, before
        for principal in plugin.paid:
            self._share(plugin, principal).move(before, after)

    def shown(self, now: float) -> Iterator[Plugin]:
        """Yield the plugins that a scrape shows: not those that are being looked up just now."""
        for plugin in self.plugins.values():
            if not plugin.pending or now >= plugin.shown_at:
                yield plugin

    def pending(self) -> set[str]:
        """Return the app_ids whose labels are not known yet."""
        return {plugin.pending for plugin in self.plugins.values() if plugin.pending}

    def place(self, naming: Naming, move: Callable[[Plugin, IdentityLabels], None]) -> Naming:
        """Return the naming of a process; the proven and the unproven never share their labels.

        Where both are known, or were a moment ago, the unproven have labels of their own. ``move``
        gives a plugin, which turns out to be such a one, its other labels.
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
        """Keep the exits of unproven processes that have gone under other labels."""
        row, known = self.gone.pop(identity), self.plugins.get(apart)
        assert row is not None
        if known is not None:
            exits.add(known.exits, row.exits)
        else:
            exits.add(row.exits, self.gone.take(apart))
            row.identity = apart
            self.gone.add(apart, row)

    def _has(self, identity: IdentityLabels, *, verified: bool) -> bool:
        """Tell whether these are the labels of a proven plugin, or of an unproven one."""
        plugin, gone = self.plugins.get(identity), self.gone.rows.get(identity)
        return (plugin is not None and plugin.info.verified == verified) or (
            gone is not None and gone.verified == verified
        )

    def settle(self, plugin: Plugin, identity: IdentityLabels) -> Plugin:
        """Give a plugin another identity; return the plugin that has it now.

        That is another one if it was known already: the caller then merges the two, and has
        :meth:`pay` hold what became more by that.
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
        """Hold what a plugin that was merged into a known one added to it, room or no room."""
        first = next(iter(merged.paid))
        share = self._share(known, first)
        share.take(What.SERIES, series)
        share.take(What.HISTORY, history)
        if series or history:
            known.paid[first] = known.paid.get(first, 0) + series

    def restore(self, plugin: Plugin) -> None:
        """Take a plugin from the state file, room or no room."""
        self.plugins[plugin.identity] = plugin
        size = costs.plugin(plugin) + costs.series(plugin)
        if not size <= 2 * sum(plugin.paid.values()) <= 4 * size:  # nobody can have paid that
            plugin.paid = {UNKNOWN: size}
        for principal, size in plugin.paid.items():
            self._share(plugin, principal).take(What.SERIES, size)
        windows = sum(map(costs.window, plugin.series.values()))
        self._share(plugin, next(iter(plugin.paid))).take(What.HISTORY, windows)
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
        """Count the series and lines of a plugin in (1), or out (-1)."""
        self.series += sign * len(plugin.series)
        identity = costs.text(plugin.identity)
        for totals in plugin.totals:
            self._show(totals, identity, sign)
        self._lines += sign * costs.PLUGIN_LINES
        self._text += sign * costs.PLUGIN_LINES * costs.line(identity)

    def count_lines(self, lines: int, length: int) -> None:
        """Count more lines of a scrape, or less, each so many bytes long."""
        self._lines += lines
        self._text += lines * length

    def _show(self, totals: AnyTotals, identity: int, sign: int) -> None:
        lines = sign * costs.LINES[totals.kind]
        self._lines += lines
        self._text += lines * costs.line(identity, costs.words(totals))

    def account_of_curves(self, plugin: Plugin, lose: Callable[[What], None]) -> Account:
        """Return it; below that of the series, so that no smaller plugin pays for them."""
        share = self._share(plugin, next(iter(plugin.paid)))
        return self.budget.account(str(share.principal().name), share.name, "curves", lose=lose)

    def _share(self, plugin: Plugin, principal: str) -> Account:
        """Return the account of what a principal made of a plugin."""
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
