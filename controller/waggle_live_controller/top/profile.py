"""Profiles of running plugins, which a person asks for: folded stacks, kept in a file."""

import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import List, Tuple

from .. import ControllerError, Node, NodeError, PluginIdentity

#: Seconds of a profile, and its samples per second.
PROFILE_SECONDS, PROFILE_HZ = 30, 50
#: Seconds after the end of a profile until the node has answered.
GRACE = 5.0


class Profile:
    """One profile. ``stacks`` and ``text`` are valid once ``is_over``."""

    def __init__(self, identity: PluginIdentity) -> None:
        self.identity = identity
        self.began = time.monotonic()
        self.is_over = False
        self.stacks: Counter[str] = Counter()
        #: Where it is kept, or why there is none.
        self.text = ""

    def leaves(self, most: int) -> List[Tuple[str, float]]:
        """Return the ``most`` functions with the largest shares of the time, and these shares."""
        leaves: Counter[str] = Counter()
        for stack, weight in self.stacks.items():
            leaves[stack.rpartition(";")[2]] += weight
        whole = sum(leaves.values()) or 1
        return [(name, weight / whole) for name, weight in leaves.most_common(most)]


def take_profile(node: Node, profile: Profile, directory: Path) -> None:
    """Let a node profile a plugin, and write the result to ``directory``. Blocks; never raises."""
    try:
        text = ask(node, profile.identity)
        name = re.sub(r"[^A-Za-z0-9._-]", "-", profile.identity.task) or "plugin"
        path = directory / (name + time.strftime("-%H%M%S.folded"))
        path.write_text(text, encoding="utf-8")
        profile.stacks = read(text)
        profile.text = "kept in %s" % path
    except (ControllerError, OSError, ValueError) as error:
        profile.text = "no profile: %s" % error
    profile.is_over = True


def ask(node: Node, identity: PluginIdentity) -> str:
    """Return the folded stacks of a plugin after ``PROFILE_SECONDS``. Raises ControllerError."""
    patient = node.twin()
    patient.timeout = node.timeout + PROFILE_SECONDS + GRACE
    names = dict(zip(("plugin", "plugin_task", "plugin_job"), identity))
    body = json.dumps({**names, "seconds": PROFILE_SECONDS, "hz": PROFILE_HZ}).encode()
    with patient:
        headers = {"Content-Type": "application/json"}
        answer = patient.order("POST", "profile", headers, body)
    text = answer.body.decode("utf-8", "replace")
    if answer.status != 200:
        raise NodeError(node.url, text.strip()[:300] or "it answered HTTP %d" % answer.status)
    return text


def read(text: str) -> "Counter[str]":
    """Return the weight of each folded stack. Raises ValueError."""
    stacks: Counter[str] = Counter()
    for line in text.splitlines():
        stack, _, weight = line.rpartition(" ")
        stacks[stack] += int(weight)
    return stacks
