"""Check that the package indexes of pip can be reached, before pip tries for minutes.

    PYTHON scripts/check_index.py

Connects to each index that pip is set up with, or to the proxy before it. Exit status 1, with what
can't be reached and what to do, within 5 s. It doesn't ask whether an index has a package: pip says
that itself, and soon.
"""

import os
import socket
import sys
import threading
import time
from configparser import Error as ConfigParserError
from configparser import RawConfigParser
from contextlib import suppress
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

DEFAULT_INDEX = "https://pypi.org/simple"
#: Seconds for all of them together, names included. A name server that is away takes longer.
WITHIN = 4.0
ADVICE = """\
pip needs it to install packages. Connect this machine, or tell pip:
  another index      PIP_INDEX_URL=https://host/simple make …
  a proxy            HTTPS_PROXY=http://host:port make …
  a folder of wheels PIP_NO_INDEX=1 PIP_FIND_LINKS=/folder make …"""


def settings():
    """Return pip's settings by their names: its variables, else ``install`` or all of its files.

    They are read here, since whoever makes an environment may have no pip yet.
    """
    files = RawConfigParser(strict=False)
    named = os.environ.get("PIP_CONFIG_FILE", "")
    user = os.environ.get("XDG_CONFIG_HOME") or os.path.join("~", ".config")
    system = (os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")
    paths = [os.path.join(each, "pip", "pip.conf") for each in reversed(system)]
    paths += ["/etc/pip.conf", "~/.pip/pip.conf", os.path.join(user, "pip", "pip.conf"), named]
    with suppress(ConfigParserError, UnicodeDecodeError):  # of which pip complains itself
        files.read([] if named == os.devnull else map(os.path.expanduser, paths))
    found = {}
    for section in ("global", "install"):
        if files.has_section(section):
            found.update((name.replace("_", "-"), value) for name, value in files.items(section))
    for name, value in os.environ.items():
        if name.startswith("PIP_") and value:
            found[name[len("PIP_") :].lower().replace("_", "-")] = value
    return found


def peers(found):
    """Return the (host, port) that pip connects to for each index, by the index."""
    if found.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        return {}
    urls = found.get("index-url", DEFAULT_INDEX).split() + found.get("extra-index-url", "").split()
    proxies = {} if "proxy" in found else getproxies()
    wanted = {}
    for url in urls:
        index = urlsplit(url)
        if index.scheme not in ("http", "https") or not index.hostname:
            continue
        proxy = found.get("proxy") or proxies.get(index.scheme)
        if proxy and not proxy_bypass(index.hostname):
            way = urlsplit(proxy if "://" in proxy else "http://" + proxy)
        else:
            way = index
        port = way.port or (443 if way.scheme == "https" else 80)
        # Without the name and password that an address may have.
        shown = "%s://%s%s" % (index.scheme, index.netloc.rpartition("@")[2], index.path)
        wanted[shown] = (way.hostname, port)
    return wanted


def unreachable(wanted):
    """Return why each peer that can't be reached can't be, by the index."""
    failed = dict.fromkeys(wanted, "no answer within %g s" % WITHIN)

    def connect(index, peer):
        try:
            socket.create_connection(peer, timeout=WITHIN).close()
        except OSError as error:
            failed[index] = error.strerror or str(error)
        else:
            del failed[index]

    threads = [threading.Thread(target=connect, args=each, daemon=True) for each in wanted.items()]
    for thread in threads:
        thread.start()
    end = time.monotonic() + WITHIN
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return dict(failed)


def main():
    """Check them all; return the message to end with, or None if each can be reached."""
    wanted = peers(settings())
    failed = unreachable(wanted)
    if not failed:
        return None
    lines = []
    for index, why in failed.items():
        peer = "%s:%d" % wanted[index]
        lines.append("The package index %s can't be reached: %s: %s" % (index, peer, why))
    return "\n".join([*lines, ADVICE])


if __name__ == "__main__":
    sys.exit(main())
