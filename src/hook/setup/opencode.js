// aep: publishes what opencode does. Written by `aep hook install opencode`, removed by `aep hook uninstall opencode`.
import { spawn } from "node:child_process";

const AEP = "@program@";
const EVENTS = new Set(["@events@"]);
const WAITING_MAX = 1000; // events that wait for those before them
const TEXT_MAX = 16384; // of a tool's output

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

function send(type, properties) {
  try {
    if (!EVENTS.has(type) || waiting.length >= WAITING_MAX) return;
    waiting.push(JSON.stringify({ type, properties }) + "\n");
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
