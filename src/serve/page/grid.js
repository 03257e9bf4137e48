// A grid: a table of which only the rows in view are there, however many lines it has. All rows are of one
// height. The focus is the table's; the row under the cursor is named by aria-activedescendant, so that nothing
// that comes or goes can take it away.
const OVERSCAN = 8;

let numbers = 0;

export class Grid {
  // table: in an element that scrolls. kind: {make(tr, line), fill(tr, line), tick(tr, line), open(line),
  // fold(line, isOpen), move(line), count()}
  constructor(table, kind) {
    this.table = table;
    this.body = table.tBodies[0];
    this.scroller = table.parentElement;
    this.kind = kind;
    this.lines = [];
    this.rows = new Map(); // by the line's id
    this.cursor = null; // an id
    this.hover = null;
    this.name = `grid${++numbers}`;
    this.made = 0;
    this.rowHeight = 32;
    this.scroller.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.resize()).observe(this.scroller);
    this.body.addEventListener("click", (event) => this.click(event));
    this.body.addEventListener("pointerover", (event) => this.point(event));
    this.body.addEventListener("pointerleave", () => (this.hover = null));
  }

  // By so many rows the view moves with what is in it.
  show(lines, shift = 0) {
    this.lines = lines;
    this.places = null;
    if (shift) this.scroller.scrollTop += shift * this.rowHeight;
    this.table.setAttribute("aria-rowcount", (this.kind.count?.() ?? lines.length) + 1);
    this.draw();
  }

  placeOf(id) {
    this.places ??= new Map(this.lines.map((line, i) => [line.id, i]));
    return this.places.get(id) ?? -1;
  }

  get current() {
    return this.lines[this.placeOf(this.cursor)];
  }

  // The lines in view: [first, last)
  get view() {
    const first = Math.floor(this.scroller.scrollTop / this.rowHeight);
    return [first, first + Math.ceil(this.scroller.clientHeight / this.rowHeight) + 1];
  }

  resize() {
    const row = this.body.rows[0];
    if (row?.offsetHeight) this.rowHeight = row.getBoundingClientRect().height;
    this.draw();
  }

  draw() {
    const [from, to] = this.view;
    const first = Math.max(0, Math.min(from - OVERSCAN, this.lines.length - (to - from)));
    const last = Math.min(this.lines.length, to + OVERSCAN);
    const wanted = new Map();
    for (let i = first; i < last; i++) wanted.set(this.lines[i].id, i);
    for (const [id, tr] of this.rows)
      if (!wanted.has(id)) {
        tr.remove();
        this.rows.delete(id);
      }
    let at = this.body.firstChild;
    for (const [id, i] of wanted) {
      const tr = this.rows.get(id) ?? this.makeRow(this.lines[i]);
      if (tr === at) at = at.nextSibling;
      else this.body.insertBefore(tr, at);
      this.fillRow(tr, this.lines[i], i);
    }
    this.table.style.marginTop = `${first * this.rowHeight}px`;
    this.table.style.marginBottom = `${(this.lines.length - last) * this.rowHeight}px`;
    if (!this.measured && this.body.rows.length) {
      this.measured = true;
      this.resize();
    }
    this.showCursor();
  }

  makeRow(line) {
    const tr = document.createElement("tr");
    tr.id = `${this.name}-${++this.made}`;
    tr.setAttribute("role", "row");
    this.kind.make(tr, line);
    this.rows.set(line.id, tr);
    return tr;
  }

  fillRow(tr, line, place) {
    tr.line = line;
    tr.setAttribute("aria-rowindex", place + 2);
    this.kind.fill(tr, line);
  }

  // What the clock changes.
  tick() {
    for (const tr of this.rows.values()) this.kind.tick?.(tr, tr.line);
  }

  // ---- the cursor

  showCursor() {
    const tr = this.rows.get(this.cursor);
    if (this.shown && this.shown !== tr) {
      this.shown.removeAttribute("aria-selected");
      this.shown.classList.remove("cursor");
    }
    this.shown = tr;
    if (tr) {
      tr.classList.add("cursor");
      tr.setAttribute("aria-selected", "true");
      this.table.setAttribute("aria-activedescendant", tr.id);
    } else {
      this.table.removeAttribute("aria-activedescendant");
    }
  }

  setCursor(id, isSeen = true) {
    this.cursor = id;
    if (isSeen) this.reveal(this.placeOf(id));
    this.draw();
    if (this.current) this.kind.move?.(this.current);
  }

  moveTo(place) {
    const line = this.lines[Math.max(0, Math.min(place, this.lines.length - 1))];
    if (line) this.setCursor(line.id);
  }

  move(by) {
    const at = this.placeOf(this.cursor);
    this.moveTo(at < 0 ? this.view[0] + (by > 0 ? 0 : 1) : at + by);
  }

  page(direction) {
    this.move(direction * Math.max(1, Math.floor(this.scroller.clientHeight / this.rowHeight) - 2));
  }

  reveal(place) {
    if (place < 0) return;
    const head = this.table.tHead?.offsetHeight ?? 0;
    const top = place * this.rowHeight;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (top + this.rowHeight + head > scrollTop + clientHeight)
      this.scroller.scrollTop = top + this.rowHeight + head - clientHeight;
  }

  focus() {
    this.table.focus({ preventScroll: true });
  }

  // ---- the pointer

  point(event) {
    this.hover = event.pointerType === "mouse" ? event.target.closest("tr")?.line?.id : null;
  }

  click(event) {
    const line = event.target.closest("tr")?.line;
    const isPlain = !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0;
    if (!line || !isPlain || String(getSelection())) return;
    event.preventDefault();
    this.setCursor(line.id, false);
    this.focus();
    if (event.target.closest(".twisty")) this.kind.fold?.(line, !line.isOpen);
    else this.kind.open?.(line);
  }
}
