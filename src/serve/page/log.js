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
    expectMs: typeof metadata.expect_within_s === "number" ? metadata.expect_within_s * 1000 : null,
  };
}

export class Log {
  constructor(id, onRead) {
    this.id = id;
    this.onRead = onRead;
    this.begin();
  }

  begin() {
    this.abort?.abort();
    this.abort = new AbortController();
    this.events = [];
    this.isWhole = false;
    this.isReading = false;
  }

  close() {
    this.abort.abort();
  }

  get lastId() {
    return this.events.at(-1)?.id ?? null;
  }

  // Everything behind what is there.
  async read() {
    if (this.isReading) {
      this.isWanted = true;
      return;
    }
    const { signal } = this.abort;
    this.isReading = true;
    try {
      do {
        this.isWanted = false;
        await this.readParts(signal);
      } while (this.isWanted);
    } finally {
      if (signal === this.abort.signal) this.isReading = false;
    }
  }

  async readParts(signal) {
    for (let next = this.lastId ?? ""; next !== null && !signal.aborted;) {
      const limit = this.events.length ? PART : FIRST;
      const answer = await listEvents(this.id, next, limit, signal);
      const { events } = this;
      answer.events.forEach((one) => events.push(readEvent(one, events.length)));
      next = answer.next_cursor;
      this.isWhole = next === null;
      this.onRead();
    }
  }

  // The execution has changed: it may have more events, or other fates of those that are there.
  async follow(isOtherFate) {
    if (isOtherFate && this.isWhole && this.events.length <= AGAIN_MAX) this.begin();
    await this.read();
  }

  async readWhole(number) {
    const before = number > 0 ? this.events[number - 1].id : null;
    return (await listEvents(this.id, before, 1, this.abort.signal)).events[0];
  }
}

const USUAL_MIN = 20; // gaps
const UNKNOWN_MS = 600000;
const LIMITS_MS = [60000, 1800000];

// How long a silence may last, as the tracker has it: what the newest event says, else four times the 99th
// percentile of the gaps.
export function patienceOf(events) {
  const said = events.findLast(({ expectMs }) => expectMs !== null)?.expectMs;
  if (said) return Math.max(said, 1000);
  const gaps = [];
  for (let i = 1; i < events.length; i++)
    if (events[i - 1].wait === null && events[i].at !== null && events[i - 1].at !== null)
      gaps.push(events[i].at - events[i - 1].at);
  const last = gaps.slice(-200).sort((one, other) => one - other);
  if (last.length < USUAL_MIN) return UNKNOWN_MS;
  const usual = last[Math.ceil(last.length * 0.99) - 1];
  return Math.max(LIMITS_MS[0], Math.min(LIMITS_MS[1], 4 * usual));
}
