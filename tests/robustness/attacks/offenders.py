"""K4: many lives, many names, many guesses; whoever does it should pay for it himself."""

import base64
import itertools
import socket
import ssl
import threading

from .sizes import reporters
from .stranger import Stranger, again, attack, counter, hold, timer

#: What the neighbours of the tests are called.
VICTIMS = "neighbour"


@attack
def fills_and_returns(target):
    """20 sessions of 900 timers, there again as soon as the collector is."""
    cells = [timer("t%d" % number, labels={"a": "x" * 200}) for number in range(900)]
    reporters(target, 20, cells, pause=0.05)


@attack
def connects_without_a_word(target):
    """Connections that are made and closed as fast as it goes."""
    again(lambda: Stranger(target).close(), pause=0)


@attack
def reconnects(target):
    """One session that comes back on ever new connections."""

    def once():
        stranger = Stranger(target).hello("%s-again" % target.me)
        stranger.update([counter("c")])
        stranger.close()

    again(once, pause=0)


@attack
def short_lives(target):
    """Sessions by the thousand that go without a word, each with some series."""

    def once():
        stranger = Stranger(target).hello()
        stranger.update([timer("t%d" % number) for number in range(20)])
        stranger.close()

    again(once, pause=0)


@attack
def short_lives_with_bye(target):
    """Sessions by the thousand that say bye."""

    def once():
        stranger = Stranger(target).hello()
        stranger.update([counter("c")])
        stranger.say({"type": "bye", "number": 1})
        stranger.socket.recv(1000)
        stranger.close()

    again(once, pause=0)


@attack
def identities(target):
    """Each session is another plugin, task and job, as long as they may be called."""
    numbers = itertools.count()

    def make():
        name = "%08d" % next(numbers)
        claims = dict.fromkeys(("plugin", "task", "job", "host"), name + "x" * 240)
        stranger = Stranger(target).hello(**claims)
        stranger.update([timer("t%d" % number) for number in range(5)])
        return stranger

    hold(make, 2000, pause=0.01)


@attack
def identities_one_by_one(target):
    """Ever new plugins, each gone at once."""
    numbers = itertools.count()

    def once():
        stranger = Stranger(target).hello(job="job-%d" % next(numbers))
        stranger.update([counter("c")])
        stranger.say({"type": "bye", "number": 1})
        stranger.socket.recv(1000)
        stranger.close()

    again(once, pause=0)


@attack
def app_ids(target):
    """Sessions that claim ever new pods."""
    numbers = itertools.count()

    def once():
        stranger = Stranger(target).hello(app_id="invented-%d" % next(numbers))
        stranger.update([counter("c")])
        stranger.close()

    again(once, pause=0)


@attack
def impostors(target):
    """Sessions that call themselves as the neighbours do, with counters of the same names."""
    numbers = itertools.count()

    def once():
        name = "%s-%d" % (VICTIMS, next(numbers) % 3)
        stranger = Stranger(target).hello(plugin=VICTIMS, task=name, job="", app_id=None)
        stranger.update([counter("done", 1_000_000), timer("block_0", 1_000_000)])
        stranger.update([timer("t%d" % number) for number in range(300)])
        stranger.close()

    again(once)


@attack
def refusals_under_invented_names(target):
    """Whatever is refused is refused to a plugin of another name."""
    numbers = itertools.count()

    def once():
        stranger = Stranger(target).hello(plugin="invented-%d" % next(numbers))
        stranger.say(b"x\n" * 50)
        stranger.close()

    again(once, pause=0)


@attack
def guessers(target):
    """40 who guess passwords of users that there are, and of some that there are not."""
    numbers = itertools.count()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def once():
        number = next(numbers)
        user = "prometheus" if number % 2 else "user%d" % number
        guess = base64.b64encode(b"%s:guess%d" % (user.encode(), number))
        head = b"GET /metrics HTTP/1.1\r\nHost: a\r\nAuthorization: Basic "
        with target.http(head + guess + b"\r\n\r\n", context) as sock:
            sock.recv(1000)

    for _ in range(40):
        threading.Thread(target=again, args=(once,), daemon=True).start()
    again(once)


@attack
def addresses(target):
    """Over TCP from 60 addresses, each with as much as it may have."""
    numbers = itertools.count()
    cells = [timer("t%d" % number, labels={"a": "x" * 200}) for number in range(500)]

    def make():
        stranger = Stranger(target, "127.0.1.%d" % (next(numbers) % 60 + 1)).hello()
        stranger.update(cells)
        return stranger

    hold(make, 120, pause=0.01)


@attack
def forks_that_connect_and_go(target):
    """Connections whose maker has ended, by a process that goes on to speak on them."""
    import os

    def once():
        mine, child = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            made = socket.socket(socket.AF_UNIX)
            made.connect(target.path)
            socket.send_fds(child, [b"x"], [made.fileno()])
            os._exit(0)
        os.waitpid(pid, 0)
        _, (descriptor,), _, _ = socket.recv_fds(mine, 1, 1)
        mine.close()
        child.close()
        stranger = Stranger.__new__(Stranger)
        stranger.socket, stranger._target, stranger.number = (
            socket.socket(fileno=descriptor),
            target,
            0,
        )
        stranger.hello(plugin=VICTIMS, task="%s-0" % VICTIMS, job="")
        stranger.update([counter("done", 1_000_000)])
        stranger.close()

    again(once)
