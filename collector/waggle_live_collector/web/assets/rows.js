// One row of a plugin: its history, and its elements once it is looked at. A row is an instrument, a
// name that is published, or what the process uses.
// Whatever a plugin named becomes text by textContent, here and everywhere.

const QUIET = 10; // seconds without an update, after which a value is no news
const RECENT = 10; // seconds that rates, means and quantiles are of

const KINDS = {
  rates: { kind: "rate", now: s => perSecond(s.block_per_second ?? s.per_second), value: s => s.block_per_second ?? s.per_second, last: s => perSecond(s.last), count: s => number(s.total), scale: perSecond },
  timers: { kind: "timer", now: s => duration(s.mean), value: s => s.mean, upper: s => s.p95, spent: s => s.sum, p95: s => duration(s.p95), last: s => duration(s.last), count: s => number(s.count), scale: seconds },
  gauges: { kind: "gauge", now: s => number(s.value), value: s => s.value, scale: number, free: true },
  counters: { kind: "counter", now: s => number(s.total), sum: s => s.total, last: (s, slope) => perSecond(slope), scale: perSecond },
  // A timer and a message often have the same name: pywaggle's timeit publishes under the timer's.
  messages: { kind: "message", note: () => "published", now: s => perSecond(s.per_second), value: s => s.per_second, count: s => number(s.total), scale: perSecond },
  uploads: { kind: "upload", note: () => "files", now: s => perSecond(s.per_second), value: s => s.per_second, count: s => number(s.total), scale: perSecond },
  cpu: { kind: "process", note: s => processes(s.sessions), now: s => percent(s.per_second), value: s => s.per_second, count: s => seconds(s.total), scale: percent },
  memory: { kind: "process", note: s => s.scope ?? "", now: s => bytes(s.value), value: s => s.value, scale: bytes },
};
const HEADINGS = ["instrument", "curve", "range", "now", "p95", "busy", "frame", "last", "count", "age"];

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

// Says a name, of which the first part is cut where there is no room; whole in the title. The parts
// are drawn by the style: the text itself is in one piece for those who hear, search or copy it.
function sayParted(node, name, parts = parted(name), title = name) {
  if (node.title !== title) node.title = title;
  if (node.textContent === name) return;
  node.textContent = "";
  const isParted = parts.length > 1;
  node.classList.toggle("parted", isParted);
  element(node, "span", isParted ? "whole" : "", name);
  if (!isParted) return;
  node.dir = "auto";
  [node.dataset.head, node.dataset.tail] = parts;
}

class Row {
  constructor(group, series) {
    this.kind = KINDS[group];
    this.name = series.name;
    this.labels = this.kind.note?.(series) ?? Object.entries(series.labels).map(([key, value]) => `${key}="${value}"`).join(" ");
    this.history = new History();
    this.slope = this.kind.sum ? new Slope() : this.kind.spent && new Slope(RECENT);
    this.visible = false;
    this.element = null;
  }

  // `time` is this page's, `now` the collector's, whose numbers are of exactly then. What isn't
  // `live` has no rate, and its curve ends. `main`: the rate that counts the plugin's frames, or null.
  take(series, time, now, live, main) {
    const { kind } = this;
    this.series = series;
    if (kind.note) this.labels = kind.note(series);
    const slope = live && this.slope ? this.slope.add(now, (kind.sum ?? kind.spent)(series)) : null;
    this.rise = kind.sum ? slope : null;
    const ran = kind.spent && series.mean !== null;
    // Runs per second times their mean, of which no thread takes more than the window that it ends
    // in; and how much of a frame's time one of them takes.
    this.busy = ran && slope !== null ? slope * Math.min(1, RECENT / series.mean) : null;
    const frames = (live && main?.per_second) || null;
    this.share = ran && frames ? series.mean * frames : null;
    this.frame = series === main && frames ? 1 / frames : null; // the row says so which rate it is
    if (!live || (kind.sum && slope === null)) return; // of a sum's first number no rise is known
    this.history.add(time, kind.sum ? this.rise : kind.value(series), kind.upper?.(series));
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
    sayParted(element(head, "span", "name"), this.name, undefined, `${this.name}\n${this.kind.kind}`);
    this.noted = element(head, "span", "labels");
    sayParted(this.noted, this.labels);
    this.failed = element(head, "span", "failed warn");
    this.failed.title = "blocks that raised, since the start";
    this.cells = {};
    for (const name of HEADINGS.slice(1)) {
      this.cells[name] = element(tr, "td", name);
      this.cells[name].setAttribute("role", "cell");
    }
    this.high = element(this.cells.range, "span");
    this.low = element(this.cells.range, "span");
    this.reader = element(this.cells.curve, "div", "reader");
    this.reader.tabIndex = -1;
    for (const [name, value] of Object.entries({ role: "slider", "aria-label": `${this.name} ${this.labels} over time`, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 100 })) this.reader.setAttribute(name, value);
    this.curve = new Curve(this.reader);
    return tr;
  }

  draw(view) {
    const { kind, cells, series } = this;
    sayParted(this.noted, this.labels);
    for (const name of ["now", "p95", "last", "count"]) say(cells[name], kind[name]?.(series, this.rise) ?? "");
    say(cells.busy, kind.spent ? percent(this.busy) : "");
    say(cells.frame, kind.spent ? percent(this.share) : this.frame === null ? "" : seconds(this.frame));
    say(this.failed, series.failures ? `✗ ${number(series.failures)} failed` : "");
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
