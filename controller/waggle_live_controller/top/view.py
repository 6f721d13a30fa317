"""The lines of the view: nodes, their plugins, and the rows of each."""

from collections import Counter
from typing import Iterable, List, NamedTuple, Optional, Sequence, Tuple

from rich.text import Text

from .. import NodeError, NodeIdentity, NodeLate, NodeUnreachable, PluginReading
from .desk import Desk
from .figures import age, clean
from .layout import STALE, Layout
from .rows import Block, Row, arranged
from .view_options import ViewOptions

#: The styles of ends that aren't dim.
ENDS = {"error": "bold red", "lost": "yellow"}
#: Seconds for which a node that is only late is shown as it was.
GRACE = 5.0


class NodeView(NamedTuple):
    """The latest of one node: its names, its plugins, and why there are none."""

    url: str
    node: NodeIdentity = NodeIdentity("", "")
    blocks: Sequence[Block] = ()
    #: Why there is no answer now; None while there is one.
    error: Optional[NodeError] = None
    #: ``time.monotonic()`` of its latest answer; None before the first one.
    received: Optional[float] = None


def lines(
    nodes: Iterable[NodeView],
    options: ViewOptions,
    *,
    now: float,
    width: Optional[int],
    trend: bool = True,
    desk: Optional[Desk] = None,
) -> List[Text]:
    """Return the whole view at ``now`` (monotonic).

    ``width`` is the terminal's; None for as wide as it takes. ``trend``: draw curves, which need
    more than one poll. ``desk``: where knobs and profiles are found.
    """
    nodes = [_with_knobs(_as_of(now, node), desk) for node in nodes]
    shown = [(node, arranged(node.blocks, options)) for node in nodes]
    layout = Layout([block for _, blocks in shown for block in blocks], width, trend)
    drawn = [layout.header()]
    for node, blocks in shown:
        drawn += [Text(), _node_line(node, now)]
        for block in blocks:
            drawn += [Text(), _plugin_line(block), *map(layout.row, block.rows)]
            if desk is not None:
                drawn += layout.knobs(block.knobs, desk, node.url)
            for functions in block.functions.values():
                drawn += layout.functions(functions)
            if desk is not None:
                drawn += layout.profile(desk.profile_of(node.url, block.plugin.identity))
        if not blocks and node.error is None:
            nothing = "nothing with %s in its name" % clean(options.filter)
            nothing = nothing if node.blocks else "no plugin has reported yet"
            drawn.append(Text("  " + nothing, "dim"))
    return drawn


def _as_of(now: float, node: NodeView) -> NodeView:
    """Return the node with the ages of ``now``, and without plugins if it has failed since."""
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


def _node_line(node: NodeView, now: float) -> Text:
    silent = None if node.received is None else now - node.received
    names = [name for name in (node.node.vsn, node.node.node_id) if name]
    line = Text.assemble((clean(node.url), "bold"), no_wrap=True)
    if names:
        line.append(clean(" (%s)" % ", ".join(names)))
    if node.error is not None:
        heard = "" if silent is None else "; last heard %s ago" % age(silent)
        away = isinstance(node.error, NodeUnreachable) and not isinstance(node.error, NodeLate)
        what = ("can't be reached: " if away else "") + clean(node.error.text)
        line.append("  %s%s. Looking again." % (what, heard), "bold red")
        return line
    count = Counter(_state(block.plugin) for block in node.blocks)
    line.append("  %d plugin%s up" % (count["up"], "" if count["up"] == 1 else "s"), "dim")
    for state in ("silent", "ended"):
        line.append(", %d %s" % (count[state], state) if count[state] else "", "dim")
    if silent is not None and silent > STALE / 2:
        line.append(", as of %s ago" % age(silent), "yellow")
    return line


def _plugin_line(block: Block) -> Text:
    plugin = block.plugin
    line = Text.assemble((clean(block.key), "bold"), no_wrap=True)
    line.append(": ")
    line.append(*_in_words(plugin))
    words, identity = [], plugin.identity
    if block.key == identity.task:  # other keys have all of the identity
        words += [clean(identity.plugin)] if identity.plugin != identity.task else []
        words += ["job " + clean(identity.job)] if identity.job else []
    if plugin.sessions:
        words.append("%d process%s" % (plugin.sessions, "" if plugin.sessions == 1 else "es"))
    if plugin.cpu_seconds is not None:
        words.append("%.1f s of CPU" % plugin.cpu_seconds)
    line.append("".join(", " + word for word in words), "dim")
    return line


def _state(plugin: PluginReading) -> str:
    return clean(plugin.state or "") or (
        "up" if plugin.up else "ended"
    )  # older collectors have no word


def _in_words(plugin: PluginReading) -> Tuple[str, str]:
    """Return the state of a plugin, and the style to draw it in."""
    state = _state(plugin)
    if state == "silent":
        return "silent for %s" % age(plugin.silent), "bold yellow"
    if state == "ended":
        how = "ended: %s" % clean(plugin.status) if plugin.status else "ended"
        return "%s, %s ago" % (how, age(plugin.silent)), ENDS.get(plugin.status or "", "dim")
    return state, "green"


def window(drawn: Sequence[Text], head: Iterable[Text], height: int, offset: int) -> List[Text]:
    """Return what fits ``height`` lines: the head, the line of titles, and the other lines from
    ``offset`` on."""
    top = [*head, *drawn[:1]]
    return (top + list(drawn[1 + offset :]))[: max(height, 1)]
