"""Decides who may report, and under which name: compares a ``hello`` with what can be proven.

Over the unix socket the kernel may tell the pod of the peer (``peer.py``). That uid then replaces
the claimed one. With ``--identity.app-meta-cache`` only the stack's record of that pod counts. So a
plugin gains nothing if it leaves out the ``app_id`` or claims another's task. Belongs to the event
loop.
"""

import logging
import math
from dataclasses import dataclass

from msgspec.structs import replace

from waggle_live.wire.errors import ProtocolError

from ..clock import Clock
from ..faults import Said
from ..messages import Hello
from ..options import OFF, REQUIRE
from ..own_metrics import OwnMetrics
from . import peer as proofs
from .app_meta import AppMetas
from .labels import PROVISIONAL, UNKNOWN_PLUGIN, IdentityLabels, Naming, from_hello
from .peer import Peer
from .token import TokenFile

log = logging.getLogger(__name__)

_WHY = {
    proofs.TCP: "over TCP nothing can be proven",
    proofs.NO_PID: "the collector doesn't share the process ids of the host",
    proofs.GONE: "its process can't be looked at",
    proofs.NO_POD: "its process runs in no pod",
}


@dataclass(eq=False, kw_only=True)
class Admission:
    """Names the processes, or refuses them.

    ``apps``: None if the stack is not asked. ``token``: None if TCP needs none.
    """

    verify: str
    token: TokenFile | None
    apps: AppMetas | None
    own: OwnMetrics
    clock: Clock

    def __post_init__(self) -> None:
        self._said = Said(self.clock)

    def __call__(self, hello: Hello, peer: Peer) -> Naming:
        """Return the name of the process. Raises ProtocolError if it is refused."""
        if peer.tcp and self.token is not None and not self.token.admits(hello.token):
            raise ProtocolError(
                "token",
                "this collector asks for the token of its --tcp.token-file: "
                "set WAGGLE_LIVE_METRICS_TOKEN",
            )
        naming = from_hello(hello, peer)
        if self.verify != OFF:
            self._check(naming.info.app_id, peer)
        verified = peer.proof == proofs.PROVEN
        app_id = peer.pod if verified else naming.info.app_id
        info = replace(naming.info, app_id=app_id, verified=verified)
        if self.apps is None or not app_id:
            return naming._replace(info=info)
        meta = self.apps.get(app_id)
        if meta is not None:
            return Naming(meta.identity, meta.complete(info))
        self.apps.want(app_id, peer.principal)
        plugin, task, _ = naming.identity
        if verified:
            plugin = task = UNKNOWN_PLUGIN
        return Naming(IdentityLabels(plugin, task, PROVISIONAL + app_id), info, app_id)

    def _check(self, claimed: str, peer: Peer) -> None:
        """Count the result of a check. Raises ProtocolError if it is not enough."""
        forged = peer.proof == proofs.PROVEN and claimed not in ("", peer.pod)
        self.own.identity_checks.labels("forged" if forged else peer.proof).inc()
        if forged:
            text = f"it claims to be pod {claimed}, and is {peer.pod}"
        elif peer.proof != proofs.PROVEN:
            text = f"its pod can't be proven: {_WHY.get(peer.proof, peer.proof)}"
        else:
            return
        if self.verify == REQUIRE:
            raise ProtocolError("identity", text)
        if forged and self._said.is_due(("forged", peer.principal)):
            log.warning("a plugin's claim is false: %s (pid=%d uid=%d)", text, peer.pid, peer.uid)
        # Caused by the deployment rather than by one plugin: logged once.
        elif claimed and not forged and self._said.is_due(peer.proof, math.inf):
            log.warning("a plugin claims to be pod %s, but %s", claimed, text)
