"""Attacks on a node of 60 MiB: it lives, answers, is exact, and says who it was."""

import contextlib
import os
import random
import subprocess
import time

import pytest

from tests.collector.harness import wait_until

from .attacks import ATTACKS
from .attacks.node import Node
from .processes import finish, start

pytestmark = pytest.mark.alone

#: Seconds that an attack goes on before and after the collector is killed; `make soak` has more.
SECONDS = float(os.environ.get("WAGGLE_LIVE_ATTACK_SECONDS", "0.5"))
#: Nobody waits longer for a scrape, in seconds. Beside two attackers on two busy cores half of them
#: took 0.02 to 0.4 s, and the slowest 1 s.
SLOWEST = 5.0
#: Those against TLS and passwords.
GUARDED = {"silent_tls", "guessers"}
#: These meet no bound that is theirs alone: there is nobody to name.
UNNAMED = {
    "impostors",
    "forks_that_connect_and_go",
    "good_lines",
    "guessers",
    "addresses",
    "half_hellos_of_addresses",
    "pages",
}
#: The collector is killed under these, which leave most behind; `make soak` does so under all.
KILLED = {"labels_of_1_kib", "whole_spans", "short_lives"}


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
KILLS = int(os.environ.get("WAGGLE_LIVE_KILLS", "4"))
UNDER_KILLS = ("fills_and_returns", "reconnects", "short_lives", "half_lines")


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """Nodes by whether they are guarded; what is left behind by the attacks on one adds up."""
    made = {}

    @contextlib.contextmanager
    def use(guarded):
        if guarded not in made:
            directory = tmp_path_factory.mktemp("node")
            made[guarded] = Node(directory, guarded=guarded).__enter__()
        node = made[guarded]
        node.scraper.resting.clear()
        try:
            yield node
        except BaseException:
            # The next attack is not to be blamed for this one.
            made.pop(guarded).__exit__()
            raise
        node.scraper.resting.set()

    yield use
    for node in made.values():
        node.__exit__()


def hold_out(node, name, attackers, *, named=True, killed=True):
    """Let them attack, kill the collector under it, and look at everything before and after."""
    time.sleep(SECONDS)
    node.check()
    for attacker in attackers:
        assert attacker.process.poll() is None, "the attack itself has failed"
        if named:
            wait_until(lambda who=attacker.principals: any(map(node.named, who)))
    node.assert_alive(SLOWEST)
    print(node.report(name))
    if not killed:
        return
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
    with nodes(name in GUARDED) as node, attacking(node, name, name) as attackers:
        killed = name in KILLED or SECONDS > 1
        hold_out(node, name, attackers, named=name not in UNNAMED, killed=killed)


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
            assert [each for each in scrape.all("waggle_collector_" + family) if each[1]] == []
        assert scrape.sum("waggle_plugin_problems_total") == 0
        node.check()
        node.assert_alive(SLOWEST)
        print(node.report("a large plugin"))
        finish(large)
