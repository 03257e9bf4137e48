// The stream: server-sent events, read by fetch, since an EventSource cannot tell a refusal from a cut, does
// not notice a connection that is silently dead (a laptop that slept), and cannot go on where another tab's
// stream has ended.
import { openStream } from "./api.js";

export const SILENCE_MS = 40000; // the server says something every 15 s
const LOOK_MS = 5000;
const PAUSES_MS = [250, 500, 1000, 2000, 4000, 8000];

function readFrame(text) {
  const frame = { id: null, event: null, data: "" };
  for (const line of text.split("\n")) {
    const at = line.indexOf(": ");
    if (at > 0) frame[line.slice(0, at)] = line.slice(at + 2);
  }
  return frame;
}

export class Stream {
  // listener: onFrame(id, event, data), onLost(error), onHeard()
  constructor(listener, lastId = null) {
    this.listener = listener;
    this.lastId = lastId;
    this.tries = 0;
    this.isOpen = true;
    this.heardAt = Date.now();
    this.look = setInterval(() => this.lookForSilence(), LOOK_MS);
    this.wake = () => this.retry();
    addEventListener("online", this.wake);
    this.run();
  }

  close() {
    this.isOpen = false;
    clearInterval(this.look);
    removeEventListener("online", this.wake);
    this.abort?.abort();
    this.retry();
  }

  // At once, instead of after the pause.
  retry() {
    this.endPause?.();
  }

  // Of a machine that has slept the clock has jumped: who was connected may not be any more.
  lookForSilence() {
    const at = Date.now();
    if (Math.abs(at - this.heardAt) < SILENCE_MS) return;
    this.heardAt = at;
    this.abort?.abort();
    this.retry();
  }

  async run() {
    while (this.isOpen) {
      let problem = null;
      try {
        await this.read();
      } catch (error) {
        problem = error;
      }
      if (!this.isOpen) return;
      this.listener.onLost(problem);
      await this.pause();
    }
  }

  async read() {
    this.abort = new AbortController();
    const body = await openStream(this.lastId, this.abort.signal);
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      this.heardAt = Date.now();
      const frames = (text + value).split("\n\n");
      text = frames.pop();
      frames.forEach((frame) => this.take(readFrame(frame)));
      this.listener.onHeard();
    }
  }

  take({ id, event, data }) {
    if (id !== null) this.lastId = id;
    if (!event) return;
    this.tries = 0;
    this.listener.onFrame(this.lastId, event, JSON.parse(data));
  }

  pause() {
    const ms = PAUSES_MS[Math.min(this.tries++, PAUSES_MS.length - 1)];
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms * (0.8 + Math.random() * 0.4));
      this.endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
