"""The flags, in the manner of the Prometheus exporters: ``--web.listen-address=:9090``."""

import argparse
import re
from dataclasses import dataclass

from . import limits, memory
from .limits import Limits
from .version import VERSION

DEFAULT_LISTEN_ADDRESS = ":9090"
DEFAULT_TELEMETRY_PATH = "/metrics"
DEFAULT_SOCKET_PATH = "/run/waggle/live-metrics/live_metrics.sock"
#: Anybody who sees the socket may report: plugins run as any uid, and who sees it is decided
#: by who mounts its directory (docs/adr/0013-socket-mode.md).
DEFAULT_SOCKET_MODE = 0o666
#: What ``--identity.verify`` may be.
VERIFY = OFF, WARN, REQUIRE = "off", "warn", "require"

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line said: each field is named as its flag."""

    web_listen_address: tuple[str | None, int]
    web_telemetry_path: str
    web_config_file: str | None
    socket_path: str
    socket_mode: int
    socket_gid: int | None
    state_file: str | None
    plugin_hold_time: float
    tcp_listen_address: tuple[str | None, int] | None
    tcp_token_file: str | None
    identity_app_meta_cache: str | None
    identity_verify: str
    limits: Limits
    log_level: str
    log_format: str


def parse(arguments: list[str]) -> Options:
    """Return the options; exits with a message and status 2 when they are wrong."""
    values = vars(_parser().parse_args(arguments))
    names = ("memory", "series_per_process", "processes")
    bounds = Limits(**{name: values.pop(f"limit_{name}") for name in names})
    return Options(limits=bounds, **values)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="waggle-live-collector",
        description="Takes in live metrics of the Waggle plugins on this node and serves them "
        "to Prometheus.",
        allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )

    def flag(name: str, text: str, **more: object) -> None:
        more.setdefault("metavar", name.rpartition(".")[2].upper())
        field = name.replace(".", "_").replace("-", "_")
        parser.add_argument(f"--{name}", dest=field, help=text, **more)  # type: ignore[arg-type]

    address = "host:port to serve HTTP on; port 0 takes a free one and logs it"
    flag("web.listen-address", address, type=_address, default=DEFAULT_LISTEN_ADDRESS)
    flag("web.telemetry-path", "path of the metrics", type=_path, default=DEFAULT_TELEMETRY_PATH)
    config = "TLS, users and headers of HTTP, in the format of Prometheus' exporter-toolkit"
    flag("web.config.file", config)
    path = "unix socket that plugins report to; one that systemd hands over comes before it"
    flag("socket.path", path, default=DEFAULT_SOCKET_PATH)
    mode = f"{DEFAULT_SOCKET_MODE:04o}"
    flag("socket.mode", "rights of the socket, octal", type=_mode, default=mode)
    flag("socket.gid", "group of the socket, as a number", type=_count)
    flag("state.file", "where the table outlives this process; a tmpfs is enough")
    hold = "how long what ended without a word is kept: 5m, 90s, 500ms"
    flag("plugin.hold-time", hold, type=_duration, default=f"{limits.DEFAULT_HOLD_TIME:.0f}s")
    tcp = "host:port for plugins that can't see the socket; off when not given"
    flag("tcp.listen-address", tcp, type=_address, metavar="ADDRESS")
    flag("tcp.token-file", "what plugins must show over TCP: WAGGLE_LIVE_METRICS_TOKEN")
    redis = "the stack's Redis, which knows what each pod is: redis://wes-app-meta-cache:6379"
    flag("identity.app-meta-cache", redis, type=_redis_url, metavar="URL")
    verify = "what to do about a claimed pod that the kernel doesn't prove"
    flag("identity.verify", verify, choices=VERIFY, default=WARN, metavar=None)
    whole = "memory to keep within, as 60MiB or 64M; if not given 60MiB, or what the cgroup has"
    flag("limit.memory", whole, type=_bytes, metavar="BYTES")
    for name, text, default in (
        ("series-per-process", "series of one process", limits.DEFAULT_MAX_SERIES_PER_PROCESS),
        ("processes", "processes connected", limits.DEFAULT_MAX_PROCESSES),
    ):
        flag(f"limit.{name}", text, type=_positive, default=default)
    levels = ("debug", "info", "warn", "error")
    flag("log.level", "least level that is logged", choices=levels, default="info", metavar=None)
    formats = ("logfmt", "json")
    flag("log.format", "form of the log lines", choices=formats, default="logfmt", metavar=None)
    parser.add_argument("--version", action="version", version=f"%(prog)s {VERSION}")
    return parser


def _address(text: str) -> tuple[str | None, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"an address is host:port or :port, got {text!r}")
    return host.strip("[]") or None, int(port)


def _redis_url(text: str) -> str:
    from redis.asyncio import ConnectionPool  # 7 MiB, and only who gives the flag needs it

    try:
        pool = ConnectionPool.from_url(text)
        # Refuses options that there are not.
        pool.make_connection()  # type: ignore[no-untyped-call]
        right = text.startswith("redis://") and bool(pool.connection_kwargs["host"])
    except (ValueError, TypeError, LookupError):
        right = False
    if not right:
        # Without what was given: there may be a password in it.
        raise argparse.ArgumentTypeError("the address of a Redis is like redis://host:6379/0")
    return text


def _match(pattern: str, text: str, right: str) -> re.Match[str]:
    found = re.fullmatch(pattern, text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{right}, got {text!r}")
    return found


def _path(text: str) -> str:
    return _match(r"/[\w./-]*", text, "a path begins with '/'")[0]


def _mode(text: str) -> int:
    return int(_match("0?[0-7]{3}", text, "a mode is three octal digits")[0], 8)


def _duration(text: str) -> float:
    right = "a duration is like 5m, 90s or 0.5s"
    number, unit = _match(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text, right).groups()
    return float(number) * _UNITS[unit]


def _bytes(text: str) -> int:
    right = "an amount of memory is like 60MiB, 64M or 62914560"
    number, unit = _match(r"(\d+(?:\.\d+)?)([kKMG]?)(?:i?B)?", text, right).groups()
    size = int(float(number) * 1024 ** " KMG".index(unit.upper() or " "))
    if size < memory.LEAST:
        raise argparse.ArgumentTypeError(f"at least {memory.LEAST >> 20}MiB, got {text!r}")
    return size


def _count(text: str) -> int:
    return int(_match(r"\d+", text, "a whole number")[0])


def _positive(text: str) -> int:
    if _count(text) < 1:
        raise argparse.ArgumentTypeError(f"at least 1, got {text!r}")
    return int(text)
