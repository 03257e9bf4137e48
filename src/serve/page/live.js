// What is live: one stream for all tabs of a browser, which gives a host no more than six connections. The tab
// that holds the lock has the stream and tells the others; when it goes, the next one goes on after the last
// change that all have heard of. One that is silent because the browser has frozen it loses the lock. Where there
// are no locks (a page that is not from https or this machine), each tab has a stream, while it is seen.
import { holdTime, learnTime } from "./clock.js";
import { SILENCE_MS, Stream } from "./stream.js";

const NAME = "aep-live";
const LOOK_MS = 5000;

// listener: onFrame(event, data), onState(state) with state = {live, heardAt, problem}. The first frame is a
// `begin`: what was read earlier may lack what happened until then.
export class Live {
  constructor(listener) {
    this.listener = listener;
    this.lastId = null;
    this.state = { live: false, heardAt: Date.now(), problem: null };
    this.standing = new Map(); // what a tab that comes later has to know: the newest counts, the newest lag
    this.hasBegun = false;
    this.leads = false;
    if (navigator.locks && globalThis.BroadcastChannel) this.share();
    else this.keepWhileSeen();
    addEventListener("visibilitychange", () => {
      if (!document.hidden) this.stream?.lookForSilence();
    });
  }

  share() {
    this.channel = new BroadcastChannel(NAME);
    this.channel.onmessage = ({ data }) => this.hear(data);
    this.channel.postMessage({ ask: true });
    this.toldAt = this.lookedAt = Date.now();
    setInterval(() => this.lookAfterLeader(), LOOK_MS);
    this.lead();
  }

  // Once the lock is free, or at once; until this tab ends, or another one takes the lock.
  async lead(options = {}) {
    try {
      await navigator.locks.request(NAME, options, () => {
        this.leads = true;
        this.begin();
        return new Promise(() => {});
      });
    } catch {
      this.leads = false;
      this.stream?.close();
      this.toldAt = Date.now();
      this.lead();
    }
  }

  // The tab that leads tells something at least every 15 s. If this tab has slept, so may all have.
  lookAfterLeader() {
    const at = Date.now();
    const hasSlept = at - this.lookedAt > 2 * LOOK_MS;
    this.lookedAt = at;
    if (this.leads || document.hidden || hasSlept || at - this.toldAt < SILENCE_MS) return;
    this.toldAt = at;
    this.lead({ steal: true });
  }

  keepWhileSeen() {
    this.leads = true;
    const follow = () => {
      if (document.hidden) this.stream?.close();
      else this.begin();
    };
    addEventListener("visibilitychange", follow);
    follow();
  }

  begin() {
    const isFresh = this.lastId === null;
    this.stream?.close();
    this.stream = new Stream(
      {
        onFrame: (id, event, data) =>
          this.tell({
            frame: { id, event: event === "hello" && isFresh ? "begin" : event, data },
          }),
        onLost: (error) => this.tell({ state: { live: false, problem: error?.status ?? 0 } }),
        onHeard: () => this.tell({ state: { live: true, heardAt: Date.now(), problem: null } }),
      },
      this.lastId,
    );
  }

  tell(message) {
    this.take(message);
    this.channel?.postMessage(message);
  }

  hear(message) {
    if (message.ask) this.answer();
    else {
      this.toldAt = Date.now();
      this.take(message);
    }
  }

  answer() {
    if (!this.leads) return;
    for (const frame of this.standing.values()) this.channel.postMessage({ frame, isOld: true });
    this.channel.postMessage({ state: this.state });
  }

  take({ frame, state, isOld }) {
    if (frame) this.takeFrame(frame, isOld);
    if (state) this.takeState(state);
  }

  takeFrame({ id, event, data }, isOld) {
    if (!isOld) {
      this.lastId = id;
      learnTime(data);
    }
    if (data.states) this.standing.set("counts", { id, event: "counts", data });
    if (event === "lag") this.standing.set("lag", { id, event, data });
    this.hasBegun ||= event === "begin";
    this.listener.onFrame(event, data);
  }

  takeState(state) {
    this.state = { ...this.state, ...state };
    holdTime(!this.state.live);
    this.listener.onState(this.state);
    if (!state.live || this.hasBegun) return;
    this.hasBegun = true; // in another tab
    this.listener.onFrame("begin", {});
  }

  // Now, instead of after a pause.
  retry() {
    this.stream?.retry();
  }
}
