// What is known of this observer is kept in the browser until it is on the server, and for a page that is loaded again.

const memory = new Map();

function kept(action, otherwise) {
  // Browsers that keep nothing for pages throw; the game then goes on, but cannot be continued after a reload.
  try { return action(window.localStorage); } catch { return otherwise(); }
}

export class Storage {
  constructor(game) { this.prefix = `memory-game:${game}:`; }

  get(name) {
    const key = this.prefix + name;
    const text = memory.get(key) ?? kept((store) => store.getItem(key), () => null);
    return text === null ? null : JSON.parse(text);
  }

  set(name, value) {
    const key = this.prefix + name;
    const text = JSON.stringify(value);
    memory.set(key, text);
    kept((store) => store.setItem(key, text), () => null);
  }

  clear() {
    memory.clear();
    kept((store) => {
      for (const key of Object.keys(store)) if (key.startsWith(this.prefix)) store.removeItem(key);
    }, () => null);
  }
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function newParticipant() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function post(address, content) {
  return fetch(address, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content),
    cache: "no-store", signal: AbortSignal.timeout(20_000),
  });
}

export class Refused extends Error {}

// Tell whether a server takes results. A page of files alone answers, but not with this.
export async function findServer(news) {
  for (let wait = 500; ; wait = Math.min(wait * 2, 8000)) {
    try {
      const answer = await fetch("api/game", { cache: "no-store", signal: AbortSignal.timeout(10_000) });
      if (answer.status < 500) return answer.ok && (await answer.json().catch(() => null))?.takes === "results";
    } catch { /* no connection: tried again */ }
    news("The server does not answer. Trying again …");
    await pause(wait);
  }
}

// Ask the server for a sequence, and for what it has of this observer, until it answers.
export async function begin(participant, facts, news) {
  for (let wait = 500; ; wait = Math.min(wait * 2, 8000)) {
    try {
      const answer = await post("api/begin", { participant, facts });
      if (answer.ok) { news(""); return await answer.json(); }
      if (answer.status < 500) throw new Refused(await answer.text());
    } catch (error) { if (error instanceof Refused) throw error; }
    news("The server does not answer. Trying again …");
    await pause(wait);
  }
}

// Records of one observer, in their order: kept here at once, sent in the background until they are acknowledged.
export class Records {
  constructor(storage, participant, online, news) {
    Object.assign(this, { storage, participant, online, news });
    this.count = storage.get("records") ?? 0;
    this.stored = storage.get("stored") ?? 0;
    this.refused = null;
    this.sending = false;
    this.send();
  }

  add(record) {
    this.storage.set(`record ${this.count}`, record);
    this.count += 1;
    this.storage.set("records", this.count);
    this.send();
  }

  all() { return Array.from({ length: this.count }, (_, number) => this.storage.get(`record ${number}`)); }

  get complete() { return this.stored >= this.count; }

  async send() {
    if (!this.online || this.sending || this.refused) return;
    this.sending = true;
    let wait = 250;
    while (!this.complete && !this.refused) {
      const until = Math.min(this.count, this.stored + 50);
      const records = [];
      for (let number = this.stored; number < until; number += 1) records.push(this.storage.get(`record ${number}`));
      try {
        const answer = await post("api/records", { participant: this.participant, records });
        if (answer.ok) {
          this.stored = until;
          this.storage.set("stored", until);
          this.news("");
          wait = 250;
          continue;
        }
        if (answer.status < 500) { this.refused = await answer.text(); break; }
      } catch { /* no connection: tried again */ }
      this.news("Answers wait in this browser for the server.");
      await pause(wait);
      wait = Math.min(wait * 2, 5000);
    }
    this.sending = false;
  }

  async delivered(ms) {
    for (const end = performance.now() + ms; !this.complete && !this.refused && performance.now() < end;) {
      this.send();
      await pause(100);
    }
    return this.complete;
  }
}
