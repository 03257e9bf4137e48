// The log: the events of one execution, read in parts. Of each only what lists and lanes need is kept, so that
// 100,000 fit; the whole event is read again when somebody wants to see it.
import { listEvents } from "./api.js";

const FIRST = 200;
const PART = 1000;
const AGAIN_MAX = 2000; // of those whose delivery may have changed

const KIND = /\.execution\.(\w+)\.v\d+$/;

function textOf(kind, payload) {
  if (kind === "started") return payload.user_request ?? "";
  if (kind === "completed") return payload.result_summary ?? "";
  if (kind === "failed")
    return [payload.error_type, payload.error_message].filter(Boolean).join(": ");
  const share =
    payload.steps_total != null
      ? `${payload.steps_completed ?? 0}/${payload.steps_total}`
      : payload.progress_percent != null
        ? `${Math.round(payload.progress_percent)}%`
        : "";
  const { tool, phase } = payload.metadata ?? {};
  const use = tool && phase ? `${tool} ${phase}` : "";
  return [share, payload.current_step, use].filter(Boolean).join(" ");
}

function waitOf({ status, waiting_for: what }) {
  const word = typeof status === "string" ? status.trim().toLowerCase() : "";
  if (word !== "waiting" && word !== "blocked") return null;
  return typeof what === "string" ? what.trim().toLowerCase() : "";
}

function readEvent({ event, delivery }, number) {
  if (!event) return { number, id: null, at: null, kind: "", text: "", delivery };
  const payload = event.payload ?? {};
  const metadata = payload.metadata ?? {};
  const kind = KIND.exec(event.event_type)?.[1] ?? event.event_type;
  const isTool = typeof metadata.tool === "string" && metadata.phase;
  return {
    number,
    id: event.event_id,
    at: Date.parse(event.timestamp),
    kind,
    text: textOf(kind, payload).slice(0, 300),
    delivery,
    step: typeof payload.current_step === "string" ? payload.current_step.slice(0, 100) : null,
    wait: kind === "progress" ? waitOf(metadata) : null,
    tool: isTool ? metadata.tool.slice(0, 60) : null,
    phase: isTool ? metadata.phase : null,
    expectMs: metadata.expect_within_s > 0 ? metadata.expect_within_s * 1000 : null,
  };
}

export class Log {
  constructor(id, onRead) {
    this.id = id;
    this.onRead = onRead;
    this.abort = new AbortController();
    this.events = [];
    this.isWhole = false;
    this.isReading = false;
  }

  close() {
    this.abort.abort();
  }

  // Everything behind what is there.
  async read() {
    this.isWanted = true;
    if (this.isReading) return;
    const { signal } = this.abort;
    this.isReading = true;
    try {
      while (this.isWanted) {
        this.isWanted = false;
        if (this.isFateWanted) await this.readFates(signal);
        await this.readParts(signal);
      }
    } finally {
      if (signal === this.abort.signal) this.isReading = false;
    }
  }

  async readParts(signal) {
    if (this.events.at(-1)?.id === null) this.events = []; // nothing can be asked for behind it
    for (let next = this.events.at(-1)?.id ?? ""; next !== null && !signal.aborted;) {
      const limit = this.events.length ? PART : FIRST;
      const answer = await listEvents(this.id, next, limit, signal);
      const { events } = this;
      answer.events.forEach((one) => events.push(readEvent(one, events.length)));
      next = answer.next_cursor;
      this.isWhole = next === null;
      this.onRead();
    }
  }

  // Events whose delivery was not over may have another one by now: they are changed where they are.
  async readFates(signal) {
    this.isFateWanted = false;
    const { events } = this;
    const open = events.findIndex(({ delivery }) => delivery !== "acked");
    if (open < 0 || events.length - open > AGAIN_MAX) return;
    let at = events.findLastIndex(({ id }, i) => id !== null && i < open) + 1;
    for (let next = events[at - 1]?.id ?? ""; next !== null && at < events.length;) {
      const answer = await listEvents(this.id, next, PART, signal);
      for (const one of answer.events.slice(0, events.length - at)) {
        Object.assign(events[at], readEvent(one, at));
        at++;
      }
      next = answer.next_cursor;
    }
    this.onRead();
  }

  // The execution has changed: it may have more events, or other fates of those that are there.
  async follow(isOtherFate) {
    this.isFateWanted ||= isOtherFate;
    await this.read();
  }

  async readWhole(number) {
    const before = number > 0 ? this.events[number - 1].id : null;
    return (await listEvents(this.id, before, 1, this.abort.signal)).events[0];
  }
}
