"""What the collector process loads: each library that nobody asked for is memory on every node."""

import subprocess
import sys

from .harness import start

#: aiohttp's client, and what is for web configuration files, passwords and the stack's Redis.
ABSENT = {"aiohttp.client", "aiohttp.connector", "bcrypt", "pika", "redis", "waggle", "yaml"}
TELLS_AT_THE_END = """
import atexit, sys
from waggle_live_collector.__main__ import main
atexit.register(lambda: print("loaded:", *sys.modules, file=sys.stderr))
main()
"""


def test_what_only_some_flags_need_is_not_loaded_by_others():
    """After a scrape, compressed, and the page, the process holds none of it."""
    with start(program=TELLS_AT_THE_END) as collector:
        for path in ("/metrics", "/", "/api/v1/plugins"):
            assert collector.get(path, headers={"Accept-Encoding": "gzip"})[0] == 200
        collector.stop()
        loaded = set(collector.log().rpartition("loaded:")[2].split())
    assert "aiohttp.web" in loaded
    assert not loaded & ABSENT


def after_ours(code):
    """Return the words that a program prints once our package is imported."""
    program = "import waggle_live_collector.web.routes, aiohttp, sys\n" + code
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().split()


def test_the_rest_of_aiohttp_is_there_for_who_asks_for_it():
    """Its client is imported late, and a name that it doesn't have is missed as ever."""
    code = (
        "print('aiohttp.client' in sys.modules, aiohttp.ClientSession.__module__, "
        "hasattr(aiohttp, 'no_such_name'), aiohttp.__version__ > '3')"
    )
    assert after_ours(code) == ["False", "aiohttp.client", "False", "True"]


def test_a_module_of_aiohttp_that_nobody_imported_is_an_attribute_of_it():
    """As it is where all of aiohttp is imported."""
    code = (
        "print('aiohttp.connector' in sys.modules, aiohttp.connector.TCPConnector.__name__, "
        "aiohttp.client.ClientSession is aiohttp.ClientSession)"
    )
    assert after_ours(code) == ["False", "TCPConnector", "True"]


def test_threads_may_ask_for_the_rest_of_aiohttp_at_once():
    """Each gets it, whoever comes first."""
    code = """
from concurrent.futures import ThreadPoolExecutor
sys.setswitchinterval(1e-5)
with ThreadPoolExecutor(20) as threads:
    found = set(threads.map(lambda _: aiohttp.ClientSession, range(20)))
print(len(found))
"""
    assert after_ours(code) == ["1"]
