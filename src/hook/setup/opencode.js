// aep: publishes what opencode does. Written by `aep hook install opencode`, removed by `aep hook uninstall opencode`.
import { spawn } from "node:child_process";

const AEP = "@program@";
const EVENTS = new Set(["@events@"]);
const WAITING_MAX = 1000; // events that wait for those before them
const TEXT_MAX = 16384; // of a prompt, an answer, a tool's output
const SESSIONS_MAX = 100; // of which a prompt or an answer is kept

// One process at a time, so that events are published in their order. Nothing here ever fails, or holds opencode up.
const waiting = [];
let busy = false;

function next() {
  if (busy || waiting.length === 0) return;
  busy = true;
  const text = waiting.shift();
  const done = () => {
    busy = false;
    next();
  };
  try {
    const child = spawn(AEP, ["hook", "opencode"], { stdio: ["pipe", "ignore", "ignore"] });
    child.once("error", done);
    child.once("close", done);
    child.stdin.on("error", () => {});
    child.stdin.end(text);
  } catch {
    done();
  }
}

// What a session's turn begins with, and what it has answered so far: opencode tells them apart from busy and idle.
const turns = new Map();

function turnOf(session) {
  if (!turns.has(session)) {
    if (turns.size >= SESSIONS_MAX) turns.clear();
    turns.set(session, {});
  }
  return turns.get(session);
}

function listen(type, properties) {
  const { info, part } = properties ?? {};
  if (type === "message.updated" && info?.role === "assistant") turnOf(info.sessionID).message = info.id;
  if (type === "message.part.updated" && part?.type === "text" && turnOf(part.sessionID).message === part.messageID)
    turnOf(part.sessionID).answer = cut(part.text);
}

function complete(type, properties) {
  const state = type === "session.idle" ? "idle" : type === "session.status" ? properties?.status?.type : undefined;
  const turn = turns.get(properties?.sessionID);
  if (!turn || (state !== "busy" && state !== "idle")) return properties;
  if (state === "idle") return { ...properties, last_assistant_message: turn.answer };
  const { prompt } = turn;
  if (prompt !== undefined) turns.delete(properties.sessionID);
  return { ...properties, prompt };
}

function send(type, properties) {
  try {
    listen(type, properties);
    if (!EVENTS.has(type) || waiting.length >= WAITING_MAX) return;
    waiting.push(JSON.stringify({ type, properties: complete(type, properties) }) + "\n");
    next();
  } catch {
    // what has no form in JSON is not published
  }
}

function cut(value) {
  return typeof value === "string" ? value.slice(0, TEXT_MAX) : undefined;
}

export const Aep = async () => ({
  event: async ({ event }) => send(event?.type, event?.properties),
  "chat.message": async (input, output) => {
    const texts = output?.parts?.filter?.((part) => part?.type === "text" && !part.synthetic).map((part) => part.text);
    if (texts) turnOf(input?.sessionID).prompt = cut(texts.join("\n"));
  },
  "tool.execute.before": async (input, output) =>
    send("tool.execute.before", {
      tool: input?.tool,
      sessionID: input?.sessionID,
      callID: input?.callID,
      args: output?.args,
    }),
  "tool.execute.after": async (input, output) =>
    send("tool.execute.after", {
      tool: input?.tool,
      sessionID: input?.sessionID,
      callID: input?.callID,
      title: cut(output?.title),
      output: cut(output?.output),
    }),
});
