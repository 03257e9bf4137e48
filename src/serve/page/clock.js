// The clock: the server's, since this machine's may be wrong; and how times and durations read.

let offset = 0; // what to add to this machine's clock
let heldAt = null; // while nothing is heard of the server, time stands still

// Each answer and each frame says up to when the tracker has read, and how long ago that is.
export function learnTime(head) {
  if (head?.as_of == null || head.lag_ms == null) return;
  offset = Date.parse(head.as_of) + head.lag_ms - Date.now();
}

export function holdTime(isHeld) {
  if (isHeld !== (heldAt !== null)) heldAt = isHeld ? Date.now() + offset : null;
}

export function now() {
  return heldAt ?? Date.now() + offset;
}

const UNITS = [
  ["d", 86400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
];

// "12s", "4min", "3h", "5d": the largest unit that fits.
export function brief(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [unit, size] = UNITS.find((one) => seconds >= one[1]) ?? UNITS[3];
  return `${Math.floor(seconds / size)}${unit}`;
}

// "350 ms", "1.3 s", "4 min 10 s"
export function amount(ms) {
  if (ms == null) return "";
  if (ms < 999.5) return `${Number(ms.toFixed(ms < 9.95 ? 1 : 0))} ms`;
  if (ms < 59950) return `${Number((ms / 1000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1000);
  const at = UNITS.findIndex((one) => seconds >= one[1]);
  const [large, size] = UNITS[at];
  const [small, part] = UNITS[at + 1];
  const rest = Math.floor((seconds % size) / part);
  return `${Math.floor(seconds / size)} ${large}${rest ? ` ${rest} ${small}` : ""}`;
}

export function age(time) {
  return time ? brief(now() - Date.parse(time)) : "";
}

const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const sharp = new Intl.DateTimeFormat(undefined, {
  hourCycle: "h23",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

export function dayTime(time) {
  if (!time) return "";
  const date = new Date(time);
  return `${day.format(date)}, ${clock.format(date)}`;
}

export function clockTime(time) {
  return clock.format(new Date(time));
}

export function sharpTime(time) {
  return sharp.format(new Date(time));
}
