// The critical path: what the end of an execution had to wait for. From the end backwards: the child that ended
// last before then, and so on within it; what no child covers is its own.

const DEPTH_MAX = 100;

// span(row): [begin, end] in ms. Returns pieces {id, from, to}.
export function criticalPath(roster, root, span) {
  const pieces = [];
  walk(roster, root, span(root)[1], span, pieces, 0);
  return pieces;
}

function walk(roster, row, until, span, pieces, depth) {
  const [begin] = span(row);
  const kids = roster
    .childrenOf(row.id)
    .map((kid) => ({ kid, span: span(kid) }))
    .filter((one) => one.span[0] < until && one.span[1] > begin)
    .sort((one, other) => other.span[1] - one.span[1]);
  let at = until;
  for (const { kid, span: inner } of depth < DEPTH_MAX ? kids : []) {
    const end = Math.min(inner[1], at);
    if (inner[0] >= at || end <= begin) continue;
    if (end < at) pieces.push({ id: row.id, from: end, to: at });
    walk(roster, kid, end, span, pieces, depth + 1);
    at = Math.max(begin, inner[0]);
  }
  if (at > begin) pieces.push({ id: row.id, from: begin, to: at });
}
