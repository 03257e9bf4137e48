// The counts: how many executions are in each state, and how many wait for a person; each is a filter.
import { setText } from "./cells.js";
import { BY_ATTENTION, STATES, makeGlyph } from "./states.js";

const nav = document.querySelector("#counts");
const buttons = new Map();

function makeButton(name, word, shape, hint) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.state = name;
  button.title = hint;
  button.append(makeGlyph(shape), word, " ");
  button.number = document.createElement("b");
  button.number.textContent = "0";
  button.append(button.number);
  button.setAttribute("aria-pressed", "false");
  buttons.set(name, button);
  nav.append(button);
  return button;
}

// hooks: onState(state), onNeeds()
export function makeCounts(hooks) {
  makeButton("needs", "need you", "person", "What waits for a person (w)").onclick = hooks.onNeeds;
  for (const state of BY_ATTENTION)
    makeButton(state, state, state, `Only ${state} (${STATES.indexOf(state) + 1})`).onclick = () =>
      hooks.onState(state);
}

export function showCounts({ states, needs_you: needs }) {
  const numbers = { ...states, needs };
  for (const [name, button] of buttons) {
    setText(button.number, Number(numbers[name] ?? 0).toLocaleString());
    button.classList.toggle("none", !numbers[name]);
  }
}

export function pressCounts(states, needs) {
  for (const [name, button] of buttons)
    button.setAttribute("aria-pressed", String(name === "needs" ? needs : states.includes(name)));
}
