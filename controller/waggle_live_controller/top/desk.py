"""What a person does in top: the chosen knob, the values held, and the profiles."""

import os
import re
import socket
import threading
import time
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from .. import ControllerError, Entry, KnobReading, Leases, Node, PluginIdentity, Snapshot
from . import knobs
from .figures import clean
from .profile import PROFILE_SECONDS, Profile, take_profile

#: The priority of a person's leases, above that of controllers.
PRIORITY = 9
#: Seconds between two requests for the knobs of a node.
INTERVAL = 0.5
#: Seconds that a message stays in the last line.
TOLD = 8.0
KEYS = "n p knob   + - set   x let go   o profile"


class Place(NamedTuple):
    """A knob of a plugin of a node."""

    url: str
    identity: PluginIdentity
    name: str


class Desk:
    """The knobs of some nodes, and what a person does with them.

    ``may_set``: the nodes have a control token. Otherwise knobs are only shown. Constructing it
    starts nothing. ``start`` starts a daemon thread for each node, which polls its knobs. ``close``
    releases all leases. The other methods are for one thread, and never block.
    """

    def __init__(self, nodes: Sequence[Node], *, may_set: bool = False) -> None:
        self.may_set = may_set
        self._nodes = {node.url: node for node in nodes}
        self._knobs: Dict[str, Dict[PluginIdentity, List[KnobReading]]] = {}
        #: Each collector's Unix time minus our monotonic time.
        self._ahead: Dict[str, float] = {}
        self._held: Dict[str, Dict[Place, Entry]] = {url: {} for url in self._nodes}
        self._leases: Dict[str, Leases] = {}
        self._profiles: Dict[Tuple[str, PluginIdentity], Profile] = {}
        self._latest: Dict[str, Snapshot] = {}
        self._chosen: Optional[Place] = None
        self._part = ""
        self._said = (float("-inf"), "")
        self._over = threading.Event()

    def start(self) -> None:
        """Start to poll knobs."""
        for node in self._nodes.values():
            threading.Thread(target=self._look, args=(node.twin(),), daemon=True).start()

    def close(self) -> None:
        """Release all leases. Blocks for at most the timeout of each node."""
        self._over.set()
        for leases in self._leases.values():
            leases.release()

    def renew(self, snapshot: Snapshot) -> None:
        """Keep the leases of a node that has just answered."""
        self._latest[snapshot.url] = snapshot
        self._state(snapshot)

    def of(self, url: str, identity: PluginIdentity) -> List[KnobReading]:
        """Return the knobs of a plugin that are shown."""
        found = self._knobs.get(url, {}).get(identity, [])
        return knobs.shown(found, all_of_them=self.may_set)

    def now(self, url: str) -> float:
        """Return the Unix time by the node's clock."""
        return time.monotonic() + self._ahead.get(url, 0.0)

    def profile_of(self, url: str, identity: PluginIdentity) -> Optional[Profile]:
        """Return the newest profile of a plugin, maybe unfinished; None without one."""
        return self._profiles.get((url, identity))

    def is_chosen(self, url: str, knob: KnobReading) -> bool:
        """Whether it is the knob that the keys set."""
        return self._chosen == (url, knob.identity, knob.name)

    @property
    def said(self) -> str:
        """The message about the last key, or the error of a lease; "" for none."""
        for leases in self._leases.values():
            if leases.error is not None:
                return clean(str(leases.error))
        at, text = self._said
        return text if time.monotonic() < at + TOLD else ""

    def press(self, key: str, part: str = "") -> None:
        """Do what a key stands for, and ignore other keys.

        ``part`` is the filter of the view. Knobs that it hides can't be chosen or set.
        """
        self._part = part.lower()
        if key in ("n", "p"):
            self._choose(1 if key == "n" else -1)
        elif key in ("+", "=", "-", "x", "o"):
            found = self._find()
            if not self.may_set:
                self._say("to set knobs, start top with --control.token-file")
            elif found is None:
                self._say("choose a knob first: n for the next one, p for the one before")
            elif key == "o":
                self._profile(*found)
            else:
                self._set(*found, key)

    def _set(self, place: Place, knob: KnobReading, key: str) -> None:
        held = self._held[place.url]
        if key == "x":
            held.pop(place, None)
            self._say("%s is let go" % knobs.title(knob))
        else:
            if place in held:  # step from the value asked for, which may not be in force yet
                knob = knob._replace(value=held[place].value)
            value = knobs.beside(knob, -1 if key == "-" else 1)
            if value is None:
                shown = knobs.value(knob, knob.value)
                self._say("%s has no value beyond %s" % (knobs.title(knob), shown))
                return
            held[place] = Entry(knob.identity, knob.name, value)
            self._say("%s: %s" % (knobs.title(knob), knobs.value(knob, value)))
        if place.url in self._latest:
            # The decision is made now, by the values that the person sees.
            self._state(self._latest[place.url]._replace(received=time.monotonic()))

    def _state(self, by: Snapshot) -> None:
        """Send a node the values to hold there."""
        held = self._held[by.url]
        if held and by.url not in self._leases:
            self._leases[by.url] = Leases(self._nodes[by.url], holder_name(), priority=PRIORITY)
        if by.url in self._leases:
            self._leases[by.url].hold(held.values(), by=by)

    def _profile(self, place: Place, knob: KnobReading) -> None:
        key = place.url, place.identity
        if key in self._profiles and not self._profiles[key].is_over:
            self._say("%s is being profiled already" % clean(place.identity.task))
            return
        profile = self._profiles[key] = Profile(place.identity)
        node = self._nodes[place.url]
        threading.Thread(target=take_profile, args=(node, profile, Path()), daemon=True).start()
        self._say("%s is profiled for %d s" % (clean(place.identity.task), PROFILE_SECONDS))

    def _choose(self, step: int) -> None:
        places = [place for place, _ in self._all()]
        if not places:
            self._say("no plugin offers a knob")
        elif self._chosen in places:
            self._chosen = places[(places.index(self._chosen) + step) % len(places)]
        else:
            self._chosen = places[0 if step > 0 else -1]

    def _find(self) -> Optional[Tuple[Place, KnobReading]]:
        return next((found for found in self._all() if found[0] == self._chosen), None)

    def _all(self) -> List[Tuple[Place, KnobReading]]:
        """Return all shown knobs, in the order of the view."""
        return [
            (Place(url, identity, knob.name), knob)
            for url in self._nodes
            for identity in sorted(self._knobs.get(url, {}), key=lambda each: each.task)
            for knob in knobs.arranged(
                self.of(url, identity), "" if self._part in identity.task.lower() else self._part
            )
        ]

    def _say(self, text: str) -> None:
        self._said = time.monotonic(), text

    def _look(self, node: Node) -> None:
        """Poll the knobs of a node until ``close``. Runs in a thread."""
        while not self._over.wait(INTERVAL):
            found: Dict[PluginIdentity, List[KnobReading]] = {}
            try:
                told = node.knobs()
                self._ahead[node.url] = told.now - time.monotonic()
                for knob in told.knobs:
                    found.setdefault(knob.identity, []).append(knob)
            except ControllerError:
                pass  # an older collector has no knobs, and the view shows any other error
            self._knobs[node.url] = found
        node.close()


def holder_name() -> str:
    """Return the name of the holder of our leases, which others see."""
    host = re.sub(r"[^a-z0-9._-]", "-", socket.gethostname().lower())[:40]
    return "top-%s-%d" % (host, os.getpid())
