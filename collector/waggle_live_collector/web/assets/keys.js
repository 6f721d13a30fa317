// What is worked by keys, and what this browser keeps: letters, colours and order.

const THEMES = { auto: "light dark", light: "light", dark: "dark" };
const STEPS = { ArrowLeft: -0.01, ArrowRight: 0.01, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };

function kept(name) {
  try { return localStorage.getItem(name); } catch { return null; }
}

function keep(name, value) {
  try { localStorage.setItem(name, value); } catch { /* it lasts as long as the page, then */ }
}

function theme(name) {
  document.documentElement.style.colorScheme = THEMES[name];
  byId("theme").value = name;
  keep("theme", name);
}

function next(names, name) {
  return names[(names.indexOf(name) + 1) % names.length];
}

byId("theme").addEventListener("change", event => theme(event.target.value));
if (Object.hasOwn(THEMES, kept("theme"))) theme(kept("theme"));
if (Object.hasOwn(ORDERS, kept("order"))) order = byId("order").value = kept("order");

function step(by) {
  const buttons = [...main.querySelectorAll(".plugin:not([hidden]) h2 button")];
  const at = buttons.indexOf(document.activeElement?.closest(".plugin")?.querySelector("h2 button"));
  const next = buttons[at < 0 ? (by > 0 ? 0 : buttons.length - 1) : at + by];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

// Whoever dictates, or leans on the keyboard, can switch the letters off (WCAG 2.1.4).
function letters(on) {
  document.body.classList.toggle("letterless", !on);
  byId("letters").checked = on;
  keep("letters", on ? "on" : "off");
}
byId("letters").addEventListener("change", event => letters(event.target.checked));
if (kept("letters") === "off") letters(false);

const legend = byId("legend");
byId("help").addEventListener("click", () => legend.showModal());
byId("close").addEventListener("click", () => legend.close());
legend.addEventListener("click", event => { if (event.target === legend) legend.close(); }); // beside it

const KEYS = {
  "/": () => byId("filter").focus(),
  j: () => step(1),
  k: () => step(-1),
  f: foldAll,
  s: () => sortBy(next(Object.keys(ORDERS), order)),
  t: () => theme(next(Object.keys(THEMES), byId("theme").value)),
  "?": () => legend.showModal(),
};

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || legend.open) return;
  if (event.target === byId("filter")) {
    if (event.key !== "Escape") return;
    event.target.value = "";
    event.target.dispatchEvent(new Event("input"));
    event.target.blur();
  } else if (event.target.matches?.(".reader") && reading.key(event.target, event.key)) {
    event.preventDefault();
  } else if (byId("letters").checked && !event.target.matches?.("select") && Object.hasOwn(KEYS, event.key)) {
    event.preventDefault();
    KEYS[event.key]();
  }
});

// The place of a curve that is read: below the pointer, or by the arrows from a focused one.
class Reading {
  #row = null;
  #place = 1; // 0 to 1 from left to right

  constructor(tip) {
    this.tip = tip;
  }

  // True if the key is one of ours.
  key(reader, name) {
    if (name === "Escape") this.leave();
    else if (name === "ArrowUp" || name === "ArrowDown") this.#go(reader, name === "ArrowDown" ? 1 : -1);
    else if (Object.hasOwn(STEPS, name)) this.show(reader, Math.min(1, Math.max(0, (this.#row ? this.#place : 1) + STEPS[name])));
    else return false;
    return true;
  }

  #go(reader, by) {
    const readers = [...reader.closest("tbody").querySelectorAll(".reader")];
    const other = readers[readers.indexOf(reader) + by];
    if (!other) return;
    reader.tabIndex = -1;
    other.tabIndex = 0;
    const place = this.#place;
    other.focus();
    this.show(other, place);
  }

  // Shows it, and tells those who hear it.
  show(reader, place) {
    this.point(reader, place);
    reader.setAttribute("aria-valuenow", Math.round(100 * place));
    reader.setAttribute("aria-valuetext", this.#row.at(place, view()) ?? "nothing is known");
  }

  point(reader, place) {
    this.#row = reader.closest("tr").row;
    this.#place = place;
    this.draw();
  }

  draw() {
    const row = this.#row;
    const text = row?.reader.checkVisibility() ? row.at(this.#place, view()) ?? NOTHING : "";
    this.tip.hidden = byId("mark").hidden = !text;
    if (!text) return;
    say(this.tip, text);
    const box = row.reader.getBoundingClientRect(), x = box.left + this.#place * box.width;
    this.tip.style.left = `${Math.max(8, Math.min(x + 12, innerWidth - this.tip.offsetWidth - 8))}px`;
    this.tip.style.top = `${box.top - this.tip.offsetHeight + 4}px`;
    Object.assign(byId("mark").style, { left: `${x}px`, top: `${box.top}px`, height: `${box.height}px` });
  }

  leave() {
    this.#row = null;
    this.draw();
  }
}

const reading = new Reading(byId("tip"));
main.addEventListener("pointermove", event => {
  const reader = event.target.closest?.("td.curve")?.querySelector(".reader");
  const box = reader?.getBoundingClientRect();
  if (reader) reading.point(reader, Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
  else if (!document.activeElement.matches(".reader")) reading.leave();
});
main.addEventListener("pointerleave", () => reading.leave());
main.addEventListener("focusin", event => { if (event.target.matches(".reader:focus-visible")) reading.show(event.target, 1); });
main.addEventListener("focusout", event => { if (event.target.matches(".reader")) reading.leave(); });
addEventListener("scroll", () => reading.draw(), { passive: true });
