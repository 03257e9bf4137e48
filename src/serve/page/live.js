// What is live: one stream for all tabs of a browser, which gives a host no more than six connections. The tab
// that holds the lock has the stream and tells the others; when it goes, the next one goes on after the last
// change that all have heard of. Where there are no locks (a page that is not from https or this machine), each
// tab has a stream, while it is seen.
import { holdTime, learnTime } from "./clock.js";
import { Stream } from "./stream.js";

const NAME = "aep-live";

// listener: onFrame(event, data), onState(state) with state = {live, heardAt, problem}. A hello before which
// nothing was heard is a `begin`: what was read earlier may lack what happened in between.
export class Live {
  constructor(listener) {
    this.listener = listener;
    this.lastId = null;
    this.state = { live: false, heardAt: Date.now(), problem: null };
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
    navigator.locks.request(NAME, () => {
      this.leads = true;
      this.begin();
      return new Promise(() => {}); // as long as this tab lives
    });
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
    if (!message.ask) this.take(message);
    if (!message.ask || !this.leads) return;
    this.channel.postMessage({ state: this.state });
    if (this.lag) this.channel.postMessage({ frame: this.lag, isOld: true });
  }

  take({ frame, state, isOld }) {
    if (frame) {
      if (!isOld) this.lastId = frame.id;
      if (!isOld) learnTime(frame.data);
      if (frame.event === "lag") this.lag = frame;
      this.listener.onFrame(frame.event, frame.data);
    }
    if (state) {
      this.state = { ...this.state, ...state };
      holdTime(!this.state.live);
      this.listener.onState(this.state);
    }
  }

  // Now, instead of after a pause.
  retry() {
    this.stream?.retry();
  }
}
