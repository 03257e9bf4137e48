// The lanes: what an execution did, drawn along the time. Whatever number of events there is, a lane has no more
// marks than pixels.

const SVG = "http://www.w3.org/2000/svg";
const TOOLS_MAX = 8;
const ENDS_USE = ["end", "error", "denied"]; // phases of a tool

function add(parent, name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
}

// From times to pixels.
export class Scale {
  constructor([begin, end], width) {
    this.begin = begin;
    this.end = Math.max(end, begin + 1);
    this.width = Math.max(width, 1);
  }

  x(at) {
    const share = (at - this.begin) / (this.end - this.begin);
    return Math.round(Math.max(0, Math.min(1, share)) * this.width * 10) / 10;
  }
}

function addBar(svg, scale, [from, to], name, { y = 7, height = 12, title = "" } = {}) {
  const x = scale.x(from);
  const width = Math.max(2, scale.x(to) - x);
  const rect = add(svg, "rect", { class: name, x, y, width, height, rx: 2 });
  if (title) add(rect, "title", {}).textContent = title;
  return rect;
}

function addLabelled(svg, scale, { from, to, text }, name) {
  const rect = addBar(svg, scale, [from, to], name, { title: text });
  const width = Number(rect.getAttribute("width"));
  if (width < 40) return;
  const box = add(svg, "svg", { x: rect.getAttribute("x"), y: 0, width: width - 2, height: 26 });
  add(box, "text", { x: 4, y: 17 }).textContent = text;
}

// ---- what events say

// Stretches of [from, to, text], one for each run of events of which `read` says the same.
function stretches(events, end, read) {
  const all = [];
  let open = null;
  for (const event of events) {
    const text = event.at === null ? undefined : read(event);
    if (text === undefined) continue;
    if (open && open.text === text) continue;
    if (open) all.push({ ...open, to: event.at });
    open = text === null ? null : { from: event.at, text };
  }
  if (open) all.push({ ...open, to: end });
  return all;
}

export function stepsOf(events, end) {
  return stretches(events, end, ({ kind, step }) =>
    kind === "completed" || kind === "failed" ? null : (step ?? undefined),
  );
}

export function waitsOf(events, end) {
  return stretches(events, end, ({ kind, wait }) => (kind === "progress" ? wait : null)).map(
    (wait) => ({ ...wait, text: wait.text ? `waits: ${wait.text}` : "waits" }),
  );
}

function isSilence(before, until, patience) {
  return before?.wait === null && until - before.at > (before.expectMs ?? patience);
}

// Silences, other than waits, that are longer than the event before them announced, or else than patience.
export function silencesOf(events, end, patience) {
  const all = [];
  let before = null;
  for (const event of events) {
    if (event.at === null) continue;
    if (isSilence(before, event.at, patience)) all.push({ from: before.at, to: event.at });
    before = event;
  }
  if (isSilence(before, end, patience)) all.push({ from: before.at, to: end });
  return all;
}

// By tool: from each start to what ends it.
export function toolsOf(events, end) {
  const tools = new Map();
  for (const { tool, phase, at } of events) {
    if (!tool) continue;
    if (!tools.has(tool)) tools.set(tool, []);
    const uses = tools.get(tool);
    const open = uses.at(-1)?.to === null ? uses.at(-1) : null;
    if (phase === "start" && !open) uses.push({ from: at, to: null, text: tool });
    else if (ENDS_USE.includes(phase) && open) open.to = at;
  }
  for (const uses of tools.values()) for (const use of uses) if (use.to === null) use.to = end;
  return [...tools].slice(0, TOOLS_MAX);
}

// ---- drawing

export function drawExecution(svg, scale, { row, span, pieces, waits, silences }) {
  svg.replaceChildren();
  addBar(svg, scale, span, `bar-${row.state}`);
  for (const wait of waits)
    addBar(svg, scale, [wait.from, wait.to], "bar-wait", { title: wait.text });
  for (const { from, to } of silences) addBar(svg, scale, [from, to], "bar-silence");
  for (const { from, to } of pieces.filter((one) => scale.x(one.to) - scale.x(one.from) > 0.5))
    addBar(svg, scale, [from, to], "bar-path", { y: 21, height: 3 });
}

export function drawStretches(svg, scale, all, name) {
  svg.replaceChildren();
  let last = -1;
  for (const one of all) {
    const x = Math.round(scale.x(one.to));
    if (x === last && scale.x(one.to) - scale.x(one.from) < 1) continue; // it would not be seen
    last = x;
    addLabelled(svg, scale, one, name);
  }
}

export function drawTicks(svg, scale, events) {
  const seen = new Set();
  const failed = new Set();
  for (const { at, kind, delivery } of events) {
    if (at === null) continue;
    const x = Math.round(scale.x(at));
    seen.add(x);
    if (kind === "failed" || delivery === "dead" || delivery === "parked") failed.add(x);
  }
  svg.replaceChildren();
  const path = (places) => [...places].map((x) => `M${x} 6v14`).join("");
  add(svg, "path", { class: "tick", d: path(seen) });
  add(svg, "path", { class: "tick-failed", d: path(failed) });
}

// ---- the axis

const STEPS_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5,
  36e5, 72e5, 216e5, 432e5, 864e5, 1728e5, 6048e5,
];
const LABEL_PX = 90;

export function drawAxis(svg, scale, format) {
  const most = Math.max(1, Math.floor(scale.width / LABEL_PX));
  const step = STEPS_MS.find((ms) => (scale.end - scale.begin) / ms <= most) ?? STEPS_MS.at(-1);
  svg.replaceChildren();
  for (let ms = 0; ms <= scale.end - scale.begin; ms += step) {
    const x = scale.x(scale.begin + ms);
    add(svg, "path", { class: "axis", d: `M${x} 20v6` });
    if (x + 30 < scale.width || x === 0)
      add(svg, "text", { x: x + 3, y: 16 }).textContent = format(ms);
  }
}
