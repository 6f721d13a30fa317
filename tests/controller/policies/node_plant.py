"""A simulated node: plugins that share its cores as a fair scheduler has them do.

Each has one thread, so at most one core. Frames come in at a plugin's rate; of those that come
while it is at work it takes the newest, as from a live camera.
"""

import random

VARIATION = 0.2


class SharingPlugin:
    """A plugin whose frame takes ``costs[setting]`` seconds of CPU."""

    def __init__(self, costs, rate, seed):
        self.costs = costs
        self.rate = rate
        self.setting = len(costs) - 1
        self.random = random.Random(seed)
        #: CPU seconds that are left of the frame, and when it began; None between frames.
        self.left = None
        self.began = 0.0
        self.next = self.random.random() / rate
        self.cpu = 0.0
        self.frames = []

    def begin(self, now):
        """Take the frame that has come."""
        noise = max(self.random.gauss(1.0, VARIATION), 0.1)
        self.left, self.began = self.costs[self.setting] * noise, now
        self.cpu += self.left
        self.next += 1 / self.rate

    def end(self, now):
        """Be done with it, and wait for the next one."""
        self.frames.append((now, now - self.began))
        self.left = None
        while self.next + 1 / self.rate <= now:
            self.next += 1 / self.rate


class NodePlant:
    """``cores(now)``: how many there are for these plugins at a time."""

    def __init__(self, plugins, cores):
        self.plugins = plugins
        self.cores = cores
        self.now = 0.0

    def run(self, until):
        """Work until a time, from event to event."""
        while True:
            busy = [p for p in self.plugins if p.left is not None]
            idle = [p for p in self.plugins if p.left is None]
            speed = min(1.0, self.cores(self.now) / len(busy)) if busy else 1.0
            # The capacity is looked at again every 0.1 s.
            steps = [until - self.now, 0.1]
            steps += [p.left / speed for p in busy] + [p.next - self.now for p in idle]
            step = max(min(steps), 0.0)
            self.now += step
            for plugin in busy:
                plugin.left -= step * speed
                if plugin.left <= 1e-12:
                    plugin.end(self.now)
            for plugin in idle:
                if plugin.next <= self.now:
                    plugin.begin(self.now)
            if self.now >= until:
                return
