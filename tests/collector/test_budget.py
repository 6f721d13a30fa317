"""One budget: shares of it, what is set aside, and who loses where it is full."""

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
    assert budget.losses["uid:1", What.SERIES] == 1


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
    assert budget.losses == {("address:2", What.INCOMPLETE): 1}


def test_what_holds_nothing_is_forgotten():
    """Accounts of processes and principals that left are swept."""
    budget = Budget(MIB)
    leaf = budget.account("uid:1", 7, "a")
    assert leaf.hold(What.INCOMPLETE, 5)
    leaf.close()
    budget.sweep()
    assert not budget.root.children
