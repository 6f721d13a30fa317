"""Holders and plugins with knobs, for tests of the control."""

from waggle_live_collector.control.orders import Entry, Orders, Will

RESOLUTION = {"name": "resolution", "type": "int", "default": 720, "choices": [360, 720, 1080]}
THRESHOLD = {"name": "threshold", "type": "float", "default": 0.5, "low": 0.3, "high": 0.9}
MODEL = {"name": "model", "type": "str", "default": "s", "choices": ["n", "s", "m"]}
PROFILE = {"name": "__profile", "type": "int", "default": 0, "low": 0, "high": 200}


class Controlled:
    """A process with knobs that takes what it is sent, as a good client does."""

    def __init__(self, world, process="session-1", *, knobs=(RESOLUTION, THRESHOLD), **hello):
        self.world = world
        self.peer = world.peer(process, **hello)
        self.knobs = {knob["name"]: dict(knob) for knob in knobs}
        self.number = 0
        self.tell()

    def tell(self, **changes):
        """Say how the knobs stand; ``changes``: fields by name of the knob."""
        for name, fields in changes.items():
            self.knobs[name].update(fields)
        self.number += 1
        message = {"type": "knobs", "number": self.number, "knobs": [*self.knobs.values()]}
        return self.peer.say(message)

    @property
    def last_set(self):
        """The last ``set`` that it was sent, None if it was sent none."""
        sets = [each for each in self.peer.answers if each["type"] == "set"]
        return sets[-1] if sets else None

    @property
    def sets(self):
        """How many ``set`` it was sent."""
        return sum(each["type"] == "set" for each in self.peer.answers)

    def has(self):
        """Return the values that the last ``set`` gives it."""
        return {each["name"]: each["value"] for each in (self.last_set or {"knobs": []})["knobs"]}

    def obey(self):
        """Take what the last ``set`` says, and say so."""
        leases = {each["name"]: each for each in self.last_set["knobs"]}
        for name, knob in self.knobs.items():
            if name in leases:
                knob.update(source="set", **{k: leases[name][k] for k in ("value", "revision")})
            else:
                knob.update(source="default", value=knob["default"])
        self.tell()


class Holder:
    """One that states its will again and again."""

    def __init__(self, world, name="me", *, ttl=10.0, priority=0):
        self.orders = Orders(world.control)
        self.name, self.ttl, self.priority = name, ttl, priority
        self.etag = None

    def put(self, *entries, plugin="plugin", **values):
        """State the whole will: knobs of one plugin by name; return its answers."""
        entries = [*entries, *(Entry(plugin, name, value) for name, value in values.items())]
        will = Will(entries, self.ttl, self.priority)
        holder, answers = self.orders.put(self.name, will, [self.etag] if self.etag else [])
        self.etag = holder.etag
        return answers

    def statuses(self, *entries, **values):
        """The same, and return the status of each knob."""
        answers = self.put(*entries, **values)
        return {each["name"]: each["status"] for each in answers}

    def end(self):
        """Release everything."""
        self.etag = None
        return self.orders.end(self.name)
