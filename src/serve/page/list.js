// The list: a line for each execution, what it shows, and how far it has come.
import { formatAddress } from "./address.js";
import * as cells from "./cells.js";
import { age, amount, dayTime, now } from "./clock.js";
import { Grid } from "./grid.js";
import { makeGlyph, needsPerson, setGlyph, shapeOf } from "./states.js";
import { formatWord } from "./words.js";

// What it does, or came to; and why it is in its state, where no event said so.
function stepText(row) {
  return [doingText(row), row.basis === "event" ? "" : row.basis].filter(Boolean).join(" · ");
}

function doingText(row) {
  if (row.state === "failed" || row.state === "abandoned")
    return row.error_message || row.error_code || row.current_step || "";
  if (row.state === "completed") return row.result_summary || row.current_step || "";
  const share =
    row.steps_total != null
      ? `${row.steps_completed ?? 0}/${row.steps_total}`
      : row.progress_percent != null
        ? `${Math.round(row.progress_percent)}%`
        : "";
  return [share, row.current_step].filter(Boolean).join(" ");
}

function shareOf(row) {
  if (row.state === "completed" || row.state === "failed") return null;
  if (row.steps_total > 0) return (row.steps_completed ?? 0) / row.steps_total;
  return row.progress_percent == null ? null : row.progress_percent / 100;
}

// A line for what is not read of what an execution started.
function makeMore(tr) {
  tr.className = "more";
  const td = cells.makeCell(tr, "c-request");
  td.colSpan = 9;
  tr.request = cells.makePart(td, "request", "a");
  tr.request.tabIndex = -1;
}

function fillMore(tr, line) {
  cells.setDepth(tr, line, false);
  cells.setText(tr.request, `${line.more.toLocaleString()} more: show all in a list of their own`);
  tr.request.href = formatAddress({ q: formatWord({ name: "parent", value: line.row.id }) });
}

function make(tr, { more }) {
  if (more) makeMore(tr);
  else makeCells(tr);
}

function makeCells(tr) {
  const state = cells.makeCell(tr, "c-state");
  tr.twisty = cells.makeTwisty(state);
  tr.state = cells.makeState(state);
  tr.wanted = cells.makePart(state, "wanted");
  tr.wanted.append(makeGlyph("stalled"));
  tr.wanted.setAttribute("role", "img"); // its title is its name
  tr.agent = cells.makeCell(tr, "c-agent");
  tr.request = cells.makePart(cells.makeCell(tr, "c-request"), "request", "a");
  tr.request.tabIndex = -1;
  tr.step = cells.makeCell(tr, "c-step");
  tr.stepText = cells.makePart(tr.step, "says");
  tr.bar = cells.makePart(tr.step, "bar");
  tr.last = cells.makeCell(tr, "c-last");
  tr.age = cells.makeCell(tr, "c-age");
  tr.duration = cells.makeCell(tr, "c-duration");
  tr.kids = cells.makeCell(tr, "c-kids");
  tr.short = cells.makeCell(tr, "c-id");
}

function fillState(tr, { row, wanted }) {
  if (tr.known && tr.known !== row.state) flash(tr);
  tr.known = row.state;
  cells.setState(tr.state, row);
  cells.setTitle(tr.state, row.basis);
  cells.setFlag(tr, "attention", needsPerson(row));
  tr.dataset.state = row.state;
  tr.wanted.hidden = !wanted;
  if (!wanted) return;
  setGlyph(tr.wanted.firstChild, shapeOf(wanted));
  cells.setTitle(tr.wanted, `${wanted.agent_name}, below it, is ${wanted.state}`);
  tr.wanted.dataset.state = wanted.state;
  cells.setFlag(tr.wanted, "person", needsPerson(wanted));
}

// A change of state is seen, not only its result; once, not again whenever a column comes into view.
function flash(tr) {
  tr.onanimationend = () => tr.classList.remove("changed");
  tr.classList.remove("changed");
  requestAnimationFrame(() => tr.classList.add("changed"));
}

function fillStep(tr, row) {
  const text = stepText(row);
  const share = shareOf(row);
  cells.setText(tr.stepText, text);
  cells.setTitle(tr.step, text);
  tr.bar.hidden = share === null;
  if (share !== null) tr.bar.style.setProperty("--share", Math.max(0, Math.min(1, share)));
}

function fill(tr, line) {
  const { row } = line;
  if (line.more) {
    fillMore(tr, line);
    return;
  }
  cells.setDepth(tr, line, row.children > 0);
  fillState(tr, line);
  cells.setText(tr.agent, row.agent_name ?? "");
  cells.setTitle(tr.agent, row.agent_name ?? "");
  cells.setText(
    tr.request,
    row.user_request || (row.partial ? "(not seen to start)" : "(no text)"),
  );
  cells.setTitle(tr.request, row.user_request ?? "");
  tr.request.href = formatAddress({ id: row.id });
  fillStep(tr, row);
  cells.setTitle(tr.last, dayTime(row.last_event_at));
  cells.setTitle(tr.age, dayTime(row.started_at));
  cells.setText(tr.duration, amount(row.duration_ms));
  cells.setText(tr.kids, row.children ? `${row.open_children}/${row.children}` : "");
  cells.setTitle(
    tr.kids,
    row.children ? `${row.open_children} open of ${row.children} started` : "",
  );
  cells.setText(tr.short, row.id.slice(0, 13));
  tick(tr, line);
}

function tick(tr, { row, more }) {
  if (more) return;
  cells.setText(tr.last, age(row.last_event_at));
  cells.setText(tr.age, age(row.started_at));
  if (row.duration_ms == null && row.started_at && row.state !== "abandoned")
    cells.setText(tr.duration, amountRunning(row));
}

// Of one that runs: whole seconds.
function amountRunning(row) {
  const ms = now() - Date.parse(row.started_at);
  return ms < 1000 ? "" : amount(Math.floor(ms / 1000) * 1000);
}

export function makeList(table, hooks) {
  return new Grid(table, { make, fill, tick, ...hooks });
}
