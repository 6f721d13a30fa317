"""The command line of ``waggle-live-controller``."""

import argparse
import logging
import signal
import sys
import threading
from typing import List, Optional

from .. import ControllerError, __version__

INSTALL = (
    "it needs PyYAML and prometheus_client: pip install 'waggle-live-controller[service]', "
    "or './controller[service]' in a clone"
)
#: The signals that end it.
ENDS = (signal.SIGTERM, signal.SIGINT)
log = logging.getLogger("waggle_live_controller")


def main(arguments: Optional[List[str]] = None) -> int:
    """Run until SIGTERM or SIGINT. Returns the exit status: 0 then, 2 for a usage error."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        from .config import load
        from .node_loop import NodeLoop
        from .own_metrics import OwnMetrics

        config = load(options.config)
    except ImportError as error:
        parser.exit(2, "%s: %s (%s)\n" % (parser.prog, INSTALL, error))
    except ControllerError as error:
        parser.exit(2, "%s: %s\n" % (parser.prog, error))
    if options.check:
        return 0
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    # Before any thread starts, so that each has the signals blocked. One that another thread took
    # would not wake this one: that happens if the process was stopped (SIGSTOP) meanwhile.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    own, stop = OwnMetrics(), threading.Event()
    own.acting.set(options.act)
    try:
        host, port = own.serve(config.listen)
    except OSError as error:
        text = "%s: can't serve metrics on %s: %s; choose another `listen` in %s\n"
        parser.exit(2, text % (parser.prog, config.listen, error.strerror, options.config))
    log.info("metrics are at http://%s:%d/metrics", "[%s]" % host if ":" in host else host, port)
    if not options.act:
        log.info("dry run: it only logs what it would do; --act turns knobs")

    loops = [
        NodeLoop(config=config, node=node, act=options.act, own=own, stop=stop)
        for node in config.nodes
    ]
    # One thread per node: a slow node delays no other.
    threads = [
        threading.Thread(target=loop.run, name="node-%d" % number, daemon=True)
        for number, loop in enumerate(loops)
    ]
    for thread in threads:
        thread.start()
    signal.sigwait(ENDS)
    stop.set()
    for thread in threads:
        thread.join()
    log.info("released what it held" if options.act else "ended")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="waggle-live-controller",
        description="Meet deadlines of plugins by turning the knobs that they offer.",
    )
    add = parser.add_argument
    add("--config", required=True, metavar="FILE", help="YAML file with nodes and deadlines")
    add("--act", action="store_true", help="turn knobs; without it, only log what would be done")
    add("--check", action="store_true", help="check the file and exit")
    add("--version", action="version", version="%(prog)s " + __version__)
    return parser
