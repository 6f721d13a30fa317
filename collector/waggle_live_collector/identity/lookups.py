"""Asks the stack's Redis about pods, in a task that nothing waits for.

All that is due is asked for by one ``MGET``. A Redis that is down, slow or stopped costs only the
answer. It delays no sample or scrape, and no other lookup for longer than
:data:`DEFAULT_TIMEOUT_SECONDS`. After a failure the next attempt waits, longer each time.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..clock import Clock
from ..faults import Faults, Said
from ..own_metrics import OwnMetrics
from . import app_meta
from .app_meta import DEFAULT_MAX_RETRY_SECONDS, DEFAULT_RETRY_SECONDS, AppMeta, AppMetas
from .resolver import Resolver

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = logging.getLogger(__name__)

#: Seconds within which an answer must arrive, connecting included.
DEFAULT_TIMEOUT_SECONDS = 1.0
#: Seconds for which lookups are gathered into one request, so that many hellos make few requests.
GATHER_SECONDS = 0.01
#: The most characters of an error of Redis in the log.
MAX_REASON = 200
#: The most keys of one request.
DEFAULT_BATCH = 256
KEY = "app-meta."


@dataclass(eq=False, kw_only=True)
class AppMetaLookups:
    """Finds the records that ``apps`` wants. Belongs to the event loop.

    ``url``: None if the stack is not asked; then this does nothing. ``pending`` returns the app_ids
    that are still wanted. ``settle`` gets each record that was found.
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
        #: Host and port for the log, since the URL may contain a password.
        self._where = ""
        self._redis: Redis | None = None
        self._failures = 0
        self._said = Said(self.clock)
        #: Whether a failure was logged, and its end wasn't yet.
        self._complained = False
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin. Call it after the state file is loaded: known records are not asked for again."""
        if self.url is None:
            return
        # Imported only if used, since it takes 7 MiB; and now, since it takes 0.1 s.
        from redis.asyncio.connection import parse_url

        address = parse_url(self.url)
        host, port = address["host"], address.get("port", 6379)
        self._where = f"{host}:{port}"
        self._resolver = Resolver(host, port)
        for app_id in self.pending():
            self.apps.want(app_id, "")  # it is no longer known who wanted it
        self.apps.on_want = self._woken.set
        self._task = self.faults.task("identity", "lookups of pods failed", self._run)

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._disconnect()

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
            except Exception as error:  # an error of Redis or the network must not end the lookups
                self.own.lookups.labels("error").inc(len(app_ids))
                await self._failed(error)
                continue
            if self._complained:
                log.info("the app-meta cache at %s answers again", self._where)
            self._failures, self._complained = 0, False
            for app_id, answer in zip(app_ids, answers, strict=True):
                with self.faults.kept("identity", f"the record of pod {app_id} can't be used"):
                    self._answered(app_id, answer)
                # Each is fast, but hundreds at once would delay other tasks.
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
            assert self.url is not None and self._resolver is not None
            addresses = await self._resolver.addresses()
            from redis.asyncio import Redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff

            # Version 2 of its protocol, which old servers know too. We retry ourselves: its own
            # retries would take longer than we wait, and so hide the error.
            self._redis = Redis.from_url(self.url, protocol=2, retry=Retry(NoBackoff(), 0))
            kwargs = self._redis.connection_pool.connection_kwargs
            kwargs["host"] = addresses[self._failures % len(addresses)]
        answers: Any = await self._redis.mget([KEY + app_id for app_id in app_ids])
        return list(answers)

    async def _failed(self, error: Exception) -> None:
        """Reconnect after a pause, so that no old answer is left on the connection."""
        why = str(error)[:MAX_REASON] or type(error).__name__
        if isinstance(error, TimeoutError):
            why = f"none within {DEFAULT_TIMEOUT_SECONDS:g} s"
        # Different numbers in it, such as a slot's, don't make it another reason.
        if self._said.is_due(re.sub(r"\d+", "", why)):
            self._complained = True
            log.error(
                "no answer from the app-meta cache at %s (%s); plugins have fallback labels "
                "until there is one",
                self._where,
                why,
            )
        await self._disconnect()
        pause = DEFAULT_RETRY_SECONDS * 2 ** min(self._failures, 10)
        self._failures += 1
        await asyncio.sleep(min(pause, DEFAULT_MAX_RETRY_SECONDS))

    async def _disconnect(self) -> None:
        redis, self._redis = self._redis, None
        if redis is not None:
            with contextlib.suppress(Exception):  # it is not used any more
                async with asyncio.timeout(DEFAULT_TIMEOUT_SECONDS):
                    await redis.aclose()

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
