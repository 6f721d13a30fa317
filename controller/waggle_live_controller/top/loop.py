"""``Top``: polls a fleet and draws what it says, until it is told to stop."""

import queue
import sys
import threading
import time
from typing import Callable, Dict, Hashable, List, Optional, Sequence, Set

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from .. import Fleet, NodeError, NodeIdentity, NodeLate, Polled, Snapshot
from .history import History
from .keys import Keys
from .rows import Block, blocks_of
from .view import NodeView, lines, window
from .view_options import ORDERS, ViewOptions

#: Seconds between two pictures in a file or a pipe; on a terminal each change is drawn.
PLAIN_INTERVAL = 5.0
#: Seconds between two looks for keys, answers and the end.
STEP = 0.1
#: A node that is only late is shown as it was for so many seconds.
GRACE = 5.0


class _Seen:
    """The latest of one node."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.node = NodeIdentity("", "")
        self.blocks: List[Block] = []
        self.keys: List[Hashable] = []
        self.error: Optional[NodeError] = NodeLate(url, "asking")
        self.received: Optional[float] = None

    def view(self, now: float) -> NodeView:
        silent = None if self.received is None else now - self.received
        error = self.error
        if isinstance(error, NodeLate) and silent is not None and silent < GRACE:
            error = None
        # What a node said before it fell silent is not shown as if it were so now.
        blocks = [] if error is not None else self.blocks
        return NodeView(self.url, self.node, blocks, error, silent)


class Top:
    """The view of a fleet on ``console``. Constructing it starts nothing; one run at a time."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        console: Console,
        interval: float = 1.0,
        options: Optional[ViewOptions] = None,
        title: Sequence[str] = (),
    ) -> None:
        self._fleet = fleet
        self._console = console
        self._interval = interval
        self._options = ViewOptions() if options is None else options
        self._title = [Text(line, no_wrap=True) for line in title]
        self._history = History()
        self._seen = {node.url: _Seen(node.url) for node in fleet.nodes}
        self._rounds = 0
        self._offset = 0
        self._typing = False

    def once(self, within: float) -> bool:
        """Poll once and print the view; tells whether every node answered."""
        self._round(within)
        self._print(trend=False)
        return all(seen.error is None for seen in self._seen.values())

    def run(self, stop: Callable[[], bool]) -> None:
        """Show the view, with at least one picture, until ``stop()`` or the key q.

        ``stop`` is called several times a second and may raise, which ends it as well. On a
        terminal the last picture stays when it is over.
        """
        arrivals: "queue.Queue[Polled]" = queue.Queue()
        over = threading.Event()
        self._round(self._interval)
        poller = threading.Thread(target=self._poll, args=(arrivals, over), daemon=True)
        poller.start()
        try:
            if self._console.is_terminal:
                self._run_terminal(arrivals, stop)
                self._print()
            else:
                self._run_plain(arrivals, stop)
        finally:
            over.set()

    def _poll(self, arrivals: "queue.Queue[Polled]", over: threading.Event) -> None:
        """Ask the fleet each interval, however long the slowest node takes."""
        due = time.monotonic() + self._interval
        while not over.wait(max(0.0, due - time.monotonic())):
            due = max(due + self._interval, time.monotonic())
            for polled in self._fleet.poll_each(within=self._interval):
                arrivals.put(polled)

    def _run_terminal(self, arrivals: "queue.Queue[Polled]", stop: Callable[[], bool]) -> None:
        drawn_at = -1.0
        screen = Live(console=self._console, screen=True, auto_refresh=False)
        with screen, Keys(sys.stdin) as keys:
            while not stop():
                changed = self._take(arrivals)
                now = time.monotonic()
                if changed or now - drawn_at >= 1.0:
                    screen.update(Group(*self._picture()), refresh=True)
                    drawn_at = now
                for key in keys.read(STEP):
                    if self._press(key):
                        return
                    drawn_at = -1.0

    def _run_plain(self, arrivals: "queue.Queue[Polled]", stop: Callable[[], bool]) -> None:
        due = time.monotonic()
        while True:
            self._take(arrivals)
            if time.monotonic() >= due:
                due += PLAIN_INTERVAL
                self._print()
                self._console.file.write("\n")
            if stop():
                return
            time.sleep(STEP)

    def _round(self, within: float) -> None:
        for polled in self._fleet.poll_each(within):
            self._note(polled)

    def _take(self, arrivals: "queue.Queue[Polled]") -> bool:
        changed = False
        while not arrivals.empty():
            self._note(arrivals.get())
            changed = True
        return changed

    def _note(self, polled: Polled) -> None:
        seen, outcome = self._seen[polled.url], polled.outcome
        self._rounds += 1
        if isinstance(outcome, Snapshot):
            seen.node, seen.received, seen.error = outcome.node, outcome.received, None
            seen.blocks, seen.keys = blocks_of(outcome, self._history)
        elif not isinstance(outcome, NodeLate):
            seen.error = outcome
            for key in seen.keys:
                self._history.add(key, None)
        elif seen.error is None:  # else what was wrong before says more than that it is late now
            seen.error = outcome
        known: Set[Hashable] = set()
        for each in self._seen.values():
            known.update(each.keys)
        self._history.keep(known)

    def _views(self) -> List[NodeView]:
        now = time.monotonic()
        return [seen.view(now) for seen in self._seen.values()]

    def _print(self, trend: bool = True) -> None:
        """Print the whole view below what stands there."""
        width = self._console.width if self._console.is_terminal else None
        drawn = [*self._title, *lines(self._views(), self._options, width=width, trend=trend)]
        for line in drawn:
            # Plain text goes out as it is: rich would break what is wider than 80 columns, and end
            # the process where nobody reads it any more.
            if width is None:
                self._console.file.write(line.plain + "\n")
            else:
                self._console.print(line, overflow="ellipsis", no_wrap=True)
        self._console.file.flush()

    def _picture(self) -> List[Text]:
        """Return the lines of the screen, the last one with what can be pressed."""
        width, height = self._console.size
        drawn = lines(self._views(), self._options, width=width)
        room = height - len(self._title) - 2
        self._offset = max(0, min(self._offset, len(drawn) - 1 - room))
        shown = window(drawn, self._title, height - 1, self._offset)
        shown += [Text()] * (height - 1 - len(shown))
        return [*shown, self._foot(len(drawn) - 1 - room)]

    def _foot(self, hidden: int) -> Text:
        only = self._options.only + ("▏" if self._typing else "")
        text = "q quit   s sort: %s   / filter%s" % (
            self._options.order,
            ": " + only if only else "",
        )
        if hidden > 0:
            text += "   ↑↓ %d more lines" % hidden
        return Text(text, "reverse", no_wrap=True)

    def _press(self, key: str) -> bool:
        """Do what a key stands for; tells whether it is the end."""
        if self._typing:
            self._type(key)
        elif key == "q":
            return True
        elif key == "s":
            after = (ORDERS.index(self._options.order) + 1) % len(ORDERS)
            self._options = self._options._replace(order=ORDERS[after])
        elif key == "/":
            self._typing = True
        elif key == "escape":
            self._options = self._options._replace(only="")
        else:
            page = max(self._console.size[1] - 6, 1)
            moves: Dict[str, int] = {"up": -1, "k": -1, "down": 1, "j": 1}
            moves.update({"page up": -page, "page down": page, " ": page})
            moves.update({"home": -(10**9), "end": 10**9})
            self._offset = max(0, self._offset + moves.get(key, 0))
        return False

    def _type(self, key: str) -> None:
        only = self._options.only
        if key == "escape":
            self._typing, only = False, ""
        elif key == "enter":
            self._typing = False
        elif key == "backspace":
            only = only[:-1]
        elif len(key) == 1:
            only += key
        self._options = self._options._replace(only=only)
