// The executions that the list shows: read in parts, kept up to date by what is told, put in order.
import { getExecution, getFacets, listExecutions } from "./api.js";
import { FIRST, takeEarly } from "./early.js";
import { makeList } from "./list.js";
import { wantsAttention } from "./order.js";
import { commonShift, makeOutline, pinLine } from "./outline.js";
import { Question } from "./question.js";
import { Roster } from "./roster.js";

const PART = 500;
const AGAIN_MAX = 5000; // of one that is read again
const KNOWN_MAX = 20000; // above that no new ones are taken: the list is read again at its top
const KIDS_MAX = 5000; // of one that is unfolded
const DEPTH_MAX = 100;
const RETRY_MS = 2000; // after an answer that did not come
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
  // hooks: onOpen(id), onMove(id), onMore(id), onRow(row), onShow(), onError(text)
  constructor(table, hooks) {
    this.hooks = hooks;
    this.roster = new Roster();
    this.values = new Map(Object.keys(VALUES).map((name) => [name, new Set()]));
    this.folds = new Set();
    this.cut = new Set(); // ids of those that started more than is read
    this.asked = new Set(); // ids of those that are being read
    this.isPaused = false;
    this.isLoaded = false;
    this.told = null; // while it is read: what came meanwhile
    this.drawnAt = 0;
    this.cost = 0;
    this.grid = makeList(table, {
      open: ({ row, more }) => (more ? hooks.onMore(row.id) : hooks.onOpen(row.id)),
      move: ({ id, more }) => more || hooks.onMove(id),
      fold: ({ id }, isOpen) => this.fold(id, isOpen),
    });
    this.grid.scroller.addEventListener("scroll", () => this.readOn(), { passive: true });
  }

  // ---- what is asked for

  // With a wrong word the list stays as it is.
  ask(address) {
    const question = new Question(address);
    this.problem = question.problem;
    if (!this.problem || !this.question) this.question = question;
  }

  get isFiltered() {
    return this.question.isFiltered;
  }

  belongs(row) {
    return this.question.matches(row);
  }

  // Whether it is not only there because of the one above it.
  matches({ row, more }) {
    return !more && this.belongs(row);
  }

  put(row, roster = this.roster) {
    roster.put(row);
    this.hooks.onRow(row);
    for (const [name, member] of Object.entries(VALUES)) {
      const values = this.values.get(name);
      if (row[member] && values.size < VALUES_MAX) values.add(row[member]);
    }
  }

  // Also of executions that are not listed.
  async readNames() {
    try {
      const { agents, tenants } = await getFacets();
      agents.forEach((name) => this.values.get("agent").add(name));
      tenants.forEach((name) => this.values.get("tenant").add(name));
    } catch {
      // those that have been seen are completed
    }
  }

  // ---- reading

  // Reads everything again. What is shown stays until the new list is there.
  async load(keeps = false) {
    this.isStale = this.isPaused && keeps;
    if (this.isStale) return;
    this.hooks.onError(this.problem);
    if (this.problem) return;
    if (keeps && this.told && !this.isLoaded) {
      this.isDoubted = true; // first it shows what comes, then reads it again
      return;
    }
    this.abort?.abort();
    this.abort = new AbortController();
    const told = (this.told = []);
    this.isUnread = this.isDoubted = false;
    try {
      await this.readAll(keeps, this.abort.signal);
    } catch (error) {
      if (this.told === told) this.told = null;
      this.fail(error);
    }
  }

  async readAll(keeps, signal) {
    const fresh = new Roster();
    const count = keeps ? Math.min(this.roster.rows.size, AGAIN_MAX) : 0;
    const next = await this.readList(fresh, Math.max(count, FIRST), signal);
    if (keeps) await this.readFamilies(fresh, signal);
    this.take(fresh, next);
    if (!keeps || !this.isPaused) this.draw();
    if (this.isDoubted) this.load(true);
    else if (!this.isFiltered) await this.readHidden(signal);
  }

  // Of a lost connection the stream tells; what could not be read is read again.
  fail(error) {
    if (error.name === "AbortError") return;
    this.isUnread = true;
    if (error.status) this.hooks.onError(error.message);
    if (error.status < 500) return;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.isUnread && this.load(true), RETRY_MS);
  }

  async readList(roster, count, signal) {
    let cursor = null;
    do {
      const limit = Math.min(count - roster.rows.size, PART);
      const query = this.question.query({ limit, ...(cursor && { cursor }) });
      const answer = await (takeEarly(query) ?? listExecutions(query, signal));
      signal.throwIfAborted();
      answer.executions.forEach((row) => this.put(row, roster));
      cursor = answer.next_cursor;
    } while (cursor && roster.rows.size < count);
    return cursor;
  }

  take(fresh, next) {
    const { told } = this;
    this.told = null;
    this.roster = fresh;
    this.next = next;
    this.isLoaded = true;
    this.isCut = false;
    for (const [event, data] of told) this.apply(event, data);
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
    for (const row of executions) await this.readAbove(row, signal);
    this.schedule();
  }

  // Those above it, up to its root.
  async readAbove(row, signal) {
    for (let i = 0; row?.parent_known && i < DEPTH_MAX; i++) {
      const id = row.parent_id;
      if (this.asked.has(id)) return;
      row = this.roster.get(id) ?? (await this.readOne(id, signal));
    }
  }

  async readOne(id, signal) {
    this.asked.add(id);
    try {
      const { execution } = await getExecution(id, signal);
      this.put(execution);
      this.schedule();
      return execution;
    } finally {
      this.asked.delete(id);
    }
  }

  async readFamilies(roster, signal) {
    for (const id of this.folds) if (roster.get(id)) await this.readKids(roster, id, signal);
  }

  async readKids(roster, id, signal) {
    let cursor = null;
    do {
      const query = new URLSearchParams({ parent: id, sort: this.question.order, limit: PART });
      if (cursor) query.set("cursor", cursor);
      const answer = await listExecutions(query, signal);
      answer.executions.forEach((row) => this.put(row, roster));
      cursor = answer.next_cursor;
    } while (cursor && roster.childrenOf(id).length < KIDS_MAX);
    if (cursor) this.cut.add(id);
    else this.cut.delete(id);
  }

  // The next part, as the view comes to the end of what is there.
  async readOn() {
    const { grid } = this;
    const isNear = grid.view[1] > grid.lines.length - 50;
    if (!this.next || this.isReading || this.told || !isNear) return;
    this.isReading = true;
    const { signal } = this.abort;
    try {
      const query = this.question.query({ limit: PART, cursor: this.next });
      const answer = await listExecutions(query, signal);
      signal.throwIfAborted();
      answer.executions.forEach((row) => this.put(row));
      this.next = answer.next_cursor;
      this.schedule();
    } catch (error) {
      this.fail(error);
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
    if (!this.isWanted(data)) return;
    this.put(data);
    if (!this.isFiltered && wantsAttention(data)) this.readAbove(data).catch(() => {});
  }

  // Whether it is of those that are shown, or may be folded below one of them, and there is room for it.
  isWanted(row) {
    if (this.roster.get(row.id)) return true;
    if (!row.parent_known && !this.belongs(row)) return false;
    const hasRoom = this.roster.rows.size < KNOWN_MAX || wantsAttention(row);
    this.isCut ||= !hasRoom;
    return hasRoom;
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
      order: this.question.order,
      reverse: this.question.reverse,
      folds: this.folds,
      cut: this.cut,
      belongs: (row) => this.belongs(row),
    });
    const shift = this.keepPlaces(lines);
    this.grid.show(lines, shift);
    this.hooks.onShow();
    this.readOn();
    if (this.isCut && !this.told && this.grid.scroller.scrollTop === 0) this.load(true);
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
