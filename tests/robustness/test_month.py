"""A month of a node in half a minute; ``make soak`` lives three."""

import os

import pytest

from tests.generations import TODAY, generation

from .month import HOLD_SECONDS, Disk, Month, grown

pytestmark = pytest.mark.alone

DAYS = int(os.environ.get("WAGGLE_LIVE_DAYS", "28"))


@pytest.fixture()
def disk(tmp_path):
    """A small disk of this test's own."""
    disk = Disk(tmp_path / "disk")
    yield disk
    disk.close()


def test_a_month_of_upgrades_restarts_and_faults_leaves_nothing_behind(
    make_collector, disk, wall_clock, tmp_path
):
    """Counters are right each evening, over a rollback too, and nothing grows from week to week."""
    today = generation(TODAY, tmp_path)
    collector = make_collector(
        hold_time=HOLD_SECONDS, state_file=disk.directory / "state", process=today.process
    )
    month = Month(
        collector=collector,
        disk=disk,
        older=generation("without-knobs", tmp_path),
        today=today,
        step_clock=wall_clock,
    )
    evenings = month.run(DAYS)
    assert month.left >= DAYS // 7
    assert month.restarts == DAYS // 7 * 2
    # The second week's evening and the last: the same release, as long after its start.
    assert grown(evenings[1], evenings[-1]) == {}, evenings
