"""``Top``: polls a fleet and shows it until stopped."""

import queue
import sys
import threading
import time
from typing import Callable, Dict, Hashable, Iterable, List, Optional, Sequence, Union

from rich.console import Console
from rich.text import Text

from .. import (
    ControllerError,
    Fleet,
    Node,
    NodeAnswerInvalid,
    NodeError,
    NodeLate,
    Polled,
    Snapshot,
)
from .desk import KEYS, Desk
from .history import History, Values, read_past
from .letters import ascii_only, is_utf8
from .rows import blocks_of
from .terminal import Terminal, can_be_drawn_on, is_terminal, size_of
from .view import Drawn, NodeView, draw, window
from .view_options import ORDERS, ViewOptions

#: Seconds between two tables in a file or a pipe. On a terminal each change is drawn.
PLAIN_INTERVAL = 5.0
#: The longest wait in seconds for a key, until answers and the end are checked again.
STEP = 0.1
#: The least seconds between two drawings because of answers, since nodes answer one by one.
REST = 0.3
AGAIN = " Looking again."


class Past:
    """A node's own history of the last ten minutes. It arrived at the monotonic ``at``."""

    def __init__(self, at: float, values: Dict[Hashable, Values]) -> None:
        self.at = at
        self.values = values


class Top:
    """Shows a fleet on ``console``, and polls it each ``interval`` seconds.

    ``title`` is shown above. Constructing it starts nothing. Not thread-safe; one run at a time.
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
        self._history = History(interval)
        self._desk = Desk(fleet.nodes) if desk is None else desk
        self._nodes = {
            node.url: NodeView(node.url, error=NodeLate(node.url, "asking")) for node in fleet.nodes
        }
        self._by_url = {node.url: node for node in fleet.nodes}
        self._arrivals: queue.Queue[Union[Polled, Past]] = queue.Queue()
        self._ascii = not is_utf8(console.file)
        self._offset = 0
        self._typing = False

    def show_above(self, title: Sequence[str]) -> None:
        """Show these lines above the view from now on."""
        self._title = [Text(line, no_wrap=True) for line in title]

    def once(self, within: float) -> bool:
        """Poll once and print the view. Return whether every node answered."""
        for polled in self._fleet.poll_each(within):
            self._note(polled)
        self._print(trend=False)
        return all(node.error is None for node in self._nodes.values())

    def run(self, stop: Callable[[], bool]) -> None:
        """Show the view at least once, until ``stop()`` returns true or q is pressed.

        ``stop`` is called several times a second. An exception from it ends the view, too. On a
        terminal the last view stays on the screen, and SIGTERM, SIGHUP and SIGQUIT raise
        SystemExit, unless the caller handles them.
        """
        over = threading.Event()
        is_drawn = can_be_drawn_on(self._console.file)
        self._desk.start()
        if not is_drawn:  # so that the first table has answers
            for polled in self._fleet.poll_each(self._interval):
                self._arrivals.put(polled)
        threading.Thread(target=self._poll, args=(over,), daemon=True).start()
        try:
            if is_drawn:
                with Terminal(sys.stdin, self._console.file) as terminal:
                    self._show(stop, terminal)
                self._print()
            else:
                self._print_now_and_then(stop)
        finally:
            over.set()
            self._desk.close()

    def _show(self, stop: Callable[[], bool], terminal: Terminal) -> None:
        """Draw each second, after each key or change of size, and soon after each answer."""
        due, size, drawn = 0.0, terminal.size, 0.0
        while True:
            if self._take_arrivals():
                due = min(due, drawn + REST)
            if time.monotonic() >= due or terminal.size != size:
                size = terminal.size
                terminal.draw(self._picture(*size))
                drawn = time.monotonic()
                due = drawn + 1.0
            if stop():
                return
            for key in terminal.read(STEP):
                if key == "q" and not self._typing:
                    return
                self._press(key, size[1])
                due = 0.0

    def _print_now_and_then(self, stop: Callable[[], bool]) -> None:
        due = 0.0
        while True:
            self._take_arrivals()
            if time.monotonic() >= due:
                self._print(end="\n")
                due = time.monotonic() + PLAIN_INTERVAL
            if stop():
                return
            time.sleep(STEP)

    def _poll(self, over: threading.Event) -> None:
        """Poll the fleet each interval, even if a node is slower than that. Runs in a thread."""
        due = time.monotonic()
        while not over.wait(max(0.0, due - time.monotonic())):
            due = max(due + self._interval, time.monotonic())
            for polled in self._fleet.poll_each(within=self._interval):
                self._arrivals.put(polled)

    def _take_arrivals(self) -> bool:
        """Take in what has arrived. Return whether anything has."""
        changed = not self._arrivals.empty()
        while not self._arrivals.empty():
            arrived = self._arrivals.get()
            if isinstance(arrived, Past):
                for key in {key for node in self._nodes.values() for key in _keys(node)}:
                    if key in arrived.values:
                        self._history.add_past(key, arrived.at, arrived.values[key])
                continue
            before = self._nodes[arrived.url]
            self._note(arrived)
            if before.error is None or self._nodes[arrived.url].error is not None:
                continue
            if before.received is None or not isinstance(before.error, NodeLate):
                node = self._by_url[arrived.url]
                threading.Thread(target=self._remember, args=(node,), daemon=True).start()
        return changed

    def _remember(self, node: Node) -> None:
        """Ask a node that is new or back for its last ten minutes. Runs in a thread."""
        try:
            with node.twin() as twin:
                answer = twin.order("GET", "history", {})
            if answer.status == 200:
                self._arrivals.put(Past(time.monotonic(), read_past(node.url, answer.body)))
        except (ControllerError, ValueError):
            pass  # an older collector has no history, so curves begin now

    def _note(self, polled: Polled) -> None:
        node, outcome = self._nodes[polled.url], polled.outcome
        if isinstance(outcome, Snapshot):
            try:
                blocks = blocks_of(outcome, self._history)
            except Exception as error:  # our bug must not end the view of the other nodes
                outcome = _not_shown(polled.url, error)
        if isinstance(outcome, Snapshot):
            node = NodeView(polled.url, outcome.node, blocks, None, outcome.received)
            self._desk.renew(outcome)
        elif not isinstance(outcome, NodeLate) or node.error is None:
            # An earlier error says more than that the node is late now.
            node = node._replace(error=outcome)
        self._nodes[polled.url] = node
        self._history.keep({key for each in self._nodes.values() for key in _keys(each)})

    def _draw(
        self,
        width: Optional[int],
        shown: Callable[[Drawn], List[Text]] = lambda drawn: drawn.lines,
        trend: bool = True,
        again: str = "",
    ) -> List[Text]:
        """Return the lines that ``shown`` picks from the view."""

        def whole(nodes: Iterable[NodeView]) -> Drawn:
            now, desk, options = time.monotonic(), self._desk, self._options
            return draw(nodes, options, now=now, width=width, trend=trend, desk=desk, again=again)

        try:
            return shown(whole(self._nodes.values()))
        except Exception:  # our bug: draw each node by itself to find those that fail
            for url, node in self._nodes.items():
                try:
                    whole([node]).lines  # noqa: B018  # the property draws
                except Exception as error:
                    self._nodes[url] = NodeView(url, error=_not_shown(url, error))
            return shown(whole(self._nodes.values()))

    def _print(self, trend: bool = True, end: str = "") -> None:
        """Print the whole view, then ``end``."""
        file = self._console.file
        width = size_of(file)[0] if is_terminal(file) else None
        again = AGAIN if end else ""
        lines = [*self._title, *self._draw(width, trend=trend, again=again)]
        file.write("".join(self._written(line) + "\n" for line in lines) + end)
        file.flush()

    def _written(self, line: Text) -> str:
        """Return a line as text, with escape sequences for colours if the console has them."""
        # rich itself doesn't write: it would end the process if the reader of a pipe has left.
        with self._console.capture() as captured:
            self._console.print(line, soft_wrap=True, end="")
        return ascii_only(captured.get()) if self._ascii else captured.get()

    def _picture(self, width: int, height: int) -> List[str]:
        """Return the lines of the screen. The last one shows the keys."""
        room = max(height - len(self._title) - 1, 1)
        hidden = 0

        def scrolled(drawn: Drawn) -> List[Text]:
            nonlocal hidden
            hidden = len(drawn.head) + len(drawn.plugins) - room
            self._offset = max(0, min(self._offset, hidden))
            return window(drawn, room, self._offset)

        title = [line.copy() for line in self._title]
        shown = [*title, *self._draw(width, scrolled, again=AGAIN)]
        shown += [Text()] * (height - 1 - len(shown))
        lines = [*shown[: height - 1], self._foot(hidden)]
        for line in lines:
            line.truncate(width)
        return [self._written(line) for line in lines]

    def _foot(self, hidden: int) -> Text:
        part = self._options.filter + ("▏" if self._typing else "")
        failing = sum(node.error is not None for node in self._nodes.values())
        text = "q quit   s sort: %s   / filter" % self._options.order + (part and ": " + part)
        text += "   f %s" % ("unfold" if self._options.folded else "fold")
        if hidden > 0:
            text = "↑↓ %d more lines   " % hidden + text
        if failing and self._offset:
            text = "%d of %d nodes fail   " % (failing, len(self._nodes)) + text
        if self._desk.may_set:
            text += "   " + KEYS
        return Text(self._desk.said or text, "reverse", no_wrap=True)

    def _press(self, key: str, height: int) -> None:
        """Do what a key other than q stands for: type into the filter, sort, fold, scroll."""
        order, part, folded = self._options
        if key in ("escape", "enter"):
            self._typing = False
            part = part if key == "enter" else ""
        elif self._typing:
            part = part[:-1] if key == "backspace" else part + (key if len(key) == 1 else "")
        elif key == "/":
            self._typing = True
        elif key == "s":
            order = ORDERS[(ORDERS.index(order) + 1) % len(ORDERS)]
        elif key == "f":
            folded = not folded
        else:
            self._desk.press(key, part)
            page = max(height - 6, 1)
            moves = {"up": -1, "k": -1, "down": 1, "j": 1, "home": -(10**9), "end": 10**9}
            moves.update({"page up": -page, "page down": page, " ": page})
            self._offset = max(0, self._offset + moves.get(key, 0))
        self._options = ViewOptions(order, part, folded)


def _not_shown(url: str, error: Exception) -> NodeError:
    return NodeAnswerInvalid(url, "its answer can't be shown: %r" % error)


def _keys(node: NodeView) -> List[Hashable]:
    return [row.key for block in node.blocks for row in block.rows]
