"""Which plugins of a state file are proven.

Today a plugin and its processes are all proven or all unproven, and a process that is proven has
the pod in its id. In a file of the release before, a plugin counted what proven processes said
together with what others did; all of it is unproven then.
"""

from msgspec.structs import replace

from ..identity.labels import MARK, id_of
from .snapshot import State


def settle(state: State, *, prove: bool) -> None:
    """Have plugins be proven whose processes all are, and none unless ``prove``.

    Call it before the table takes them in.
    """
    claimed = [plugin for plugin in state.plugins if plugin.info.verified]
    proven = {plugin.identity for plugin in claimed if prove}
    for process in state.processes:
        if not process.info.verified and MARK not in process.id:
            proven.discard(process.identity)
    for plugin in claimed:
        if plugin.identity not in proven:
            plugin.info = replace(plugin.info, verified=False)
    for process in state.processes:
        session, _, pod = process.id.partition(MARK)
        verified = process.identity in proven
        process.info = replace(process.info, verified=verified)
        process.id = process.id if pod and verified else id_of(session, process.info)
    for row in state.gone:
        row.verified = row.verified and prove
