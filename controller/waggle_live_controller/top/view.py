"""The lines of the view: a summary of the nodes, then their plugins with their rows."""

import textwrap
from collections import Counter
from functools import partial
from typing import Callable, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from rich.cells import cell_len
from rich.text import Text

from .. import NodeError, NodeIdentity, NodeLate, NodeRefused, NodeUnreachable, PluginReading
from .desk import Desk
from .figures import age, clean, megabytes, percent, seconds, tenths
from .layout import STALE, Layout
from .letters import cut
from .rows import Block, Row, arranged, main_rate
from .view_options import PASSWORD_VARIABLE, ViewOptions

#: The styles of ended plugins by status; others are dim.
ENDS = {"error": "bold red", "lost": "yellow"}
#: Seconds that a late node is shown as it was.
GRACE = 5.0
#: The least cells of a name.
LEAST = 10

Word = Tuple[str, str]
Line = Callable[[], Text]


class NodeView(NamedTuple):
    """The latest answer of a node, or why there is none."""

    url: str
    node: NodeIdentity = NodeIdentity("", "")
    blocks: Sequence[Block] = ()
    #: Why the latest poll failed; None if it didn't.
    error: Optional[NodeError] = None
    #: ``time.monotonic()`` of its latest answer; None before the first one.
    received: Optional[float] = None


class Drawn(NamedTuple):
    """The lines of the view: the summary, the titles of the columns, and all plugins."""

    summary: List[Text]
    #: None if there are no rows.
    titles: Optional[Text]
    #: Functions that draw a line. Most lines are never drawn: a screen has 50, a node 1,000.
    plugins: List[Line]

    @property
    def head(self) -> List[Text]:
        """The lines above the plugins."""
        return self.summary + ([] if self.titles is None else [Text(), self.titles])

    @property
    def lines(self) -> List[Text]:
        """All lines, from the top down."""
        return [*self.head, *(line() for line in self.plugins)]


def draw(
    nodes: Iterable[NodeView],
    options: ViewOptions,
    *,
    now: float,
    width: Optional[int],
    trend: bool = True,
    desk: Optional[Desk] = None,
    again: str = "",
) -> Drawn:
    """Return the whole view at ``now`` (monotonic).

    ``width`` is that of the terminal; None for no limit. ``trend``: draw curves, which need more
    than one poll. ``desk``: has the knobs and profiles. ``again``: a text to add after the error of
    a node.
    """
    nodes = [_with_knobs(_as_of(now, node), desk) for node in nodes]
    shown = [(node, arranged(node.blocks, options)) for node in nodes]
    layout = Layout([block for _, blocks in shown for block in blocks], width, trend)
    summary: List[Text] = []
    for node in sorted(nodes, key=lambda node: node.error is None):  # failed nodes first
        summary += _node_lines(node, now, width, again)
    plugins: List[Line] = []
    for node, blocks in shown:
        if node.error is not None:
            continue
        if len(nodes) > 1:
            plugins += [Text, partial(_fitting, _title(node), [], width)]
        if not blocks:
            nothing = "nothing with %s in its name" % clean(options.filter)
            nothing = nothing if node.blocks else "no plugin has reported yet"
            plugins.append(partial(_fitting, ("  " + nothing, "dim"), [], width))
        for block in blocks:
            line = partial(_plugin_line, block, width, options.folded)
            if options.folded:
                plugins.append(line)
            else:
                plugins += [Text, line, *_rows(block, layout, node.url, desk)]
    if options.folded or not any(blocks for _, blocks in shown):
        gap: List[Line] = [] if len(nodes) > 1 or not plugins else [Text]
        return Drawn(summary, None, [*gap, *plugins])
    return Drawn(summary, layout.header(), plugins)


def _rows(block: Block, layout: Layout, url: str, desk: Optional[Desk]) -> Iterator[Line]:
    """Yield the lines below the line of a plugin."""
    for row in block.rows:
        yield partial(layout.row, row)
    drawn = [] if desk is None else layout.knobs(block.knobs, desk, url)
    for functions in block.functions.values():
        drawn += layout.functions(functions)
    if desk is not None:
        drawn += layout.profile(desk.profile_of(url, block.plugin.identity))
    for line in drawn:
        yield partial(Text.copy, line)


def _as_of(now: float, node: NodeView) -> NodeView:
    """Return the node with ages at ``now``, and without plugins if it has failed."""
    passed = 0.0 if node.received is None else now - node.received
    if isinstance(node.error, NodeLate) and node.received is not None and passed < GRACE:
        node = node._replace(error=None)
    if node.error is not None:
        return node._replace(blocks=[])

    def grown(row: Row) -> Row:
        return row if row.age is None else row._replace(age=row.age + passed)

    blocks = [block._replace(rows=[*map(grown, block.rows)]) for block in node.blocks]
    return node._replace(blocks=blocks)


def _with_knobs(node: NodeView, desk: Optional[Desk]) -> NodeView:
    if desk is None:
        return node
    return node._replace(
        blocks=[
            block._replace(knobs=desk.of(node.url, block.plugin.identity)) for block in node.blocks
        ]
    )


def _title(node: NodeView) -> Word:
    names = ", ".join(clean(name) for name in (node.node.vsn, node.node.node_id) if name)
    return clean(node.url) + (" (%s)" % names if names else ""), "bold"


def _node_lines(node: NodeView, now: float, width: Optional[int], again: str) -> List[Text]:
    """Return the summary of a node in a line, or its error in as many lines as that needs."""
    title = _title(node)
    silent = None if node.received is None else now - node.received
    if node.error is not None:
        heard = "" if silent is None else "; last heard %s ago" % age(silent)
        away = isinstance(node.error, NodeUnreachable) and not isinstance(node.error, NodeLate)
        what = ("can't be reached: " if away else "") + clean(node.error.text)
        if isinstance(node.error, NodeRefused) and "password" in what:
            what += " (--user NAME, and the password in %s)" % PASSWORD_VARIABLE
        text = "%s  %s%s.%s" % (title[0], what, heard, again)
        room = max((width or len(text) + 2) - 1, 20)
        wrapped = textwrap.wrap(
            text, room, subsequent_indent="  ", break_on_hyphens=False, drop_whitespace=True
        )
        style = "bold red" if away or not isinstance(node.error, NodeLate) else "bold yellow"
        return [Text(line, style, no_wrap=True) for line in wrapped]
    plugins = [block.plugin for block in node.blocks]
    count = Counter(map(_state, plugins))
    words = [(_some(count["up"], "plugin") + " up", "dim")]
    words += [
        ("%d %s" % (count[state], state), style)
        for state, style in (("silent", "yellow"), ("ended", "dim"))
        if count[state]
    ]
    words += _wrong(plugins)
    if silent is not None and silent > STALE / 2:
        words.insert(0, ("as of %s ago" % age(silent), "yellow"))
    return [_fitting(title, words, width, "  ")]


def _wrong(plugins: Sequence[PluginReading]) -> List[Word]:
    """Return words about what went wrong in some plugins."""
    failures = sum(timer.failures for plugin in plugins for timer in plugin.timers.values())
    problems: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    for plugin in plugins:
        problems.update(plugin.problems)
        ends.update(plugin.exits)
    words = [(_some(failures, "failure"), "yellow")] if failures else []
    words += [("%d lost" % ends["lost"], "yellow")] if ends["lost"] else []
    words += [("%d ended with an error" % ends["error"], "red")] if ends["error"] else []
    if sum(problems.values()):
        reasons = ", ".join(clean(reason) for reason in sorted(problems))
        words.append(("%s (%s)" % (_some(sum(problems.values()), "problem"), reasons), "yellow"))
    return words


def _plugin_line(block: Block, width: Optional[int], folded: bool) -> Text:
    plugin = block.plugin
    words = [_in_words(plugin)]
    if folded:
        words += _figures(plugin)
    words += _wrong([plugin])
    identity = plugin.identity
    if block.key == identity.task:  # any other key contains the whole identity
        words += [(clean(identity.plugin), "dim")] if identity.plugin != identity.task else []
        words += [("job " + clean(identity.job), "dim")] if identity.job else []
    if plugin.sessions:
        words.append((_some(plugin.sessions, "process", "es"), "dim"))
    if plugin.cpu_seconds is not None:
        words.append(("%.1f s of CPU" % plugin.cpu_seconds, "dim"))
    return _fitting((clean(block.key), "bold"), words, width, ": ")


def _figures(plugin: PluginReading) -> List[Word]:
    """Return words about its frame rate, slowest timer, CPU and memory."""
    name, speed = main_rate(plugin)
    words = [("%s %s" % (clean(name), tenths(speed, "/s")), "green")] if name else []
    slowest = max((timer.p95 or 0.0 for timer in plugin.timers.values()), default=0.0)
    words += [("p95 " + seconds(slowest), "bold")] if slowest else []
    words += [("CPU " + percent(plugin.cpu_per_second), "")] if plugin.heard else []
    words += [(megabytes(plugin.memory_bytes), "")] if plugin.memory_bytes is not None else []
    return words


def _fitting(title: Word, words: Sequence[Word], width: Optional[int], gap: str = "") -> Text:
    """Return a line of a title, cut in its middle if needed, and of as many words as fit."""
    room = None if width is None else max(width - 1, 1)
    if room is not None:
        first = cell_len(words[0][0]) + len(gap) if words else 0
        title = cut(title[0], max(room - first, min(LEAST, room))), title[1]
    line = Text.assemble(title, no_wrap=True)
    for text, style in words:
        if room is None or line.cell_len + len(gap) + cell_len(text) <= room:
            line.append(gap)
            line.append(text, style)
            gap = ", "
    if room is not None:
        line.truncate(room)
    return line


def _some(count: int, noun: str, plural: str = "s") -> str:
    return "%d %s%s" % (count, noun, "" if count == 1 else plural)


def _state(plugin: PluginReading) -> str:
    # Older collectors tell no state.
    return clean(plugin.state or "") or ("up" if plugin.up else "ended")


def _in_words(plugin: PluginReading) -> Word:
    """Return the state of a plugin as text, and its style."""
    state = _state(plugin)
    if state == "silent":
        return "silent for %s" % age(plugin.silent), "bold yellow"
    if state == "ended":
        how = "ended: %s" % clean(plugin.status) if plugin.status else "ended"
        return "%s, %s ago" % (how, age(plugin.silent)), ENDS.get(plugin.status or "", "dim")
    return state, "green"


def window(drawn: Drawn, height: int, offset: int) -> List[Text]:
    """Return ``height`` lines of the view from the line ``offset`` on. The titles stay on top."""
    head, room = drawn.head, max(height, 1)
    first = max(offset - len(head), 0)
    lines = head[offset:] + [line() for line in drawn.plugins[first : first + room]]
    if drawn.titles is not None and offset > len(drawn.summary) + 1:
        lines[:1] = [drawn.titles]
    return lines[:room]
