// The cells of a row: made once, then changed only where their text does. Texts are only ever texts.
import { makeGlyph, setGlyph, shapeOf, stateText } from "./states.js";

export function makeCell(tr, name) {
  const td = document.createElement("td");
  td.className = name;
  td.setAttribute("role", "gridcell");
  tr.append(td);
  return td;
}

export function makePart(parent, name, tag = "span") {
  const part = document.createElement(tag);
  part.className = name;
  parent.append(part);
  return part;
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setTitle(element, text) {
  if (element.title !== text) element.title = text;
}

export function setFlag(element, name, isSet) {
  if (element.classList.contains(name) !== isSet) element.classList.toggle(name, isSet);
}

// A sign for what is folded, moved in by its depth.
export function makeTwisty(td) {
  const twisty = makePart(td, "twisty");
  twisty.append(makeGlyph("fold"));
  return twisty;
}

export function setDepth(tr, { depth, isOpen, place, siblings }, hasKids) {
  tr.setAttribute("aria-level", depth + 1);
  if (place) {
    tr.setAttribute("aria-posinset", place);
    tr.setAttribute("aria-setsize", siblings);
  }
  if (hasKids) tr.setAttribute("aria-expanded", String(isOpen));
  else tr.removeAttribute("aria-expanded");
  tr.style.setProperty("--depth", Math.min(depth, 12));
}

export function makeState(parent) {
  const state = makePart(parent, "state");
  state.append(makeGlyph("running"));
  state.word = makePart(state, "word");
  return state;
}

export function setState(state, row) {
  setGlyph(state.firstChild, shapeOf(row));
  setText(state.word, stateText(row));
  state.dataset.state = row.state;
  setFlag(state, "person", shapeOf(row) === "person");
}
