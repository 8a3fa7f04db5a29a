// The course of a game: consent, practice, game, end. It can be left and taken up again at any point.

import { begin, findServer, newParticipant, pause, Records, Refused, Storage } from "./storage.js";
import { ImageWindow, measureFrame, Stage } from "./showing.js";

const element = (id) => document.getElementById(id);
const read = async (address) => {
  const answer = await fetch(address, { cache: "no-store" });
  if (!answer.ok) throw new Error(`${address} could not be loaded (${answer.status}).`);
  return answer.json();
};
const news = (text) => { if (element("news").textContent !== text) element("news").textContent = text; };

// Show a page of text with buttons, and return the one that was pressed.
function page(heading, text, ...labels) {
  element("stage").hidden = true;
  element("screen").hidden = false;
  element("heading").textContent = heading;
  element("text").replaceChildren(...text.split(/\n\s*\n/).map((words) => {
    const paragraph = document.createElement("p");
    paragraph.textContent = words;
    return paragraph;
  }));
  element("choices").replaceChildren();
  element("screen").focus();
  window.scrollTo(0, 0);
  return new Promise((resolve) => {
    element("choices").replaceChildren(...labels.map((label, number) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      if (number > 0) button.className = "plain";
      button.addEventListener("click", () => resolve(label), { once: true });
      return button;
    }));
  });
}

function stop(heading, text) {
  page(heading, text);
  return new Promise(() => {});
}

// Another tab with the same game says so; this one then does nothing.
async function refuseSecondTab(game) {
  const channel = new BroadcastChannel(`memory-game:${game}`);
  const mine = Math.random();
  let other = false, playing = false;
  channel.onmessage = ({ data }) => {
    if (data.ask !== undefined && data.ask !== mine && (playing || data.ask > mine)) channel.postMessage({ here: data.ask });
    if (data.here === mine) other = true;
  };
  channel.postMessage({ ask: mine });
  await pause(400);
  if (other) await stop("Already open", "This game is open in another tab or window of this browser. Please go on there, and close this one.");
  playing = true;
}

function facts(settings) {
  return settings.browser_facts
    ? { browser: navigator.userAgent, screen_width_px: screen.width, screen_height_px: screen.height, pixel_ratio: window.devicePixelRatio }
    : {};
}

const SAVED = "Your answers are saved. You can close this page.";
const NOTHING_SHOWN = { planned_ms: null, onset_ms: null, offset_ms: null, frame_ms: null, frames: 0, dropped: 0, presses: [] };

// Play the showings of a phase from where they were left, and return the presses of this part.
async function play(state, stage, names, phase, attempt) {
  const { settings, storage, records } = state;
  const begunKey = `begun ${phase} ${attempt}`, doneKey = `done ${phase} ${attempt}`;
  const begun = () => storage.get(begunKey) ?? -1;
  const done = () => storage.get(doneKey) ?? -1;
  const note = (position, showing) => {
    records.add({ kind: "trial", phase, attempt, position, ...showing });
    storage.set(doneKey, position);
  };
  // The image that was on the screen when the page was closed has been seen: it is not shown a second time.
  if (begun() > done()) note(begun(), { ...NOTHING_SHOWN, status: "interrupted" });
  const images = new ImageWindow(names, settings.preload);
  let resumed = done() >= 0;
  while (done() + 1 < names.length) {
    element("progress").value = (done() + 1) / names.length;
    page("Loading", "The photographs are being loaded.");
    await images.ready(done() + 1, (share) => news(share < 1 ? `Loaded: ${Math.round(100 * share)} %` : ""));
    if (resumed) await page("Pause", "The game was interrupted. It goes on with the next photograph.", "Go on");
    element("screen").hidden = true;
    element("stage").hidden = false;
    document.activeElement?.blur();
    stage.prepare();
    stage.frame = await measureFrame();
    while (done() + 1 < names.length && !stage.hidden) {
      const position = done() + 1;
      images.ahead(position);
      const image = await images.get(position);
      const showing = await stage.show(image, () => storage.set(begunKey, position));
      note(position, showing);
      element("progress").value = (position + 1) / names.length;
      if (records.refused) await stop("Stopped", `The server does not take these answers: ${records.refused}`);
    }
    stage.release();
    resumed = true;
  }
}

// How a practice went: repeats that were recognised, and other images that were taken for repeats.
function judged(state, names, attempt) {
  const pressed = new Set(state.records.all().filter((one) => one.phase === "practice" && one.attempt === attempt && one.presses.length).map((one) => one.position));
  const again = names.map((name, position) => names.indexOf(name) < position);
  return {
    repeats: again.filter(Boolean).length,
    found: again.filter((repeat, position) => repeat && pressed.has(position)).length,
    wrong: again.filter((repeat, position) => !repeat && pressed.has(position)).length,
  };
}

async function practise(state, stage, practices) {
  const { settings, storage } = state;
  if (storage.get("qualified")) return true;
  for (const [attempt, names] of practices.entries()) {
    if (storage.get(`judged ${attempt}`)) continue;
    await page("Practice", attempt === 0 ? "First you practise with a few photographs." : "Please practise once more, with other photographs.", "Start the practice");
    await play(state, stage, names, "practice", attempt);
    const { repeats, found, wrong } = judged(state, names, attempt);
    storage.set(`judged ${attempt}`, true);
    const good = found >= settings.practice.fewest_found && wrong <= settings.practice.most_false_alarms;
    storage.set("qualified", good);
    await page("Practice", `${repeats} photographs came twice. You recognised ${found} of them. You pressed at ${wrong} photographs that were new.`, "Go on");
    if (good) return true;
  }
  return practices.length === 0;
}

function offerDownload(state) {
  const { storage, records, participant, sequence } = state;
  const first = { kind: "begin", format: 1, game: state.settings.game, participant, sequence, time: storage.get("time"), ...storage.get("facts") };
  const text = [first, ...records.all()].map((record) => `${JSON.stringify(record)}\n`).join("");
  const link = document.createElement("a");
  link.className = "download";
  link.textContent = "Save the results";
  link.download = `${participant}.jsonl`;
  link.addEventListener("click", () => storage.set("saved", true));
  link.href = URL.createObjectURL(new Blob([text], { type: "application/x-ndjson" }));
  element("choices").append(link);
}

async function main() {
  const settings = await read("game.json");
  const { texts } = settings;
  document.title = texts.title;
  const storage = new Storage(settings.game);
  const asked = new URLSearchParams(location.search);
  // On a computer of the laboratory, the next person begins where the last one has ended.
  const ended = storage.get("ended") && (storage.get("stored") === storage.get("records") || storage.get("saved"));
  if (asked.has("new") && ended) storage.clear();
  await refuseSecondTab(settings.game);
  const online = await findServer(news);
  news("");
  if (!storage.get("participant")) {
    const answer = await page(texts.title, texts.consent, "I agree", "I do not agree");
    if (answer !== "I agree") await stop(texts.title, "Thank you. Nothing was stored. You can close this page.");
    storage.set("facts", facts(settings));
    storage.set("time", new Date().toISOString().replace(/\.\d+Z$/, "Z"));
    storage.set("participant", newParticipant());
  }
  const participant = storage.get("participant");
  if (online) {
    try {
      const known = await begin(participant, storage.get("facts"), news);
      storage.set("sequence", known.sequence);
      // A browser that crashed may have forgotten what it had sent.
      for (const [part, position] of Object.entries(known.done)) {
        if (position > (storage.get(`done ${part}`) ?? -1)) storage.set(`done ${part}`, position);
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      await stop(texts.title, error.message);
    }
  } else if (storage.get("sequence") === null) {
    const wanted = Number(asked.get("sequence"));
    const named = Number.isInteger(wanted) && wanted >= 1 && wanted <= settings.participants;
    storage.set("sequence", named ? wanted : 1 + Math.floor(Math.random() * settings.participants));
  }
  const sequence = storage.get("sequence");
  const records = new Records(storage, participant, online, news);
  const state = { settings, storage, records, participant, sequence };
  const { practice, game } = await read(`sequences/${String(sequence).padStart(5, "0")}.json`);
  const stage = new Stage(element("canvas"), element("seen"), element("stage"), settings);
  if (!storage.get("ended")) {
    if (!storage.get("instructed")) {
      await page("How the game is played", texts.instructions, "Go on");
      storage.set("instructed", true);
    }
    const qualified = await practise(state, stage, practice);
    if (qualified) {
      if (!storage.get("started")) {
        await page("The game", `Now the game begins. It shows ${game.length} photographs and takes about ${Math.max(1, Math.round(game.length * (settings.image_ms + settings.gap_ms) / 60_000))} minutes.`, "Start the game");
        storage.set("started", true);
      }
      await play(state, stage, game, "game", 0);
    }
    const reason = qualified ? "finished" : "practice";
    records.add({ kind: "end", reason });
    storage.set("ended", reason);
  }
  if (online) {
    page("Saving", "The last answers are being saved. Please keep this page open.");
    await records.delivered(30_000);
  }
  const last = storage.get("ended") === "finished" ? texts.debrief : texts.not_qualified;
  const where = records.complete
    ? SAVED
    : online
      ? "The server does not answer. Please keep this page open, or save the results as a file and send it to the person who invited you."
      : "Please save the results as a file and send it to the person who invited you.";
  const number = `Your number in this study is ${participant}. If you want your answers to be deleted later, keep it and tell it to the person who invited you.`;
  page(texts.title, [last, where, number].join("\n\n"));
  if (records.complete) return;
  offerDownload(state);
  if (online && await records.delivered(24 * 3600_000)) page(texts.title, [last, SAVED, number].join("\n\n"));
}

main().catch((error) => stop("The game cannot go on", `${error.message}\n\nLoad the page again. If that does not help, tell the person who invited you.`));
