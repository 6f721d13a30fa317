// One row of a plugin: its history, and its elements once it is looked at. A row is an instrument, a
// name that is published, or what the process uses.
// Whatever a plugin named becomes text by textContent, here and everywhere.

const QUIET = 10; // seconds without an update, after which a value is no news

const KINDS = {
  rates: { kind: "rate", now: s => perSecond(s.block_per_second ?? s.per_second), value: s => s.block_per_second ?? s.per_second, last: s => perSecond(s.last), count: s => number(s.total), scale: perSecond },
  timers: { kind: "timer", now: s => duration(s.mean), value: s => s.mean, upper: s => s.p95, p95: s => duration(s.p95), last: s => duration(s.last), count: s => number(s.count), scale: seconds },
  gauges: { kind: "gauge", now: s => number(s.value), value: s => s.value, scale: number, free: true },
  counters: { kind: "counter", now: s => number(s.total), sum: s => s.total, last: (s, slope) => perSecond(slope), scale: perSecond },
  // A timer and a message often have the same name: pywaggle's timeit publishes under the timer's.
  messages: { kind: "message", note: () => "published", now: s => perSecond(s.per_second), value: s => s.per_second, count: s => number(s.total), scale: perSecond },
  uploads: { kind: "upload", note: () => "files", now: s => perSecond(s.per_second), value: s => s.per_second, count: s => number(s.total), scale: perSecond },
  cpu: { kind: "process", note: s => processes(s.sessions), now: s => percent(s.per_second), value: s => s.per_second, count: s => seconds(s.total), scale: percent },
  memory: { kind: "process", note: s => s.scope ?? "", now: s => bytes(s.value), value: s => s.value, scale: bytes },
};
const INSTRUMENTS = ["rates", "timers", "gauges", "counters"];
const HEADINGS = ["instrument", "curve", "range", "now", "p95", "last", "count", "age"];

// The series of a group, each with a name, labels and an age.
function seriesOf(plugin, group) {
  const { messages, uploads, sessions, silent } = plugin;
  const of = (name, age, figures) => ({ name, labels: {}, age, ...figures });
  switch (group) {
    case "messages": return Object.keys(messages).map(name => of(name, plugin.messages_age[name], { total: messages[name], per_second: plugin.messages_per_second[name] }));
    case "uploads": return uploads === null ? [] : [of("uploads", plugin.uploads_age, { total: uploads, per_second: plugin.uploads_per_second })];
    case "cpu": return [of("CPU", silent, { total: plugin.cpu_seconds, per_second: plugin.cpu_per_second, sessions })];
    case "memory": return [of("memory", silent, { value: plugin.memory_bytes, scope: plugin.memory_scope })];
    default: return plugin[group];
  }
}

function element(parent, name, className, text) {
  const made = parent.appendChild(document.createElement(name));
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Touches the page only where something changed.
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

class Row {
  constructor(group, series) {
    this.kind = KINDS[group];
    this.name = series.name;
    this.labels = this.kind.note?.(series) ?? Object.entries(series.labels).map(([key, value]) => `${key}="${value}"`).join(" ");
    this.history = new History();
    this.slope = this.kind.sum && new Slope();
    this.visible = false;
    this.element = null;
  }

  // `time` is this page's, `now` the collector's, whose numbers are of exactly then. What isn't
  // `live` has no rate, and its curve ends.
  take(series, time, now, live) {
    this.series = series;
    if (this.kind.note) this.labels = this.kind.note(series);
    this.rise = live && this.slope ? this.slope.add(now, this.kind.sum(series)) : null;
    if (live) this.history.add(time, this.slope ? this.rise : this.kind.value(series), this.kind.upper?.(series));
  }

  matches(words) {
    const text = `${this.name} ${this.labels} ${this.kind.kind}`.toLowerCase();
    return words.every(word => text.includes(word));
  }

  build() {
    const tr = this.element = document.createElement("tr");
    tr.dataset.kind = this.kind.kind;
    tr.row = this;
    tr.setAttribute("role", "row");
    const head = element(tr, "th");
    head.scope = "row";
    head.setAttribute("role", "rowheader");
    head.title = `${this.name} ${this.labels}\n${this.kind.kind}`;
    element(head, "span", "name", this.name);
    this.noted = element(head, "span", "labels", this.labels);
    this.cells = {};
    for (const name of HEADINGS.slice(1)) {
      this.cells[name] = element(tr, "td", name);
      this.cells[name].setAttribute("role", "cell");
    }
    this.high = element(this.cells.range, "span");
    this.low = element(this.cells.range, "span");
    this.curve = new Curve(this.cells.curve);
    return tr;
  }

  draw(view) {
    const { kind, cells, series } = this;
    say(this.noted, this.labels);
    for (const name of ["now", "p95", "last", "count"]) say(cells[name], kind[name]?.(series, this.rise) ?? "");
    if (series.failures) element(cells.count, "span", "warn", ` ${number(series.failures)} ✗`).title = "blocks that raised";
    const old = series.age;
    say(cells.age, age(old));
    this.element.classList.toggle("quiet", old > QUIET && kind.kind !== "counter");
    const range = this.curve.draw(this.history, view.time, view.window, kind.free);
    say(this.high, range ? kind.scale(range.high) : "");
    const low = range && range.low !== range.high && (kind.free || range.low < 0);
    say(this.low, low ? kind.scale(range.low) : !range && view.young && series.age < QUIET ? "collecting…" : "");
  }

  // What stood at a place of the curve, 0 to 1 from left to right.
  at(place, view) {
    const time = view.time - view.window * (1 - place);
    const sample = this.history.nearest(time);
    if (!sample || Number.isNaN(sample[1])) return null;
    const upper = Number.isNaN(sample[2]) ? "" : `  p95 ${this.kind.scale(sample[2])}`;
    return `${this.kind.scale(sample[1])}${upper}  ${age(view.time - sample[0])}${view.time - sample[0] < 2 ? "" : " ago"}`;
  }
}
