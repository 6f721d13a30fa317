"""What an update tells, whatever is made while it is put together."""

from waggle_live.live import INSTRUMENTS
from waggle_live.logs import LogOnce
from waggle_live.reporter.identity import find_identity
from waggle_live.reporter.session import Session
from waggle_live.reporter.updates import Updates
from waggle_live.series.registry import Registry
from waggle_live.wire.refusal import encode_refused


def test_what_is_made_while_a_refusal_is_seen_to_is_added_up_too():
    """A series that is made between two looks at all of them is in the cell of the overflow."""
    registry = Registry(INSTRUMENTS)
    made = []

    def states():
        found = registry.states()
        if registry.state_of("counter", "refused", ()).into is not None and len(made) < 3:
            made.append(registry.get("counter", "late%d" % len(made), {}))
            made[-1].inc(5)
        return found

    session = Session(find_identity("p", None, None, None, {}))
    updates = Updates(states=states, session=session, usage=None, log_once=LogOnce())
    registry.get("counter", "refused", {}).inc(1)
    updates.take(True)
    assert updates.refuse(encode_refused("counter", "refused", {}))
    sent = b"".join(b"".join(updates.take(False)[0]) for _ in range(4))
    assert len(made) == 3
    assert b"late" not in sent
    assert b'"value":16' in sent
