// Sends images to this computer's server one by one, and shows them with their scores.

const element = (id) => document.getElementById(id);
const images = []; // { name, address, rows, failed, item }
const AT_ONCE = 2;
let waiting = [], running = 0, asked = 0, answered = 0, round = 0;

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
  picture.addEventListener("error", () => picture.remove(), { once: true });
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
  if (image.failed) item.append(make("p", image.failed, "warning"));
  return item;
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
  const image = { name, address: URL.createObjectURL(file), rows: [], failed: "" };
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
element("filter").addEventListener("input", arrange);
element("controls").addEventListener("submit", (event) => event.preventDefault());
element("forget").addEventListener("click", async () => {
  round += 1;
  for (const image of images) URL.revokeObjectURL(image.address);
  images.length = 0;
  waiting = [];
  asked = answered = 0;
  await fetch("api/forget", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
  element("status").textContent = "All images are removed.";
  arrange();
});
const answer = await fetch("api/predictors", { cache: "no-store" });
const { predictors, notes } = await answer.json();
describe(predictors);
element("notes").replaceChildren(...notes.map((text) => make("p", text)));
