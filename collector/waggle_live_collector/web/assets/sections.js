// One plugin: its heading, the table of its rows, its knobs, and its functions.

const ROWS = 100; // shown at once; the others on request
const MEANINGS = {
  silent: "Nothing is heard of it: it hangs, or its connection is cut.",
  ok: "Its last process ended by itself.",
  error: "Its last process ended with an error.",
  stopped: "Its last process was told to stop, and did.",
  lost: "Its last process vanished without a word. A killed process does so.",
};
const UNPROVEN = "The kernel can't prove who reports these numbers. Another plugin could have sent them.";

// `up`, `silent`, `ended` or `lost`: a plugin that vanished is drawn and counted apart.
function stateOf({ state, status }) {
  return state === "ended" && status === "lost" ? "lost" : state;
}

// What the collector says of a plugin, in words.
function inWords(plugin) {
  const { state, status, silent } = plugin;
  const young = silent < 2;
  if (state === "silent") return young ? "silent" : `silent for ${age(silent)}`;
  if (state === "up") return state;
  return `${state}${status ? `: ${status}` : ""}, ${young ? "just now" : `${age(silent)} ago`}`;
}

class Section {
  constructor(plugin, watcher, open) {
    this.rows = new Map();
    this.limit = ROWS;
    this.watcher = watcher;
    this.open = open;
    this.order = "name";
    this.key = keyOf(plugin);
    this.names = [plugin.plugin_task, plugin.plugin, plugin.plugin_job].map(name => name.toLowerCase());
    const section = this.element = document.createElement("section");
    section.className = "plugin";
    this.#buildHeading(plugin);
    this.#buildTable(plugin.plugin_task);
    this.more = element(section, "button", "more");
    this.more.type = "button";
    this.more.addEventListener("click", () => { this.limit = Infinity; this.arrange(this.words); });
    this.knobs = new Knobs(section, plugin.plugin_task);
    this.functions = new Functions(section, plugin.plugin_task);
    this.fold(open);
  }

  #buildHeading(plugin) {
    const button = this.button = element(element(this.element, "h2"), "button");
    button.type = "button";
    button.addEventListener("click", () => this.fold(!this.open));
    const who = element(button, "span", "who");
    sayParted(element(who, "span", "task"), plugin.plugin_task);
    this.state = element(who, "span", "state");
    this.unproven = element(who, "span", "unproven", "unproven");
    this.unproven.title = UNPROVEN;
    if (plugin.plugin !== plugin.plugin_task) sayParted(element(who, "span", "image"), plugin.plugin);
    if (plugin.plugin_job) sayParted(element(who, "span", "job"), `job ${plugin.plugin_job}`);
    this.facts = element(button, "span", "facts");
    this.warn = element(button, "span", "problems warn");
    this.warn.hidden = true;
  }

  #buildTable(task) {
    const table = this.table = element(this.element, "table");
    table.setAttribute("role", "table");
    table.setAttribute("aria-label", `Live values of ${task}`);
    const head = element(table, "thead");
    head.setAttribute("role", "rowgroup");
    const titles = element(head, "tr");
    titles.setAttribute("role", "row");
    for (const name of HEADINGS) element(titles, "th", "", name).setAttribute("role", "columnheader");
    this.body = element(table, "tbody");
    this.body.setAttribute("role", "rowgroup");
  }

  // True if what is shown of the plugin may be another than before.
  take(plugin, time, now) {
    this.plugin = plugin;
    this.live = plugin.state === "up";
    // Whether any of them match the filter may change what is shown of the plugin.
    const matched = this.functions.fit(this.left).length > 0;
    this.functions.take(plugin.functions);
    let fresh = matched !== this.functions.fit(this.left).length > 0;
    const main = mainRate(plugin);
    const gone = new Set(this.rows.keys());
    for (const group of Object.keys(KINDS)) {
      for (const series of seriesOf(plugin, group)) {
        const key = `${group} ${series.name} ${JSON.stringify(series.labels)}`;
        gone.delete(key);
        let row = this.rows.get(key);
        if (!row) {
          this.rows.set(key, row = new Row(group, series));
          fresh = true;
        }
        row.take(series, time, now, this.live, main);
      }
    }
    for (const key of gone) this.#drop(key);
    return fresh || gone.size > 0;
  }

  #drop(key) {
    const { element } = this.rows.get(key);
    if (element) this.watcher.unwatch(element);
    this.rows.delete(key);
  }

  // It leaves the page.
  remove() {
    for (const key of this.rows.keys()) this.#drop(key);
    this.element.remove();
  }

  // True if what is shown of the plugin may be another than before.
  takeKnobs(knobs, now) {
    const matched = this.knobs.fit(this.left).length > 0;
    this.knobs.take(knobs, now);
    return matched !== this.knobs.fit(this.left).length > 0;
  }

  // Shows the rows that match the words, in that order; true if there are any.
  arrange(words, order = this.order) {
    this.words = words;
    this.order = order;
    const left = this.left = words.filter(word => !this.names.some(name => name.includes(word)));
    const fit = [...this.rows].filter(([, row]) => row.matches(left)).sort(inOrder(ORDERS[order].row));
    // What the process uses stands there however many instruments there are.
    const shown = this.open ? fit.map(([, row]) => row).filter((row, place) => place < this.limit || isProcess(row)) : [];
    const lists = [this.knobs, this.functions];
    this.element.hidden = words.length > 0 && !fit.length && !lists.some(list => list.fit(left).length);
    for (const list of lists) {
      if (this.open) list.draw(left);
      else list.element.hidden = true;
    }
    this.more.hidden = shown.length === fit.length || !this.open;
    this.more.textContent = `Show ${fit.length - shown.length} more`;
    const wanted = new Set(shown.map(row => row.element ?? this.watcher.watch(row)));
    for (const old of [...this.body.children]) if (!wanted.has(old)) old.remove();
    let before = null;
    for (const tr of wanted) {
      const next = before ? before.nextSibling : this.body.firstChild;
      if (next !== tr) this.body.insertBefore(tr, next);
      before = tr;
    }
    // One of the curves is reached by Tab, the others from there by the arrows.
    const stop = shown.find(({ reader }) => reader === document.activeElement) ?? shown[0];
    for (const row of shown) if (row.reader.tabIndex !== (row === stop ? 0 : -1)) row.reader.tabIndex = row === stop ? 0 : -1;
    return !this.element.hidden;
  }

  fold(open) {
    this.open = open;
    this.button.setAttribute("aria-expanded", String(open));
    this.table.hidden = !open;
    this.arrange(this.words ?? []);
    this.watcher.changed();
  }

  draw(view) {
    const { plugin } = this;
    const status = plugin.state === "ended" ? plugin.status ?? "" : "";
    Object.assign(this.element.dataset, { state: plugin.state, status });
    say(this.state, inWords(plugin));
    this.state.title = MEANINGS[status || plugin.state] ?? "";
    this.unproven.hidden = plugin.verified !== false;
    this.facts.hidden = this.open;
    if (!this.open) this.#drawFacts(plugin);
    const problems = Object.entries(plugin.problems);
    this.warn.hidden = !problems.length;
    if (problems.length) say(this.warn, problems.map(([reason, count]) => `${reason} ${number(count)}`).join("  "));
    if (!this.open) return;
    this.knobs.draw(this.left);
    this.functions.draw(this.left);
    for (const tr of this.body.children) if (tr.row.visible) tr.row.draw(view);
  }

  #drawFacts(plugin) {
    summary(plugin).forEach(([className, value, name, meaning], place) => {
      const fact = this.facts.children[place] ?? element(this.facts, "span", className);
      const text = value && value !== NOTHING ? `${value} ${name}` : "";
      if (fact.textContent === text) return;
      fact.title = text && `${text}\n${meaning}`;
      fact.replaceChildren();
      if (!text) return;
      element(fact, "b", "", value);
      fact.append(" ");
      sayParted(element(fact, "span"), name);
    });
  }
}

const ORDER = Object.keys(KINDS);

function isProcess(row) {
  return row.kind.kind === "process";
}

// The highest value first; what has none, or the same, by kind and name. The process comes last.
function inOrder(value) {
  const by = key => ORDER.indexOf(key.slice(0, key.indexOf(" ")));
  return ([a, one], [b, other]) => isProcess(one) - isProcess(other) || highestFirst(value(one), value(other)) || by(a) - by(b) || (a < b ? -1 : 1);
}
