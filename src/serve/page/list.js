// The list: a table row for each execution, the newest first. Texts are only ever texts.

const body = document.querySelector("#list tbody");
const rows = new Map();

function fill(row, execution) {
  const cells = [
    execution.state + (execution.uncertain ? "?" : ""),
    execution.agent_name ?? "",
    execution.user_request ?? "",
    execution.error_message ?? execution.current_step ?? "",
    execution.last_event_at ? new Date(execution.last_event_at).toLocaleString() : "",
  ];
  row.dataset.state = execution.state;
  cells.forEach((text, i) => {
    row.cells[i].textContent = text;
  });
}

function makeRow(execution) {
  const row = document.createElement("tr");
  row.dataset.id = execution.id;
  row.dataset.start = execution.started_at ?? "";
  for (let i = 0; i < 5; i++) row.append(document.createElement("td"));
  return row;
}

function place(row) {
  const after = [...body.rows].find((other) => other.dataset.start < row.dataset.start);
  body.insertBefore(row, after ?? null);
}

export function showExecution(execution) {
  let row = rows.get(execution.id);
  if (!row) {
    row = makeRow(execution);
    rows.set(execution.id, row);
    place(row);
  }
  fill(row, execution);
}

export function removeExecution(id) {
  rows.get(id)?.remove();
  rows.delete(id);
}

export function replaceExecutions(executions) {
  body.replaceChildren();
  rows.clear();
  executions.forEach(showExecution);
}

export function isEmpty() {
  return rows.size === 0;
}
