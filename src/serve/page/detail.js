// The detail: one execution in full.
import { Refused, getExecution } from "./api.js";
import { formatAddress } from "./address.js";
import * as cells from "./cells.js";
import { age } from "./clock.js";
import { Events } from "./events.js";
import { showFacts, showFailure } from "./facts.js";
import { Log } from "./log.js";
import { isOlder } from "./roster.js";
import { Timeline } from "./timeline.js";

const VIEWS = { timeline: "Timeline", events: "Events", facts: "Facts", json: "JSON" };
const SPACING_MS = 100; // between two times that the events read are shown
const OPEN_TEXT = 600; // characters of a request that are shown at once

function makeButton(parent, text, label, onClick) {
  const button = cells.makePart(parent, "", "button");
  button.type = "button";
  button.textContent = text;
  if (label) button.setAttribute("aria-label", label);
  button.onclick = onClick;
  return button;
}

// What the stream cuts.
function wholeTexts({ user_request, result_summary, error_message }) {
  return { user_request, result_summary, error_message };
}

export class Detail {
  // hooks: onOpen(id), onRow(), onClose(), onView(view), onCopy(id)
  constructor(article, hooks) {
    this.article = article;
    this.hooks = hooks;
    this.id = null;
    this.makeHead();
    this.makeTabs();
    this.timeline = new Timeline(this.panels.timeline, hooks);
    this.events = new Events(this.panels.events);
    this.json = cells.makePart(this.panels.json, "json", "pre");
    this.json.tabIndex = 0;
    this.json.setAttribute("aria-label", "The execution as JSON");
  }

  // ---- its parts

  makeHead() {
    const head = cells.makePart(this.article, "head", "header");
    const bar = cells.makePart(head, "actions", "div");
    this.close = makeButton(bar, "← List", "Back to the list", this.hooks.onClose);
    this.state = cells.makeState(bar);
    this.since = cells.makePart(bar, "since");
    this.up = cells.makePart(bar, "up", "a");
    cells.makePart(bar, "gap");
    makeButton(bar, "Copy id", "", () => this.hooks.onCopy(this.id));
    this.title = cells.makePart(head, "request text", "h2");
    this.title.tabIndex = -1;
    this.more = makeButton(head, "Show all", "", () => this.showTitle(true));
    this.by = cells.makePart(head, "by", "p");
    this.failure = cells.makePart(head, "failure", "section");
    this.failure.setAttribute("aria-label", "Failure");
    this.result = cells.makePart(head, "result text", "p");
  }

  makeTabs() {
    const list = cells.makePart(this.article, "tabs", "div");
    list.setAttribute("role", "tablist");
    this.tabs = {};
    this.panels = {};
    for (const [view, name] of Object.entries(VIEWS)) {
      const tab = makeButton(list, name, "", () => this.hooks.onView(view));
      tab.id = `tab-${view}`;
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", `panel-${view}`);
      this.tabs[view] = tab;
      const panel = cells.makePart(this.article, "panel", "div");
      panel.id = `panel-${view}`;
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", tab.id);
      this.panels[view] = panel;
    }
    this.panels.facts.tabIndex = 0;
    list.addEventListener("keydown", (event) => this.turnTab(event));
  }

  turnTab(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const views = Object.keys(VIEWS);
    const next = views[(views.indexOf(this.view) + step + views.length) % views.length];
    this.hooks.onView(next);
    this.tabs[next].focus();
    event.preventDefault();
  }

  // The one whose cursor the keys move.
  get grid() {
    return { timeline: this.timeline.grid, events: this.events.grid }[this.view] ?? null;
  }

  // ---- what it shows

  show(id, view) {
    this.article.hidden = false;
    if (view !== this.view) this.showView(view);
    if (id !== this.id) this.read(id);
    else if (this.row) this.showPanel();
  }

  hide() {
    this.article.hidden = true;
    this.log?.close();
    this.id = this.row = this.log = null;
  }

  showView(view) {
    this.view = Object.hasOwn(VIEWS, view) ? view : "timeline";
    for (const name of Object.keys(VIEWS)) {
      const isShown = name === this.view;
      this.tabs[name].setAttribute("aria-selected", String(isShown));
      this.tabs[name].tabIndex = isShown ? 0 : -1;
      this.panels[name].hidden = !isShown;
    }
  }

  async read(id) {
    this.log?.close();
    this.id = id;
    this.row = this.end = null;
    const log = (this.log = new Log(id, () => this.log === log && this.schedule()));
    this.isReading = true;
    try {
      do {
        this.isDoubted = false;
        await this.readRow(!this.row);
      } while (this.isDoubted && this.log === log);
      this.isReading = false;
      await log.read();
    } catch (error) {
      if (this.log !== log) return;
      this.isReading = false;
      if (error instanceof Refused) this.showError(error);
    }
  }

  // Its texts whole. What was heard meanwhile may be newer.
  async readRow(isFirst) {
    const { id } = this;
    const shown = this.row;
    const answer = await getExecution(id, this.log.abort.signal);
    if (id !== this.id) return;
    const isLate = this.row !== shown && isOlder(answer.execution, this.row);
    this.row = isLate ? { ...this.row, ...wholeTexts(answer.execution) } : answer.execution;
    this.end = answer.end;
    this.patience = answer.expect_within_ms;
    if (isFirst) this.isWhole = false;
    this.showRow();
    this.showPanel();
  }

  showError(error) {
    this.row = null;
    this.title.textContent = error.status === 404 ? "There is no such execution" : error.message;
    this.by.textContent = error.status === 404 ? `${this.id}: it may have been removed.` : "";
    for (const part of [this.state, this.since, this.up, this.more, this.failure, this.result])
      part.hidden = true;
    for (const panel of Object.values(this.panels)) panel.hidden = true;
  }

  hear(row) {
    this.timeline.hear(row);
    if (row.id !== this.id) return;
    if (!this.row) {
      this.readAgain();
      return;
    }
    if (isOlder(row, this.row)) return;
    const isOtherFate = row.delivery !== this.row.delivery;
    const hasMore = row.events !== this.row.events;
    const isOtherState = row.state !== this.row.state;
    this.row = { ...row, ...wholeTexts(this.row) };
    this.showRow();
    this.showPanel();
    if (isOtherState && row.ended_at) this.readRow().catch(() => {});
    if (hasMore || isOtherFate) this.log.follow(isOtherFate).catch(() => {});
  }

  // Of many events one part after the other comes.
  schedule() {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.showPanel();
    }, SPACING_MS);
  }

  // What was missed while nothing was heard.
  async readAgain() {
    this.isDoubted = true;
    if (this.isReading || !this.id) return;
    if (!this.row) {
      this.read(this.id);
      return;
    }
    try {
      await this.readRow();
      await this.log.follow(true);
    } catch {
      // the stream tells that the connection is lost
    }
  }

  showRow() {
    const { row } = this;
    for (const part of [this.state, this.since, this.title]) part.hidden = false;
    this.panels[this.view].hidden = false;
    cells.setState(this.state, row);
    this.showTitle(this.isWhole);
    cells.setText(this.by, [row.agent_name, row.current_step].filter(Boolean).join(" · "));
    this.up.hidden = !row.parent_id;
    if (row.parent_id) {
      this.up.textContent = "↑ started by";
      this.up.href = formatAddress({ id: row.parent_id });
    }
    showFailure(this.failure, row, this.end);
    this.hooks.onRow();
    this.result.hidden = !row.result_summary;
    cells.setText(this.result, row.result_summary ?? "");
    this.tick();
  }

  showTitle(isWhole) {
    this.isWhole = isWhole;
    const text = this.row.user_request || "(no text)";
    const isLong = text.length > OPEN_TEXT && !isWhole;
    cells.setText(this.title, isLong ? `${text.slice(0, OPEN_TEXT)}…` : text);
    this.more.hidden = !isLong;
  }

  showPanel() {
    if (!this.row) return;
    if (this.view === "timeline")
      this.timeline.show(this.row, this.log, this.patience).catch(() => {});
    if (this.view === "events") this.events.show(this.log, this.row.events);
    if (this.view === "facts") showFacts(this.panels.facts, this.row, this.end);
    if (this.view === "json") {
      const { row, end } = this;
      cells.setText(this.json, JSON.stringify({ execution: row, end }, null, 2));
    }
  }

  tick() {
    if (!this.row) return;
    const { basis, since, ended_at: end } = this.row;
    const why = basis === "event" ? "" : ` · ${basis}`;
    cells.setText(this.since, (end ? `${age(end)} ago` : `for ${age(since)}`) + why);
    if (this.view === "timeline") this.timeline.tick();
  }

  // Whether there was something to leave within it.
  back() {
    return this.view === "events" && this.events.back();
  }
}
