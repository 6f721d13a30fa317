"""The configuration of ``waggle-live-controller``: nodes, and the deadlines of plugins on them."""

from typing import List, NamedTuple, Optional, Sequence, Tuple

from .. import DEFAULT_TIMEOUT, DEFAULT_TTL, ControllerError, Leases, Node
from .section import ConfigError, Section, read

#: Seconds between decisions.
DEFAULT_PERIOD = 1.0
DEFAULT_HOLDER = "waggle-live-controller"
#: The default address of its own metrics.
DEFAULT_LISTEN = ":9095"
MEAN, P95 = "mean_below", "p95_below"


class NodeConfig(NamedTuple):
    """One node. Its Node is made but not connected."""

    node: Node
    #: The cores that its plugins may share; None if each deadline is decided by itself.
    cores: Optional[float]


class Deadline(NamedTuple):
    """A plugin's deadline, and the knobs that may be turned for it."""

    plugin_task: str
    timer: str
    #: ``mean_below`` or ``p95_below``.
    statistic: str
    #: Seconds.
    below: float
    #: Seconds of it that no setting shortens.
    waiting: float
    #: Names of knobs. The first is turned down first.
    knobs: Tuple[str, ...]
    priority: int
    #: The wanted frames per second; None without ``cores``.
    rate: Optional[float]


class Config(NamedTuple):
    """The whole file."""

    holder: str
    ttl: float
    priority: int
    period: float
    listen: str
    nodes: Tuple[NodeConfig, ...]
    deadlines: Tuple[Deadline, ...]


def load(path: str) -> Config:
    """Read the file. Raises ConfigError with the file, the line, and what would be right."""
    file = read(path)
    nodes = file.sections("nodes", "a node", _node)
    _check_once([each.node.url for each in nodes], "nodes", file)
    shared = any(each.cores is not None for each in nodes)
    deadlines = file.sections("deadlines", "a deadline", lambda one: _deadline(one, shared))
    _check_once([each.plugin_task for each in deadlines], "deadlines", file)
    config = Config(
        holder=file.text("holder", DEFAULT_HOLDER),
        ttl=file.number("ttl", DEFAULT_TTL, low=1.0, high=60.0),
        priority=file.whole("priority", 0, low=0, high=9),
        period=file.number("period", DEFAULT_PERIOD, low=0.2, high=10.0),
        listen=file.text("listen", DEFAULT_LISTEN),
        nodes=tuple(nodes),
        deadlines=tuple(deadlines),
    )
    if config.ttl < 3 * config.period:
        text = "ttl must be at least three periods, %g s, so that two decisions may fail; it is %g"
        raise file.error(text % (3 * config.period, config.ttl), "ttl")
    try:  # Leases checks its own arguments
        Leases(nodes[0].node, config.holder, ttl=config.ttl, priority=config.priority)
    except ValueError as error:
        raise file.error(str(error)) from None
    _, colon, port = config.listen.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        text = "listen is host:port or :port, not %r" % config.listen
        raise file.error(text, "listen")
    file.end()
    return config


def _check_once(names: Sequence[str], what: str, section: Section) -> None:
    """Raise ConfigError if a name is in the list ``what`` twice."""
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise section.error("%s has %s twice" % (what, twice[0]), what)


def _node(section: Section) -> NodeConfig:
    token, password = _secret(section, "control_token_file"), _secret(section, "password_file")
    try:
        node = Node(
            section.text("url"),
            timeout=section.number("timeout", DEFAULT_TIMEOUT, high=60.0),
            ca_file=section.optional_text("ca_file"),
            cert_file=section.optional_text("cert_file"),
            key_file=section.optional_text("key_file"),
            username=section.optional_text("username"),
            password=password,
            control_token=token,
        )
    except ConfigError:
        raise
    except ControllerError as error:
        raise section.error(str(error)) from None
    cores = section.number("cores", high=4096.0) if "cores" in section else None
    return NodeConfig(node, cores)


def _secret(section: Section, name: str) -> Optional[str]:
    """Return the content of a file. No message shows that content. Raises ConfigError."""
    path = section.optional_text(name)
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise section.error("%s %s: %s" % (name, path, why), name) from None


def _deadline(section: Section, shared: bool) -> Deadline:
    given: List[str] = [name for name in (MEAN, P95) if name in section]
    if len(given) != 1:
        raise section.error("a deadline has either %s or %s, in seconds" % (MEAN, P95))
    # Take both, so that a message lists both names.
    below = section.number(given[0], high=3600.0)
    waiting = section.number("waiting", low=-1e-9, high=3600.0) if "waiting" in section else 0.0
    if waiting >= below:
        raise section.error("waiting is less than %s" % given[0], "waiting")
    knobs = tuple(section.texts("knobs"))
    _check_once(knobs, "knobs", section)
    rate = None
    if shared:
        rate = section.number("rate", high=1e6)
    elif "rate" in section or "priority" in section:
        text = "rate and priority share the cores of a node, which has no `cores` here"
        raise section.error(text, "rate" if "rate" in section else "priority")
    return Deadline(
        plugin_task=section.text("plugin_task"),
        timer=section.text("timer"),
        statistic=given[0],
        below=below,
        waiting=waiting,
        knobs=knobs,
        priority=section.whole("priority", 0, low=0, high=9),
        rate=rate,
    )
