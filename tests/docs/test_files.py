"""The pages on files and limits have the fields, families and defaults of the programs."""

import inspect
import re

import pytest

from waggle_live.wire import knobs, protocol
from waggle_live_collector import limits, logs, memory, messages
from waggle_live_collector.identity import app_meta
from waggle_live_collector.web import config as web_config
from waggle_live_collector.web import tls
from waggle_live_collector.web.guard import DEFAULT_MAX_ANSWER_SECONDS
from waggle_live_controller.service import config
from waggle_live_controller.service.own_metrics import OwnMetrics

from .tables import code, read, rows


def test_fields_of_the_controllers_file():
    """In both directions."""
    described = {
        each for row in rows(read("controller.md"), "field") for each in code(row["field"])
    }
    source = inspect.getsource(config)
    taken = set(re.findall(r'(?:file|section)\.\w+\(\s*"(\w+)"', source))
    taken |= set(re.findall(r'_secret\(section, "(\w+)"\)', source)) | {config.MEAN, config.P95}
    assert described == taken


@pytest.mark.parametrize(
    ("field", "default"),
    [
        ("holder", "`%s`" % config.DEFAULT_HOLDER),
        ("ttl", "%g" % config.DEFAULT_TTL),
        ("period", "%g" % config.DEFAULT_PERIOD),
        ("listen", "`%s`" % config.DEFAULT_LISTEN),
    ],
)
def test_defaults_of_the_controllers_file(field, default):
    """As the program has them."""
    (row,) = [row for row in rows(read("controller.md"), "field") if code(row["field"]) == [field]]
    assert row["default"] == default


def test_families_of_the_controller():
    """Names, types and labels."""
    described = {
        name: (row["type"], code(row["labels"]))
        for row in rows(read("controller.md"), "family")
        for name in code(row["family"])
    }
    there = {}
    for metric in vars(OwnMetrics()).values():
        if hasattr(metric, "_labelnames"):
            (family,) = metric.describe()
            name = family.name + ("_total" if family.type == "counter" else "")
            there[name] = family.type, list(metric._labelnames)
    assert described == there


def test_keys_of_the_web_configuration():
    """Each that is taken is described."""
    page = read("web-config.md")
    sections = ("tls_server_config", "http_server_config", "basic_auth_users")
    for key in (*sections, *tls.KEYS, *web_config.HEADERS):
        assert re.search(r"[`.]%s\b" % key, page), key


def test_limits_are_those_of_the_program():
    """The defaults that the page names, where the program has a name for them."""
    bounds = {row["bound"]: row for row in rows(read("limits.md"), "bound")}
    http = limits.HttpLimits()
    for bound, numbers in {
        "memory as a whole": [memory.DEFAULT_MEMORY >> 20],
        "series of a process": [protocol.DEFAULT_MAX_SERIES],
        "connections of a process": limits.DEFAULT_PROCESS_PACE,
        "connections of a proven pod": limits.DEFAULT_POD_PACE,
        "refusals of a line": [messages.MAX_REFUSALS],
        "a cell, and a message other than `update`": [messages.MAX_WHOLE_BYTES >> 10],
        "labels of a series": [protocol.MAX_LABELS, protocol.MAX_LABELS_BYTES >> 10],
        "an HTTP request": [http.request_seconds, http.handshake_seconds, http.idle_seconds],
        "an HTTP answer": [DEFAULT_MAX_ANSWER_SECONDS, http.answer_seconds],
        "knobs of a process": [knobs.MAX_KNOBS],
        "records of the stack's Redis kept": [app_meta.DEFAULT_MAX_CACHED],
        "a process without a connection, a plugin without processes": [
            limits.DEFAULT_HOLD_TIME / 60
        ],
        "lines of the log that wait to be written": [logs.DEFAULT_MAX_WAITING >> 10],
    }.items():
        for number in numbers:
            assert re.search(r"\b%s\b" % format(int(number), ","), bounds[bound]["default"]), bound
