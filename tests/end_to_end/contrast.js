// Returns what has too little contrast, by text or selector; what was not found; how many texts there are.
const [text, graphics, drawn, unseen] = arguments;
const parse = value => {
  const [r, g, b, a = 1] = value.match(/[\d.]+/g).map(Number);
  return [r, g, b, a];
};
const over = ([r, g, b, a], [x, y, z]) => [a * r + (1 - a) * x, a * g + (1 - a) * y, a * b + (1 - a) * z, 1];
const light = ([r, g, b]) => {
  const [x, y, z] = [r, g, b].map(v => v / 255).map(v => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const contrast = (a, b) => {
  const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
};
const paper = parse(getComputedStyle(document.body).backgroundColor);
const ground = e => {
  const layers = [];
  for (; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
  return layers.reverse().reduce((below, layer) => over(layer, below), paper);
};
const opacity = e => (e ? Number(getComputedStyle(e).opacity) * opacity(e.parentElement) : 1);
const bad = [];
const note = (what, colour, e, least, factor = 1) => {
  const [r, g, b, a] = parse(colour), below = ground(e);
  const found = contrast(over([r, g, b, a * factor * opacity(e)], below), below);
  if (found < least) bad.push([what, Number(found.toFixed(2))]);
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let count = 0;
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const e = node.parentElement;
  if (!node.textContent.trim() || !e.checkVisibility({ visibilityProperty: true })) continue;
  if (e.matches("script, style, option")) continue;
  note(node.textContent.trim(), getComputedStyle(e).color, e, text);
  count++;
}
const filter = document.querySelector("#filter");
note("placeholder", getComputedStyle(filter, "::placeholder").color, filter, text);
const missing = [];
for (const [selector, pseudo, property] of drawn) {
  let any = false;
  for (const e of document.querySelectorAll(selector)) {
    if (!e.checkVisibility({ visibilityProperty: true }) && selector !== "#mark") continue;
    any = true;
    const style = getComputedStyle(e, pseudo);
    const isInside = pseudo || ["fill", "stroke"].includes(property);
    const factor = property === "stroke" ? Number(style.strokeOpacity) : 1;
    note(selector, style[property], isInside ? e : e.parentElement, graphics, factor);
  }
  if (!any && !unseen.includes(selector)) missing.push(selector);
}
return [bad, missing, count];
