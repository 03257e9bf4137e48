// The roster: the executions that the page knows, and who started whom.

// Whether row was read or told before the other one.
export function isOlder(row, than) {
  const [one, other] = [Date.parse(row.as_of), Date.parse(than.as_of)];
  return one < other || (one === other && row.events < than.events);
}

export class Roster {
  constructor() {
    this.rows = new Map();
    this.kids = new Map(); // by the parent's id: ids
  }

  get(id) {
    return this.rows.get(id);
  }

  // What was read may come after what was told later. Returns the row before; undefined: there was none.
  put(row) {
    const before = this.rows.get(row.id);
    if (before && isOlder(row, before)) return before;
    if (before?.parent_id && before.parent_id !== row.parent_id) this.unlink(before);
    this.rows.set(row.id, row);
    if (row.parent_id) {
      if (!this.kids.has(row.parent_id)) this.kids.set(row.parent_id, new Set());
      this.kids.get(row.parent_id).add(row.id);
    }
    return before;
  }

  remove(id) {
    const row = this.rows.get(id);
    if (row) this.unlink(row);
    this.rows.delete(id);
  }

  unlink({ id, parent_id: parent }) {
    const kids = this.kids.get(parent);
    kids?.delete(id);
    if (kids?.size === 0) this.kids.delete(parent);
  }

  // Those that are known of what it started.
  childrenOf(id) {
    return [...(this.kids.get(id) ?? [])].map((kid) => this.rows.get(kid)).filter(Boolean);
  }
}
