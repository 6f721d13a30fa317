"""What the tests of the state file share."""

import pytest

from waggle_live_collector.state import state_file


@pytest.fixture()
def path(tmp_path):
    return tmp_path / "state"


@pytest.fixture()
def patient(monkeypatch):
    """An answer waits for as long as a write takes on a busy machine."""
    monkeypatch.setattr(state_file, "MAX_WAIT", 30.0)
