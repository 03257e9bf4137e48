// The events of an execution: a line each, and of one that is chosen all that it says.
import * as cells from "./cells.js";
import { amount, dayTime, sharpTime } from "./clock.js";
import { Grid } from "./grid.js";
import { say } from "./status.js";

const HEADS = [
  ["c-number", "#"],
  ["c-time", "Time"],
  ["c-after", "After"],
  ["c-kind", "Kind"],
  ["c-text", "Says"],
  ["c-delivery", "Delivery"],
];

function make(tr) {
  tr.parts = Object.fromEntries(HEADS.map(([name]) => [name, cells.makeCell(tr, name)]));
}

function fill(tr, { event, before }) {
  const { parts } = tr;
  cells.setText(parts["c-number"], String(event.number + 1));
  cells.setText(parts["c-time"], event.at === null ? "" : sharpTime(event.at));
  cells.setTitle(parts["c-time"], event.at === null ? "" : dayTime(event.at));
  const gap = before?.at != null && event.at !== null ? event.at - before.at : 0;
  cells.setText(parts["c-after"], gap > 0 ? `+${amount(gap)}` : "");
  cells.setText(parts["c-kind"], event.wait === null || !event.id ? event.kind : "waits");
  cells.setText(parts["c-text"], event.id ? event.text : "(its text has been removed)");
  cells.setTitle(parts["c-text"], event.text);
  cells.setText(parts["c-delivery"], event.delivery);
  tr.dataset.kind = event.kind;
  tr.dataset.delivery = event.delivery;
}

function makeTable() {
  const table = document.createElement("table");
  table.className = "events";
  table.setAttribute("role", "grid");
  table.setAttribute("aria-label", "Events");
  table.tabIndex = 0;
  const head = table.createTHead();
  head.setAttribute("role", "rowgroup");
  const row = head.insertRow();
  row.setAttribute("role", "row");
  for (const [name, text] of HEADS) {
    const th = document.createElement("th");
    th.scope = "col";
    th.className = name;
    th.setAttribute("role", "columnheader");
    th.textContent = text;
    row.append(th);
  }
  table.createTBody().setAttribute("role", "rowgroup");
  return table;
}

export class Events {
  constructor(panel) {
    const scroller = cells.makePart(panel, "scroller", "div");
    scroller.append(makeTable());
    this.progress = cells.makePart(panel, "progress", "p");
    this.whole = cells.makePart(panel, "whole", "pre");
    this.whole.tabIndex = 0;
    this.whole.hidden = true;
    this.whole.setAttribute("aria-label", "The event");
    this.grid = new Grid(scroller.firstChild, {
      make,
      fill,
      open: (line) => this.open(line),
      count: () => Math.max(this.total, this.log?.events.length ?? 0),
    });
    this.follows = false;
  }

  show(log, total) {
    if (this.log !== log) {
      this.whole.hidden = true;
      this.grid.cursor = null;
      this.grid.scroller.scrollTop = 0;
    }
    this.log = log;
    this.total = total;
    const { events } = log;
    if (this.events !== events) this.lines = [];
    this.events = events;
    for (let i = this.lines.length; i < events.length; i++)
      this.lines.push({ id: i, event: events[i], before: events[i - 1] });
    this.grid.show(this.lines);
    const isPart = !log.isWhole && events.length < total;
    this.progress.hidden = !isPart;
    cells.setText(
      this.progress,
      isPart ? `${events.length.toLocaleString()} of ${total.toLocaleString()} read` : "",
    );
    if (this.follows) this.grid.moveTo(events.length - 1);
  }

  async open({ event }) {
    if (!event.id) return;
    try {
      const whole = await this.log.readWhole(event.number);
      this.whole.textContent = JSON.stringify(whole, null, 2);
      this.whole.hidden = false;
      this.whole.scrollTop = 0;
      this.grid.draw();
      this.grid.reveal(this.grid.placeOf(this.grid.cursor));
    } catch (error) {
      say(error.message);
    }
  }

  // Whether there was something to leave.
  back() {
    if (this.whole.hidden) return false;
    this.whole.hidden = true;
    this.grid.focus();
    return true;
  }
}
