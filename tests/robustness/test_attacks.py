"""Attacks on a node of 60 MiB: it lives, answers, is exact, and says who it was."""

import contextlib
import os
import random
import subprocess
import time

import pytest

from .attacks import ATTACKS
from .attacks.node import Node
from .processes import finish, start

pytestmark = pytest.mark.alone

#: Seconds that an attack goes on before and after the collector is killed; `make soak` has more.
SECONDS = float(os.environ.get("WAGGLE_LIVE_ATTACK_SECONDS", "1"))
#: Nobody waits longer for a scrape. Beside two attackers on two cores most took 0.02 to 0.2 s.
SLOWEST = 2.0
#: Those against TLS and passwords.
GUARDED = {"silent_tls", "guessers"}
#: These don't meet a bound: there is nothing to refuse.
UNNAMED = set()


#: Ten that are at it together, of all kinds.
TOGETHER = (
    "labels_of_1_kib",
    "plain_timers",
    "whole_spans",
    "numbers_for_cells",
    "good_lines",
    "half_lines",
    "half_headers",
    "short_lives",
    "identities",
    "fills_and_returns",
)
#: How often the collector is killed under attack; `make soak` kills a hundred times.
KILLS = int(os.environ.get("WAGGLE_LIVE_KILLS", "10"))
UNDER_KILLS = ("fills_and_returns", "reconnects", "short_lives", "half_lines")


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """Return a node by whether it is guarded; what is left behind by its attacks adds up."""
    made = {}
    with contextlib.ExitStack() as stack:

        def get(guarded):
            if guarded not in made:
                directory = tmp_path_factory.mktemp("node")
                made[guarded] = stack.enter_context(Node(directory, guarded=guarded))
            return made[guarded]

        yield get


def hold_out(node, name, attackers, named=True):
    """Let them attack, kill the collector under it, and look at everything before and after."""
    time.sleep(SECONDS)
    node.check()
    for attacker in attackers:
        assert attacker.process.poll() is None, "the attack itself has failed"
        if named:
            assert any(map(node.named, attacker.principals)), "nobody says who it was"
    node.assert_alive(SLOWEST)
    print(node.report(name))
    node.restart()
    time.sleep(SECONDS / 2)
    node.check()
    node.assert_alive(SLOWEST)
    print(node.report(name + ", restarted"))


@contextlib.contextmanager
def attacking(node, *names):
    """Attack in each of these ways, from a pod and by a process of the neighbours' uid in turn."""
    attackers = [node.attack(name, in_a_pod=number % 2 == 0) for number, name in enumerate(names)]
    try:
        yield attackers
    finally:
        for attacker in attackers:
            attacker.stop()


@pytest.mark.parametrize("name", [name for name in ATTACKS if name != "anything"])
def test_an_attack_costs_the_neighbours_nothing(nodes, name):
    """From a pod and from a process of the neighbours' uid at once, and over a kill -9."""
    node = nodes(name in GUARDED)
    with attacking(node, name, name) as attackers:
        hold_out(node, name, attackers, named=name not in UNNAMED)


def test_ten_attackers_at_once_cost_the_neighbours_nothing(tmp_path):
    """All of them find the same collector, and it is killed under all of them."""
    with Node(tmp_path) as node, attacking(node, *TOGETHER) as attackers:
        hold_out(node, "ten at once", attackers, named=False)


def test_a_collector_that_is_killed_under_attack_counts_everything_once(tmp_path):
    """No neighbour's counter falls, is lost or counted twice, whenever it is killed."""
    chance = random.Random(2026)
    with Node(tmp_path) as node, attacking(node, *UNDER_KILLS):
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.1, 1.0))
            node.restart()
        node.check()
        node.assert_alive(SLOWEST)
        print(node.report("%d kills" % KILLS))


def test_an_ordinary_large_plugin_is_served_whole(tmp_path):
    """1,000 series with 200 bytes of labels, beside five others in 60 MiB, and nothing refused."""
    with Node(tmp_path) as node:
        address = node.collector.address
        large = start("large", address=address, task="large", stdin=subprocess.PIPE)
        assert large.stdout.readline() == "all\n", large.stderr.read()
        scrape = node.scrape()
        counts = scrape.all("waggle_timer_seconds_count", plugin="large")
        assert [value for _, value in counts] == [5] * 900
        counts = scrape.all("waggle_count_total", plugin="large")
        assert [value for _, value in counts] == [5] * 100
        assert sum(len(key) + len(value) for key, value in counts[0][0].items()) > 200
        for family in ("refusals_total", "budget_losses_total"):
            assert scrape.sum("waggle_collector_" + family) == 0
        assert scrape.sum("waggle_plugin_problems_total") == 0
        node.check()
        node.assert_alive(SLOWEST)
        print(node.report("a large plugin"))
        finish(large)
