"""As much of Redis's protocol (version 2) as it takes to ask for some keys.

Its own client takes 7 MiB, which is half of what strangers may make the collector hold.
"""

from __future__ import annotations

import asyncio
import re

from ..options import RedisAddress

#: Bytes of the longest value that is read.
DEFAULT_MAX_VALUE = 64 * 1024


class RedisError(Exception):
    """What Redis says is wrong, or that it says nothing of sense."""


class Redis:
    """A connection that gets one answer after another; made by :meth:`connect`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, ip: str, address: RedisAddress) -> Redis:
        """Connect to one of the addresses of the host; raises OSError or RedisError."""
        redis = cls(*await asyncio.open_connection(ip, address.port))
        try:
            if address.password:
                user = [address.user] if address.user else []
                await redis._ask("AUTH", *user, address.password)
            if address.database:
                await redis._ask("SELECT", str(address.database))
        except BaseException:
            redis.close()
            raise
        return redis

    async def get(self, keys: list[str]) -> list[bytes | None]:
        """Return the values, None where there is none; raises OSError or RedisError."""
        answer = await self._ask("MGET", *keys)
        if not answer.startswith(b"*") or answer[1:] != b"%d" % len(keys):
            raise RedisError("what it says is not of a Redis")
        return [await self._value() for _ in keys]

    def close(self) -> None:
        """Close it at once."""
        self._writer.transport.abort()

    async def _ask(self, *words: str) -> bytes:
        """Ask, and return the first line of the answer."""
        encoded = [word.encode() for word in words]
        parts = [b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded]
        self._writer.write(b"*%d\r\n%b" % (len(parts), b"".join(parts)))
        return await self._line()

    async def _line(self) -> bytes:
        try:
            line = await self._reader.readuntil(b"\r\n")
        except asyncio.IncompleteReadError:
            raise RedisError("it has hung up") from None
        except asyncio.LimitOverrunError:
            raise RedisError("what it says is not of a Redis") from None
        if line.startswith(b"-"):
            raise RedisError(line[1:-2].decode(errors="replace"))
        return line[:-2]

    async def _value(self) -> bytes | None:
        line = await self._line()
        if line == b"$-1":
            return None
        size = int(line[1:]) if re.fullmatch(rb"\$\d{1,9}", line) else -1
        if not 0 <= size <= DEFAULT_MAX_VALUE:
            raise RedisError("what it says is not of a Redis, or too long")
        try:
            value = await self._reader.readexactly(size + 2)
        except asyncio.IncompleteReadError:
            raise RedisError("it has hung up") from None
        return value[:-2]
