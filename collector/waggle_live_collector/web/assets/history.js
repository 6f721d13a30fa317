// The last minutes of one series, as this page has seen them. The collector stores none.

const WINDOW = 300; // seconds
const SAMPLES = 320;
const GAP = 12; // seconds without an event, after which a curve is broken

class History {
  #times = new Float64Array(SAMPLES);
  #values = new Float32Array(SAMPLES);
  #upper = null; // only timers have a second curve
  #count = 0;

  add(time, value, upper) {
    const at = this.#count % SAMPLES;
    this.#times[at] = time;
    this.#values[at] = value ?? NaN;
    if (upper !== undefined) {
      this.#upper ??= new Float32Array(SAMPLES).fill(NaN);
      this.#upper[at] = upper ?? NaN;
    }
    this.#count++;
  }

  // [time, value, upper] of the samples since `from`, oldest first; NaN where there was none.
  *since(from) {
    for (let i = Math.max(0, this.#count - SAMPLES); i < this.#count; i++) {
      const at = i % SAMPLES;
      if (this.#times[at] >= from) yield [this.#times[at], this.#values[at], this.#upper ? this.#upper[at] : NaN];
    }
  }

  nearest(time) {
    let best = null;
    for (const sample of this.since(-Infinity)) {
      if (!best || Math.abs(sample[0] - time) < Math.abs(best[0] - time)) best = sample;
    }
    return best && Math.abs(best[0] - time) < GAP ? best : null;
  }
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
