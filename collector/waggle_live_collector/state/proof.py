"""Which plugins of a state file are proven.

Today a plugin and its processes are all proven or all unproven, and a process that is proven has
the pod in its id. In a file of the release before, a plugin counted what proven processes said
together with what others did; all of it is unproven then.
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from ..identity.labels import MARK, IdentityLabels, id_of
from ..table.exits import GoneRow
from ..table.plugin import Plugin
from ..table.process import Process


def settle(
    plugins: Mapping[IdentityLabels, Plugin],
    processes: Iterable[Process],
    gone: Iterable[GoneRow],
    *,
    prove: bool,
) -> None:
    """Have plugins be proven whose processes all are, and none unless ``prove``.

    Call it before the table takes them in.
    """
    proven = {identity for identity, plugin in plugins.items() if plugin.info.verified and prove}
    for process in processes:
        if not process.info.verified and MARK not in process.id:
            proven.discard(process.identity)
    for identity, plugin in plugins.items():
        if plugin.info.verified and identity not in proven:
            plugin.info = replace(plugin.info, verified=False)
    for process in processes:
        session, _, pod = process.id.partition(MARK)
        verified = process.identity in proven
        process.info = replace(process.info, verified=verified)
        process.id = process.id if pod and verified else id_of(session, process.info)
    for row in gone:
        row.verified = row.verified and prove
