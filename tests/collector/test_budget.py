"""One budget: shares of it, what is set aside, and who loses where it is full."""

import pytest

from waggle_live_collector.budget import DEFAULT_RESERVED, GREED, Budget, What

MIB = 1 << 20
NOTHING_ASIDE = {"reserve": 0}


def test_a_branch_holds_what_its_leaves_hold():
    """What a connection holds is held by its process, its principal, and the whole."""
    budget = Budget(MIB)
    leaf = budget.account("uid:1", 7, "a")
    assert leaf.hold(What.SERIES, 100)
    assert leaf.hold(What.INCOMPLETE, 20)
    assert [each.total for each in leaf.path()] == [120, 120, 120]
    assert budget.root.held[What.INCOMPLETE] == 20
    assert leaf.hold(What.SERIES, 30)
    assert budget.root.total == 50
    budget.account("uid:1").close()
    assert budget.root.total == 0
    assert not budget.root.children


def test_one_process_leaves_room_for_another():
    """A process is refused while a ninth of the whole is free, and a second one is not."""
    budget = Budget(MIB, **NOTHING_ASIDE)
    hog, other = budget.account("uid:1", 1), budget.account("uid:1", 2)
    held = 0
    while hog.hold(What.SERIES, held + 1000):
        held += 1000
    assert held > MIB * GREED / (GREED + 1) - 2000
    assert other.hold(What.SERIES, 10_000)
    assert budget.losses["uid:1"][What.SERIES] == 1


def test_the_first_principals_have_something_set_aside():
    """Whatever one principal takes, each of the first sixteen still gets its reserve."""
    budget = Budget(8 * MIB)
    for process in range(1000):
        hog = budget.account("uid:1", process)
        while hog.hold(What.SERIES, hog.total + 100_000):
            pass
    for uid in range(2, DEFAULT_RESERVED + 1):
        assert budget.account(f"uid:{uid}", 1).hold(What.SERIES, 256 * 1024)
    assert not budget.account("uid:99", 1).hold(What.SERIES, 256 * 1024)
    assert budget.root.total <= 8 * MIB


def test_history_stands_where_room_is_set_aside_until_it_is_needed():
    """It goes for a newcomer within its reserve, that of small ones without a reserve too."""
    budget = Budget(8 * MIB)
    for number in range(DEFAULT_RESERVED):
        budget.account(f"uid:{number}", 1).hold(What.SERIES, 1)
    hogs = [budget.account(f"pod:{number}", 1) for number in range(160)]
    for hog in hogs[:60]:
        assert hog.hold(What.SERIES, 50_000)
    assert not budget.account("pod:late", 1).hold(What.SERIES, 1_300_000)
    for hog in hogs:
        assert hog.hold(What.HISTORY, 30_000)
    assert budget.root.held[What.HISTORY] == 160 * 30_000
    for number in range(DEFAULT_RESERVED):
        assert budget.account(f"uid:{number}", 1).hold(What.SERIES, 256 * 1024)
        assert budget.root.total <= 8 * MIB
    assert budget.root.held[What.SERIES] == 60 * 50_000 + 4 * MIB


def test_the_largest_holder_of_the_least_valuable_kind_loses():
    """Of unfinished lines those of the largest go first; a smaller neighbour keeps its own."""
    budget, lost = Budget(MIB, **NOTHING_ASIDE), []
    neighbour = budget.account("uid:2", 1, "n", lose=lambda what: lost.append(("neighbour", what)))
    assert neighbour.hold(What.INCOMPLETE, 1000)
    for number in range(10):
        attacker = budget.account(
            "uid:1", 1, number, lose=lambda what, number=number: lost.append((number, what))
        )
        assert attacker.hold(What.INCOMPLETE, 90_000)
    assert neighbour.hold(What.SERIES, 500_000)
    assert lost == [(number, What.INCOMPLETE) for number in range(len(lost))]
    assert 3 <= len(lost) <= 8
    assert neighbour.own(What.INCOMPLETE) == 1000


def test_an_unfinished_line_pushes_out_no_answer():
    """What is asked for makes room among its own kind and below alone; here it is itself."""
    budget, lost = Budget(MIB, **NOTHING_ASIDE), []
    reader = budget.account("address:1", 1, lose=lost.append)
    assert reader.hold(What.ANSWERS, 800_000)
    sender = budget.account("address:2", 1, lose=lost.append)
    assert not sender.hold(What.INCOMPLETE, 300_000)
    assert sender.own(What.INCOMPLETE) == 0
    assert not lost
    assert budget.losses == {"other": {}, "address:2": {What.INCOMPLETE: 1}}


@pytest.mark.parametrize("request_bytes", [32 * 1024, 248 * 1024], ids=["plain", "tls"])
def test_short_lines_from_many_addresses_keep_no_scraper_out(request_bytes):
    """The oldest of them make way for its request, and none of them takes the room back."""
    budget, lost = Budget(8 * MIB), []
    earlier = budget.account("address:scraper", 0)
    earlier.close()
    earlier.renew()
    for number in range(600):
        budget.account(f"address:{number}", 1, lose=id).hold(What.INCOMPLETE, 20_000)
    assert budget.losses
    scraper = budget.account("address:scraper", 1, lose=lost.append)
    scraper.renew()
    assert scraper.hold(What.INCOMPLETE, request_bytes)
    for number in range(100):
        budget.account(f"address:late-{number}", 1).hold(What.INCOMPLETE, 20_000)
    assert not lost


@pytest.mark.parametrize("who", ["pod", "uid"])
def test_longer_lines_of_others_take_no_short_request_of_a_scraper(who):
    """Though the scraper has no reserve, and its request is the oldest of those."""
    budget, lost = Budget(8 * MIB), []
    for number in range(240):
        name, size = ("address", 20_000) if number < 200 else (who, 200_000)
        lose = lost.append if number == 50 else id
        budget.account(f"{name}:{number}", 1, lose=lose).hold(What.INCOMPLETE, size)
    assert budget.losses and not lost


def test_who_has_filled_its_share_may_still_send_lines():
    """Series leave room for what passes, however many take it, so that no large client is cut off
    in the middle of each line."""
    budget = Budget(16 * MIB, answers=1 / 8)
    large = [budget.account(f"uid:{number % 3}", number, "process") for number in range(40)]
    for process in large:
        while process.hold(What.SERIES, process.total + 10_000):
            pass
    for number in range(40):
        line = budget.account(f"uid:{number % 3}", number, "connection")
        assert line.hold(What.INCOMPLETE, 65_536)
        assert line.hold(What.INCOMPLETE, 0)
        assert line.hold(What.ANSWERS, 65_536)
        assert line.hold(What.ANSWERS, 0)
    line = budget.account("uid:0", 0, "line", lose=lambda what: pytest.fail("it lost its line"))
    assert line.hold(What.INCOMPLETE, 65_536)
    assert not large[0].hold(What.SERIES, large[0].total + MIB)
    assert not large[1].hold(What.SERIES, large[1].total + MIB)


def test_what_holds_nothing_is_forgotten():
    """Accounts of processes and principals that left are swept."""
    budget = Budget(MIB)
    leaf = budget.account("uid:1", 7, "a")
    assert leaf.hold(What.INCOMPLETE, 5)
    leaf.close()
    budget.sweep()
    assert not budget.root.children


def test_a_large_holder_takes_nothing_from_smaller_neighbours():
    """Who has the most gives up its own history, then is refused; a larger one would lose."""
    budget, lost = Budget(MIB, **NOTHING_ASIDE), []
    neighbour = budget.account("uid:2", 1, lose=lambda what: lost.append(("neighbour", what)))
    assert neighbour.hold(What.HISTORY, 50_000)
    assert neighbour.hold(What.ENDED, 50_000)
    hog = budget.account("uid:1", 1, "h", lose=lambda what: lost.append(("hog", what)))
    assert hog.hold(What.HISTORY, 40_000)
    for number in range(100):
        budget.account("uid:1", number).hold(What.SERIES, 100_000)
    assert lost == [("hog", What.HISTORY)]
    assert neighbour.total == 100_000
    assert set(budget.losses["uid:1"]) == {What.HISTORY, What.SERIES}
    assert "uid:2" not in budget.losses


def test_a_large_process_takes_no_history_from_another_of_its_principal():
    """Where the kernel proves no pods, all plugins of a node are one principal."""
    budget = Budget(MIB, **NOTHING_ASIDE)
    neighbour, hog = budget.account("uid:0", 1), budget.account("uid:0", 2)
    assert neighbour.hold(What.HISTORY, 50_000)
    while hog.hold(What.SERIES, hog.total + 10_000):
        pass
    assert neighbour.total == 50_000
    assert hog.total > 500_000


def test_many_small_principals_keep_nobody_out():
    """What is left behind under ever new addresses goes, though each of them holds little."""
    budget = Budget(MIB, reserve=0)
    for number in range(1000):
        budget.account(f"address:{number}", 1).take(What.ENDED, 1000)
    assert budget.account("pod:a", 1).hold(What.SERIES, 400_000)
    assert budget.root.total <= MIB


def test_what_is_there_already_needs_no_room():
    """A restart takes all that the file holds; new things are refused until there is room."""
    budget = Budget(1000, **NOTHING_ASIDE)
    known = budget.account("uid:1", 1)
    known.take(What.SERIES, 5000)
    assert known.own(What.SERIES) == 5000
    assert not known.hold(What.SERIES, 5001)
    assert known.hold(What.SERIES, 4000)


def test_a_restart_that_fills_the_whole_shuts_nobody_out():
    """Connections and lines have a part of their own, also while more is held than there may be."""
    budget = Budget(MIB, **NOTHING_ASIDE)
    budget.account("uid:1", 1).take(What.SERIES, 2 * MIB)
    back = budget.account("uid:1", 2)
    assert back.hold(What.INCOMPLETE, MIB // 64)
    assert not back.hold(What.INCOMPLETE, MIB // 16)


def test_losses_are_counted_for_so_many_by_name():
    """Ever new addresses don't become ever more counters."""
    budget = Budget(0, reserve=0)
    for number in range(300):
        assert not budget.account(f"address:{number}", 1).hold(What.SERIES, 1)
    assert len(budget.losses) == 101
    assert budget.losses["other"][What.SERIES] == 200


def test_a_small_newcomer_takes_the_history_of_the_largest():
    """Whoever fills the whole keeps no other process of its uid from connecting."""
    budget = Budget(1000, reserve=0)
    lost = []
    hog = budget.account("uid:1", "hog", lose=lost.append)
    hog.take(What.SERIES, 600)
    hog.take(What.HISTORY, 400)
    newcomer = budget.account("uid:1", "newcomer")
    assert newcomer.hold(What.INCOMPLETE, 100)
    assert lost == [What.HISTORY]
    assert newcomer.own(What.INCOMPLETE) == 100


def test_of_readers_that_hold_the_same_the_oldest_is_slow():
    """A new one takes the place of the first, but for one that began another answer since."""
    budget, lost = Budget(MIB, **NOTHING_ASIDE), []
    for number in range(11):
        reader = budget.account(
            "address:1", number, lose=lambda what, number=number: lost.append((number, what))
        )
        assert reader.hold(What.ANSWERS, 100_000 + number)
        budget.account("address:1", 1).renew()
    assert lost == [(0, What.ANSWERS)]
    assert budget.account("address:2", 1).hold(What.ANSWERS, 100_000)
    assert lost[1:] == [(2, What.ANSWERS)]


def test_a_part_is_for_answers_alone():
    """Whoever fills the rest with series keeps nobody from reading."""
    budget = Budget(8 * MIB, answers=1 / 8, **NOTHING_ASIDE)
    for process in range(1000):
        hog = budget.account("uid:1", process)
        while hog.hold(What.SERIES, hog.total + 10_000):
            pass
    assert budget.root.total <= 7 * MIB
    for reader in range(5):
        assert budget.account("address:1", reader).hold(What.ANSWERS, 128 * 1024)


def test_a_large_process_cuts_no_lines_of_its_smaller_neighbours():
    """Of one principal or of several: together they hold less than it does."""
    budget, lost = Budget(MIB, **NOTHING_ASIDE), []
    for number in range(3):
        for principal in ("uid:0", f"address:{number}"):
            line = budget.account(principal, f"n{number}", "line", lose=lost.append)
            assert line.hold(What.INCOMPLETE, 20_000)
            dead = budget.account(principal, f"n{number}", "dead", lose=lost.append)
            assert dead.hold(What.ENDED, 20_000)
    hog = budget.account("uid:0", "hog")
    while hog.hold(What.SERIES, hog.total + 10_000):
        pass
    assert hog.total > 500_000
    assert not lost


def test_what_holds_nothing_yet_is_not_forgotten():
    """A connection that is its own process may hold something after a sweep, too."""
    budget = Budget(MIB)
    connection = budget.account("address:1", object(), lose=lambda what: None)
    budget.sweep()
    assert connection.hold(What.INCOMPLETE, 5)
    connection.close()
    budget.sweep()
    assert not budget.root.children


def test_curves_go_before_history_and_push_out_none():
    """The largest holder's are lost to whatever else needs room; they take only those of others."""
    budget = Budget(MIB, reserve=0)
    lost = []
    hog = budget.account("uid:1", 1, lose=lambda what: lost.append(("hog", what)))
    other = budget.account("uid:2", 1, lose=lambda what: lost.append(("other", what)))
    assert hog.hold(What.HISTORY, 600_000)
    assert hog.hold(What.CURVES, 400_000)
    assert other.hold(What.CURVES, 100_000)
    assert lost == [("hog", What.CURVES)]
    assert not hog.hold(What.CURVES, 400_000)
    assert not other.hold(What.CURVES, 500_000)
    assert (hog.own(What.HISTORY), other.own(What.CURVES)) == (600_000, 100_000)
    assert other.hold(What.SERIES, 10_000)
    assert lost == [("hog", What.CURVES)]
