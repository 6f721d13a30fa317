"""``Top``: polls a fleet and shows its view until it is stopped."""

import queue
import sys
import threading
import time
from typing import Callable, Hashable, Iterable, List, Optional, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from .. import Fleet, NodeAnswerInvalid, NodeError, NodeLate, Polled, Snapshot
from .desk import KEYS, Desk
from .history import History
from .keys import Keys
from .rows import blocks_of
from .view import NodeView, lines, window
from .view_options import ORDERS, ViewOptions

#: Seconds between two pictures in a file or a pipe; on a terminal each change is drawn.
PLAIN_INTERVAL = 5.0
#: Seconds between two looks for keys, answers and the end.
STEP = 0.1


class Top:
    """The view of a fleet on ``console``, polled each ``interval`` seconds, below ``title``.

    Constructing it starts nothing. Not thread-safe; one run at a time.
    """

    def __init__(
        self,
        *,
        fleet: Fleet,
        console: Console,
        interval: float = 1.0,
        options: ViewOptions = ViewOptions(),  # noqa: B008  # a tuple never changes
        title: Sequence[str] = (),
        desk: Optional[Desk] = None,
    ) -> None:
        self._fleet = fleet
        self._console = console
        self._interval = interval
        self._options = options
        self.show_above(title)
        self._history = History()
        self._desk = Desk(fleet.nodes) if desk is None else desk
        self._nodes = {
            node.url: NodeView(node.url, error=NodeLate(node.url, "asking")) for node in fleet.nodes
        }
        self._arrivals: queue.Queue[Polled] = queue.Queue()
        self._offset = 0
        self._typing = False

    def show_above(self, title: Sequence[str]) -> None:
        """Show these lines above the view from now on."""
        self._title = [Text(line, no_wrap=True) for line in title]

    def once(self, within: float) -> bool:
        """Poll once and print the view; returns whether every node answered."""
        for polled in self._fleet.poll_each(within):
            self._note(polled)
        self._print(trend=False)
        return all(node.error is None for node in self._nodes.values())

    def run(self, stop: Callable[[], bool]) -> None:
        """Show the view, with at least one picture, until ``stop()`` or the key q.

        ``stop`` is called several times a second; what it raises ends the view as well. On a
        terminal the last picture stays at the end.
        """
        over = threading.Event()
        self._desk.start()
        for polled in self._fleet.poll_each(self._interval):
            self._note(polled)
        threading.Thread(target=self._poll, args=(over,), daemon=True).start()
        try:
            if self._console.is_terminal:
                screen = Live(console=self._console, screen=True, auto_refresh=False)
                with screen, Keys(sys.stdin) as keys:
                    self._show(stop, keys, lambda: screen.update(self._picture(), refresh=True))
                self._print()
            else:
                self._show(stop, Keys(None), lambda: self._print(end="\n"))
        finally:
            over.set()
            self._desk.close()

    def _show(self, stop: Callable[[], bool], keys: Keys, draw: Callable[[], None]) -> None:
        """Draw now and then; on a terminal also after each answer and key."""
        pause = 1.0 if self._console.is_terminal else PLAIN_INTERVAL
        due = 0.0
        while True:
            arrived = self._take_arrivals()
            now = time.monotonic()
            if now >= due or (arrived and self._console.is_terminal):
                draw()
                due = now + pause
            if stop():
                return
            for key in keys.read(STEP):
                if key == "q" and not self._typing:
                    return
                self._press(key)
                due = 0.0

    def _poll(self, over: threading.Event) -> None:
        """Poll the fleet each interval, however long the slowest node takes."""
        due = time.monotonic() + self._interval
        while not over.wait(max(0.0, due - time.monotonic())):
            due = max(due + self._interval, time.monotonic())
            for polled in self._fleet.poll_each(within=self._interval):
                self._arrivals.put(polled)

    def _take_arrivals(self) -> bool:
        """Note what has arrived; returns whether anything has."""
        changed = not self._arrivals.empty()
        while not self._arrivals.empty():
            self._note(self._arrivals.get())
        return changed

    def _note(self, polled: Polled) -> None:
        node, outcome = self._nodes[polled.url], polled.outcome
        if isinstance(outcome, Snapshot):
            try:
                blocks = blocks_of(outcome, self._history)
            except Exception as error:  # a bug of ours: it must not end the view of all nodes
                outcome = _not_shown(polled.url, error)
        if isinstance(outcome, Snapshot):
            node = NodeView(polled.url, outcome.node, blocks, None, outcome.received)
            self._desk.renew(outcome)
        elif not isinstance(outcome, NodeLate):
            node = node._replace(error=outcome)
            for key in _keys(node):
                self._history.add(key, None)
        elif node.error is None:  # an earlier error says more than that the node is late now
            node = node._replace(error=outcome)
        self._nodes[polled.url] = node
        self._history.keep({key for each in self._nodes.values() for key in _keys(each)})

    def _lines(self, width: Optional[int], trend: bool = True) -> List[Text]:
        def draw(nodes: Iterable[NodeView]) -> List[Text]:
            now, desk = time.monotonic(), self._desk
            return lines(nodes, self._options, now=now, width=width, trend=trend, desk=desk)

        try:
            return draw(self._nodes.values())
        except Exception:  # a bug of ours again: those that can't be drawn are shown without
            for url, node in self._nodes.items():
                try:
                    draw([node])
                except Exception as error:
                    self._nodes[url] = NodeView(url, error=_not_shown(url, error))
            return draw(self._nodes.values())

    def _print(self, trend: bool = True, end: str = "") -> None:
        """Print the whole view below what stands there, and ``end`` below it."""
        width = self._console.width if self._console.is_terminal else None
        for line in [*self._title, *self._lines(width, trend)]:
            # Not by rich: it would break what is wider than 80 columns, and end the process when
            # the reader of a pipe has left.
            if width is None:
                self._console.file.write(line.plain + "\n")
            else:
                self._console.print(line, overflow="ellipsis", no_wrap=True)
        self._console.file.write(end)
        self._console.file.flush()

    def _picture(self) -> Group:
        """Return the lines of the screen, the last one with the keys."""
        width, height = self._console.size
        drawn = self._lines(width)
        hidden = len(drawn) - 1 - (height - len(self._title) - 2)
        self._offset = max(0, min(self._offset, hidden))
        shown = window(drawn, self._title, height - 1, self._offset)
        shown += [Text()] * (height - 1 - len(shown))
        return Group(*shown, self._foot(hidden))

    def _foot(self, hidden: int) -> Text:
        part = self._options.filter + ("▏" if self._typing else "")
        text = "q quit   s sort: %s   / filter" % self._options.order + (part and ": " + part)
        if self._desk.may_set:
            text += "   " + KEYS
        if hidden > 0:
            text += "   ↑↓ %d more lines" % hidden
        text = self._desk.said or text
        return Text(text, "reverse", no_wrap=True)

    def _press(self, key: str) -> None:
        """Do what a key stands for, but for the end: type into the filter, sort or scroll."""
        order, part = self._options
        if key in ("escape", "enter"):
            self._typing = False
            part = part if key == "enter" else ""
        elif self._typing:
            part = part[:-1] if key == "backspace" else part + (key if len(key) == 1 else "")
        elif key == "/":
            self._typing = True
        elif key == "s":
            order = ORDERS[(ORDERS.index(order) + 1) % len(ORDERS)]
        else:
            self._desk.press(key, part)
            page = max(self._console.size[1] - 6, 1)
            moves = {"up": -1, "k": -1, "down": 1, "j": 1, "home": -(10**9), "end": 10**9}
            moves.update({"page up": -page, "page down": page, " ": page})
            self._offset = max(0, self._offset + moves.get(key, 0))
        self._options = ViewOptions(order, part)


def _not_shown(url: str, error: Exception) -> NodeError:
    return NodeAnswerInvalid(url, "its answer can't be shown: %r" % error)


def _keys(node: NodeView) -> List[Hashable]:
    return [row.key for block in node.blocks for row in block.rows]
