// The executions that the list shows: read in parts, kept up to date by what is told, put in order.
import { getExecution, getFacets, listExecutions } from "./api.js";
import { makeList } from "./list.js";
import { ORDERS, wantsAttention } from "./order.js";
import { commonShift, makeOutline, pinLine } from "./outline.js";
import { Roster } from "./roster.js";
import { needsPerson } from "./states.js";
import { addToQuery, matchesWords, splitWords, wordsProblem } from "./words.js";

const FIRST = 100; // of a new list
const PART = 500;
const AGAIN_MAX = 5000; // of one that is read again
const KNOWN_MAX = 20000; // above that only the top is kept, if that is what is looked at
const KIDS_MAX = 5000; // of one that is unfolded
const VALUES_MAX = 500; // of a kind that are kept, to complete words
const VALUES = {
  agent: "agent_name",
  tenant: "tenant_id",
  session: "session_id",
  correlation: "correlation_id",
  parent: "parent_id",
};
const SPACING_MS = 100; // between two times that the list is drawn

export class Executions {
  // hooks: onOpen(id), onMove(id), onRow(row), onShow(), onError(text)
  constructor(table, hooks) {
    this.hooks = hooks;
    this.roster = new Roster();
    this.values = Object.fromEntries(Object.keys(VALUES).map((name) => [name, new Set()]));
    this.folds = new Set();
    this.isPaused = false;
    this.isLoaded = false;
    this.told = null; // while it is read: what came meanwhile
    this.drawnAt = 0;
    this.cost = 0;
    this.grid = makeList(table, {
      open: ({ id }) => hooks.onOpen(id),
      move: ({ id }) => hooks.onMove(id),
      fold: ({ id }, isOpen) => this.fold(id, isOpen),
    });
    this.grid.scroller.addEventListener("scroll", () => this.readOn(), { passive: true });
  }

  // ---- what is asked for

  ask({ q, sort, reverse, needs }) {
    this.words = splitWords(q);
    this.order = sort in ORDERS ? sort : "attention";
    this.reverse = reverse === "true";
    this.needs = needs === "me";
    this.isFiltered = this.words.length > 0 || this.needs;
  }

  query(more) {
    const query = new URLSearchParams({ sort: this.order, ...more });
    if (this.reverse) query.set("reverse", "true");
    if (!this.isFiltered) query.set("roots", "true");
    if (this.needs) query.set("state", "waiting");
    addToQuery(
      query,
      this.words.filter(({ name }) => !this.needs || name !== "state"),
    );
    return query;
  }

  belongs(row) {
    if (this.needs && !needsPerson(row)) return false;
    return this.isFiltered ? matchesWords(this.words, row) : !row.parent_known;
  }

  put(row, roster = this.roster) {
    roster.put(row);
    this.hooks.onRow(row);
    for (const [name, member] of Object.entries(VALUES)) {
      const values = this.values[name];
      if (row[member] && values.size < VALUES_MAX) values.add(row[member]);
    }
  }

  // Also of executions that are not listed.
  async readNames() {
    try {
      const { agents, tenants } = await getFacets();
      agents.forEach((name) => this.values.agent.add(name));
      tenants.forEach((name) => this.values.tenant.add(name));
    } catch (error) {
      this.hooks.onError(error.status ? error.message : "");
    }
  }

  // ---- reading

  // Reads everything again. What is shown stays until the new list is there.
  async load(keeps = false) {
    this.isStale = this.isPaused && keeps;
    if (this.isStale) return;
    const problem = wordsProblem(this.words);
    this.hooks.onError(problem);
    if (problem) return;
    this.abort?.abort();
    this.abort = new AbortController();
    const { signal } = this.abort;
    this.told = [];
    this.isUnread = false;
    try {
      const fresh = new Roster();
      const count = keeps ? Math.min(this.roster.rows.size, AGAIN_MAX) : 0;
      const next = await this.readList(fresh, Math.max(count, FIRST), signal);
      if (keeps) await this.readFamilies(fresh, signal);
      this.take(fresh, next);
      if (!this.isFiltered) await this.readHidden(signal);
    } catch (error) {
      if (error.name !== "AbortError") this.fail(error);
    }
  }

  // Of a lost connection the stream tells; once it is back, what could not be read is.
  fail(error) {
    this.told = null;
    this.isUnread = true;
    if (error.status) this.hooks.onError(error.message);
    if (error.status === 503) setTimeout(() => this.load(true), 1000);
  }

  async readList(roster, count, signal) {
    let cursor = null;
    do {
      const limit = Math.min(count - roster.rows.size, PART);
      const query = this.query({ limit, ...(cursor && { cursor }) });
      const answer = await listExecutions(query, signal);
      answer.executions.forEach((row) => this.put(row, roster));
      cursor = answer.next_cursor;
    } while (cursor && roster.rows.size < count);
    return cursor;
  }

  take(fresh, next) {
    const isFirst = !this.isLoaded;
    this.roster = fresh;
    this.next = next;
    this.isLoaded = true;
    for (const [event, data] of this.told) this.apply(event, data);
    this.told = null;
    if (isFirst || !this.isPaused) this.draw();
  }

  // What waits or is stalled below others, and those.
  async readHidden(signal) {
    const query = new URLSearchParams({
      state: "waiting,stalled",
      sort: "attention",
      limit: PART,
    });
    const { executions } = await listExecutions(query, signal);
    executions.filter((row) => row.parent_known).forEach((row) => this.put(row));
    for (const row of executions) await this.readRoot(row, signal);
    this.schedule();
  }

  async readRoot(row, signal) {
    if (!row.parent_known || this.roster.get(row.root_id) || this.asked?.has(row.root_id)) return;
    this.asked = (this.asked ?? new Set()).add(row.root_id);
    try {
      this.put((await getExecution(row.root_id, signal)).execution);
      this.schedule();
    } finally {
      this.asked.delete(row.root_id);
    }
  }

  async readFamilies(roster, signal) {
    for (const id of this.folds) if (roster.get(id)) await this.readKids(roster, id, signal);
  }

  async readKids(roster, id, signal) {
    let cursor = null;
    do {
      const query = new URLSearchParams({ parent: id, sort: this.order, limit: PART });
      if (cursor) query.set("cursor", cursor);
      const answer = await listExecutions(query, signal);
      answer.executions.forEach((row) => this.put(row, roster));
      cursor = answer.next_cursor;
    } while (cursor && roster.childrenOf(id).length < KIDS_MAX);
  }

  // The next part, as the view comes to the end of what is there.
  async readOn() {
    const { grid } = this;
    const isNear = grid.view[1] > grid.lines.length - 50;
    if (!this.next || this.isReading || this.told || !isNear) return;
    this.isReading = true;
    const { signal } = this.abort;
    try {
      const query = this.query({ limit: PART, cursor: this.next });
      const answer = await listExecutions(query, signal);
      answer.executions.forEach((row) => this.put(row));
      this.next = answer.next_cursor;
      this.schedule();
    } catch (error) {
      if (error.name !== "AbortError") this.fail(error);
    } finally {
      this.isReading = false;
    }
  }

  // ---- what is told

  hear(event, data) {
    if (this.told) this.told.push([event, data]);
    this.apply(event, data);
    this.schedule();
  }

  apply(event, data) {
    if (event === "removed") {
      this.roster.remove(data.id);
      return;
    }
    if (!this.isKnown(data)) return;
    this.put(data);
    if (!this.isFiltered && wantsAttention(data)) this.readRoot(data).catch(() => {});
  }

  // Whether it is of those that are shown, or may be folded below one of them.
  isKnown(row) {
    return Boolean(this.roster.get(row.id) || row.parent_known || this.belongs(row));
  }

  // ---- folding

  async fold(id, isOpen) {
    if (isOpen) this.folds.add(id);
    else this.folds.delete(id);
    this.draw();
    const row = this.roster.get(id);
    if (!isOpen || this.roster.childrenOf(id).length >= row.children) return;
    try {
      await this.readKids(this.roster, id);
      this.draw();
    } catch (error) {
      this.fail(error);
    }
  }

  foldAll() {
    const foldable = this.grid.lines.filter(({ row, depth }) => row.children && depth === 0);
    const isOpen = foldable.some((line) => !line.isOpen);
    if (!isOpen) this.folds.clear();
    foldable.slice(0, 100).forEach(({ id }) => this.fold(id, isOpen));
    this.draw();
  }

  // ---- showing

  // Drawn soon, unless it is paused.
  schedule() {
    if (this.isPaused || this.timer) return;
    const pause = Math.max(SPACING_MS, 4 * this.cost) - (performance.now() - this.drawnAt);
    this.timer = setTimeout(() => this.draw(), Math.max(0, pause));
  }

  draw() {
    clearTimeout(this.timer);
    this.timer = null;
    const begin = performance.now();
    const lines = makeOutline(this.roster, {
      order: this.order,
      reverse: this.reverse,
      folds: this.folds,
      belongs: (row) => this.belongs(row),
    });
    const shift = this.keepPlaces(lines);
    this.grid.show(lines, shift);
    this.hooks.onShow();
    this.readOn();
    const isTop = this.grid.scroller.scrollTop === 0;
    if (isTop && !this.told && this.roster.rows.size > KNOWN_MAX) this.load();
    this.drawnAt = performance.now();
    this.cost = this.drawnAt - begin;
  }

  // The row under the cursor, and that under the pointer, stay where they are, whatever comes and goes around
  // them; further down the list, so does most of what is seen.
  keepPlaces(lines) {
    const { grid } = this;
    const places = new Map(lines.map((line, i) => [line.id, i]));
    const isDown = grid.scroller.scrollTop > 0;
    const shift = isDown ? commonShift(grid.lines, places, ...grid.view) : 0;
    for (const id of new Set([grid.cursor, grid.hover])) {
      const before = grid.placeOf(id);
      const at = places.get(id);
      if (before < 0 || at === undefined) continue;
      let top = at;
      while (lines[top].depth > 0) top--;
      pinLine(lines, lines[top].id, Math.max(0, before + shift - (at - top)));
    }
    return shift;
  }

  // The top of the list again, and no row that stays.
  follow() {
    this.grid.cursor = null;
    this.grid.hover = null;
    this.grid.scroller.scrollTop = 0;
    this.draw();
  }

  pause(isPaused) {
    this.isPaused = isPaused;
    clearTimeout(this.timer);
    this.timer = null;
    if (isPaused) return;
    if (this.isStale) this.load(true);
    else this.draw();
  }

  tick() {
    if (!this.isPaused) this.grid.tick();
  }
}
