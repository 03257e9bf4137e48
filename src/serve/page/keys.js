// The keys: those of `aep watch`, and the sheet that shows them. They can be turned off, for those whose speech
// or stick types letters by accident.
import { NAMES } from "./words.js";

const KEPT = "aep-keys";
const sheet = document.querySelector("#sheet");

// [keys, how they are shown, what they do, the name of the action, its argument]
const KEYS = [
  [["j", "ArrowDown"], "j ↓", "next row", "move", 1],
  [["k", "ArrowUp"], "k ↑", "previous row", "move", -1],
  [["PageDown"], "PgDn PgUp", "a screen down, up", "page", 1],
  [["PageUp"], "", "", "page", -1],
  [["g", "Home"], "g G", "first, last", "top"],
  [["G", "End"], "", "", "bottom"],
  [["Enter"], "Enter", "shows this execution in full", "open"],
  [["Escape"], "Esc", "back; in the list: every filter off", "back"],
  [["/"], "/", "filters the list (Tab completes)", "filter"],
  [["n"], "n N", "the next, the previous match; j k take every row", "next", 1],
  [["N"], "", "", "next", -1],
  [["+", "ArrowRight"], "+ −  → ←", "unfolds, folds what this execution started", "fold", true],
  [["-", "ArrowLeft"], "", "", "fold", false],
  [["*"], "*", "unfolds, folds all", "foldAll"],
  [["s"], "s S", "the next order; reverses it", "sort"],
  [["S"], "", "", "reverse"],
  ...["completed", "failed", "abandoned", "waiting", "stalled", "running"].map((state, i) => [
    [String(i + 1)],
    String(i + 1),
    `only ${state}`,
    "state",
    state,
  ]),
  [["0"], "0", "every state", "state", null],
  [["w"], "w", "only what waits for a person", "needs"],
  [["e"], "e", "only faults: failed, abandoned, stalled", "faults"],
  [["f"], "f", "stays at the top of the list, at the end of the events", "follow"],
  [[" "], "Space", "pauses, goes on", "pause"],
  [["y"], "y", "copies the id", "copy"],
  [["o"], "o", "opens this execution in a tab of its own", "openTab"],
  [["J"], "J", "shows this execution as JSON", "json"],
  [["r"], "r", "reads everything again", "reload"],
  [["?"], "?", "this sheet", "help"],
];
const FREE = [
  "ArrowDown",
  "ArrowUp",
  "ArrowLeft",
  "ArrowRight",
  "PageDown",
  "PageUp",
  "Home",
  "End",
];
const ALWAYS = [...FREE, "Enter", "Escape"];

export function areKeysOn() {
  return localStorage.getItem(KEPT) !== "off";
}

// Where a key has a meaning of its own, that counts.
function isTaken({ key, target }) {
  if (sheet.open || target.closest("input, select, textarea")) return true;
  if (target.closest("[role=tab]") && FREE.includes(key)) return true;
  if (target.closest("pre, .text") && FREE.includes(key)) return true;
  return Boolean(target.closest("button, a, summary")) && (key === "Enter" || key === " ");
}

// actions: a function for each name of the table; it returns false where there is nothing to do.
export function listenToKeys(actions) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || isTaken(event))
      return;
    if (!ALWAYS.includes(event.key) && !areKeysOn()) return;
    const found = KEYS.find(([keys]) => keys.includes(event.key));
    if (found && actions[found[3]](found[4], event) !== false) event.preventDefault();
  });
}

// ---- the sheet

function addPairs(parent, title, pairs) {
  const section = document.createElement("section");
  const heading = document.createElement("h3");
  heading.textContent = title;
  const list = document.createElement("dl");
  for (const [term, text] of pairs) {
    const dt = document.createElement("dt");
    for (const key of term.split(/ +/)) {
      const kbd = document.createElement("kbd");
      kbd.textContent = key;
      dt.append(kbd, " ");
    }
    const dd = document.createElement("dd");
    dd.textContent = text;
    list.append(dt, dd);
  }
  section.append(heading, list);
  parent.append(section);
}

function makeSwitch() {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = areKeysOn();
  box.onchange = () => localStorage.setItem(KEPT, box.checked ? "on" : "off");
  label.append(box, " Keys that are single letters");
  return label;
}

export function showSheet() {
  const title = document.createElement("h2");
  title.id = "sheet-title";
  title.textContent = "Keys and filter words";
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "Close";
  close.onclick = () => sheet.close();
  const head = document.createElement("header");
  head.append(title, close);
  const columns = document.createElement("div");
  columns.className = "columns";
  addPairs(
    columns,
    "Keys",
    KEYS.filter(([, shown]) => shown).map(([, shown, text]) => [shown, text]),
  );
  addPairs(
    columns,
    "Filter words",
    Object.entries(NAMES).map(([name, text]) => [`${name}:`, text]),
  );
  sheet.replaceChildren(head, columns, makeSwitch());
  sheet.showModal();
}
