// The page: reads the list, and follows what changes.
import { followExecutions, listExecutions, signIn } from "./api.js";
import { isEmpty, removeExecution, replaceExecutions, showExecution } from "./list.js";

const status = document.querySelector("#status");

function show() {
  document.querySelector("#list").hidden = isEmpty();
  document.querySelector("#empty").hidden = !isEmpty();
}

async function load() {
  const answer = await listExecutions("roots=true&limit=200");
  replaceExecutions(answer.executions);
  show();
}

function follow() {
  const stream = followExecutions("");
  stream.addEventListener("hello", () => {
    status.textContent = "Live";
  });
  stream.addEventListener("reset", load);
  stream.addEventListener("execution", (event) => {
    const execution = JSON.parse(event.data);
    if (!execution.parent_known) showExecution(execution);
    show();
  });
  stream.addEventListener("removed", (event) => {
    removeExecution(JSON.parse(event.data).id);
    show();
  });
  stream.addEventListener("error", () => {
    status.textContent = "The connection is lost; trying again";
  });
}

try {
  await signIn();
  await load();
  follow();
} catch (error) {
  status.textContent = error.message;
}
