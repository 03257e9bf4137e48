// The filter: a line of words, with completion of their names and of the values that are on the page.
import { STATES } from "./states.js";
import { NAMES, formatWord, splitWords } from "./words.js";

const SHOWN = 12;
const input = document.querySelector("#filter");
const list = document.querySelector("#words");
const TIMES = ["15min", "1h", "1d", "7d"];

export class Filter {
  // hooks: values: a map from names to those that have been seen; onBegin(): reads more of them; onChange(text);
  // onLeave()
  constructor(hooks) {
    this.hooks = hooks;
    this.options = [];
    this.at = -1;
    input.addEventListener("input", () => this.change());
    input.addEventListener("keydown", (event) => this.key(event));
    input.addEventListener("focus", () => this.begin());
    input.addEventListener("blur", () => this.close());
    list.addEventListener("pointerdown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => this.choose(event));
  }

  async begin() {
    this.suggest();
    await this.hooks.onBegin();
    if (document.activeElement === input && this.at < 0) this.suggest();
  }

  show(text) {
    if (input.value !== text && document.activeElement !== input) input.value = text;
  }

  set(text) {
    input.value = text;
    this.change();
    this.close();
  }

  focus() {
    input.focus();
    input.setSelectionRange(input.value.length, input.value.length);
  }

  change() {
    this.hooks.onChange(input.value);
    if (document.activeElement === input) this.suggest();
  }

  // ---- what fits

  // The word that the caret is in.
  get word() {
    const caret = input.selectionStart;
    const word = splitWords(input.value).find(({ at, end }) => at <= caret && caret <= end);
    return word ?? { name: "text", value: "", at: caret, end: caret };
  }

  valuesOf(name) {
    if (name === "state") return STATES;
    if (name === "since" || name === "until") return TIMES;
    return [...(this.hooks.values.get(name) ?? [])].sort();
  }

  optionsFor({ name, value }) {
    if (name !== "text") {
      const begin = value.toLowerCase();
      return this.valuesOf(name)
        .filter((one) => one.toLowerCase().startsWith(begin) && one !== value)
        .map((one) => ({
          text: formatWord({ name, value: one }),
          hint: "",
          isWhole: true,
        }));
    }
    return Object.entries(NAMES)
      .filter(([one]) => one.startsWith(value.toLowerCase()))
      .map(([one, hint]) => ({ text: `${one}:`, hint }));
  }

  suggest() {
    this.options = this.optionsFor(this.word).slice(0, SHOWN);
    this.at = -1;
    list.replaceChildren(...this.options.map((option, i) => makeOption(option, i)));
    const isOpen = this.options.length > 0;
    list.hidden = !isOpen;
    input.setAttribute("aria-expanded", String(isOpen));
    this.mark();
  }

  close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  mark() {
    [...list.children].forEach((option, i) =>
      option.setAttribute("aria-selected", String(i === this.at)),
    );
    if (this.at >= 0) {
      input.setAttribute("aria-activedescendant", list.children[this.at].id);
      list.children[this.at].scrollIntoView({ block: "nearest" });
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  }

  take(option) {
    const { at, end } = this.word;
    const text = option.text + (option.isWhole ? " " : "");
    const rest = input.value.slice(end);
    input.value = input.value.slice(0, at) + text + (option.isWhole ? rest.trimStart() : rest);
    input.setSelectionRange(at + text.length, at + text.length);
    this.change();
  }

  choose(event) {
    const option = event.target.closest("[role=option]");
    if (option) this.take(this.options[option.dataset.place]);
  }

  // ---- keys

  key(event) {
    const isTaken = list.hidden ? false : this.keyOfList(event);
    if (!isTaken && !this.keyOfLine(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Whether it has a meaning while the list is open.
  keyOfList({ key, shiftKey }) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (step) {
      const count = this.options.length + 1;
      this.at = ((this.at + 1 + step + count) % count) - 1;
      this.mark();
    } else if (key === "Tab" && !shiftKey && this.word.value) {
      this.take(this.options[Math.max(this.at, 0)]);
    } else if (key === "Enter" && this.at >= 0) {
      this.take(this.options[this.at]);
    } else if (key === "Escape") {
      this.close();
    } else {
      return false;
    }
    return true;
  }

  keyOfLine({ key }) {
    if (!["Enter", "Escape", "ArrowDown"].includes(key)) return false;
    this.close();
    this.hooks.onLeave();
    return true;
  }
}

function makeOption({ text, hint }, place) {
  const option = document.createElement("li");
  option.id = `word-${place}`;
  option.dataset.place = place;
  option.setAttribute("role", "option");
  const name = document.createElement("span");
  name.textContent = text;
  const what = document.createElement("small");
  what.textContent = hint;
  option.append(name, what);
  return option;
}
