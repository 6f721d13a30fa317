"""Basic authentication, without HTTP."""

import asyncio
import base64
import threading

import bcrypt
import pytest

from waggle_live_collector.web import passwords as basic_auth
from waggle_live_collector.web.passwords import BasicAuth

HERE = "address:127.0.0.1"
USERS = {
    "alice": bcrypt.hashpw(b"secret", bcrypt.gensalt(4)),
    "bob": b"$2y" + bcrypt.hashpw("pässword".encode(), bcrypt.gensalt(4))[3:],
    "long": bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)),
}


def header(user, password):
    """Return the value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Checks:
    """Keeps what passwords are checked by bcrypt, and holds the checks up if told to."""

    def __init__(self, monkeypatch):
        self.passwords = []
        self.go = threading.Event()
        self.go.set()
        monkeypatch.setattr(basic_auth, "_is_right", self._check)
        self._real = bcrypt.checkpw

    def _check(self, password, against):
        self.go.wait(30)
        self.passwords.append(password)
        return self._real(password[:72], against)


@pytest.fixture()
def checks(monkeypatch):
    return Checks(monkeypatch)


@pytest.mark.parametrize(
    ("given", "right"),
    [
        (header("alice", "secret"), True),
        (header("bob", "pässword"), True),
        (header("long", "x" * 72), True),
        (header("long", "x" * 100), True),
        (header("alice", "secret").replace("Basic", "bAsIc"), True),
        (header("alice", "Secret"), False),
        (header("alice", ""), False),
        (header("alice", "a\0b"), False),
        (header("carol", "secret"), False),
        (header("", ""), False),
        ("Basic", False),
        ("Basic !!!", False),
        ("Basic " + base64.b64encode(b"alice").decode(), False),
        ("Basic " + base64.b64encode(b"\xff\xfe:secret").decode(), False),
        ("Basic \udcff", False),
        ("Bearer abc", False),
        ("", False),
        (None, False),
    ],
)
def test_only_right_credentials_are_accepted(given, right):
    """Hashes of htpasswd too; anything else is a no, never an error."""
    assert asyncio.run(BasicAuth().accepts(USERS, given, HERE)) is right


def test_right_credentials_are_checked_once(checks):
    """And anew once the hash has changed; wrong ones each time."""

    async def run():
        auth = BasicAuth()
        for _ in range(3):
            assert await auth.accepts(USERS, header("alice", "secret"), HERE)
        assert len(checks.passwords) == 1
        for _ in range(2):
            assert not await auth.accepts(USERS, header("alice", "wrong"), HERE)
        assert len(checks.passwords) == 3
        changed = {"alice": bcrypt.hashpw(b"new", bcrypt.gensalt(4))}
        assert not await auth.accepts(changed, header("alice", "secret"), HERE)

    asyncio.run(run())


def test_an_unknown_user_costs_a_check_too(checks):
    """Even with the password of another, who is then not let in under that name."""

    async def run():
        auth = BasicAuth()
        assert await auth.accepts(USERS, header("alice", "secret"), HERE)
        for _ in range(2):
            assert not await auth.accepts(USERS, header("nobody", "secret"), HERE)
        assert len(checks.passwords) == 3

    asyncio.run(run())


def test_many_with_the_same_credentials_cost_no_check_each(checks):
    """Fifty scrapers after a start cost one, and one more if the first of them gives up."""

    async def run():
        auth = BasicAuth()
        checks.go.clear()
        right = header("alice", "secret")
        asked = [asyncio.create_task(auth.accepts(USERS, right, HERE)) for _ in range(50)]
        await asyncio.sleep(0)
        asked[0].cancel()
        checks.go.set()
        assert all(await asyncio.gather(*asked[1:]))
        assert len(checks.passwords) <= 2

    asyncio.run(run())


def guess(auth, user, address, count):
    """Return so many guesses that wait."""
    guesses = [header(user, f"guess-{number}") for number in range(count)]
    return [asyncio.create_task(auth.accepts(USERS, each, address)) for each in guesses]


@pytest.mark.parametrize(
    ("user", "address"),
    [("alice", "address:10.0.0.1"), ("alice", "address:::1"), ("bob", HERE), ("nobody", HERE)],
)
def test_who_guesses_keeps_nobody_waiting_at_another_address_or_for_another_user(
    checks, user, address
):
    """After the check that runs, and one more, it is the scraper's turn."""

    async def run():
        auth = BasicAuth()
        checks.go.clear()
        guesses = guess(auth, user, address, 100)
        await asyncio.sleep(0.01)
        scraper = asyncio.create_task(auth.accepts(USERS, header("alice", "secret"), HERE))
        await asyncio.sleep(0.01)
        checks.go.set()
        assert await scraper
        assert checks.passwords.index(b"secret") <= 2
        assert await auth.accepts(USERS, header("alice", "secret"), address)  # remembered
        assert not any(await asyncio.gather(*guesses))
        assert checks.passwords.count(b"secret") == 1
        assert len(checks.passwords) == 101

    asyncio.run(run())


def test_who_gives_up_leaves_nothing_behind(checks):
    """Neither a check that nobody waits for, nor more than one turn taken before others."""

    async def run():
        auth = BasicAuth()
        checks.go.clear()
        for _ in range(50):
            (given_up,) = guess(auth, "alice", "address:10.0.0.1", 1)
            await asyncio.sleep(0)
            given_up.cancel()
            await asyncio.sleep(0)
        scraper = asyncio.create_task(auth.accepts(USERS, header("alice", "secret"), HERE))
        await asyncio.sleep(0.01)
        checks.go.set()
        assert await scraper
        assert len(checks.passwords) <= 2

    asyncio.run(run())
