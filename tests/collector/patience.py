"""Programs of a collector whose short waits are long, so that a busy machine can't miss them."""

#: What an answer shows is in the state file by then, however long that takes.
SAVES = """
from waggle_live_collector.__main__ import main
from waggle_live_collector.state import state_file
state_file.MAX_WAIT = 60.0
main()
"""
#: And processes that it knew are waited for until they are back.
AWAITS = (
    """
from waggle_live_collector.table import readiness
readiness.DEFAULT_RETURN_SECONDS = 60.0
"""
    + SAVES
)
