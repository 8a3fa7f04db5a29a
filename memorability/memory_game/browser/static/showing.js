// Images on a canvas, timed by the frames of the screen.

const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));

// The usual time between two frames: the median of thirty.
export async function measureFrame() {
  const times = [];
  for (let number = 0; number <= 30; number += 1) times.push(await nextFrame());
  const steps = times.slice(1).map((time, number) => time - times[number]).sort((a, b) => a - b);
  return Math.max(steps[15], 1);
}

// The images of the next positions, decoded before they are needed, and given back after their last showing there.
export class ImageWindow {
  constructor(names, size) {
    Object.assign(this, { names, size, bitmaps: new Map() });
  }

  ahead(position) {
    const wanted = new Set(this.names.slice(position, position + this.size));
    for (const [name, bitmap] of this.bitmaps) {
      if (!wanted.has(name)) {
        this.bitmaps.delete(name);
        bitmap.then((image) => image?.close());
      }
    }
    for (const name of wanted) if (!this.bitmaps.has(name)) this.bitmaps.set(name, this.load(name));
  }

  async load(name) {
    for (let attempt = 0; attempt < 6; attempt += 1) {
      try {
        const answer = await fetch(`images/${name}`, { signal: AbortSignal.timeout(30_000) });
        if (answer.ok) return await createImageBitmap(await answer.blob());
      } catch { /* tried again */ }
      await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** attempt));
    }
    return null; // its showing is recorded as missing
  }

  // Load what is ahead, saying how much of it is there.
  async ready(position, step) {
    this.ahead(position);
    let there = 0;
    const all = [...this.bitmaps.values()];
    await Promise.all(all.map((bitmap) => bitmap.then(() => step((there += 1) / all.length))));
  }

  get(position) { return this.bitmaps.get(this.names[position]); }
}

export class Stage {
  constructor(canvas, button, area, settings) {
    Object.assign(this, { canvas, area, settings, frame: 1000 / 60, presses: null, onset: null, due: null, time: null });
    this.context = canvas.getContext("2d", { alpha: false });
    const press = (key, event) => {
      if (this.presses === null) return;
      event.preventDefault();
      if (this.presses.length < 50) this.presses.push([key, event.timeStamp - this.onset]);
    };
    document.addEventListener("keydown", (event) => { if (event.key === " " && !event.repeat) press("space", event); });
    area.addEventListener("pointerdown", (event) => press(event.pointerType || "pointer", event));
    // A screen reader clicks without a pointer; a click that follows one has a detail of at least 1.
    button.addEventListener("click", (event) => { if (event.detail === 0) press("button", event); });
    button.addEventListener("keyup", (event) => { if (event.key === " ") event.preventDefault(); });
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.hidden = true; });
    window.addEventListener("pagehide", () => { this.hidden = true; });
  }

  prepare() {
    const side = Math.floor(Math.min(this.settings.side_px, window.innerWidth - 16, window.innerHeight - 140));
    const ratio = window.devicePixelRatio || 1;
    this.canvas.style.width = this.canvas.style.height = `${side}px`;
    this.canvas.width = this.canvas.height = Math.round(side * ratio);
    this.back = getComputedStyle(this.area).backgroundColor;
    this.front = getComputedStyle(this.area).color;
    this.due = this.time = null;
    this.hidden = document.hidden;
    this.clear();
  }

  clear() {
    const { width } = this.canvas;
    this.context.fillStyle = this.back;
    this.context.fillRect(0, 0, width, width);
    this.context.fillStyle = this.front;
    const arm = Math.max(4, width / 50), line = Math.max(2, width / 250);
    this.context.fillRect(width / 2 - arm, width / 2 - line / 2, 2 * arm, line);
    this.context.fillRect(width / 2 - line / 2, width / 2 - arm, line, 2 * arm);
  }

  draw(image) {
    const { width } = this.canvas;
    const scale = Math.min(width / image.width, width / image.height);
    const [w, h] = [image.width * scale, image.height * scale];
    this.context.fillStyle = this.back;
    this.context.fillRect(0, 0, width, width);
    this.context.imageSmoothingQuality = "high";
    this.context.drawImage(image, (width - w) / 2, (width - h) / 2, w, h);
  }

  // Show one image and the gap after it; presses in either answer to it. `begun` is called just before it appears.
  // The last frame of a gap is the first one of the next image, unless that one has to be waited for.
  async show(image, begun) {
    const { image_ms, gap_ms } = this.settings;
    const half = this.frame / 2;
    let time = this.time !== null && performance.now() - this.time < half ? this.time : await nextFrame();
    const planned = this.due ?? time;
    while (time < planned - half) time = await nextFrame();
    begun();
    this.onset = time;
    this.presses = [];
    const presses = this.presses;
    if (image) this.draw(image);
    let frames = 0;
    do { time = await nextFrame(); frames += 1; } while (time < this.onset + image_ms - half);
    const offset = time;
    this.clear();
    // After an image that was late, the next one keeps its distance.
    this.due = (this.onset > planned + this.frame ? this.onset : planned) + image_ms + gap_ms;
    do { time = await nextFrame(); } while (time < this.due - half);
    this.time = time;
    return {
      planned_ms: planned, onset_ms: this.onset, offset_ms: offset, frame_ms: this.frame, frames,
      dropped: Math.max(0, Math.round((offset - this.onset) / this.frame) - frames),
      presses, status: !image ? "missing" : this.hidden ? "hidden" : "shown",
    };
  }

  release() { this.presses = null; }
}
