// One plugin: its heading, the table of its rows, its knobs, and its functions.

const ROWS = 100; // shown at once; the others on request
const MEANINGS = {
  silent: "Nothing is heard of it: it hangs, or its connection is cut.",
  ok: "Its last process ended by itself.",
  error: "Its last process ended with an error.",
  stopped: "Its last process was told to stop, and did.",
  lost: "Its last process vanished without a word, as one does that is killed.",
};

// What the collector says of a plugin, in words.
function inWords({ state, status, silent }) {
  const young = silent < 2;
  if (state === "silent") return young ? "silent" : `silent for ${age(silent)}`;
  if (state !== "ended") return state;
  return `ended${status ? `: ${status}` : ""}, ${young ? "just now" : `${age(silent)} ago`}`;
}

class Section {
  constructor(plugin, watcher, open) {
    this.rows = new Map();
    this.limit = ROWS;
    this.watcher = watcher;
    this.open = open;
    this.names = [plugin.plugin_task, plugin.plugin, plugin.plugin_job].map(name => name.toLowerCase());
    const section = this.element = document.createElement("section");
    section.className = "plugin";
    const heading = element(section, "h2");
    this.button = element(heading, "button");
    this.button.type = "button";
    this.button.addEventListener("click", () => this.fold(!this.open));
    element(this.button, "span", "task", plugin.plugin_task).title = plugin.plugin_task;
    this.state = element(this.button, "span", "state");
    if (plugin.plugin !== plugin.plugin_task) element(this.button, "span", "image", plugin.plugin);
    if (plugin.plugin_job) element(this.button, "span", "job", `job ${plugin.plugin_job}`);
    this.facts = element(this.button, "span", "facts");
    this.warn = element(this.button, "span", "facts warn");
    this.warn.hidden = true;
    const table = this.table = element(section, "table");
    table.setAttribute("role", "table");
    table.setAttribute("aria-label", `Live values of ${plugin.plugin_task}`);
    const head = element(table, "thead");
    head.setAttribute("role", "rowgroup");
    const titles = element(head, "tr");
    titles.setAttribute("role", "row");
    for (const name of HEADINGS) element(titles, "th", "", name).setAttribute("role", "columnheader");
    this.body = element(table, "tbody");
    this.body.setAttribute("role", "rowgroup");
    this.more = element(section, "button", "more");
    this.more.type = "button";
    this.more.addEventListener("click", () => { this.limit = Infinity; this.arrange(this.words); });
    this.knobs = new Knobs(section, plugin.plugin_task);
    this.functions = new Functions(section, plugin.plugin_task);
    this.fold(open);
  }

  take(plugin, time, now) {
    this.plugin = plugin;
    this.live = plugin.state === "up";
    // Whether any of them match the filter may change what is shown of the plugin.
    const matched = this.functions.fit(this.left).length > 0;
    this.functions.take(plugin.functions);
    let fresh = matched !== this.functions.fit(this.left).length > 0;
    for (const group of Object.keys(KINDS)) {
      for (const series of seriesOf(plugin, group)) {
        const key = `${group} ${series.name} ${JSON.stringify(series.labels)}`;
        let row = this.rows.get(key);
        if (!row) {
          this.rows.set(key, row = new Row(group, series));
          fresh = true;
        }
        row.take(series, time, now, this.live);
      }
    }
    return fresh;
  }

  // True if what is shown of the plugin may be another than before.
  takeKnobs(knobs, now) {
    const matched = this.knobs.fit(this.left).length > 0;
    this.knobs.take(knobs, now);
    return matched !== this.knobs.fit(this.left).length > 0;
  }

  // Shows the rows that match the words, in a lasting order; true if there are any.
  arrange(words) {
    this.words = words;
    const left = this.left = words.filter(word => !this.names.some(name => name.includes(word)));
    const fit = [...this.rows].filter(([, row]) => row.matches(left)).sort(inOrder);
    // What the process uses stands there however many instruments there are.
    const shown = this.open ? fit.map(([, row]) => row).filter((row, place) => place < this.limit || row.kind.kind === "process") : [];
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
    const facts = [];
    if (!this.open) {
      const instruments = INSTRUMENTS.reduce((sum, group) => sum + plugin[group].length, 0);
      if (instruments) facts.push(`${instruments} ${instruments === 1 ? "instrument" : "instruments"}`);
      if (plugin.sessions > 1) facts.push(processes(plugin.sessions));
      if (plugin.cpu_per_second !== null) facts.push(`${percent(plugin.cpu_per_second)} CPU`);
      if (plugin.memory_bytes !== null) facts.push(bytes(plugin.memory_bytes));
    }
    say(this.facts, facts.join("  "));
    const problems = Object.entries(plugin.problems);
    this.warn.hidden = !problems.length;
    if (problems.length) say(this.warn, problems.map(([reason, count]) => `${reason} ${number(count)}`).join("  "));
    if (!this.open) return;
    this.knobs.draw(this.left);
    this.functions.draw(this.left);
    for (const tr of this.body.children) if (tr.row.visible) tr.row.draw(view);
  }
}

const ORDER = Object.keys(KINDS);

function inOrder([a], [b]) {
  const by = key => ORDER.indexOf(key.slice(0, key.indexOf(" ")));
  return by(a) - by(b) || (a < b ? -1 : 1);
}
