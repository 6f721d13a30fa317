// Puts it together: what comes is taken in at once, and drawn where somebody looks.

const OPEN_AT_FIRST = 6; // where there are more plugins, they begin folded
const SORT_AGAIN = 10; // seconds after which what is sorted by a number is sorted anew

const byId = id => document.getElementById(id);
const main = byId("plugins");
const sections = new Map();
const opened = clock.now();
let begun = opened; // the curves reach back to then
let latest = null, latestTime = opened, state = "connecting", words = [], order = "name", sortedAt = opened, due = false;

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
  unwatch(tr) {
    observer.unobserve(tr);
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
  latestTime = clock.now();
  const seen = new Set(), few = message.plugins.length <= OPEN_AT_FIRST;
  for (const plugin of message.plugins) {
    const key = keyOf(plugin);
    seen.add(key);
    let section = sections.get(key);
    if (!section) sections.set(key, section = new Section(plugin, watcher, few));
    if (section.take(plugin, latestTime, message.now)) {
      section.arrange(words, order);
      fresh = true;
    }
    fresh ||= !section.element.isConnected;
  }
  for (const [key, section] of sections) {
    if (seen.has(key)) continue;
    section.remove();
    sections.delete(key);
    fresh = true;
  }
  if (fresh || sortsAgain()) arrange();
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

// Numbers change all the time: their order seldom, and not while somebody reads or goes through it.
function sortsAgain() {
  const isUsed = main.contains(document.activeElement) && document.activeElement !== main;
  const isPointedAt = matchMedia("(hover: hover)").matches && main.matches(":hover");
  return order !== "name" && latestTime - sortedAt > SORT_AGAIN && !isUsed && !isPointedAt;
}

// By name, ended ones too: nothing changes its place because it ended. Else the highest first.
function arrange() {
  let before = byId("empty"), any = false;
  sortedAt = latestTime;
  const { plugin: value } = ORDERS[order];
  const sorted = [...sections.values()].sort((a, b) => highestFirst(value(a.plugin), value(b.plugin)) || (a.key < b.key ? -1 : 1));
  for (const section of sorted) {
    if (section.arrange(words, order)) any = true;
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
  const counts = { up: 0, silent: 0, lost: 0, ended: 0 };
  for (const { plugin } of sections.values()) counts[stateOf(plugin)]++;
  return Object.entries(counts).filter(([name, count]) => count || name === "up").map(([name, count]) => `${count} ${name}`).join(", ");
}

function draw() {
  const shown = view();
  for (const section of sections.values()) section.draw(shown);
  const tally = tallied();
  say(byId("tally"), tally);
  const isFolded = ![...sections.values()].some(section => section.open);
  document.body.classList.toggle("folded", isFolded);
  say(byId("fold"), isFolded ? "Unfold all" : "Fold all");
  reading.draw();
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
// Behind a proxy it may stand below a path, with or without the slash that ends it.
const base = location.origin + location.pathname.replace(/\/?$/, "/");
for (const link of document.querySelectorAll("footer a")) link.href = new URL(link.getAttribute("href"), base);
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
  const open = document.body.classList.contains("folded");
  for (const section of sections.values()) section.fold(open);
}
byId("fold").addEventListener("click", foldAll);

function sortBy(name) {
  order = byId("order").value = name;
  keep("order", name);
  arrange();
  changed();
}
byId("order").addEventListener("change", event => sortBy(event.target.value));

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
