// The outline: the lines of the list, in order, and below each that is unfolded what it started. What is folded
// away but waits or is stalled raises the one that hides it.
import { compareRanks, rankOf, wantsAttention } from "./order.js";

const DEPTH_MAX = 100; // who names each other as parents is told by the server; this ends it all the same

// The one among what it hides that wants the most attention.
function hiddenWish(roster, row, folds, depth) {
  if (depth > DEPTH_MAX || folds.has(row.id)) return null;
  let most = null;
  for (const kid of roster.childrenOf(row.id)) {
    const below = hiddenWish(roster, kid, new Set(), depth + 1);
    for (const wish of [wantsAttention(kid) ? kid : null, below])
      if (wish && (!most || compareRanks(rankOf("attention", wish), rankOf("attention", most)) < 0))
        most = wish;
  }
  return most;
}

function compareLines(one, other) {
  const order = compareRanks(one.rank, other.rank);
  if (order) return order;
  const started = compareRanks(rankOf("started", one.row), rankOf("started", other.row));
  return started || (one.row.id < other.row.id ? 1 : -1);
}

function makeLine(roster, row, wish, depth) {
  const wanted = row.children ? hiddenWish(roster, row, wish.folds, 0) : null;
  const own = rankOf(wish.order, row);
  const raised = wanted && wish.order === "attention" ? rankOf("attention", wanted) : own;
  const rank = compareRanks(raised, own) < 0 ? raised : own;
  return { id: row.id, row, depth, wanted, rank, isOpen: wish.folds.has(row.id) };
}

function sortLines(lines, wish) {
  lines.sort(compareLines);
  return wish.reverse ? lines.reverse() : lines;
}

function addLines(lines, roster, rows, wish, depth) {
  const level = sortLines(
    rows.map((row) => makeLine(roster, row, wish, depth)),
    wish,
  );
  level.forEach((line, i) => {
    line.place = i + 1;
    line.siblings = level.length;
    lines.push(line);
    if (!line.isOpen || depth >= DEPTH_MAX) return;
    const kids = roster.childrenOf(line.id);
    addLines(lines, roster, kids, wish, depth + 1);
    const more = wish.cut.has(line.id) ? line.row.children - kids.length : 0;
    if (more > 0) lines.push({ id: `${line.id} more`, row: line.row, depth: depth + 1, more });
  });
}

// Whether it is shown below the one that started it.
function isNested(roster, row, wish, depth = 0) {
  const parent = roster.get(row.parent_id);
  if (!parent || depth > DEPTH_MAX || !wish.folds.has(parent.id)) return false;
  return wish.belongs(parent) || isNested(roster, parent, wish, depth + 1);
}

// wish: {order, reverse, folds: ids that are unfolded, cut: ids of those whose children are not all read,
// belongs(row)}
export function makeOutline(roster, wish) {
  const lines = [];
  const tops = [...roster.rows.values()].filter(
    (row) => wish.belongs(row) && !isNested(roster, row, wish),
  );
  addLines(lines, roster, tops, wish, 0);
  return lines;
}

// Where most of what is seen would move to if the lines were put as they are: so far the view has to follow.
export function commonShift(before, places, first, last) {
  const shifts = new Map();
  for (let i = first; i < last && i < before.length; i++) {
    const place = places.get(before[i].id);
    if (place !== undefined) shifts.set(place - i, (shifts.get(place - i) ?? 0) + 1);
  }
  return [...shifts].reduce((most, shift) => (shift[1] > most[1] ? shift : most), [0, 0])[0];
}

// Puts a line back where it was, with what is below it.
export function pinLine(lines, id, at) {
  const from = lines.findIndex((line) => line.id === id);
  if (from < 0 || from === at) return;
  let end = from + 1;
  while (end < lines.length && lines[end].depth > lines[from].depth) end++;
  const group = lines.splice(from, end - from);
  lines.splice(Math.min(at, lines.length), 0, ...group);
}
