"""Publishes all that pywaggle can, with the times given, so that two runs publish the same.

Arguments: the module that ``Plugin`` is taken from; a directory to make files to upload in.
"""

import importlib
import multiprocessing
import sys
import time
from pathlib import Path

STAMP = 1700000000123456789


def child(module, method):
    """Publish in a process of its own, as plugins with a process per camera do."""
    with importlib.import_module(module).Plugin() as plugin:
        plugin.publish("child." + method, 1, timestamp=STAMP)
        wait_until_sent(plugin)


def wait_until_sent(plugin):
    """pywaggle drops what it was given if it is left before its thread has begun."""
    while not plugin.send.empty():
        time.sleep(0.01)


def publish(plugin, directory):
    """Publish values of each type, with and without meta and scope; then files."""
    plugin.publish("env.count", 3, timestamp=STAMP)
    plugin.publish(
        "env.ratio", 0.1 + 0.2, meta={"camera": "top", "unit": "\u00b0C"}, timestamp=STAMP
    )
    plugin.publish("env.text", 'x "y" \u00e9\n', timestamp=STAMP + 1)
    plugin.publish("env.big", 2**70, {}, STAMP)
    plugin.publish("env.true", True, timestamp=STAMP)
    plugin.publish("env.nan", float("nan"), timestamp=STAMP)
    plugin.publish("env.node", -1, timestamp=STAMP, scope="node", timeout=1)
    plugin.publish("env.beehive", -1.5, timestamp=STAMP, scope="beehive")
    for name, keep in (("kept.jpg", True), ("moved away.bin", False)):
        path = Path(directory, name)
        path.write_bytes(b"\x00\xff" + name.encode())
        plugin.upload_file(path, meta={"camera": "left"}, timestamp=STAMP, keep=keep)
        assert path.exists() == keep
    with plugin.timeit("plugin.duration.inference"):
        pass
    try:
        with plugin.timeit("plugin.duration.failing"):
            raise ValueError("inside")  # publishes nothing
    except ValueError:
        pass
    for wrong in (lambda: plugin.publish("Env", 1), lambda: plugin.publish("env", None)):
        try:
            wrong()
        except (TypeError, ValueError):
            pass
        else:
            raise AssertionError("published what is wrong")


def main(module, directory):
    """Publish in this process, then in a forked and in a spawned one."""
    with importlib.import_module(module).Plugin() as plugin:
        publish(plugin, directory)
        wait_until_sent(plugin)
    children = [
        multiprocessing.get_context(method).Process(target=child, args=(module, method))
        for method in ("fork", "spawn")
    ]
    for process in children:
        process.start()
    for process in children:
        process.join()
        assert process.exitcode == 0


if __name__ == "__main__":
    main(*sys.argv[1:])
