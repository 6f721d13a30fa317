// A curve in 100 by 30 units: the value as a line, and up to p95 as a band above it.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 30;
const FRAMES = 200; // while a value goes from one end to the other

function shape(parent, name, attributes) {
  const made = parent.appendChild(document.createElementNS(SVG, name));
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

class Curve {
  #drawn = -Infinity;
  #window = 0;
  #range = null;

  constructor(cell) {
    this.svg = shape(cell, "svg", { viewBox: `0 0 100 ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    shape(this.svg, "path", { class: "floor", d: `M0 ${HEIGHT - 0.5}H100` });
    this.band = shape(this.svg, "path", { class: "band" });
    this.line = shape(this.svg, "path", { class: "line" });
  }

  // Draws the samples up to `now`, and returns the range: from 0 unless `free`, null without any.
  draw(history, now, window, free) {
    // What moves by less than anybody sees isn't drawn.
    const step = window / FRAMES;
    if (now - this.#drawn < step && Math.abs(window - this.#window) < step) return this.#range;
    this.#drawn = now;
    this.#window = window;
    return this.#range = this.#draw(history, now, window, free);
  }

  #draw(history, now, window, free) {
    const samples = [...history.since(now - window)];
    let low = Infinity, high = -Infinity;
    for (const [, value, upper] of samples) {
      if (value < low) low = value;
      if (value > high) high = value;
      if (upper > high) high = upper;
    }
    if (high < low) {
      this.line.removeAttribute("d");
      this.band.removeAttribute("d");
      return null;
    }
    const range = { low: free ? low : Math.min(0, low), high };
    const span = range.high - range.low || Math.abs(range.high) || 1;
    // What never moved lies in the middle if its range is free, and else where its size says.
    const base = free && range.high === range.low ? range.low - span / 2 : range.low;
    const x = time => (100 * (1 - (now - time) / window)).toFixed(2);
    const y = value => (HEIGHT - 1.5 - (HEIGHT - 3) * (value - base) / span).toFixed(2);
    let line = "", band = "";
    for (const run of runs(samples)) {
      const points = run.map(([time, value]) => `${x(time)} ${y(value)}`);
      line += `M${points.join("L")}${run.length === 1 ? "h.01" : ""}`;
      if (run.some(sample => sample[2] > sample[1])) {
        // Of few values the estimate of p95 can be below their mean.
        const above = run.map(([time, value, upper]) => `${x(time)} ${y(upper > value ? upper : value)}`).reverse();
        band += `M${points.join("L")}L${above.join("L")}Z`;
      }
    }
    this.line.setAttribute("d", line);
    this.band.setAttribute("d", band);
    return range;
  }
}

// Stretches of samples that follow each other.
function runs(samples) {
  const found = [];
  let before = null;
  for (const sample of samples) {
    if (Number.isNaN(sample[1])) { before = null; continue; }
    if (before && sample[0] - before[0] < GAP) found.at(-1).push(sample);
    else found.push([sample]);
    before = sample;
  }
  return found;
}
