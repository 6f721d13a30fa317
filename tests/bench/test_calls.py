"""What is timed: statements of ours and of the peers."""

import pytest

from bench.calls import subjects, worker
from tests.waggle_live.helpers import cells


def test_a_statement_runs_as_often_as_asked():
    """What is timed is the statement itself, so many times, with the names that it was given."""
    seen = []
    worker.compiled("note(value)", {"note": seen.append, "value": 3})(5)
    assert seen == [3] * 5


@pytest.mark.parametrize("subject", subjects.OURS, ids=lambda subject: subject.name)
def test_a_statement_of_ours_records_one_sample(subject, monkeypatch):
    """What is timed is what is promised: one more of the instrument's count, or its value."""
    monkeypatch.setenv("WAGGLE_LIVE_METRICS", "off")
    monkeypatch.setenv("WAGGLE_LIVE_TASK", subject.name)  # series of its own
    names, finish = subject.setup()
    run = worker.compiled(subject.statement, names)
    run(3)
    before = recorded(names["live"])
    run(7)
    after = recorded(names["live"])
    finish()
    changed = {key: after[key] - before[key] for key in after if after[key] != before[key]}
    if subject.group == "set" and "set(" in subject.statement:
        assert changed == {}
        assert after["gauge", "level"] == 1.5
    else:
        assert list(changed.values()) == [7]


def recorded(live):
    """Return the count or value of each series."""
    return {key[:2]: each.get("count", each.get("value")) for key, each in cells(live).items()}
