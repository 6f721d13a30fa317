// What can be set of a plugin: each knob's value, who holds it, and since when. Shown only: a page
// has no token, and so can set nothing.

const PROFILER = "__profile"; // the knob that every plugin has: samples a second, 0 for none

const KNOB_COLUMNS = [["knob", "knobs"], ["choices", "choices"], ["value", "value"], ["held", "held by"]];

// Asks for the knobs of all plugins, one request at a time.
class KnobFeed {
  #asking = false;

  // `taken(found, now)`: the knobs of each plugin by its key, and the collector's time.
  constructor(base, taken) {
    this.base = base;
    this.taken = taken;
  }

  async ask() {
    if (this.#asking || document.hidden) return;
    this.#asking = true;
    try {
      const answer = await fetch(new URL("api/v1/knobs", this.base), { cache: "no-store", signal: AbortSignal.timeout(4e3) });
      if (answer.ok) this.#sort(await answer.json());
    } catch { /* the feed says that the collector is away; the next answer asks again */ } finally {
      this.#asking = false;
    }
  }

  #sort({ knobs, now }) {
    const found = new Map();
    for (const knob of knobs) {
      const key = keyOf(knob);
      if (!found.has(key)) found.set(key, []);
      found.get(key).push(knob);
    }
    this.taken(found, now);
  }
}

function keyOf({ plugin_task, plugin, plugin_job }) {
  return JSON.stringify([plugin_task, plugin, plugin_job]);
}

function knobValue(knob, value) {
  if (value === null || value === undefined) return NOTHING;
  if (knob.name === PROFILER) return value ? `${value} Hz` : "off";
  return typeof value === "number" ? number(value) : String(value);
}

// Who decides on the value, in words.
function heldBy(knob, now) {
  const { holder, since, seconds_left: left, processes, source } = knob;
  const words = [];
  if (holder) words.push(`held by ${holder}${since === null ? "" : ` for ${age(now - since).replace("now", "1 s")}`}${left === null ? "" : `, ${Math.ceil(left)} s left`}`);
  else words.push(source === "pinned" ? "pinned by the operator" : source === "set" ? "until its lease ends" : "default");
  if (holder && processes.pending) words.push(`${processes.pending} pending`);
  if (processes.refused) words.push(`${processes.refused} refused`);
  return words.join(", ");
}

class Knobs {
  constructor(parent, task) {
    this.found = [];
    this.lines = [];
    this.element = element(parent, "div", "knobs");
    this.element.hidden = true;
    this.element.setAttribute("role", "table");
    this.element.setAttribute("aria-label", `Knobs of ${task}`);
    const titles = element(this.element, "p");
    titles.setAttribute("role", "row");
    for (const [name, title] of KNOB_COLUMNS) element(titles, "span", name, title).setAttribute("role", "columnheader");
    this.list = element(this.element, "ul");
    this.list.setAttribute("role", "rowgroup");
  }

  take(knobs, now) {
    this.now = now;
    const isProfiler = knob => knob.name === PROFILER;
    const shown = knobs.filter(knob => !isProfiler(knob) || knob.holder || knob.value !== knob.default);
    this.found = shown.sort((a, b) => isProfiler(a) - isProfiler(b)); // the others as they were declared
  }

  fit(words) {
    return this.found.filter(({ name }) => words.every(word => `${name} knob`.toLowerCase().includes(word)));
  }

  draw(words) {
    const shown = this.fit(words);
    this.element.hidden = !shown.length;
    while (this.lines.length < shown.length) this.lines.push(new KnobLine(this.list));
    this.lines.forEach((line, place) => line.draw(shown[place], this.now));
  }
}

class KnobLine {
  constructor(list) {
    this.element = element(list, "li");
    this.element.setAttribute("role", "row");
    for (const [name] of KNOB_COLUMNS) {
      this[name] = element(this.element, "span", name);
      this[name].setAttribute("role", name === "knob" ? "rowheader" : "cell");
    }
  }

  draw(knob, now) {
    this.element.hidden = !knob;
    if (!knob) return;
    sayParted(this.knob, knob.name === PROFILER ? "profiler" : knob.name, undefined, knob.name);
    this.#drawChoices(knob);
    say(this.value, (knob.values ?? [knob.value]).map(value => knobValue(knob, value)).join(" | "));
    const bad = [...(knob.quarantined ?? []).map(value => `${knobValue(knob, value)} quarantined`), knob.error].filter(Boolean);
    say(this.held, [heldBy(knob, now), ...bad].join("; "));
    this.held.title = this.held.textContent;
    this.element.dataset.source = knob.holder ? "set" : knob.source;
    this.element.classList.toggle("doubt", bad.length > 0 || knob.processes.refused > 0);
  }

  // The choices, cheapest first, with the one that is set marked; else the bounds.
  #drawChoices(knob) {
    const texts = knob.choices ? knob.choices.map(value => knobValue(knob, value)) : knob.type === "bool" ? ["false", "true"] : knob.low === undefined ? [] : [`${knobValue(knob, knob.low)} … ${knobValue(knob, knob.high)}`];
    while (this.choices.children.length > texts.length) this.choices.lastChild.remove();
    while (this.choices.children.length < texts.length) {
      element(this.choices, "span");
      this.choices.append(" "); // for those who hear it
    }
    texts.forEach((text, place) => {
      const span = this.choices.children[place];
      say(span, text);
      span.classList.toggle("chosen", texts.length > 1 && text === knobValue(knob, knob.value));
    });
  }
}
