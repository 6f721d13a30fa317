// Numbers as text: three digits, fixed places, so that columns stand still while they change.

const NOTHING = "–";

function digits(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.01 || size >= 1e6)) return value.toExponential(1).replace("e+", "e");
  return value.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
}

function seconds(value) {
  if (value === null || !Number.isFinite(value)) return NOTHING;
  if (value === 0) return "0 s";
  for (const [unit, factor] of [["s", 1], ["ms", 1e3], ["µs", 1e6]]) {
    if (Math.abs(value) * factor >= 1) return `${digits(value * factor)} ${unit}`;
  }
  return `${(value * 1e9).toFixed(0)} ns`;
}

// With room behind a unit of one letter, so that digits stand below digits.
function duration(value) {
  const text = seconds(value);
  return text.endsWith(" s") ? `${text}\u00a0` : text;
}

function number(value) {
  if (value === null || !Number.isFinite(value)) return NOTHING;
  const size = Math.abs(value);
  if (!Number.isInteger(value) && size < 1e6) return digits(value);
  return size < 1e4 ? String(value) : shortened(value);
}

function shortened(value) {
  const size = Math.abs(value);
  if (size < 1e6) return value.toLocaleString("en").replaceAll(",", "\u2009");
  for (const [unit, factor] of [["M", 1e6], ["G", 1e9], ["T", 1e12]]) {
    if (size < factor * 1e3) return `${digits(value / factor)} ${unit}`;
  }
  return value.toExponential(2).replace("e+", "e");
}

function perSecond(value) {
  if (value === null || !Number.isFinite(value)) return NOTHING;
  return `${Math.abs(value) < 99.95 ? value.toFixed(1) : shortened(Math.round(value))}/s`;
}

// Of one core.
function percent(value) {
  return value === null ? NOTHING : `${(100 * value).toFixed(value < 0.0995 ? 1 : 0)} %`;
}

function processes(count) {
  return count ? `${count} ${count === 1 ? "process" : "processes"}` : "";
}

// Coarse on purpose: an age that runs is a number that distracts.
function age(value) {
  if (value === null) return NOTHING;
  if (value < 2) return "now";
  if (value < 60) return `${Math.floor(value)} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min`;
  return value < 172800 ? `${Math.floor(value / 3600)} h` : `${Math.floor(value / 86400)} d`;
}

// As top shows them: MB are 10^6 bytes, whatever the size.
function bytes(value) {
  return value === null ? NOTHING : `${(value / 1e6).toFixed(0)} MB`;
}

const RIGHT_TO_LEFT = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc]/;
const characters = new Intl.Segmenter("en", { granularity: "grapheme" });

// A long name's two parts, of which the first is cut where there is no room: names differ at their
// ends.
// No part begins or ends with a space, which would not be shown there.
// What runs from right to left stays whole: its end may stand anywhere in the line.
function parted(name) {
  if (RIGHT_TO_LEFT.test(name)) return [name];
  const all = [...characters.segment(name)].map(each => each.segment);
  let at = all.length - 10;
  while (at > 0 && (!all[at].trim() || !all[at - 1].trim())) at--;
  return all.length < 16 || at < 3 ? [name] : [all.slice(0, at).join(""), all.slice(at).join("")];
}
