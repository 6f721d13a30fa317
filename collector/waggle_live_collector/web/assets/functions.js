// Where a plugin's time goes, as TAU measured it: its most expensive functions.

const MOST = 5;
const OTHER = "__other__"; // no function: the sums of all that have no place of their own

class Functions {
  constructor(parent, task) {
    this.found = [];
    this.lines = [];
    this.element = element(parent, "div", "functions");
    this.element.hidden = true;
    this.title = element(this.element, "p");
    this.list = element(this.element, "ul");
    this.list.setAttribute("role", "list");
    this.list.setAttribute("aria-label", `Most expensive functions of ${task}`);
  }

  // The CPU's time stands for the other where TAU measured that alone.
  take(functions) {
    this.cpu = functions.every(each => each.exclusive === null);
    const known = functions
      .map(each => ({ name: each.name, calls: each.calls, cost: this.cpu ? each.exclusive_cpu : each.exclusive }))
      .filter(each => each.cost !== null);
    this.total = known.reduce((sum, each) => sum + each.cost, 0);
    this.found = known.filter(each => each.name !== OTHER).sort((a, b) => b.cost - a.cost);
  }

  fit(words) {
    return this.found.filter(({ name }) => words.every(word => `${name} function`.toLowerCase().includes(word)));
  }

  draw(words) {
    const shown = this.fit(words).slice(0, MOST);
    this.element.hidden = !shown.length;
    say(this.title, `functions by exclusive ${this.cpu ? "CPU time" : "time"}`);
    while (this.lines.length < shown.length) this.lines.push(new FunctionLine(this.list));
    this.lines.forEach((line, place) => line.draw(shown[place], this.total));
  }
}

class FunctionLine {
  constructor(list) {
    this.element = element(list, "li");
    this.name = element(this.element, "span", "function");
    const measure = element(this.element, "span", "measure");
    const svg = shape(measure, "svg", { viewBox: "0 0 100 1", preserveAspectRatio: "none", "aria-hidden": "true" });
    shape(svg, "rect", { class: "track", width: 100, height: 1 });
    this.bar = shape(svg, "rect", { class: "share", height: 1 });
    for (const name of ["part", "time", "calls"]) this[name] = element(this.element, "span", name);
  }

  draw(cost, total) {
    this.element.hidden = !cost;
    if (!cost) return;
    const share = total > 0 ? 100 * cost.cost / total : null;
    if (this.name.title !== cost.name) this.name.title = cost.name;
    say(this.name, cost.name);
    this.bar.setAttribute("width", (share ?? 0).toFixed(2));
    say(this.part, share === null ? "" : `${share.toFixed(1)} %`);
    say(this.time, duration(cost.cost));
    say(this.calls, `${number(cost.calls)} ${cost.calls === 1 ? "call" : "calls"}`);
  }
}
