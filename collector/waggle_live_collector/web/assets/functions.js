// Where a plugin's time goes: its most expensive functions, a list for each profiler.

const MOST = 5;
const OTHER = "__other__"; // no function: the sums of all that have no place of their own
const THROTTLED = "TAU measures no more calls of it: their time counts for their callers.";
// What stands beside name and bar: title, field of the JSON, how it is written.
const COSTS = [
  ["share", "share", value => `${(100 * value).toFixed(1)} %`],
  ["CPU", "exclusive_cpu", duration],
  ["exclusive", "exclusive", duration],
  ["inclusive", "inclusive", duration],
  ["calls", "calls", number],
];

class Functions {
  constructor(parent, task) {
    this.task = task;
    this.lists = new Map();
    this.element = element(parent, "div");
    this.element.hidden = true;
  }

  take(functions) {
    const by = Map.groupBy(functions, each => each.profiler);
    for (const profiler of by.keys()) {
      if (!this.lists.has(profiler)) this.lists.set(profiler, new FunctionList(this.element, this.task, profiler));
    }
    for (const [profiler, list] of this.lists) list.take(by.get(profiler) ?? []);
  }

  fit(words) {
    return [...this.lists.values()].flatMap(list => list.fit(words));
  }

  draw(words) {
    this.element.hidden = false;
    for (const list of this.lists.values()) list.draw(words);
  }
}

// The collector has sorted them and knows their shares.
class FunctionList {
  constructor(parent, task, profiler) {
    this.lines = [];
    this.element = element(parent, "div", "functions");
    this.element.setAttribute("role", "table");
    this.element.setAttribute("aria-label", `Most expensive functions of ${task}, by ${profiler}`);
    this.titles = new Cells(element(this.element, "p"), "columnheader", "columnheader");
    say(this.titles.name, `functions (${profiler})`);
    this.list = element(this.element, "ul");
    this.list.setAttribute("role", "rowgroup");
  }

  take(functions) {
    this.known = COSTS.filter(([, field]) => functions.some(each => each[field] !== null));
    this.found = functions.filter(each => each.name !== OTHER);
  }

  fit(words) {
    return this.found.filter(({ name }) => words.every(word => `${name} function`.toLowerCase().includes(word)));
  }

  draw(words) {
    const shown = this.fit(words).slice(0, MOST);
    this.element.hidden = !shown.length;
    if (!shown.length) return;
    for (const [title, field] of COSTS) {
      const ofWall = field === "share" && shown[0].share_of === "wall";
      const isKnown = this.known.some(each => each[1] === field);
      say(this.titles[field], !isKnown ? "" : ofWall ? "of wall" : title);
    }
    while (this.lines.length < shown.length) this.lines.push(new FunctionLine(this.list));
    this.lines.forEach((line, place) => line.draw(shown[place], this.known));
  }
}

class Cells {
  constructor(parent, nameRole, role) {
    this.element = parent;
    parent.setAttribute("role", "row");
    this.name = element(parent, "span", "function");
    this.name.setAttribute("role", nameRole);
    this.measure = element(parent, "span", "measure");
    this.measure.setAttribute("aria-hidden", "true"); // it says what the share says
    for (const [, field] of COSTS) {
      this[field] = element(parent, "span", field);
      this[field].setAttribute("role", role);
    }
  }
}

class FunctionLine extends Cells {
  constructor(list) {
    super(element(list, "li"), "rowheader", "cell");
    const svg = shape(this.measure, "svg", { viewBox: "0 0 100 1", preserveAspectRatio: "none", "aria-hidden": "true" });
    shape(svg, "rect", { class: "track", width: 100, height: 1 });
    this.bar = shape(svg, "rect", { class: "part", height: 1 });
  }

  draw(cost, known) {
    this.element.hidden = !cost;
    if (!cost) return;
    const name = cost.throttled ? `${cost.name} (throttled)` : cost.name;
    // The place at its end stands in a line of its own where both have no room in one.
    const at = name.lastIndexOf(" [") + 1;
    const title = cost.throttled ? `${cost.name}\n${THROTTLED}` : cost.name;
    sayParted(this.name, name, at > 1 ? [name.slice(0, at), name.slice(at)] : parted(name), title);
    this.bar.setAttribute("width", (100 * (cost.share ?? 0)).toFixed(2));
    for (const [, field] of COSTS) say(this[field], "");
    for (const [, field, write] of known) say(this[field], cost[field] === null ? NOTHING : write(cost[field]));
  }
}
