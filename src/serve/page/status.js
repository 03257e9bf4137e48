// The status: whether the page is live, or since when it is not; what holds the tracker up; short messages.
import { brief, clockTime, now as heldTime } from "./clock.js";

const live = document.querySelector("#live");
const banner = document.querySelector("#banner");
const toast = document.querySelector("#toast");
const now = { live: null, heardAt: 0, problem: null, paused: false, lag: null, error: "" };

function liveWord() {
  if (now.live === null) return ["Connecting", "wait"];
  if (!now.live) return ["Connection lost", "lost"];
  return now.paused ? ["Paused", "wait"] : ["Live", "live"];
}

function bannerText() {
  if (now.problem === 401)
    return "The token is not valid any more: open the address that aep serve prints.";
  if (now.live === false) {
    const ago = brief(Date.now() - now.heardAt);
    return `The connection is lost. This is as of ${clockTime(heldTime())}, ${ago} ago; trying again.`;
  }
  if (now.error) return now.error;
  if (now.lag?.behind) {
    const asOf = now.lag.as_of ? `This is as of ${clockTime(now.lag.as_of)}. ` : "";
    return `${asOf}States that may have changed since are marked "?". ${now.lag.problem ?? ""}`;
  }
  return "";
}

function show() {
  const [word, kind] = liveWord();
  if (live.textContent !== word) live.textContent = word;
  live.dataset.kind = kind;
  const text = bannerText();
  if (banner.textContent !== text) banner.textContent = text;
  banner.hidden = !text;
  document.documentElement.classList.toggle("stale", now.live === false);
}

export function setStatus(changes) {
  Object.assign(now, changes);
  show();
}

export function tickStatus() {
  if (now.live === false) show();
}

let fading;

export function say(text) {
  toast.textContent = text;
  toast.classList.add("shown");
  clearTimeout(fading);
  fading = setTimeout(() => toast.classList.remove("shown"), 4000);
}
