// The last ten minutes of one series: a value for each step, as the collector keeps them, and the
// newest one. Times are this page's, in seconds.

const WINDOW = 600; // seconds
const STEP = 5; // seconds, the collector's
const LENGTH = WINDOW / STEP;
const GAP = 12; // seconds without a value, after which a curve is broken

// Seconds of this page. They go on while the computer sleeps, in which a browser's may stand still.
const clock = {
  asleep: 0,
  heard: null, // the collector's monotonic clock, and ours then

  now() {
    return performance.now() / 1e3 + this.asleep;
  },

  // The collector's clock says now how long it was since it was heard last.
  hear(theirs) {
    const [then, ours] = this.heard ?? [theirs, this.now()];
    const missed = theirs - then - (this.now() - ours);
    if (missed > STEP) this.asleep += missed;
    this.heard = [theirs, this.now()];
  },
};

class History {
  #values = new Float64Array(LENGTH).fill(NaN);
  #upper = null; // only timers have a second curve
  #end = null; // when the last whole step ended
  #newest = null; // [time, value, upper]

  add(time, value, upper) {
    if (upper !== undefined) this.#upper ??= new Float64Array(LENGTH).fill(NaN);
    if (this.#end === null) {
      this.#end = time - STEP; // so that the first value has a step of its own
      this.#push(value, upper);
    }
    // A step is over: the newest value is its, if it came in it; or the first one after a fill.
    while (time - this.#end >= STEP) {
      const [at, last, above] = this.#newest ?? [time, value, upper];
      if (at > this.#end) this.#push(last, above);
      else this.#push(NaN, NaN);
    }
    this.#newest = [time, value ?? NaN, upper ?? NaN];
  }

  #push(value, upper) {
    this.#end += STEP;
    for (const [row, last] of [[this.#values, value], [this.#upper, upper]]) {
      if (!row) continue;
      row.copyWithin(0, 1);
      row[LENGTH - 1] = last ?? NaN;
    }
  }

  // Takes over what the collector kept up to `end`; where it knows nothing, what was here stays.
  fill(end, values, upper) {
    const mine = [...this.since(-Infinity)];
    this.#values = whole(values);
    if (upper) this.#upper = whole(upper);
    this.#end = end;
    for (const [time, value, above] of mine) {
      const at = LENGTH - 1 + Math.round((time - end) / STEP);
      if (at < 0 || at >= LENGTH || !Number.isNaN(this.#values[at])) continue;
      this.#values[at] = value;
      if (this.#upper) this.#upper[at] = above;
    }
  }

  // [time, value, upper] of what there is since `from`, oldest first; NaN where nothing is known.
  *since(from) {
    if (this.#end === null) return;
    for (let at = 0; at < LENGTH; at++) {
      const time = this.#end - (LENGTH - 1 - at) * STEP;
      if (time >= from) yield [time, this.#values[at], this.#upper ? this.#upper[at] : NaN];
    }
    if (this.#newest && this.#newest[0] > this.#end && this.#newest[0] >= from) yield this.#newest;
  }

  nearest(time) {
    let best = null;
    for (const sample of this.since(-Infinity)) {
      if (!best || Math.abs(sample[0] - time) < Math.abs(best[0] - time)) best = sample;
    }
    return best && Math.abs(best[0] - time) < GAP ? best : null;
  }
}

function whole(values) {
  const row = new Float64Array(LENGTH).fill(NaN);
  values.slice(-LENGTH).forEach((value, at, { length }) => { row[LENGTH - length + at] = value ?? NaN; });
  return row;
}

// What a sum has risen by in a second, over some seconds so that it doesn't flicker.
class Slope {
  #seen = [];

  constructor(seconds = 5) {
    this.seconds = seconds;
  }

  add(time, total) {
    const last = this.#seen.at(-1);
    // It began anew, or we did, or the collector's clock was set.
    if (last && (total < last[1] || time < last[0] || time - last[0] > GAP)) this.#seen = [];
    this.#seen.push([time, total]);
    while (this.#seen.length > 2 && time - this.#seen[0][0] > this.seconds) this.#seen.shift();
    const [then, before] = this.#seen[0];
    return time - then > 0.5 ? (total - before) / (time - then) : null;
  }
}

// The group and the name of a row, by the kind of its series; the name is the series' own if null.
const ROWS_OF = {
  timer: ["timers", null], rate: ["rates", null], gauge: ["gauges", null], counter: ["counters", null],
  messages: ["messages", null], uploads: ["uploads", "uploads"], cpu: ["cpu", "CPU"], memory: ["memory", "memory"],
};

// Asks for what the collector kept: when the page opens, and after it was away.
class Past {
  #asking = false;

  // `taken(plugins, end)`: what was kept of each plugin, up to that time of this page.
  constructor(base, taken) {
    this.base = base;
    this.taken = taken;
  }

  async ask() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const answer = await fetch(new URL("api/v1/history", this.base), { cache: "no-store", signal: AbortSignal.timeout(2e4) });
      if (!answer.ok) return;
      const { now, until, plugins } = await answer.json();
      if (until !== null) this.taken(plugins, clock.now() - (now - until));
    } catch { /* the curves begin now, then */ } finally {
      this.#asking = false;
    }
  }
}

function rowKey({ kind, name, labels }) {
  const [group, called] = ROWS_OF[kind];
  return `${group} ${called ?? name} ${JSON.stringify(labels)}`;
}
