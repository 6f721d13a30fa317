"""What is drawn: nodes, their plugins and rows, as lines of styled text."""

from typing import Callable, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

from rich.text import Text

from .. import NodeError, NodeIdentity, NodeLate, NodeUnreachable, PluginIdentity
from .costs import Costs
from .figures import age, clean, number, seconds, tenths
from .history import sparkline
from .rows import Block, Row, arranged
from .view_options import ViewOptions


class Column(NamedTuple):
    """One column: its title, least width and style, and how a row fills it. Columns keep their
    least widths while numbers change; with two spaces between them they fit 80 columns."""

    title: str
    width: int
    style: str
    write: Callable[[Row], str]
    words: bool = False


KIND = Column("kind", 7, "dim", lambda row: row.kind, True)
COLUMNS: Tuple[Column, ...] = (
    Column("instrument", 20, "", lambda row: clean(row.name), True),
    Column("count", 5, "dim", lambda row: number(row.total)),
    Column("per s", 5, "green", lambda row: tenths(row.rate)),
    Column("mean", 7, "bold", lambda row: seconds(row.mean)),
    Column("p95", 7, "", lambda row: seconds(row.p95)),
    Column("last", 7, "", lambda row: row.last),
    Column("age", 6, "dim", lambda row: age(row.age)),
)
GAP = "  "
#: Curves have what is left of the line, but not less and not more than this.
TREND = (8, 60)
#: Characters of a function's name at most where there is no terminal: C++ has very long ones.
FUNCTION = 60
#: From this width on there is room for the column of kinds.
WIDE = 96
#: Rows that were not updated for longer than this are drawn faintly.
STALE = 10.0


class NodeView(NamedTuple):
    """What is known of one node: what it is, and its plugins or why there are none."""

    url: str
    node: NodeIdentity
    blocks: Sequence[Block]
    #: Why it says nothing now; None while it does.
    error: Optional[NodeError]
    #: Seconds since it said something; None if it never did.
    silent: Optional[float]


def lines(
    nodes: Sequence[NodeView], options: ViewOptions, *, width: Optional[int], trend: bool = True
) -> List[Text]:
    """Return the whole view. ``width`` is the terminal's; None for as wide as it takes.

    ``trend``: whether there has been more than one poll to draw curves of.
    """
    shown = [(node, arranged(_as_of_now(node), options)) for node in nodes]
    rows = [row for _, blocks in shown for block in blocks for row in block.rows]
    columns = list(COLUMNS)
    if width is None or width >= WIDE:
        columns.insert(1, KIND)
    widths = [
        max([each.width, len(each.title), *(len(each.write(row)) for row in rows)])
        for each in columns
    ]
    costs = [cost for _, blocks in shown for block in blocks for cost in block.costs.functions]
    calls = [column.title for column in columns].index("count")
    widths[calls] = max([widths[calls], *(len(number(cost.calls)) for cost in costs)])
    if width is None:  # elsewhere no function costs a curve its room
        longest = max([0, *(len(cost.name) for cost in costs)])
        widths[0] = max(widths[0], min(longest, FUNCTION) - len(GAP) - widths[1])
    curve = 0
    if trend:
        fixed = sum(widths) + len(GAP) * len(widths)
        left = TREND[0] if width is None else width - fixed - 1
        if left < TREND[0] and width is not None:
            # A long name gives way to the curve, but no further than to the least width.
            give = min(TREND[0] - left, widths[0] - COLUMNS[0].width)
            widths[0] -= give
            left += give
        curve = min(max(left, 0), TREND[1])
    drawn = [_header(columns, widths, curve)]
    for node, blocks in shown:
        drawn += [Text(), _node_line(node)]
        for block in blocks:
            drawn += [Text(), _plugin_line(block)]
            drawn += [_row(row, columns, widths, curve) for row in block.rows]
            drawn += _functions(block.costs, columns, widths)
        if not blocks and node.error is None:
            drawn.append(_nothing(node, options))
    return drawn


def _as_of_now(node: NodeView) -> List[Block]:
    """Return the plugins with the ages that their rows have by now."""
    passed = node.silent or 0.0
    return [
        block._replace(
            rows=[
                row if row.age is None else row._replace(age=row.age + passed) for row in block.rows
            ]
        )
        for block in node.blocks
    ]


def _header(columns: Sequence[Column], widths: Sequence[int], curve: int) -> Text:
    cells = [_cell(each.title, each, width) for each, width in zip(columns, widths)]
    if curve:
        cells.append("trend".rjust(curve))
    return Text(GAP.join(cells).rstrip(), "dim", no_wrap=True)


def _cell(text: str, column: Column, width: int) -> str:
    if not column.words:
        return text.rjust(width)
    return _cut(text, width)


def _cut(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "…"


def _cut_function(text: str, width: int) -> str:
    """Cut a function's name, but not where it stands: ``infer_all… [app.py:4]``."""
    name, bracket, place = text.rpartition(" [")
    left = width - len(bracket + place)
    if not bracket or left < width * 2 // 5 or len(text) <= width:
        return _cut(text, width)
    return _cut(name, left) + bracket + place


def _row(row: Row, columns: Sequence[Column], widths: Sequence[int], curve: int) -> Text:
    stale = row.age is None or row.age > STALE
    parts: List[Union[str, Tuple[str, str]]] = []
    for column, width in zip(columns, widths):
        style = "dim" if stale else column.style
        parts += [(_cell(column.write(row), column, width), style), GAP]
    parts.append((sparkline(row.trend, curve), "cyan"))
    line = Text.assemble(*parts, no_wrap=True)
    line.rstrip()
    return line


def _functions(costs: Costs, columns: Sequence[Column], widths: Sequence[int]) -> List[Text]:
    """Draw the functions below the columns of the instruments, with titles of their own."""
    if not costs.functions:
        return []
    titles = [column.title for column in columns]
    count, last = titles.index("count"), titles.index("last")
    name = sum(widths[:count]) + len(GAP) * (count - 1)
    # Calls stand below the counts, seconds below rates and means, and the share below the p95.
    calls, spent, share = (
        widths[count],
        sum(widths[count + 1 : last - 1]) + len(GAP),
        widths[last - 1],
    )
    title = "CPU time" if costs.cpu else "exclusive"
    head = ["function".ljust(name), "calls".rjust(calls), title.rjust(spent)]
    drawn = [Text(GAP.join([*head, "share".rjust(share)]), "dim", no_wrap=True)]
    for cost in costs.functions:
        percent = "" if cost.share is None else "%.1f %%" % (100 * cost.share)
        line = Text.assemble(
            _cut_function(clean(cost.name), name),
            GAP,
            (number(cost.calls).rjust(calls), "dim"),
            GAP,
            (seconds(cost.seconds).rjust(spent), "bold"),
            GAP,
            percent.rjust(share),
            no_wrap=True,
        )
        line.rstrip()
        drawn.append(line)
    return drawn


def _node_line(node: NodeView) -> Text:
    names = [name for name in (node.node.vsn, node.node.node_id) if name]
    line = Text.assemble((clean(node.url), "bold"), no_wrap=True)
    if names:
        line.append(clean(" (%s)" % ", ".join(names)))
    if node.error is not None:
        heard = "" if node.silent is None else "; last heard %s ago" % age(node.silent)
        away = isinstance(node.error, NodeUnreachable) and not isinstance(node.error, NodeLate)
        what = ("can't be reached: " if away else "") + clean(node.error.text)
        line.append("  %s%s. Looking again." % (what, heard), "bold red")
        return line
    up = sum(1 for block in node.blocks if block.plugin.up)
    gone = len(node.blocks) - up
    said = "%d plugin%s up" % (up, "" if up == 1 else "s") + (", %d gone" % gone if gone else "")
    line.append("  " + said, "dim")
    if node.silent is not None and node.silent > STALE / 2:
        line.append(", as of %s ago" % age(node.silent), "yellow")
    return line


def _plugin_line(block: Block) -> Text:
    plugin = block.plugin
    line = Text.assemble((clean(block.key), "bold"), no_wrap=True)
    if not plugin.up:
        line.append(": gone", "bold red")
        line.append(", heard %s ago" % age(plugin.silent) if plugin.silent is not None else "")
    elif not plugin.heard:
        line.append(": up, but silent for %s" % age(plugin.silent), "bold yellow")
    else:
        line.append(": up", "green")
    words = [_who(block.key, plugin.identity)]
    if plugin.cpu_seconds is not None:
        words.append("%.1f s of CPU" % plugin.cpu_seconds)
    if plugin.memory_bytes is not None:
        words.append("%.0f MB" % (plugin.memory_bytes / 1e6))
    line.append("".join(", " + word for word in words if word), "dim")
    return line


def _who(key: str, identity: PluginIdentity) -> str:
    """Say what the key doesn't: which plugin has the task, and for which job."""
    if key != identity.task:
        return ""
    words = []
    if identity.plugin != identity.task:
        words.append(identity.plugin)
    if identity.job:
        words.append("job " + identity.job)
    return clean(", ".join(words))


def _nothing(node: NodeView, options: ViewOptions) -> Text:
    if node.blocks:
        return Text("  nothing with %s in its name" % clean(options.only), "dim")
    return Text("  no plugin has reported yet", "dim")


def window(drawn: Sequence[Text], head: Iterable[Text], height: int, offset: int) -> List[Text]:
    """Return what fits ``height`` lines: the head and the line of titles, and below them the rest
    from ``offset`` on."""
    top = [*head, *drawn[:1]]
    return (top + list(drawn[1 + offset :]))[: max(height, 1)]
