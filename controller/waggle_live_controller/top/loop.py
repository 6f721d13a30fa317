"""``Top``: polls a fleet and shows its view until it is stopped."""

import queue
import sys
import threading
import time
from typing import Callable, Dict, Hashable, List, Optional, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from .. import Fleet, NodeIdentity, NodeLate, Polled, Snapshot
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
    ) -> None:
        self._fleet = fleet
        self._console = console
        self._interval = interval
        self._options = options
        self._title = [Text(line, no_wrap=True) for line in title]
        self._history = History()
        self._nodes: Dict[str, NodeView] = {}
        for url in (node.url for node in fleet.nodes):
            asking = NodeLate(url, "asking")
            self._nodes[url] = NodeView(url, NodeIdentity("", ""), [], asking, None)
        self._arrivals: queue.Queue[Polled] = queue.Queue()
        self._offset = 0
        self._typing = False

    def once(self, within: float) -> bool:
        """Poll once and print the view; returns whether every node answered."""
        self._poll_once(within)
        self._print(trend=False)
        return all(node.error is None for node in self._nodes.values())

    def run(self, stop: Callable[[], bool]) -> None:
        """Show the view, with at least one picture, until ``stop()`` or the key q.

        ``stop`` is called several times a second; what it raises ends the view as well. On a
        terminal the last picture stays at the end.
        """
        over = threading.Event()
        self._poll_once(self._interval)
        threading.Thread(target=self._poll, args=(over,), daemon=True).start()
        try:
            if self._console.is_terminal:
                self._run_terminal(stop)
                self._print()
            else:
                self._run_plain(stop)
        finally:
            over.set()

    def _poll_once(self, within: float) -> None:
        for polled in self._fleet.poll_each(within):
            self._note(polled)

    def _poll(self, over: threading.Event) -> None:
        """Poll the fleet each interval, however long the slowest node takes."""
        due = time.monotonic() + self._interval
        while not over.wait(max(0.0, due - time.monotonic())):
            due = max(due + self._interval, time.monotonic())
            for polled in self._fleet.poll_each(within=self._interval):
                self._arrivals.put(polled)

    def _run_terminal(self, stop: Callable[[], bool]) -> None:
        drawn_at = -1.0
        screen = Live(console=self._console, screen=True, auto_refresh=False)
        with screen, Keys(sys.stdin) as keys:
            while not stop():
                changed = self._take_arrivals()
                now = time.monotonic()
                if changed or now - drawn_at >= 1.0:
                    screen.update(Group(*self._picture()), refresh=True)
                    drawn_at = now
                for key in keys.read(STEP):
                    if key == "q" and not self._typing:
                        return
                    self._press(key)
                    drawn_at = -1.0

    def _run_plain(self, stop: Callable[[], bool]) -> None:
        due = time.monotonic()
        while True:
            self._take_arrivals()
            if time.monotonic() >= due:
                due += PLAIN_INTERVAL
                self._print()
                self._console.file.write("\n")
            if stop():
                return
            time.sleep(STEP)

    def _take_arrivals(self) -> bool:
        """Note what has arrived; returns whether anything has."""
        changed = False
        while not self._arrivals.empty():
            self._note(self._arrivals.get())
            changed = True
        return changed

    def _note(self, polled: Polled) -> None:
        node, outcome = self._nodes[polled.url], polled.outcome
        if isinstance(outcome, Snapshot):
            blocks = blocks_of(outcome, self._history)
            node = NodeView(polled.url, outcome.node, blocks, None, outcome.received)
        elif not isinstance(outcome, NodeLate):
            node = node._replace(error=outcome)
            for key in _keys(node):
                self._history.add(key, None)
        elif node.error is None:  # an earlier error says more than that the node is late now
            node = node._replace(error=outcome)
        self._nodes[polled.url] = node
        self._history.keep({key for each in self._nodes.values() for key in _keys(each)})

    def _lines(self, width: Optional[int], trend: bool = True) -> List[Text]:
        nodes, now = self._nodes.values(), time.monotonic()
        return lines(nodes, self._options, now=now, width=width, trend=trend)

    def _print(self, trend: bool = True) -> None:
        """Print the whole view below what stands there."""
        width = self._console.width if self._console.is_terminal else None
        for line in [*self._title, *self._lines(width, trend)]:
            # Not by rich: it would break what is wider than 80 columns, and end the process when
            # the reader of a pipe has left.
            if width is None:
                self._console.file.write(line.plain + "\n")
            else:
                self._console.print(line, overflow="ellipsis", no_wrap=True)
        self._console.file.flush()

    def _picture(self) -> List[Text]:
        """Return the lines of the screen, the last one with the keys."""
        width, height = self._console.size
        drawn = self._lines(width)
        hidden = len(drawn) - 1 - (height - len(self._title) - 2)
        self._offset = max(0, min(self._offset, hidden))
        shown = window(drawn, self._title, height - 1, self._offset)
        shown += [Text()] * (height - 1 - len(shown))
        return [*shown, self._foot(hidden)]

    def _foot(self, hidden: int) -> Text:
        part = self._options.filter + ("▏" if self._typing else "")
        text = "q quit   s sort: %s   / filter" % self._options.order + (part and ": " + part)
        if hidden > 0:
            text += "   ↑↓ %d more lines" % hidden
        return Text(text, "reverse", no_wrap=True)

    def _press(self, key: str) -> None:
        """Do what a key stands for, but for the end."""
        if self._typing:
            self._type(key)
        elif key == "s":
            after = (ORDERS.index(self._options.order) + 1) % len(ORDERS)
            self._options = self._options._replace(order=ORDERS[after])
        elif key == "/":
            self._typing = True
        elif key == "escape":
            self._options = self._options._replace(filter="")
        else:
            page = max(self._console.size[1] - 6, 1)
            moves = {"up": -1, "k": -1, "down": 1, "j": 1, "home": -(10**9), "end": 10**9}
            moves.update({"page up": -page, "page down": page, " ": page})
            self._offset = max(0, self._offset + moves.get(key, 0))

    def _type(self, key: str) -> None:
        """Change the filter by a key that was typed into it."""
        part = self._options.filter
        if key == "escape":
            part = ""
        elif key == "backspace":
            part = part[:-1]
        elif len(key) == 1:
            part += key
        self._typing = key not in ("escape", "enter")
        self._options = self._options._replace(filter=part)


def _keys(node: NodeView) -> List[Hashable]:
    return [row.key for block in node.blocks for row in block.rows]
