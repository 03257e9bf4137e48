// Filter words, as `aep list` has them: state:stalled agent:build* since:1h, and text. Words of one name are
// alternatives, words of different names must all match; of several texts all must.
import { now } from "./clock.js";
import { STATES } from "./states.js";

export const NAMES = {
  state: "one of the six states",
  agent: "the agent's name; * stands for any characters",
  tenant: "exactly this tenant",
  session: "exactly this session",
  correlation: "exactly this correlation id",
  parent: "started by this execution",
  since: "the last event is not older: 1h, 2025-11-13",
  until: "the last event is not newer",
  text: "in the request, the agent, the step or the error",
};

const WORD = /"([^"]*)"?|(?:([A-Za-z_-]+):)?(?:"([^"]*)"?|(\S+))?/y;

// The words of a text, each with its place in it. Blanks are kept by quotes: agent:"my agent"
export function splitWords(text) {
  const words = [];
  for (let at = 0; at < text.length;) {
    if (/\s/.test(text[at])) {
      at++;
      continue;
    }
    WORD.lastIndex = at;
    const [whole, quoted, name, inner, bare] = WORD.exec(text);
    const value = quoted ?? inner ?? bare ?? "";
    words.push({ name: name ? name.toLowerCase() : "text", value, at, end: at + whole.length });
    at += whole.length;
  }
  return words;
}

// What is wrong with them; "" if nothing is. The server checks the values.
export function wordsProblem(words) {
  for (const { name, value } of words) {
    if (!Object.hasOwn(NAMES, name))
      return `No filter is named ${name}. There are ${Object.keys(NAMES).join(", ")}; to search for this as a text, put text: before it.`;
    if (!value) return `${name}: needs a value behind the colon.`;
  }
  return "";
}

export function formatWord({ name, value }) {
  const quoted = /\s|"/.test(value) || (name === "text" && /^[A-Za-z_-]+:/.test(value));
  const text = quoted ? `"${value.replaceAll('"', "")}"` : value;
  return name === "text" && !/^"?[A-Za-z_-]+:/.test(text) ? text : `${name}:${text}`;
}

export function formatWords(words) {
  return words.map(formatWord).join(" ");
}

export function addToQuery(query, words) {
  const states = words.filter(({ name }) => name === "state").map(({ value }) => value);
  if (states.length) query.append("state", states.join(","));
  for (const { name, value } of words)
    if (name !== "state") query.append(name === "text" ? "q" : name, value);
}

// The text with other words for the states.
export function withStates(text, states) {
  const others = splitWords(text).filter(({ name }) => name !== "state");
  return formatWords([...states.map((value) => ({ name: "state", value })), ...others]);
}

export function statesOf(words) {
  const named = words.filter(({ name }) => name === "state").map(({ value }) => value);
  return STATES.filter((state) => named.includes(state));
}

const SECONDS = { ms: 0.001, s: 1, sec: 1, m: 60, min: 60, h: 3600, d: 86400, w: 604800 };

function readTime(text) {
  const ago = /^(\d+)([a-z]+)$/.exec(text);
  if (ago) return now() - ago[1] * (SECONDS[ago[2]] ?? 0) * 1000;
  return Date.parse(text);
}

function makeGlob(pattern) {
  const parts = pattern.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s");
}

const EXACT = {
  tenant: "tenant_id",
  session: "session_id",
  correlation: "correlation_id",
  parent: "parent_id",
};

function matchesName(name, values, row) {
  if (name === "state") return values.includes(row.state);
  if (name === "agent") return values.some((value) => makeGlob(value).test(row.agent_name ?? ""));
  if (name === "parent" && !row.parent_known) return false;
  if (name in EXACT) return values.includes(row[EXACT[name]]);
  const last = Date.parse(row.last_event_at);
  if (name === "since") return values.some((value) => !(last < readTime(value)));
  if (name === "until") return values.some((value) => !(last > readTime(value)));
  const texts = [row.user_request, row.agent_name, row.current_step, row.error_message];
  return values.every((value) =>
    texts.some((text) => text?.toLowerCase().includes(value.toLowerCase())),
  );
}

// Whether a row that the stream tells belongs to what the server was asked for.
export function matchesWords(words, row) {
  const groups = Map.groupBy(words, ({ name }) => name);
  return [...groups].every(([name, group]) =>
    matchesName(
      name,
      group.map(({ value }) => value),
      row,
    ),
  );
}
