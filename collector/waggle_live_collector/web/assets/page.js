// Puts it together: what comes is taken in at once, and drawn where somebody looks.

const OPEN_AT_FIRST = 60; // further plugins come folded

const byId = id => document.getElementById(id);
const main = byId("plugins");
const sections = new Map();
const opened = performance.now() / 1e3;
let begun = opened; // the curves reach back to then
let latest = null, latestTime = opened, state = "connecting", words = [], due = false;

const observer = new IntersectionObserver(entries => {
  for (const entry of entries) entry.target.row.visible = entry.isIntersecting;
  changed();
}, { rootMargin: "300px 0px" });

const watcher = {
  changed,
  watch(row) {
    const tr = row.build();
    observer.observe(tr);
    return tr;
  },
};

// The moment that is shown.
function view() {
  const elapsed = latestTime - begun;
  const window = Math.min(WINDOW, Math.max(60, elapsed));
  return { time: latestTime, now: latest.now, window, young: elapsed < 5 };
}

function take(message) {
  let fresh = !latest;
  latest = message;
  latestTime = performance.now() / 1e3;
  const seen = new Set();
  for (const plugin of message.plugins) {
    const key = keyOf(plugin);
    seen.add(key);
    let section = sections.get(key);
    if (!section) sections.set(key, section = new Section(plugin, watcher, sections.size < OPEN_AT_FIRST));
    if (section.take(plugin, latestTime, message.now)) {
      section.arrange(words);
      fresh = true;
    }
    fresh ||= !section.element.isConnected;
  }
  for (const [key, section] of sections) {
    if (seen.has(key)) continue;
    for (const { element } of section.rows.values()) if (element) observer.unobserve(element);
    section.element.remove();
    sections.delete(key);
    fresh = true;
  }
  if (fresh) arrange();
  changed();
  knobs.ask();
}

// What was kept of the last minutes, up to that time.
function takePast(plugins, end) {
  for (const plugin of plugins) {
    const section = sections.get(keyOf(plugin));
    for (const series of plugin.series) {
      section?.rows.get(rowKey(series))?.history.fill(end, series.values, series.p95);
      begun = Math.min(begun, end - STEP * series.values.length);
    }
  }
  changed();
}

function takeKnobs(found, now) {
  let fresh = false;
  for (const [key, section] of sections) {
    if (section.takeKnobs(found.get(key) ?? [], now)) fresh = true;
  }
  if (fresh) arrange();
  changed();
}

// Alphabetical, ended ones too: nothing changes its place because it ended.
function arrange() {
  let before = byId("empty"), any = false;
  for (const key of [...sections.keys()].sort()) {
    const section = sections.get(key);
    if (section.arrange(words)) any = true;
    if (before.nextSibling !== section.element) main.insertBefore(section.element, before.nextSibling);
    before = section.element;
  }
  byId("empty").hidden = sections.size > 0;
  document.body.classList.toggle("bare", !sections.size);
  byId("nothing").hidden = !sections.size || any;
  say(byId("nothing"), `Nothing here is called “${byId("filter").value}”.`);
}

// At most once a frame, and not at all in a tab that nobody sees.
function changed() {
  if (due || !latest || document.hidden) return;
  due = true;
  requestAnimationFrame(() => { due = false; draw(); });
}

// How many plugins are in each state.
function tallied() {
  if (!sections.size) return "no plugins";
  const counts = { up: 0, silent: 0, ended: 0 };
  for (const { plugin } of sections.values()) counts[plugin.state]++;
  return Object.entries(counts).filter(([name, count]) => count || name === "up").map(([name, count]) => `${count} ${name}`).join(", ");
}

function draw() {
  const shown = view();
  for (const section of sections.values()) section.draw(shown);
  const tally = tallied();
  say(byId("tally"), tally);
  const minutes = shown.window < 119 ? `${Math.round(shown.window)} s` : `${Math.floor(shown.window / 60)} min`;
  say(byId("window"), `last ${minutes}${shown.window < WINDOW ? ", collecting…" : ""}`);
  entitle(state === "live" ? tally : "not connected");
}

function entitle(what) {
  const node = document.querySelector(".node").textContent;
  document.title = [what, node, "Waggle Live"].filter(Boolean).join(" · ");
}

function tell(now, reason) {
  const mark = byId("state");
  state = now;
  mark.dataset.state = now;
  say(mark, now);
  document.body.classList.toggle("lost", now !== "live");
  byId("banner").hidden = now === "live";
  say(byId("reason"), reason);
  if (now === "paused") entitle("paused");
  if (now === "live") {
    mark.classList.remove("beat");
    requestAnimationFrame(() => mark.classList.add("beat"));
  }
  count();
  changed();
}

function count() {
  const left = Math.ceil((feed.retryAt - performance.now()) / 1e3);
  say(byId("countdown"), left > 0 ? `again in ${left} s` : "trying…");
}

// Without credentials, which a page's own address may have and no request may.
const base = location.origin + location.pathname;
const knobs = new KnobFeed(base, takeKnobs);
const past = new Past(base, takePast);
const feed = new Feed(base, { taken: take, told: tell, missed: () => past.ask() });
setInterval(() => { if (state !== "live") count(); }, 500);
byId("retry").addEventListener("click", () => feed.ask());
addEventListener("online", () => feed.ask());
document.addEventListener("visibilitychange", () => { feed.ask(); changed(); });

byId("filter").addEventListener("input", event => {
  words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  arrange();
  changed();
});

function foldAll() {
  const open = ![...sections.values()].some(section => section.open);
  for (const section of sections.values()) section.fold(open);
  say(byId("fold"), open ? "Fold all" : "Unfold all");
}
byId("fold").addEventListener("click", foldAll);

const THEMES = { Auto: "light dark", Light: "light", Dark: "dark" };

function theme(name) {
  document.documentElement.style.colorScheme = THEMES[name];
  say(byId("theme"), name);
  try { localStorage.setItem("theme", name); } catch { /* it lasts as long as the page, then */ }
}

function nextTheme() {
  const names = Object.keys(THEMES);
  theme(names[(names.indexOf(byId("theme").textContent) + 1) % names.length]);
}
byId("theme").addEventListener("click", nextTheme);
try {
  const kept = localStorage.getItem("theme");
  if (Object.hasOwn(THEMES, kept)) theme(kept);
} catch { /* as the system has it */ }

function step(by) {
  const buttons = [...main.querySelectorAll(".plugin:not([hidden]) h2 button")];
  const at = buttons.indexOf(document.activeElement?.closest(".plugin")?.querySelector("h2 button"));
  const next = buttons[at < 0 ? (by > 0 ? 0 : buttons.length - 1) : at + by];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

const KEYS = { "/": () => byId("filter").focus(), j: () => step(1), k: () => step(-1), f: foldAll, t: nextTheme };

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === byId("filter")) {
    if (event.key !== "Escape") return;
    event.target.value = "";
    event.target.dispatchEvent(new Event("input"));
    event.target.blur();
  } else if (Object.hasOwn(KEYS, event.key)) {
    event.preventDefault();
    KEYS[event.key]();
  }
});

main.addEventListener("pointermove", event => {
  const cell = event.target.closest?.("td.curve");
  const tip = byId("tip");
  const box = cell?.getBoundingClientRect();
  const text = cell && cell.parentNode.row.at((event.clientX - box.left) / box.width, view());
  tip.hidden = !text;
  if (!text) return;
  say(tip, text);
  tip.style.left = `${Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8)}px`;
  tip.style.top = `${box.top - tip.offsetHeight + 4}px`;
});
main.addEventListener("pointerleave", () => { byId("tip").hidden = true; });

main.addEventListener("click", async event => {
  if (!event.target.matches?.(".copy")) return;
  const code = event.target.parentNode.querySelector("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch { // plain HTTP from another machine: the older way is all there is
    getSelection().selectAllChildren(code);
    document.execCommand("copy");
  }
  const button = event.target;
  say(button, "Copied");
  setTimeout(() => say(button, "Copy"), 1500);
});

feed.ask();
