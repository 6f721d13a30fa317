"""The flags, in the manner of the Prometheus exporters: ``--web.listen-address=:9090``."""

import argparse
import re
from dataclasses import dataclass

from . import limits, memory
from .limits import Limits
from .version import VERSION

DEFAULT_LISTEN_ADDRESS = ":9090"
DEFAULT_TELEMETRY_PATH = "/metrics"
#: Any process that sees the socket may report, since plugins run as any uid. Mounting its directory
#: decides who sees it (docs/adr/0013-socket-mode.md).
DEFAULT_SOCKET_MODE = 0o666
#: The values of ``--identity.verify``.
VERIFY = OFF, WARN, REQUIRE = "off", "warn", "require"

#: Why there can be no more processes.
ULIMIT = ", for which `ulimit -n` has room"

#: A host, "" for all addresses, and a port.
Address = tuple[str, int]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
#: The longest duration, in seconds.
_MAX_DURATION = 366 * _UNITS["d"]
#: The largest number of a group. The next one means "unchanged" to the kernel.
_MAX_GID = 2**32 - 2


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line said: each field is named as its flag."""

    web_listen_address: list[Address]
    web_telemetry_path: str
    web_config_file: str | None
    #: None means the first writable path of those where plugins look.
    socket_path: str | None
    socket_mode: int
    socket_gid: int | None
    state_file: str | None
    plugin_hold_time: float
    tcp_listen_address: Address | None
    tcp_token_file: str | None
    control_token_file: str | None
    identity_app_meta_cache: str | None
    identity_verify: str
    limits: Limits
    log_level: str
    log_format: str


def parse(arguments: list[str]) -> Options:
    """Return the options; exits with a message and status 2 when they are wrong."""
    parser = _parser()
    values = vars(parser.parse_args(arguments))
    values.setdefault("web_listen_address", [_address(DEFAULT_LISTEN_ADDRESS)])
    if values["tcp_token_file"] is not None and values["tcp_listen_address"] is None:
        parser.error("--tcp.token-file is for --tcp.listen-address, which is not given")
    names = ("memory", "series_per_process", "processes")
    bounds = Limits(**{name: values.pop(f"limit_{name}") for name in names})
    return Options(limits=bounds, **values)


class _Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the default of each flag that has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


class _Once(argparse.Action):
    """Stores the value of a flag that is given once."""

    _given = False

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Argparse: the flag was met."""
        if self._given:
            raise argparse.ArgumentError(self, "is given twice, and takes one value")
        self._given = True
        setattr(namespace, self.dest, values)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="waggle-live-collector",
        description="Collects live metrics of the Waggle plugins on this node and serves them "
        "to Prometheus.",
        allow_abbrev=False,
        formatter_class=_Formatter,
    )

    def flag(name: str, text: str, **more: object) -> None:
        more.setdefault("metavar", name.rpartition(".")[2].upper())
        more.setdefault("action", _Once)
        more.setdefault("type", _text)
        field = name.replace(".", "_").replace("-", "_")
        parser.add_argument(f"--{name}", dest=field, help=text, **more)  # type: ignore[arg-type]

    address = "host:port to serve HTTP on; port 0 takes a free one and logs it; may be given "
    address += f"several times (default: {DEFAULT_LISTEN_ADDRESS})"
    absent = argparse.SUPPRESS
    flag("web.listen-address", address, type=_address, action="append", default=absent)
    flag("web.telemetry-path", "path of the metrics", type=_path, default=DEFAULT_TELEMETRY_PATH)
    config = "TLS, users and headers of HTTP, in the format of Prometheus' exporter-toolkit"
    flag("web.config.file", config)
    path = "unix socket that plugins report to; a socket from systemd replaces it "
    path += "(default: the first writable path of "
    path += "/run/waggle/live-metrics/live_metrics.sock, /app/live_metrics.sock, "
    path += "$XDG_RUNTIME_DIR/waggle/live_metrics.sock and ~/.waggle/live_metrics.sock)"
    parser.set_defaults(socket_path=None)
    flag("socket.path", path, type=_socket_path, default=absent)
    mode = f"{DEFAULT_SOCKET_MODE:04o}"
    flag("socket.mode", "permissions of the socket, octal", type=_mode, default=mode)
    flag("socket.gid", "group of the socket, as a number", type=_gid)
    flag("state.file", "file that keeps all totals over a restart; a tmpfs is enough")
    hold = (
        "how long a process that vanished may return, and an ended plugin is shown: 5m, 90s, 500ms"
    )
    flag("plugin.hold-time", hold, type=_duration, default=f"{limits.DEFAULT_HOLD_TIME:.0f}s")
    tcp = "host:port for plugins that can't see the socket; off when not given"
    flag("tcp.listen-address", tcp, type=_address, metavar="ADDRESS")
    flag(
        "tcp.token-file",
        "file with the token of plugins over TCP (their WAGGLE_LIVE_METRICS_TOKEN)",
    )
    token = "file with the token of controllers (their header Waggle-Control-Token); without it "
    flag("control.token-file", token + "plugins can't be controlled")
    redis = "the stack's Redis, with a record of each pod: redis://wes-app-meta-cache:6379"
    flag("identity.app-meta-cache", redis, type=_redis_url, metavar="URL")
    verify = "what to do about a claimed pod that the kernel doesn't prove"
    flag("identity.verify", verify, choices=VERIFY, default=WARN, metavar=None)
    whole = "limit of memory, as 60Mi (2^20) or 64M (10^6); default: 60Mi, or the limit of the "
    whole += "cgroup if that is less"
    flag("limit.memory", whole, type=_bytes, metavar="BYTES")
    for name, text, default in (
        (
            "series-per-process",
            "most series of one process; our client makes at most 1000",
            limits.DEFAULT_MAX_SERIES_PER_PROCESS,
        ),
    ):
        flag(f"limit.{name}", text, type=_positive, default=default)
    most = limits.plugin_connections()
    text = "most processes in all; default and upper limit: as many as `ulimit -n` allows"
    flag("limit.processes", text, type=lambda text: _at_most(text, most, why=ULIMIT), default=most)
    levels = ("debug", "info", "warn", "error")
    flag("log.level", "lowest level that is logged", choices=levels, default="info", metavar=None)
    formats = ("logfmt", "json")
    flag("log.format", "form of the log lines", choices=formats, default="logfmt", metavar=None)
    parser.add_argument("--version", action="version", version=f"%(prog)s {VERSION}")
    return parser


def _text(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("must not be empty; leave the flag out")
    return text


def _address(text: str) -> Address:
    right = "an address is host:port, [IPv6]:port or :port"
    found = _match(
        r"(?:\[([0-9a-fA-F:.]+(?:%[^\[\]/]+)?)\]|([^\[\]:/@]*)):([0-9]{1,5})", text, right
    )
    if int(found[3]) > 65535:
        raise argparse.ArgumentTypeError(f"a port is at most 65535, got {text!r}")
    return found[1] or found[2] or "", int(found[3])


def _redis_url(text: str) -> str:
    from redis.asyncio import ConnectionPool  # takes 7 MiB, and is needed only with the flag

    try:
        # The URL may not set options of the Redis client.
        right = re.fullmatch(r"redis://[^/?#]+(/\d*|/?\?db=\d+)?", text, re.ASCII) is not None
        pool = ConnectionPool.from_url(text)
        pool.make_connection()  # type: ignore[no-untyped-call]
        right = right and bool(pool.connection_kwargs["host"])
    except (ValueError, TypeError, LookupError):
        right = False
    if not right:
        # The message doesn't repeat the URL, which may contain a password.
        raise argparse.ArgumentTypeError("the address of a Redis is like redis://host:6379/0")
    return text


def _match(pattern: str, text: str, right: str) -> re.Match[str]:
    found = re.fullmatch(pattern, text, re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(f"{right}, got {text!r}")
    return found


def _path(text: str) -> str:
    right = "a path begins with '/' and consists of names of letters, digits, '_', '.' and '-'"
    path = _match(r"/|(/(?!\.{1,2}(/|$))[\w.-]+)+/?", text, right)[0]
    if path.split("/")[1] in ("-", "api"):
        raise argparse.ArgumentTypeError(f"/-/ and /api/ are in use by others, got {text!r}")
    return path


def _socket_path(text: str) -> str:
    right = "a path, or unix:///path; plugins over TCP come to --tcp.listen-address"
    return _match(r"(?:unix://(?=/))?((?![a-zA-Z][a-zA-Z0-9+]*:|@)[\s\S]*[^/])", text, right)[1]


def _mode(text: str) -> int:
    mode = int(_match("0?[0-7]{3}", text, "a mode is three octal digits")[0], 8)
    if not mode & 0o222:
        rule = "somebody must have the right to write (2), or no plugin can connect"
        raise argparse.ArgumentTypeError(f"{rule}, got {text!r}")
    return mode


def _duration(text: str) -> float:
    right = "a duration is like 5m, 1h30m, 90s or 0.5s"
    _match(r"(\d{1,9}(\.\d+)?(ms|s|m|h|d|w))+", text, right)
    parts = re.findall(r"([\d.]+)([a-z]+)", text)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if not 0 < seconds <= _MAX_DURATION:
        raise argparse.ArgumentTypeError(f"must be more than 0 and at most 366d, got {text!r}")
    return seconds


def _bytes(text: str) -> int:
    right = "an amount of memory is like 60Mi, 64M or 62914560: Ki, Mi, Gi are powers of 1024, "
    right += "k, M, G powers of 1000, each with or without B"
    number, unit, binary = _match(
        r"(\d{1,15}(?:\.\d{1,15})?)([kKMG]?)((?<=[KMG])i)?B?", text, right
    ).groups()
    size = int(float(number) * (1024 if binary else 1000) ** " KMG".index(unit.upper() or " "))
    if size < memory.LEAST:
        raise argparse.ArgumentTypeError(f"must be at least {memory.LEAST >> 20}MiB, got {text!r}")
    return size


def _gid(text: str) -> int:
    return _at_most(text, _MAX_GID, 0)


def _positive(text: str) -> int:
    return _at_most(text, 2**31)


def _at_most(text: str, most: int, least: int = 1, why: str = "") -> int:
    right = f"a whole number from {least} to {most}{why}"
    number = int(_match(r"\d{1,10}", text, right)[0])
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{right}, got {text!r}")
    return number
