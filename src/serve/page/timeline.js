// The timeline: the whole tree of an execution, a lane each; of the one that is shown also its steps, its tools
// and its events.
import { getTree } from "./api.js";
import * as cells from "./cells.js";
import { brief, amount, now } from "./clock.js";
import { Grid } from "./grid.js";
import {
  Scale,
  drawAxis,
  drawExecution,
  drawStretches,
  drawTicks,
  silencesOf,
  stepsOf,
  toolsOf,
  waitsOf,
} from "./lanes.js";
import { criticalPath } from "./path.js";
import { Roster } from "./roster.js";

const SVG = "http://www.w3.org/2000/svg";

function makeSvg(parent) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "lane");
  svg.setAttribute("aria-hidden", "true");
  parent.append(svg);
  return svg;
}

function makeHead(table, name, text) {
  const th = document.createElement("th");
  th.scope = "col";
  th.className = name;
  th.setAttribute("role", "columnheader");
  th.textContent = text;
  table.tHead.rows[0].append(th);
  return th;
}

export class Timeline {
  // hooks: onOpen(id)
  constructor(panel, hooks) {
    this.panel = panel;
    this.roster = new Roster();
    this.folded = new Set();
    const scroller = cells.makePart(panel, "scroller", "div");
    const table = cells.makePart(scroller, "lanes", "table");
    table.setAttribute("role", "treegrid");
    table.setAttribute("aria-label", "Timeline");
    table.tabIndex = 0;
    table.createTHead().setAttribute("role", "rowgroup");
    table.tHead.insertRow().setAttribute("role", "row");
    table.createTBody().setAttribute("role", "rowgroup");
    makeHead(table, "c-name", "Execution");
    const th = makeHead(table, "c-lane", "");
    const unseen = cells.makePart(th, "unseen");
    unseen.textContent = "Time";
    this.axis = makeSvg(th);
    makeHead(table, "c-duration", "Duration");
    this.legend = cells.makePart(panel, "legend", "p");
    this.grid = new Grid(table, {
      make: (tr, line) => this.make(tr, line),
      fill: (tr, line) => this.fill(tr, line),
      tick: () => {},
      open: ({ row, part }) => !part && row.id !== this.row?.id && hooks.onOpen(row.id),
      fold: ({ id, part }, isOpen) => !part && this.fold(id, isOpen),
    });
    new ResizeObserver(() => this.draw()).observe(scroller);
  }

  // ---- what it shows

  // patience: how many ms of silence are usual for it, as the tracker has it; null: it has not said
  async show(row, log, patience) {
    const isOther = this.row?.root_id !== row.root_id;
    if (isOther) this.roster = new Roster();
    if (this.row?.id !== row.id) this.grid.cursor = row.id;
    this.row = row;
    this.log = log;
    this.patience = patience ?? Infinity;
    this.roster.put(row);
    this.draw();
    if (!isOther && this.hasTree) return;
    this.hasTree = false;
    this.abort?.abort();
    this.abort = new AbortController();
    const answer = await getTree(row.root_id, this.abort.signal);
    answer.executions.forEach((one) => this.roster.put(one));
    this.isCut = answer.more;
    this.hasTree = true;
    this.draw();
  }

  hear(row) {
    if (!this.row || row.root_id !== this.row.root_id) return;
    this.roster.put(row);
    if (row.id === this.row.id) this.row = row;
  }

  fold(id, isOpen) {
    if (isOpen) this.folded.delete(id);
    else this.folded.add(id);
    this.draw();
  }

  // ---- lines

  spanOf(row) {
    const begin = Date.parse(row.started_at ?? row.last_event_at);
    const open = row.state === "running" || row.state === "waiting" || row.state === "stalled";
    const end = open ? now() : Date.parse(row.ended_at ?? row.last_event_at);
    return [begin, Math.max(begin, end)];
  }

  ownLines(depth) {
    const { events } = this.log;
    const end = this.spanOf(this.row)[1];
    const lines = [];
    const steps = stepsOf(events, end);
    const part = (id, name, draw) =>
      lines.push({ id: `${this.row.id} ${id}`, row: this.row, part: name, depth, draw });
    if (steps.length)
      part("steps", "steps", (svg, scale) => drawStretches(svg, scale, steps, "bar-step"));
    toolsOf(events, end).forEach(([tool, uses], i) =>
      part(`tool ${i}`, tool, (svg, scale) => drawStretches(svg, scale, uses, "bar-tool")),
    );
    if (events.length) part("events", "events", (svg, scale) => drawTicks(svg, scale, events));
    return lines;
  }

  addLines(lines, rows, depth) {
    const begins = rows.map((row) => ({ row, begin: this.spanOf(row)[0] }));
    begins.sort((one, other) => one.begin - other.begin);
    begins.forEach(({ row }, i) => {
      const isOpen = !this.folded.has(row.id);
      lines.push({ id: row.id, row, depth, isOpen, place: i + 1, siblings: rows.length });
      if (row.id === this.row.id) lines.push(...this.ownLines(depth + 1));
      if (isOpen && depth < 100) this.addLines(lines, this.roster.childrenOf(row.id), depth + 1);
    });
  }

  // ---- drawing

  draw() {
    if (!this.row || this.panel.hidden) return;
    const root = this.roster.get(this.row.root_id) ?? this.row;
    const lines = [];
    this.addLines(lines, [root], 0);
    const all = [...this.roster.rows.values()].map((row) => this.spanOf(row));
    const range = [
      Math.min(...all.map(([begin]) => begin)),
      Math.max(...all.map(([, end]) => end)),
    ];
    const head = this.axis.parentElement;
    this.scale = new Scale(range, head.clientWidth - 16);
    this.path = Map.groupBy(
      criticalPath(this.roster, root, (row) => this.spanOf(row)),
      ({ id }) => id,
    );
    drawAxis(this.axis, this.scale, (ms) => (ms ? amount(ms) : "0"));
    this.grid.show(lines);
    this.tell();
  }

  tell() {
    const { patience } = this;
    const parts = [
      ["bar-path", "critical path"],
      ["bar-wait", "waits"],
    ];
    if (patience < Infinity)
      parts.push(["bar-silence", `silent for longer than expected, now ${amount(patience)}`]);
    if (this.told !== patience) {
      this.told = patience;
      this.legend.replaceChildren();
      for (const [name, text] of parts) {
        const part = cells.makePart(this.legend, "part");
        const svg = makeSvg(part);
        svg.setAttribute("class", "sample");
        const rect = document.createElementNS(SVG, "rect");
        for (const [key, value] of Object.entries({
          class: name,
          x: 0,
          y: 2,
          width: 22,
          height: 10,
        }))
          rect.setAttribute(key, value);
        svg.append(rect);
        part.append(text);
      }
      this.cut = cells.makePart(this.legend, "part");
    }
    cells.setText(this.cut, this.isCut ? "only the first 1,000 executions are shown" : "");
  }

  make(tr, { part }) {
    const name = cells.makeCell(tr, "c-name");
    tr.twisty = cells.makeTwisty(name);
    if (part) tr.label = cells.makePart(name, "part");
    else {
      tr.state = cells.makeState(name);
      tr.agent = cells.makePart(name, "agent");
    }
    tr.svg = makeSvg(cells.makeCell(tr, "c-lane"));
    tr.duration = cells.makeCell(tr, "c-duration");
  }

  fill(tr, line) {
    const { row, part } = line;
    cells.setDepth(tr, line, !part && row.children > 0);
    cells.setFlag(tr, "own", row.id === this.row.id);
    if (part) {
      cells.setText(tr.label, part);
      line.draw(tr.svg, this.scale);
      return;
    }
    cells.setState(tr.state, row);
    cells.setText(tr.agent, row.agent_name ?? "");
    cells.setTitle(tr.agent, row.user_request ?? "");
    const span = this.spanOf(row);
    cells.setText(
      tr.duration,
      row.duration_ms != null ? amount(row.duration_ms) : brief(span[1] - span[0]),
    );
    drawExecution(tr.svg, this.scale, {
      row,
      span,
      pieces: this.path.get(row.id) ?? [],
      ...this.pausesOf(row, span[1]),
    });
  }

  // Of the one that is shown its events say when it was silent; of others their state says it of now.
  pausesOf(row, end) {
    if (row.id === this.row.id && this.log.events.length > 0)
      return {
        waits: waitsOf(this.log.events, end),
        silences: silencesOf(this.log.events, end, this.patience),
      };
    const since = Date.parse(row.since);
    return {
      waits: row.state === "waiting" ? [{ from: since, to: end, text: row.basis }] : [],
      silences: row.state === "stalled" ? [{ from: since, to: end }] : [],
    };
  }

  // As time goes on, what runs grows.
  tick() {
    const isOpen = [...this.roster.rows.values()].some((row) => !row.ended_at);
    if (isOpen) this.draw();
  }
}
