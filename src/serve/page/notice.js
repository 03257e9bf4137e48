// The notice: how many executions wait for a person, in the title and in the icon, and, for who wants that, as a
// notification when one begins to.
import { formatAddress } from "./address.js";
import { now } from "./clock.js";
import { needsPerson } from "./states.js";
import { say } from "./status.js";

const KEPT = "aep-notify";
const icon = document.querySelector('link[rel="icon"]');
const button = document.querySelector("#notify");
const waiting = new Map(); // by the id of one that waits or has waited: since when, and whether it still does
let began = null;

// Outside the page there is no markup that keeps one text from turning the next one round.
function plain(text) {
  return text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu, " ").trim();
}

export function showWaiting(count, name) {
  const title = name ? `${plain(name)} – aep` : "Executions – aep";
  document.title = count ? `(${count}) ${title}` : title;
  const href = icon.getAttribute("href").replace(/icon-\w+/, `icon-${count > 9 ? "more" : count}`);
  if (icon.getAttribute("href") !== href) icon.setAttribute("href", href);
}

function isOn() {
  return globalThis.Notification?.permission === "granted" && localStorage.getItem(KEPT) === "on";
}

function showButton() {
  button.hidden = !globalThis.Notification || !isSecureContext;
  button.setAttribute("aria-pressed", String(isOn()));
}

async function toggle() {
  if (isOn()) localStorage.removeItem(KEPT);
  else if ((await Notification.requestPermission()) === "granted") localStorage.setItem(KEPT, "on");
  else say("The browser does not allow notifications from this page.");
  if (isOn()) say("A notification will say when an execution waits for you.");
  showButton();
}

export function makeNotice() {
  button.onclick = toggle;
  addEventListener("storage", showButton);
  showButton();
}

function notify(row) {
  const what = row.waiting_for === "permission" ? "asks for permission" : "waits for you";
  const notification = new Notification(`${plain(row.agent_name ?? "An agent")} ${what}`, {
    body: [row.user_request, row.current_step].filter(Boolean).map(plain).join("\n"),
    tag: row.id,
  });
  notification.onclick = () => {
    window.focus();
    location.hash = formatAddress({ id: row.id });
    notification.close();
  };
}

// Of waits that began since the page is there, each once: what was read may come after what was told later. One tab
// of a browser notifies: that which has the stream.
export function noticeRow(row, isFirst) {
  const needs = needsPerson(row);
  const known = waiting.get(row.id);
  began ??= now();
  const isNew = needs && !known?.waits && Date.parse(row.since) > (known?.since ?? began);
  if (isNew && isFirst && isOn()) notify(row);
  if (needs) waiting.set(row.id, { since: Date.parse(row.since), waits: true });
  else if (known) known.waits = false;
}

export function forgetRow(id) {
  waiting.delete(id);
}
