// Shows the images of a study: filtered and sorted in a table, as a scatter plot, and one of them in full.
"use strict";

const element = (id) => document.getElementById(id);
const block = (name) => element(`data-${name}`)?.textContent ?? "";
const facts = JSON.parse(element("facts").textContent);
const COUNT = facts.files.length;
const ROW = parseFloat(getComputedStyle(document.documentElement).fontSize) * 2.5; // as in the style
const LABELS = { category: "Category", subcategory: "Subcategory", split: "Part of the split" };

function bytes(text) {
  const signs = atob(text), made = new Uint8Array(signs.length);
  for (let place = 0; place < signs.length; place += 1) made[place] = signs.charCodeAt(place);
  return made.buffer;
}

function pictures(name) {
  const text = block(name);
  return text ? text.split("\n") : [];
}

function make(tag, text, kind) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

const all = new Float32Array(bytes(block("numbers")));
const numbers = facts.numbers.map((number, place) => ({ ...number, values: all.subarray(place * COUNT, (place + 1) * COUNT) }));
const nearest = new Int32Array(bytes(block("neighbours"))), distances = new Float32Array(bytes(block("distances")));
const photographs = pictures("photographs"), reconstructions = pictures("reconstructions"), maps = pictures("maps");
const notConverged = new Set(facts.not_converged ?? []);
const labels = Object.entries(facts.labels).filter(([, label]) => label.names.some((name) => name !== "" && name !== "all"));
const labelOf = ({ names, codes }, image) => names[codes[image]];
const narrow = matchMedia("(max-width: 60rem)"), dark = matchMedia("(prefers-color-scheme: dark)");

const seen = facts.first.slice(); // places of the numbers that a reader sees: x, y and a third
let order = { by: "file", down: false };
let shown = []; // images that pass the filters, in order
let placeOf = new Int32Array(COUNT); // place in `shown`, or -1
let chosen = 0;

function written(value) {
  if (Number.isNaN(value)) return "–";
  if (Number.isInteger(value)) return String(value).replace("-", "−");
  const size = Math.abs(value);
  const text = size >= 1e5 || size < 1e-4 ? value.toExponential(2) : value.toPrecision(size >= 1000 ? 5 : 3);
  return text.replace(/-/g, "−");
}

const counted = (count) => count.toLocaleString("en");

function picture(coded, words) {
  const made = make("img");
  made.alt = words;
  made.decoding = "async";
  made.src = `data:image/webp;base64,${coded}`;
  return made;
}

// Filters

function limits() {
  return [...document.querySelectorAll("#ranges > div")].map((row, place) => {
    const [low, high] = [...row.querySelectorAll("input")].map((input) => (input.value === "" ? null : Math.fround(input.valueAsNumber))); // as precise as the values
    return { values: numbers[seen[place]].values, low, high };
  }).filter(({ low, high }) => low !== null || high !== null);
}

function filter() {
  const text = element("text").value.toLowerCase();
  const wanted = labels.map(([name, label]) => [label.codes, element(`label-${name}`).value]).filter(([, code]) => code !== "");
  const ranges = limits();
  const kept = [];
  for (let image = 0; image < COUNT; image += 1) {
    if (text && !facts.files[image].toLowerCase().includes(text)) continue;
    if (!wanted.every(([codes, code]) => codes[image] === Number(code))) continue;
    // A missing value lies within no limits.
    if (!ranges.every(({ values, low, high }) => (low === null ? true : values[image] >= low) && (high === null ? true : values[image] <= high))) continue;
    kept.push(image);
  }
  shown = kept;
  sort();
}

function sort() {
  const { by, down } = order, sign = down ? -1 : 1;
  const label = facts.labels[by];
  const words = new Intl.Collator(undefined, { numeric: true }).compare;
  let compare = (a, b) => words(facts.files[a], facts.files[b]) * sign || a - b;
  if (label) compare = (a, b) => (label.codes[a] - label.codes[b]) * sign || a - b;
  else if (by !== "file") {
    const { values } = numbers[by];
    // Missing values come last, in either direction.
    compare = (a, b) => Number.isNaN(values[a]) - Number.isNaN(values[b]) || (values[a] - values[b]) * sign || a - b;
  }
  shown.sort(compare);
  placeOf.fill(-1);
  shown.forEach((image, place) => { placeOf[image] = place; });
  element("count").textContent = shown.length === COUNT ? `All ${counted(COUNT)} images.` : `${counted(shown.length)} of ${counted(COUNT)} images.`;
  rebuild();
  draw();
}

// Table

const columns = () => [
  { by: "file", words: "Name", width: narrow.matches ? "minmax(4rem, 2fr)" : "minmax(7rem, 3fr)", kind: "name", cell: (image) => facts.files[image] },
  ...labels.filter(() => !narrow.matches).map(([name, label]) => ({ by: name, words: LABELS[name], width: "minmax(4.5rem, 1fr)", cell: (image) => labelOf(label, image) })),
  ...seen.map((by) => ({ by, words: numbers[by].words, width: narrow.matches ? "minmax(2.75rem, 1.2fr)" : "minmax(5.75rem, 1.2fr)", kind: "number", cell: (image) => written(numbers[by].values[image]) })),
];

function head(list) {
  const cells = list.map(({ by, words, kind }) => {
    const cell = make("div", undefined, kind), button = make("button");
    const mine = order.by === by;
    cell.setAttribute("role", "columnheader");
    cell.setAttribute("aria-sort", mine ? (order.down ? "descending" : "ascending") : "none");
    button.type = "button";
    button.textContent = words;
    button.addEventListener("click", () => {
      order = { by, down: mine && !order.down };
      sort();
      [...element("head").querySelectorAll("button")][list.findIndex((one) => one.by === by)]?.focus();
    });
    cell.append(button);
    return cell;
  });
  if (photographs.length) {
    const cell = make("div");
    cell.setAttribute("role", "columnheader");
    cell.setAttribute("aria-label", "Photograph");
    cells.unshift(cell);
  }
  element("head").replaceChildren(...cells);
}

const rows = new Map(); // place in `shown` -> its row on the page

function row(place) {
  const image = shown[place], made = make("div", undefined, "row");
  made.setAttribute("role", "row");
  made.setAttribute("aria-rowindex", String(place + 2));
  made.style.top = `${place * ROW}px`;
  made.dataset.image = String(image);
  const cells = columns().map(({ cell, kind }) => make("span", cell(image), kind));
  if (photographs.length) {
    const cell = make("span");
    if (photographs[image]) cell.append(picture(photographs[image], ""));
    cells.unshift(cell);
  }
  for (const cell of cells) {
    cell.setAttribute("role", "gridcell");
    cell.title = cell.textContent;
  }
  // A path is best broken between its folders.
  const name = document.createDocumentFragment();
  for (const part of facts.files[image].match(/[^/]*\/?/g)) name.append(part, make("wbr"));
  cells[photographs.length ? 1 : 0].replaceChildren(name);
  made.append(...cells);
  made.addEventListener("click", () => {
    choose(image, true);
    if (narrow.matches) element("image").scrollIntoView({ block: "start" });
  });
  return made;
}

// Rows that are in sight, and the chosen one, which may have the focus.
function render() {
  const box = element("scroll");
  const first = Math.max(0, Math.floor(box.scrollTop / ROW) - 5), last = Math.min(shown.length, Math.ceil((box.scrollTop + box.clientHeight) / ROW) + 5);
  const stop = Math.max(placeOf[chosen], 0);
  for (const [place, made] of rows) {
    if ((place < first || place >= last) && place !== stop) { made.remove(); rows.delete(place); }
  }
  for (let place = first; place < last; place += 1) add(place);
  if (shown.length) add(stop);
  for (const [place, made] of rows) {
    made.setAttribute("aria-selected", String(shown[place] === chosen));
    made.tabIndex = place === stop ? 0 : -1;
  }
}

function add(place) {
  if (rows.has(place)) return;
  const made = row(place);
  rows.set(place, made);
  element("height").append(made);
}

function rebuild() {
  const list = columns();
  element("grid").style.setProperty("--columns", `${photographs.length ? "2.25rem " : ""}${list.map(({ width }) => width).join(" ")}`);
  element("grid").setAttribute("aria-rowcount", String(shown.length + 1));
  head(list);
  for (const made of rows.values()) made.remove();
  rows.clear();
  element("height").style.height = `${shown.length * ROW}px`;
  element("scroll").scrollTop = 0;
  render();
}

function intoView(place) {
  const box = element("scroll"), top = place * ROW;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top + ROW > box.scrollTop + box.clientHeight) box.scrollTop = top + ROW - box.clientHeight;
}

function choose(image, focus) {
  chosen = image;
  const place = placeOf[image];
  if (place >= 0) intoView(place);
  render();
  if (focus && place >= 0) rows.get(place).focus({ preventScroll: true });
  describe();
  draw();
}

function move(event) {
  if (!shown.length || event.target.getAttribute("role") !== "row") return;
  const page = Math.max(1, Math.floor(element("scroll").clientHeight / ROW) - 1), now = placeOf[Number(event.target.dataset.image)];
  const to = { ArrowDown: now + 1, ArrowUp: now - 1, PageDown: now + page, PageUp: now - page, Home: 0, End: shown.length - 1, Enter: now, " ": now }[event.key];
  if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  choose(shown[Math.min(Math.max(to, 0), shown.length - 1)], true);
}

// Scatter plot

let points = []; // [x, y, image] of what is drawn and shown, in pixels of the page

function span(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) if (Number.isFinite(value)) { low = Math.min(low, value); high = Math.max(high, value); }
  const room = (high - low) * 0.04 || Math.abs(high) * 0.1 || 1;
  return high < low ? [0, 1] : [low - room, high + room];
}

function ticks([low, high], about) {
  const rough = (high - low) / about, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((one) => one >= rough);
  const made = [];
  for (let place = Math.ceil(low / step); place * step <= high; place += 1) made.push(place * step);
  return made;
}

const tick = (value) => String(Number(value.toPrecision(6))).replace(/-/g, "−");

function draw() {
  const canvas = element("scatter"), [x, y] = [numbers[seen[0]], numbers[seen[1] ?? seen[0]]];
  if (!x) return;
  const width = canvas.clientWidth, height = canvas.clientHeight, sharp = devicePixelRatio || 1;
  canvas.width = width * sharp;
  canvas.height = height * sharp;
  const style = getComputedStyle(document.documentElement), colour = (name) => style.getPropertyValue(name).trim();
  const context = canvas.getContext("2d");
  context.scale(sharp, sharp);
  context.font = "12px system-ui, sans-serif";
  const [left, bottom, top, right] = [64, height - 42, 22, width - 10];
  const spans = [span(x.values), span(y.values)];
  const across = (value) => left + (value - spans[0][0]) / (spans[0][1] - spans[0][0]) * (right - left);
  const up = (value) => bottom - (value - spans[1][0]) / (spans[1][1] - spans[1][0]) * (bottom - top);
  context.strokeStyle = context.fillStyle = colour("--front");
  context.strokeRect(left, top, right - left, bottom - top);
  context.textAlign = "center";
  for (const value of ticks(spans[0], Math.max(2, (right - left) / 80))) context.fillText(tick(value), across(value), bottom + 16);
  context.fillText(x.words, (left + right) / 2, height - 8, right - left);
  context.textAlign = "right";
  for (const value of ticks(spans[1], 5)) context.fillText(tick(value), left - 6, up(value) + 4);
  context.textAlign = "left";
  context.fillText(y.words, 4, 14, width - 8);
  const place = (image) => [across(x.values[image]), up(y.values[image]), image];
  const known = (image) => Number.isFinite(x.values[image]) && Number.isFinite(y.values[image]);
  const radius = COUNT > 2000 ? 1.8 : 3;
  const dots = (images, fill, alpha) => {
    context.fillStyle = fill;
    context.globalAlpha = alpha;
    const drawn = images.filter(known).map(place);
    for (const [a, b] of drawn) { context.beginPath(); context.arc(a, b, radius, 0, 2 * Math.PI); context.fill(); }
    context.globalAlpha = 1;
    return drawn;
  };
  dots([...placeOf.keys()].filter((image) => placeOf[image] < 0), colour("--line"), 0.25);
  points = dots(shown, colour("--accent"), 0.6);
  const marked = known(chosen);
  if (marked) {
    const [a, b] = place(chosen);
    context.fillStyle = context.strokeStyle = colour("--mark");
    context.lineWidth = 2;
    context.beginPath(); context.arc(a, b, 4, 0, 2 * Math.PI); context.fill();
    context.beginPath(); context.arc(a, b, 10, 0, 2 * Math.PI); context.stroke();
  }
  const name = facts.files[chosen];
  canvas.setAttribute("aria-label", `${y.words}, upwards, by ${x.words}: ${counted(points.length)} images. `
    + (marked ? `${name} is marked at ${written(x.values[chosen])} and ${written(y.values[chosen])}.` : `${name} has no place in it.`));
  element("plotted").textContent = `${counted(points.length)} images. ${marked ? "The ring marks the chosen image." : "The chosen image lacks one of the two numbers."} Grey: images that the filters leave out. Click on a point to choose its image.`;
}

function pick(event) {
  const box = element("scatter").getBoundingClientRect(), [a, b] = [event.clientX - box.left, event.clientY - box.top];
  let best = -1, least = 20 ** 2;
  for (const [x, y, image] of points) {
    const far = (x - a) ** 2 + (y - b) ** 2;
    if (far < least) [best, least] = [image, far];
  }
  if (best >= 0) choose(best, false);
}

// The chosen image

function figure(coded, words, without) {
  const made = make("figure");
  made.append(coded ? picture(coded, `${words} of ${facts.files[chosen]}`) : make("div", without, "none"), make("figcaption", words));
  return made;
}

const bars = new Map(); // number -> counts of its bins, its sorted values

function distribution(number) {
  if (!bars.has(number)) {
    const sorted = number.values.filter((value) => !Number.isNaN(value)).sort(), counts = new Array(24).fill(0);
    const low = sorted[0], high = sorted[sorted.length - 1];
    for (const value of sorted) counts[high > low ? Math.min(23, Math.floor((value - low) / (high - low) * 24)) : 12] += 1;
    bars.set(number, { sorted, counts, low, high });
  }
  return bars.get(number);
}

// How many of ascending values lie below one.
function below(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1; else high = middle;
  }
  return low;
}

function histogram({ counts, low, high }, value) {
  const space = "http://www.w3.org/2000/svg", made = document.createElementNS(space, "svg");
  const most = Math.max(...counts), path = document.createElementNS(space, "path"), line = document.createElementNS(space, "line");
  made.setAttribute("viewBox", "0 0 24 10");
  made.setAttribute("preserveAspectRatio", "none");
  made.setAttribute("aria-hidden", "true");
  path.setAttribute("d", counts.map((count, bin) => `M${bin} 10V${10 - 10 * count / most}h.9V10z`).join(""));
  const place = high > low ? (value - low) / (high - low) * 24 : 12.5;
  for (const [name, at] of Object.entries({ x1: place, x2: place, y1: 0, y2: 10 })) line.setAttribute(name, String(at));
  made.append(path, line);
  return made;
}

function valueTable() {
  const table = make("table"), groups = new Map();
  for (const number of numbers) {
    if (!groups.has(number.group)) {
      const body = make("tbody"), top = make("tr"), cell = make("th", number.group);
      cell.scope = "rowgroup";
      cell.colSpan = 4;
      top.append(cell);
      body.append(top);
      groups.set(number.group, body);
    }
    const value = number.values[chosen], line = make("tr"), name = make("th", number.words), drawn = make("td"), rank = make("td");
    name.scope = "row";
    if (!Number.isNaN(value)) {
      const spread = distribution(number);
      drawn.append(histogram(spread, value));
      rank.textContent = `higher than ${Math.floor(100 * below(spread.sorted, value) / spread.sorted.length)} %`;
    }
    line.append(name, make("td", written(value), "number"), drawn, rank);
    groups.get(number.group).append(line);
  }
  table.append(...groups.values());
  return table;
}

function describe() {
  const name = facts.files[chosen];
  element("name").textContent = name;
  const words = labels.map(([key, label]) => [LABELS[key], labelOf(label, chosen)]).filter(([, text]) => text !== "");
  element("labelled").replaceChildren(...words.map(([key, text]) => make("span", `${key}: ${text}. `)));
  const split = facts.labels.split && labelOf(facts.labels.split, chosen);
  if (split === "train" || split === "validation") element("labelled").append(make("span", "The predictor was made with the scores of such images: test images alone show how well it predicts."));
  if (placeOf[chosen] < 0) element("labelled").append(make("span", " The filters leave this image out.", "warning"));
  const made = [figure(photographs[chosen], "Photograph, as the networks see it", facts.without_photographs || "There is no photograph of this image.")];
  if (reconstructions.length) made.push(figure(reconstructions[chosen], "Reconstruction", "There is no reconstruction of this image."));
  if (maps[chosen]) {
    const map = figure(maps[chosen], "Attribution: brighter parts move the predicted score more, each map in its own scale");
    if (notConverged.has(chosen)) map.append(make("figcaption", "This map has not converged: its parts do not add up to the prediction.", "warning"));
    made.push(map);
  }
  element("pictures").replaceChildren(...made);
  element("nearest").replaceChildren(...neighbours());
  element("values").replaceChildren(make("h3", "Its numbers among those of all images"), valueTable());
}

function neighbours() {
  const list = make("ul"), count = facts.neighbours ?? 0;
  list.id = "neighbours";
  for (let place = chosen * count; place < (chosen + 1) * count; place += 1) {
    const image = nearest[place];
    if (image < 0) continue;
    const item = make("li"), button = make("button");
    button.type = "button";
    if (photographs[image]) button.append(picture(photographs[image], ""));
    button.append(make("span", facts.files[image]), make("small", `distance ${written(distances[place])}`));
    button.title = facts.files[image];
    button.addEventListener("click", () => {
      choose(image, false);
      element("neighbours").querySelector("button")?.focus({ preventScroll: true });
    });
    item.append(button);
    list.append(item);
  }
  return list.children.length ? [make("h3", "Nearest images by their latents"), list] : [];
}

// Controls

function controls() {
  for (const [name, label] of labels) {
    const box = make("span"), words = make("label", LABELS[name]), select = make("select");
    select.id = words.htmlFor = `label-${name}`;
    select.append(new Option("all", ""), ...label.names.map((text, code) => new Option(text || "none", String(code))));
    box.append(words, select);
    element("labels").append(box);
  }
  seen.forEach((by, place) => {
    const line = make("div"), select = make("select"), role = ["across the plot", "up the plot", "third"][place];
    select.setAttribute("aria-label", `Number ${place + 1}, ${role}`);
    select.append(...numbers.map(({ words }, number) => new Option(words, String(number), number === by, number === by)));
    const ends = ["from", "to"].map((end) => {
      const input = make("input");
      input.type = "number";
      input.step = "any";
      input.placeholder = end;
      input.setAttribute("aria-label", `Number ${place + 1} ${end}`);
      return input;
    });
    select.addEventListener("change", () => {
      if (order.by === seen[place]) order = { by: "file", down: false };
      seen[place] = Number(select.value);
      for (const input of ends) input.value = "";
      filter();
    });
    line.append(select, ends[0], make("span", "–"), ends[1]);
    element("ranges").append(line);
  });
  if (!seen.length) element("ranges").hidden = element("plot").hidden = true;
}

element("note").textContent = facts.note;
controls();
const form = element("filters");
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", ({ target }) => { if (!target.closest("#ranges") || target.tagName === "INPUT") { filter(); describe(); } });
form.addEventListener("reset", () => setTimeout(() => {
  // A reset would take other numbers than those that are seen.
  document.querySelectorAll("#ranges select").forEach((select, place) => { select.value = String(seen[place]); });
  filter();
  describe();
}));
element("scroll").addEventListener("scroll", render, { passive: true });
element("scroll").addEventListener("keydown", move);
element("scatter").addEventListener("click", pick);
dark.addEventListener("change", draw);
narrow.addEventListener("change", rebuild);
new ResizeObserver(() => { render(); draw(); }).observe(element("scroll"));
filter();
choose(shown[0] ?? 0, false);
