// The states: each has a word, a shape and a colour, the order of the keys 1 to 6, and one of attention.

export const STATES = ["completed", "failed", "abandoned", "waiting", "stalled", "running"];
export const FAULTS = ["failed", "abandoned", "stalled"];
export const BY_ATTENTION = ["waiting", "stalled", "failed", "running", "abandoned", "completed"];

const WAITS = { rate_limit: "rate limit" };

export function needsPerson(row) {
  return (
    row.state === "waiting" && (row.waiting_for === "human" || row.waiting_for === "permission")
  );
}

export function stateText(row) {
  const what = row.waiting_for ? ` · ${WAITS[row.waiting_for] ?? row.waiting_for}` : "";
  return row.state + what + (row.uncertain ? "?" : "");
}

// The shape: of those that need a person it is full.
export function shapeOf(row) {
  return needsPerson(row) ? "person" : row.state;
}

const SVG = "http://www.w3.org/2000/svg";

export function makeGlyph(shape) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "glyph");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "use"));
  setGlyph(svg, shape);
  return svg;
}

export function setGlyph(svg, shape) {
  if (svg.dataset.shape === shape) return;
  svg.dataset.shape = shape;
  svg.firstChild.setAttribute("href", `#shape-${shape}`);
}
