// The API: a token from the address is exchanged for a cookie; answers come as objects.
import { learnTime } from "./clock.js";

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const PLACE = "/api/v1/";

let entry = null; // what other requests wait for

// What a proxy says in the server's place may be anything.
async function refuse(response) {
  const body = await response.json().catch(() => null);
  const message = body?.error?.message ?? `The server answered ${response.status}.`;
  throw new Refused(response.status, message);
}

async function send(path, options) {
  const response = await fetch(PLACE + path, options);
  return response.ok ? response : refuse(response);
}

async function ask(path, options) {
  await entry?.catch(() => {});
  const body = await (await send(path, options)).json();
  learnTime(body);
  return body;
}

export function signIn() {
  entry ??= exchangeToken();
  return entry;
}

// The token does not stay in the address, where it would be in the history.
async function exchangeToken() {
  const given = new URLSearchParams(location.hash.slice(1));
  const token = given.get("token");
  if (!token) return;
  given.delete("token");
  const rest = String(given);
  history.replaceState(null, "", location.pathname + location.search + (rest ? `#${rest}` : ""));
  await send("session", { method: "POST", headers: { authorization: `Bearer ${token}` } });
}

export function listExecutions(query, signal) {
  return ask(`executions?${query}`, { signal });
}

// The names that a filter may have.
export function getFacets() {
  return ask("facets");
}

function one(id, rest = "") {
  return `executions/${encodeURIComponent(id)}${rest}`;
}

export function getExecution(id, signal) {
  return ask(one(id), { signal });
}

export function listEvents(id, after, limit, signal) {
  const query = new URLSearchParams({ limit });
  if (after) query.set("after", after);
  return ask(one(id, `/events?${query}`), { signal });
}

export function getTree(id, signal) {
  return ask(one(id, "/tree?depth=100"), { signal });
}

// The stream as it comes, from the change after `lastId` on.
export async function openStream(lastId, signal) {
  const headers = lastId ? { "last-event-id": lastId } : {};
  return (await send("stream", { headers, signal, cache: "no-store" })).body;
}
