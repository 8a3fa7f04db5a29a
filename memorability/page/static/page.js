// Sends images to this computer's server one by one, and shows them with their scores and maps.

const element = (id) => document.getElementById(id);
const images = []; // { name, file, address, rows, failed, item, maps, shown }
const AT_ONCE = 2;
let waiting = [], running = 0, asked = 0, answered = 0, round = 0, methods = {};

function make(tag, text, kind) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

const number = (value, digits = 3) => value.toFixed(digits);

function card(image) {
  const item = make("li");
  const picture = make("img");
  picture.alt = "";
  picture.loading = "lazy";
  picture.decoding = "async";
  picture.src = image.address;
  // What the browser cannot show is scored all the same.
  picture.addEventListener("error", () => picture.remove());
  item.append(picture, make("strong", image.name));
  const list = make("dl");
  for (const row of image.rows) {
    list.append(make("dt", row.predictor));
    if (row.score === null) {
      list.append(make("dd", "no score"), make("dd", `The image ${row.reason}.`, "more warning"));
      continue;
    }
    list.append(make("dd", number(row.score)));
    if (row.percentile !== null) {
      list.append(make("dd", `Higher than ${Math.round(row.percentile)} % of the study's images. Expected: ${number(row.interval_low, 2)} to ${number(row.interval_high, 2)}.`, "more"));
    }
    if (row.unusual) list.append(make("dd", "Unusual for this predictor: do not rely on the score.", "more warning"));
  }
  item.append(list);
  if (image.rows.some((row) => row.score !== null)) item.append(mapButton(image, picture));
  if (image.failed) item.append(make("p", image.failed, "warning"));
  return item;
}

// Maps

function mapButton(image, picture) {
  const part = make("div", undefined, "map"), button = make("button", "Map");
  button.type = "button";
  button.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-label", `Map of ${image.name}`);
  const said = make("div");
  part.append(button, said);
  image.show = (map) => {
    button.setAttribute("aria-pressed", String(Boolean(map)));
    picture.src = map ? map.picture : image.address;
    picture.alt = map ? map.words : "";
    said.replaceChildren(...(map ? [make("p", map.words), cells(map.values)] : []));
    if (map && !picture.isConnected) image.item.prepend(picture);
  };
  image.pressed = () => button.getAttribute("aria-pressed") === "true";
  button.addEventListener("click", () => (image.pressed() ? image.show(null) : map(image)));
  return part;
}

function cells(values) {
  const more = make("details"), table = make("table"), head = make("tr");
  more.append(make("summary", "Values of the map"));
  for (const text of ["Row", ...values[0].map((_, column) => String(column + 1))]) {
    const cell = make("th", text);
    cell.scope = "col";
    head.append(cell);
  }
  table.append(head);
  values.forEach((row, place) => {
    const line = make("tr"), name = make("th", String(place + 1));
    name.scope = "row";
    line.append(name, ...row.map((value) => make("td", value === null ? "–" : value.toPrecision(3))));
    table.append(line);
  });
  const around = make("div", undefined, "cells");
  around.append(table);
  more.append(around);
  return more;
}

// Returns whether further maps can be made. Of one image, one map is asked for at a time.
async function map(image) {
  if (image.mapping) return true;
  image.mapping = true;
  try { return await askedFor(image); } finally { image.mapping = false; }
}

async function askedFor(image) {
  const predictor = element("predictor").value, method = element("method").value, mine = round;
  const key = JSON.stringify([predictor, method]);
  if (!image.maps.has(key)) {
    element("status").textContent = `Making the map of ${image.name}.`;
    let answer;
    try {
      answer = await fetch(`api/map?${new URLSearchParams({ name: image.name, predictor, method })}`, {
        method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: image.file, cache: "no-store",
      });
    } catch { answer = null; }
    if (mine !== round) return false;
    if (!answer || !answer.ok) {
      element("status").textContent = answer ? `No map of ${image.name}: ${await answer.text()}` : "The server does not answer. Is the program still running?";
      return answer?.status === 422; // this image alone has none
    }
    image.maps.set(key, await answer.json());
    if (mine !== round) return false;
    element("zip").hidden = false;
  }
  const made = image.maps.get(key);
  image.show(made);
  element("status").textContent = `${image.name}: ${made.words}`;
  return true;
}

function offerMethods() {
  const before = element("method").value, offered = Object.entries(methods[element("predictor").value] ?? {});
  element("method").replaceChildren(...offered.map(([name, label]) => new Option(label, name)));
  if (offered.some(([name]) => name === before)) element("method").value = before;
}

function arrange() {
  const by = element("predictor").value, order = element("order").value, word = element("filter").value.toLowerCase();
  const score = (image) => image.rows.find((row) => row.predictor === by)?.score ?? null;
  const compare = (one, other) => {
    const [a, b] = [score(one), score(other)];
    if (order === "name" || a === b) return one.name.localeCompare(other.name);
    if (a === null || b === null) return a === null ? 1 : -1; // images without a score come last
    return order === "down" ? b - a : a - b;
  };
  element("sheet").replaceChildren(...images.filter((image) => image.name.toLowerCase().includes(word)).sort(compare).map((image) => image.item));
  element("controls").hidden = images.length === 0;
}

async function score(file, name, mine) {
  const image = { name, file, address: URL.createObjectURL(file), rows: [], failed: "", maps: new Map() };
  try {
    const answer = await fetch(`api/score?name=${encodeURIComponent(name)}`, {
      method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file, cache: "no-store",
    });
    if (answer.ok) image.rows = (await answer.json()).rows;
    else image.failed = await answer.text();
  } catch { image.failed = "The server does not answer. Is the program still running?"; }
  if (mine !== round) { URL.revokeObjectURL(image.address); return; }
  image.item = card(image);
  images.push(image);
  answered += 1;
  element("status").textContent = answered < asked ? `${answered} of ${asked} images scored.` : `All ${asked} images scored.`;
  if (answered % 20 === 0 || answered === asked || images.length < 20) arrange();
}

function next() {
  while (running < AT_ONCE && waiting.length) {
    const [file, name] = waiting.shift();
    running += 1;
    score(file, name, round).finally(() => { running -= 1; next(); });
  }
}

function add(files) {
  const chosen = [...files].filter((file) => file.type.startsWith("image/") || !file.webkitRelativePath || /\.(jfif|jpe|jpe?g|bmp|gif|png|tiff?|webp)$/i.test(file.name));
  asked += chosen.length;
  waiting.push(...chosen.map((file) => [file, file.webkitRelativePath || file.name]));
  if (chosen.length) element("status").textContent = `${answered} of ${asked} images scored.`;
  else element("status").textContent = "There are no images among these files.";
  next();
}

function describe(predictors) {
  const table = make("table"), head = make("tr");
  for (const name of ["Predictor", "Score", "Trained on", "Licence"]) {
    const cell = make("th", name);
    cell.scope = "col";
    head.append(cell);
  }
  table.append(head);
  for (const one of predictors) {
    const row = make("tr");
    row.append(...[one.predictor, one.predicts, one.trained_on, one.licence].map((text) => make("td", text)));
    table.append(row);
    element("predictor").append(new Option(one.predictor, one.predictor));
  }
  element("predictors").replaceChildren(table);
}

for (const id of ["files", "folder"]) {
  element(id).addEventListener("change", ({ target }) => { add(target.files); target.value = ""; });
}
const drop = element("drop");
for (const name of ["dragover", "dragenter"]) {
  document.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
}
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  add(event.dataTransfer.files);
});
for (const id of ["predictor", "order"]) element(id).addEventListener("change", arrange);
element("predictor").addEventListener("change", offerMethods);
element("map-all").addEventListener("click", async () => {
  const mine = round, shown = images.filter((image) => image.item.isConnected && image.show);
  for (const [place, image] of shown.entries()) {
    if (!image.pressed() && !(await map(image))) return;
    if (mine !== round) return;
    element("status").textContent = `${place + 1} of ${shown.length} maps made.`;
  }
});
element("filter").addEventListener("input", arrange);
element("controls").addEventListener("submit", (event) => event.preventDefault());
element("forget").addEventListener("click", async () => {
  round += 1;
  for (const image of images) URL.revokeObjectURL(image.address);
  images.length = 0;
  waiting = [];
  asked = answered = 0;
  element("zip").hidden = true;
  await fetch("api/forget", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
  element("status").textContent = "All images are removed.";
  arrange();
});
const answer = await fetch("api/predictors", { cache: "no-store" });
const { predictors, notes, ...others } = await answer.json();
methods = others.methods;
describe(predictors);
offerMethods();
element("notes").replaceChildren(...notes.map((text) => make("p", text)));
