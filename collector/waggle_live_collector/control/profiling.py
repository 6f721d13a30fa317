"""A profile on demand: switches the sampler of a running plugin on, and collects its stacks.

It holds the knob ``__profile`` by a short lease that it renews. So the sampler goes off when the
asking client leaves, or the collector ends.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Annotated

from msgspec import Meta

from waggle_live.wire.knobs import MAX_PROFILE_HZ, PROFILE

from .control import Control
from .knob import Knob
from .leases import MAX_PRIORITY, KnobKey
from .orders import APPLIED, PENDING, UNCHANGED, Entry, OrderError, Orders, Which, Will
from .profile import Profile

#: Seconds of the lease, and between two renewals.
TTL, RENEW_SECONDS = 5.0, 1.0
#: The most seconds until processes begin, or send their last stacks, and those between two checks.
WAIT_SECONDS, LOOK_SECONDS = 2.0, 0.05
#: The most profiles at a time.
DEFAULT_MAX_PROFILES = 4
DEFAULT_HZ = 99


class Wish(Which, kw_only=True):
    """Which plugin to profile, for how many seconds, and at how many samples per second."""

    name: str = PROFILE
    seconds: Annotated[float, Meta(ge=1, le=60)] = 10.0
    hz: Annotated[int, Meta(ge=1, le=MAX_PROFILE_HZ)] = DEFAULT_HZ


class Profiling:
    """Takes profiles. Belongs to the event loop."""

    def __init__(self, control: Control, orders: Orders) -> None:
        self._control = control
        self._orders = orders

    async def profile(self, wish: Wish) -> tuple[str, str]:
        """Return folded stacks, ``a;b;c N`` a line, and the meaning of N: ``cpu`` or ``wall``.

        Takes the wanted time, and at most four seconds more. Raises OrderError.
        """
        control = self._control
        key = KnobKey(wish.key.identity, PROFILE)
        if control.knob(key) is None:
            text = "no process of that plugin is connected that can be profiled"
            raise OrderError("not_found", 404, text)
        if key.identity in control.profiles:
            raise OrderError("conflict", 409, "that plugin is being profiled already")
        if len(control.profiles) >= DEFAULT_MAX_PROFILES:
            text = f"{DEFAULT_MAX_PROFILES} plugins are being profiled already"
            raise OrderError("budget", 503, text)
        profile = control.profiles[key.identity] = Profile()
        holder = f"profile-{secrets.token_hex(4)}"
        try:
            try:
                await self._hold(key, wish, holder, profile)
            finally:
                self._orders.end(holder)
            await self._wait(key, on=False)
            return profile.folded()
        finally:
            del control.profiles[key.identity]
            profile.close()

    async def _hold(self, key: KnobKey, wish: Wish, holder: str, profile: Profile) -> None:
        """Keep the sampler on for the wanted seconds, counted from when a process has it on."""
        loop = asyncio.get_running_loop()
        etags: list[str] = []
        entry = Entry(key.identity.plugin, PROFILE, *key.identity[1:], value=wish.hz)
        will = Will([entry], TTL, MAX_PRIORITY)

        def renew() -> str:
            """Renew the lease. Return why it has to wait; "" if it doesn't."""
            held, answers = self._orders.put(holder, will, etags)
            etags[:], status = [held.etag], answers[0]["status"]
            knob = self._control.knob(key)
            if knob is not None and status not in (APPLIED, PENDING, UNCHANGED):
                why = answers[0].get("rule") or f"held by {answers[0].get('holder')}"
                raise OrderError("conflict", 409, f"can't be profiled: {status}: {why}")
            if knob is not None and knob.in_force is not None:
                profile.revisions.add(knob.in_force.revision)
            return str(answers[0].get("rule", ""))

        renew()
        await self._wait(key, on=True)
        if rule := renew():
            raise OrderError("conflict", 409, f"can't be profiled now: {rule}")
        end = loop.time() + wish.seconds
        while (left := end - loop.time()) > 0:
            renew()
            await asyncio.sleep(min(RENEW_SECONDS, left))

    async def _wait(self, key: KnobKey, *, on: bool) -> None:
        """Wait until one process reports that it has begun, or all report that they have stopped.

        A process sends its last stacks before it reports that.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + WAIT_SECONDS
        while loop.time() < end and _is_on(self._control.knob(key)) is not on:
            await asyncio.sleep(LOOK_SECONDS)


def _is_on(knob: Knob | None) -> bool:
    return knob is not None and any(bool(told.value) for told in knob.told)
