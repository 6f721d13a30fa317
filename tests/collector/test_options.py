"""The command line."""

import pytest

from waggle_live_collector.limits import Limits
from waggle_live_collector.options import parse


def test_the_defaults():
    """What an operator gets who says nothing."""
    options = parse([])
    assert options.web_listen_address == [("", 9090)]
    assert options.web_telemetry_path == "/metrics"
    assert options.web_config_file is None
    assert options.socket_path is None
    assert options.socket_mode == 0o666
    assert options.socket_gid is None
    assert options.state_file is None
    assert options.plugin_hold_time == 300
    assert options.limits == Limits()


def test_every_flag():
    """In the form --flag=value."""
    options = parse(
        [
            "--web.listen-address=[::1]:0",
            "--web.listen-address=:9091",
            "--web.telemetry-path=/m",
            "--web.config.file=web.yml",
            "--socket.path=/tmp/s",
            "--socket.mode=0660",
            "--socket.gid=10",
            "--state.file=/tmp/f",
            "--plugin.hold-time=1.5m",
            "--limit.series-per-process=1",
            "--limit.memory=64MiB",
            "--limit.processes=3",
            "--log.level=debug",
            "--log.format=json",
        ]
    )
    assert options.web_listen_address == [("::1", 0), ("", 9091)]
    assert options.web_telemetry_path == "/m"
    assert options.web_config_file == "web.yml"
    assert (options.socket_path, options.socket_mode, options.socket_gid) == ("/tmp/s", 0o660, 10)
    assert (options.state_file, options.plugin_hold_time) == ("/tmp/f", 90)
    assert options.limits == Limits(memory=64 << 20, series_per_process=1, processes=3)
    assert (options.log_level, options.log_format) == ("debug", "json")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5m", 300), ("0.5s", 0.5), ("20ms", 0.02), ("2h", 7200), ("1d", 86400), ("1h30m", 5400)],
)
def test_durations(text, seconds):
    """As Prometheus writes them."""
    assert parse([f"--plugin.hold-time={text}"]).plugin_hold_time == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("62914560", 60 << 20),
        ("62914560B", 60 << 20),
        ("60Mi", 60 << 20),
        ("60MiB", 60 << 20),
        ("0.5Gi", 1 << 29),
        ("0.5GiB", 1 << 29),
        ("61440Ki", 60 << 20),
        ("64M", 64_000_000),
        ("64MB", 64_000_000),
        ("0.5G", 500_000_000),
        ("1GB", 10**9),
        ("64000k", 64_000_000),
        ("64000KB", 64_000_000),
    ],
)
def test_amounts_of_memory(text, size):
    """As Kubernetes writes them: Mi is 2^20 and M is 10^6; a B may follow."""
    assert parse([f"--limit.memory={text}"]).limits.memory == size


@pytest.mark.parametrize(
    "flag",
    [
        "--plugin.hold-time=5",
        "--plugin.hold-time=-5s",
        "--plugin.hold-time=soon",
        "--web.listen-address=9090",
        "--web.listen-address=:http",
        "--web.listen-address=:65536",
        "--web.telemetry-path=metrics",
        "--socket.mode=rw",
        "--socket.mode=0999",
        "--socket.mode=0000",
        "--socket.mode=555",
        "--socket.gid=users",
        "--limit.memory=0",
        "--limit.memory=64 apples",
        "--limit.memory=1k",
        "--limit.memory=64m",
        "--limit.memory=64mi",
        "--limit.memory=64i",
        "--limit.memory=64iB",
        "--limit.memory=64Ti",
        "--limit.memory=1e400",
        "--limit.memory=" + "9" * 400 + "Gi",
        "--log.level=loud",
        "--log.format=xml",
        "--limit.ser=5",
        "--novelty",
        "--plugin.hold-time=0s",
        "--plugin.hold-time=999999d",
        "--plugin.hold-time=\u0665m",
        "--web.listen-address=::1:9090",
        "--web.listen-address=:::9090",
        "--web.listen-address=http://host:9090",
        "--web.listen-address=[::1:9090",
        "--web.listen-address=:\u0669\u0660",
        "--web.listen-address=",
        "--web.telemetry-path=/-/healthy",
        "--web.telemetry-path=/-/ready",
        "--web.telemetry-path=/api/v1/plugins",
        "--web.telemetry-path=/api",
        "--web.telemetry-path=//metrics",
        "--web.telemetry-path=/a/../b",
        "--web.telemetry-path=/m\u00e9triques",
        "--web.telemetry-path=/m{x}",
        "--web.config.file=",
        "--socket.path=",
        "--socket.path=unix:s",
        "--socket.path=unix://s",
        "--socket.path=UNIX:///s",
        "--socket.path=tcp://host:9091",
        "--socket.path=@abstract",
        "--socket.path=/run/",
        "--socket.gid=4294967295",
        "--socket.gid=-1",
        "--state.file=",
        "--tcp.token-file=/token",
        "--limit.processes=0",
        "--limit.processes=1000000000",
        "--log.level=",
    ],
)
def test_wrong_values_are_refused_with_the_rule(flag, capsys):
    """Exit status 2 and the offending flag in the message."""
    with pytest.raises(SystemExit) as exit_:
        parse([flag])
    assert exit_.value.code == 2
    assert flag.partition("=")[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "right"),
    [
        ("--limit.memory=64Ti", "Ki, Mi, Gi"),
        ("--web.listen-address=:::9090", "[IPv6]:port"),
        ("--tcp.listen-address=9091", ":port"),
    ],
)
def test_the_message_says_what_would_be_right(flag, right, capsys):
    """With the value that was given."""
    with pytest.raises(SystemExit):
        parse([flag])
    said = capsys.readouterr().err
    assert right in said and flag.partition("=")[2] in said


def test_too_many_processes_are_refused_with_what_allows_more(capsys):
    """The number comes from elsewhere, and an operator has to know from where."""
    with pytest.raises(SystemExit):
        parse(["--limit.processes=1000000000"])
    assert "ulimit -n" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--state.file", "--socket.path", "--web.telemetry-path"])
def test_a_flag_that_takes_one_value_is_given_once(flag, capsys):
    """In either form; the last one would win in silence."""
    for arguments in ([f"{flag}=/a", f"{flag}=/a"], [flag, "/a", flag, "/b"]):
        with pytest.raises(SystemExit):
            parse(arguments)
        assert f"{flag}: is given twice" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["/a/s", "s", "./s", "unix:///a/s", "/a:b/s", "/a b/\udcff"])
def test_the_path_of_the_socket_may_be_an_address(path):
    """As plugins are given it."""
    assert parse([f"--socket.path={path}"]).socket_path == path.replace("unix://", "")


@pytest.mark.parametrize("path", ["/", "/m", "/a/b.c/-x", "/metrics/", "/apis", "/-x"])
def test_any_other_path_of_the_metrics_is_taken(path):
    """One that nothing else answers."""
    assert parse([f"--web.telemetry-path={path}"]).web_telemetry_path == path


def test_version(capsys):
    """It says its own."""
    with pytest.raises(SystemExit) as exit_:
        parse(["--version"])
    assert exit_.value.code == 0
    assert "waggle-live-collector 0." in capsys.readouterr().out


def test_help_names_the_defaults(capsys):
    """For who doesn't read manuals."""
    with pytest.raises(SystemExit):
        parse(["--help"])
    text = capsys.readouterr().out
    for default in ("9090", "live_metrics.sock", "300s", "1000", "0666"):
        assert default in text


@pytest.mark.parametrize(
    "url", ["redis://redis", "redis://:secret@[::1]:7/1", "redis://redis:6379?db=2"]
)
def test_the_address_of_a_redis(url):
    """In every form that its own client takes."""
    assert parse([f"--identity.app-meta-cache={url}"]).identity_app_meta_cache == url


@pytest.mark.parametrize(
    "url",
    [
        "redis",
        "http://:secret@redis",
        "redis://:secret@",
        "redis://:secret@redis:secret",
        "redis://:secret@redis:65536",
        "redis://:secret@redis?secret=secret",
        "rediss://:secret@redis",
        "unix:///redis?password=secret",
        "redis://secret/x",
        "redis://secret/1/2",
        "redis://secret?db=-1",
        "redis://secret/1?db=2",
        "redis://secret?DB=2",
        "redis://secret?db=2&db=3",
        "redis://secret?port=1",
        "redis://secret#secret",
    ],
)
def test_a_wrong_address_of_a_redis_is_refused_and_not_repeated(url, capsys):
    """There may be a password in it."""
    with pytest.raises(SystemExit) as exit_:
        parse([f"--identity.app-meta-cache={url}"])
    assert exit_.value.code == 2
    error = capsys.readouterr().err
    assert "the address of a Redis is like redis://host:6379" in error
    assert "secret" not in error
