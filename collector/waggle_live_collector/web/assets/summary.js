// What is said of a whole plugin in one line, and where it stands among the others.

// The rate of the most events: what a plugin does once a frame is counted there.
function mainRate({ rates }) {
  return rates.reduce((best, rate) => (!best || rate.total > best.total ? rate : best), null);
}

// The timer whose p95 is the longest now; null if none ran.
function slowest({ timers }) {
  return timers.reduce((worst, timer) => (timer.p95 > (worst?.p95 ?? 0) ? timer : worst), null);
}

function failures({ timers }) {
  return timers.reduce((sum, timer) => sum + timer.failures, 0);
}

function labelled({ name, labels }) {
  return [name, ...Object.entries(labels).map(([key, value]) => `${key}="${value}"`)].join(" ");
}

// The parts of a folded plugin's line: class, text, and what it means.
function summary(plugin) {
  const { cpu_per_second: cpu, memory_bytes: memory } = plugin;
  const rate = mainRate(plugin), worst = slowest(plugin), failed = failures(plugin);
  return [
    ["rate", rate && KINDS.rates.now(rate), rate && labelled(rate), "its main rate: the one of the most events"],
    ["worst", worst && seconds(worst.p95), worst && `p95 ${labelled(worst)}`, "the longest p95 of its timers"],
    ["failed warn", failed ? `✗ ${number(failed)}` : "", "failed", "blocks that raised, since the start"],
    ["cpu", cpu === null ? "" : percent(cpu), "CPU", "of one core"],
    ["memory", memory === null ? "" : bytes(memory), "", plugin.memory_scope ?? ""],
  ];
}

// How plugins and their rows may be sorted. A number sorts the highest first; what has none comes
// last, by name.
const ORDERS = {
  name: { plugin: () => null, row: () => null },
  cost: { plugin: plugin => plugin.cpu_per_second, row: row => row.busy },
  p95: { plugin: plugin => slowest(plugin)?.p95 ?? null, row: row => row.series.p95 ?? null },
  // As coarse as it is shown, or what is up would change places all the time.
  age: { plugin: plugin => (plugin.state === "up" ? null : Math.floor(plugin.silent)), row: row => (row.series.age < 2 ? null : Math.floor(row.series.age)) },
};

function highestFirst(a, b) {
  return (b ?? -Infinity) - (a ?? -Infinity) || 0;
}
