"""What our programs take: flags by their parsers, requests by their routes."""

import argparse
from dataclasses import fields

from waggle_live.profile.tau import options as tau
from waggle_live.reporter import options as shared
from waggle_live.run import command as run
from waggle_live_collector import options as collector
from waggle_live_collector.limits import HttpLimits
from waggle_live_collector.own_metrics import OwnMetrics
from waggle_live_collector.web.control_routes import ControlRoutes
from waggle_live_collector.web.guard import HttpGuard
from waggle_live_collector.web.page import Page
from waggle_live_collector.web.routes import Routes
from waggle_live_controller.service import command as service
from waggle_live_controller.top import command as top


def programs():
    """Return the parser of each program by its name."""
    commands = argparse.ArgumentParser().add_subparsers()
    parent = shared.parser()
    run.add_to(commands, parent)
    tau.add_to(commands, parent)
    return {
        "waggle-live-collector": collector._parser(),
        "waggle-live-controller": service._parser(),
        **{"waggle-live " + name: parser for name, parser in commands.choices.items()},
    }


PROGRAMS = programs()
#: The parser of ``waggle-live top``, whose page is its own.
TOP = top._parser("waggle-live top")


def routes():
    """Return method and path of each route, as the program has them."""
    page = Page(telemetry_path="/metrics", socket_path="x", node={"vsn": "", "node_id": ""})
    own = OwnMetrics()
    made = {
        "page": page,
        "control": ControlRoutes(control=None, access=None, own=own),
        "guard": HttpGuard(auth=None, own=own, faults=None, limits=HttpLimits()),
        "own": own,
        "limits": HttpLimits(),
    }
    needs = {field.name: made.get(field.name) for field in fields(Routes)}
    application = Routes(**needs).runner().app
    found = {(each.method, each.resource.canonical) for each in application.router.routes()}
    return {(method, path) for method, path in found if method != "HEAD"}
