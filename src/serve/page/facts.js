// The facts: what is known of an execution, by name.
import * as cells from "./cells.js";
import { amount, dayTime } from "./clock.js";

const FLAGS = {
  partial: "its start has not been seen",
  inferred: "another program reported its end",
  conflict: "its events contradict each other",
  skew: "its clock is ahead",
};

function pairsOf(row) {
  const flags = Object.keys(FLAGS).filter((name) => row[name]);
  return [
    ["id", row.id],
    ["agent", row.agent_name],
    ["started", dayTime(row.started_at)],
    ["ended", dayTime(row.ended_at)],
    ["last event", dayTime(row.last_event_at)],
    ["duration", row.duration_ms == null ? "" : amount(row.duration_ms)],
    ["events", row.events.toLocaleString()],
    ["delivery", row.delivery],
    ["children", row.children ? `${row.open_children} open of ${row.children}` : ""],
    ["step", row.current_step],
    ["correlation", row.correlation_id],
    ["session", row.session_id],
    ["tenant", row.tenant_id],
    ["source", row.source],
    ["flags", flags.map((name) => `${name}: ${FLAGS[name]}`).join("; ")],
  ];
}

function textOf(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

// What the event of its end says beyond the row.
function endPairs(payload) {
  const known = [
    ["result", payload.result_summary],
    ["output", payload.output_summary],
    ["quality", payload.quality_score],
    ["artifacts", payload.artifacts],
    ["partial results", payload.partial_results],
    ...Object.entries(payload.metrics ?? {}),
  ];
  return known
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => [name, textOf(value)]);
}

function addPairs(parent, pairs) {
  const list = cells.makePart(parent, "facts", "dl");
  for (const [name, text] of pairs) {
    if (!text) continue;
    const pair = cells.makePart(list, "pair", "div");
    cells.makePart(pair, "name", "dt").textContent = name;
    cells.makePart(pair, "text", "dd").textContent = text;
  }
}

// Whether it says something else than before: what does not change stays, with what is selected in it.
function isNews(element, ...said) {
  const text = JSON.stringify(said);
  const before = element.said;
  element.said = text;
  return text !== before;
}

export function showFacts(panel, row, end) {
  const payload = end?.event?.payload;
  const ends = payload ? endPairs(payload) : [];
  const pairs = pairsOf(row);
  if (!isNews(panel, ends, pairs)) return;
  panel.replaceChildren();
  if (ends.length) {
    cells.makePart(panel, "", "h4").textContent = "Result";
    addPairs(panel, ends);
    cells.makePart(panel, "", "h4").textContent = "Execution";
  }
  addPairs(panel, pairs);
}

export function showFailure(section, row, end) {
  const payload = end?.event?.payload ?? {};
  const trace = payload.stack_trace ?? payload.error_stack_trace;
  const isFault = row.state === "failed" || row.state === "abandoned";
  section.hidden = !isFault || !(row.error_message || row.error_code || trace);
  const kind = [row.error_type, row.error_code].filter(Boolean).join(" · ");
  if (!isNews(section, row.error_message, kind, trace)) return;
  section.replaceChildren();
  cells.makePart(section, "error", "p").textContent = row.error_message ?? row.error_code;
  if (kind) cells.makePart(section, "kind", "p").textContent = kind;
  if (!trace) return;
  const stack = cells.makePart(section, "trace", "pre");
  stack.tabIndex = 0;
  stack.setAttribute("aria-label", "Stack trace");
  stack.textContent = textOf(trace);
}
