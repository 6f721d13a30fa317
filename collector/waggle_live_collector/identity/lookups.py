"""Asks the stack's Redis who the pods are: a task of its own, which nobody ever waits for.

All that is due is asked for at once, by one ``MGET``. A Redis that is down, slow or stopped
costs the answer alone: no sample, no scrape and no other lookup is held up longer than
:data:`DEFAULT_TIMEOUT_SECONDS`, and after a failure the next attempt waits, each time longer.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

from ..clock import Clock
from ..faults import Faults, Said
from ..options import RedisAddress
from ..own_metrics import OwnMetrics
from . import app_meta
from .app_meta import DEFAULT_MAX_RETRY_SECONDS, DEFAULT_RETRY_SECONDS, AppMeta, AppMetas
from .redis import Redis
from .resolver import Resolver

log = logging.getLogger(__name__)

#: Seconds in which an answer must be there, connecting included.
DEFAULT_TIMEOUT_SECONDS = 1.0
#: Seconds in which wishes are gathered into one request: a flood of hellos makes no flood.
GATHER_SECONDS = 0.01
#: Characters of what Redis says is wrong.
MAX_REASON = 200
#: Keys of one request.
DEFAULT_BATCH = 256
KEY = "app-meta."


@dataclass(eq=False, kw_only=True)
class AppMetaLookups:
    """Finds the records that ``apps`` wants. Belongs to the event loop.

    ``url`` is None where the stack is not asked: then this does nothing. ``pending`` returns the
    app_ids that are still of interest; ``settle`` is told each record that was found.
    """

    url: str | None
    apps: AppMetas
    settle: Callable[[str, AppMeta], None]
    pending: Callable[[], set[str]]
    own: OwnMetrics
    faults: Faults
    clock: Clock

    def __post_init__(self) -> None:
        self._resolver: Resolver | None = None
        #: Host and port for the log, since the URL may hold a password.
        self._where = ""
        self._redis: Redis | None = None
        self._failures = 0
        self._said = Said(self.clock)
        #: The log told of a failure, and not yet that it is over.
        self._complained = False
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, after the state file is loaded: what it knows is not asked for again."""
        if self.url is None:
            return
        self._address = RedisAddress.parse(self.url)
        self._where = f"{self._address.host}:{self._address.port}"
        self._resolver = Resolver(self._address.host, self._address.port)
        for app_id in self.pending():
            self.apps.want(app_id, "")  # nobody knows any more who wanted it
        self.apps.on_want = self._woken.set
        self._task = self.faults.task("identity", "lookups of pods failed", self._run)

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._disconnect()

    async def _run(self) -> None:
        while True:
            await self._until_due()
            await asyncio.sleep(GATHER_SECONDS)
            self.apps.retain(self.pending())
            app_ids = self.apps.due(DEFAULT_BATCH)
            if not app_ids:
                continue
            try:
                async with asyncio.timeout(DEFAULT_TIMEOUT_SECONDS):
                    answers = await self._ask(app_ids)
            except Exception as error:  # of Redis or of the network: not the end of lookups
                self.own.lookups.labels("error").inc(len(app_ids))
                await self._failed(error)
                continue
            if self._complained:
                log.info("the app-meta cache at %s answers again", self._where)
            self._failures, self._complained = 0, False
            for app_id, answer in zip(app_ids, answers, strict=True):
                with self.faults.kept("identity", f"the record of pod {app_id} can't be used"):
                    self._answered(app_id, answer)
                # Each moves at once, but hundreds of them in one go would hold up the others.
                await asyncio.sleep(0)

    async def _until_due(self) -> None:
        """Sleep until something is to be asked."""
        while True:
            self._woken.clear()
            due = self.apps.next_due()
            wait = None if due is None else due - self.clock.monotonic()
            if wait is not None and wait <= 0:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), wait)

    async def _ask(self, app_ids: list[str]) -> list[bytes | None]:
        if self._redis is None:
            assert self._resolver is not None
            addresses = await self._resolver.addresses()
            ip = addresses[self._failures % len(addresses)]
            self._redis = await Redis.connect(ip, self._address)
        return await self._redis.get([KEY + app_id for app_id in app_ids])

    async def _failed(self, error: Exception) -> None:
        """Begin anew after a pause, with a connection that owes us no old answer."""
        why = str(error)[:MAX_REASON] or type(error).__name__
        if isinstance(error, TimeoutError):
            why = f"none within {DEFAULT_TIMEOUT_SECONDS:g} s"
        # Numbers in it, such as that of a slot, make no other reason of it.
        if self._said.is_due(re.sub(r"\d+", "", why)):
            self._complained = True
            log.error(
                "no answer from the app-meta cache at %s (%s); plugins go by fallback labels "
                "until there is one",
                self._where,
                why,
            )
        self._disconnect()
        pause = DEFAULT_RETRY_SECONDS * 2 ** min(self._failures, 10)
        self._failures += 1
        await asyncio.sleep(min(pause, DEFAULT_MAX_RETRY_SECONDS))

    def _disconnect(self) -> None:
        if self._redis is not None:
            self._redis.close()
            self._redis = None

    def _answered(self, app_id: str, answer: bytes | None) -> None:
        meta, result = None, "missing"
        try:
            if answer is not None:
                meta, result = app_meta.decode(answer), "found"
        except ValueError as error:
            result = "bad"
            if self._said.is_due((app_id, "bad")):
                log.error("bad record of pod %s in the app-meta cache: %s", app_id, error)
        self.own.lookups.labels(result).inc()
        if meta is None:
            self.apps.missing(app_id)
            return
        self.apps.add(app_id, meta)
        self.settle(app_id, meta)
