// The orders of the list, as the server has them (src/track/sort.h). That of attention: what waits for a person,
// the longest wait first; what is stalled; what failed within the last hour; what runs; what was given up because
// of its silence; the rest.
import { now } from "./clock.js";
import { needsPerson } from "./states.js";

export const ORDERS = { attention: "attention", started: "start", last_event: "last event" };

const FRESH_MS = 3600000;
const HUMAN = 0;
const STALLED = 1;
const FAILED = 2;
const RUNNING = 3;
const ABANDONED = 4;
const REST = 5;

const startOf = (row) => Date.parse(row.started_at ?? row.last_event_at);

// A segment, and a place in it: the smallest first.
function attentionOf(row) {
  const since = Date.parse(row.since);
  const ended = row.state === "completed" || row.state === "failed" || row.ended_at;
  if (ended && row.state !== "completed" && Date.parse(row.ended_at) > now() - FRESH_MS)
    return [FAILED, -Date.parse(row.ended_at)];
  if (ended) return [REST, -startOf(row)];
  if (needsPerson(row)) return [HUMAN, since];
  if (row.state === "stalled") return [STALLED, since];
  if (row.state === "abandoned") return [ABANDONED, -since];
  return [RUNNING, -startOf(row)];
}

const RANKS = {
  attention: attentionOf,
  started: (row) => [0, -startOf(row)],
  last_event: (row) => [0, -Date.parse(row.last_event_at)],
};

export function rankOf(order, row) {
  return RANKS[order](row);
}

export function compareRanks(one, other) {
  return one[0] - other[0] || one[1] - other[1];
}

// Whether it wants to be seen although it is folded away.
export function wantsAttention(row) {
  return row.state === "waiting" || row.state === "stalled";
}
