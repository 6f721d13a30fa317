"""Decides which plugins of a state file count as proven.

Now a plugin and its processes are all proven or all unproven, and the id of a proven process
contains its pod. In a file of the release before, a plugin may have added up proven and unproven
processes. It then counts as unproven.
"""

from msgspec.structs import replace

from ..identity.labels import MARK, id_of
from .snapshot import State


def settle(state: State, *, prove: bool) -> None:
    """Mark a plugin as proven only if all of its processes are, and none unless ``prove``.

    Call it before the table takes the plugins in.
    """
    claimed = [plugin for plugin in state.plugins if plugin.info.verified]
    proven = {plugin.identity for plugin in claimed if prove}
    for process in state.processes:
        if not process.info.verified and MARK not in process.id:
            proven.discard(process.identity)
    for plugin in claimed:
        if plugin.identity not in proven:
            plugin.info = replace(plugin.info, verified=False)
    ids = {process.id for process in state.processes}
    for process in state.processes:
        session, _, pod = process.id.partition(MARK)
        verified = process.identity in proven
        process.info = replace(process.info, verified=verified)
        known_by = process.id if pod and verified else id_of(session, process.info)
        # A process may stand there twice, proven and unproven. Then the other row has the id by
        # which it returns.
        if known_by not in ids:
            ids.add(known_by)
            state.awaited = [known_by if each == process.id else each for each in state.awaited]
            process.id = known_by
    for row in state.gone:
        row.verified = row.verified and prove
