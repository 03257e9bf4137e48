// What is said where there is nothing to list: how to publish the first event, or that nothing matches.
import * as cells from "./cells.js";
import { setAddress } from "./address.js";

const section = document.querySelector("#empty");
const WAYS = [
  ["Around any command", "aep run --agent demo -- sleep 5"],
  [
    "From a script",
    `id=$(aep publish started --agent builder --request 'Build the site')
aep publish progress  --agent builder --correlation-id "$id" --current-step pages
aep publish completed --agent builder --correlation-id "$id"`,
  ],
  [
    "From Python",
    `import aep
with aep.Publisher() as publisher:
    with publisher.execution("reviewer", "Review pull request 7") as run:
        run.progress(current_step="reading", progress_percent=50)`,
  ],
];

let kind = null;

function showWays() {
  cells.makePart(section, "", "h2").textContent = "No executions yet";
  cells.makePart(section, "", "p").textContent =
    "Whatever your agents publish appears here at once. Without Kafka, say so first: export AEP_MODE=local";
  for (const [title, code] of WAYS) {
    cells.makePart(section, "", "h3").textContent = title;
    const pre = cells.makePart(section, "code", "pre");
    pre.tabIndex = 0;
    pre.textContent = code;
  }
}

function showNoMatch() {
  cells.makePart(section, "", "h2").textContent = "Nothing matches";
  const button = cells.makePart(section, "", "button");
  button.type = "button";
  button.textContent = "Clear the filter";
  button.onclick = () => setAddress({ q: "", needs: "" });
}

export function showEmpty(executions, total) {
  const isEmpty = executions.isLoaded && executions.grid.lines.length === 0;
  const wanted = !isEmpty ? null : executions.isFiltered ? "match" : total === 0 ? "ways" : null;
  if (wanted === kind) return;
  kind = wanted;
  section.replaceChildren();
  section.hidden = !wanted;
  document.querySelector("#scroller").hidden = wanted === "ways";
  if (wanted === "ways") showWays();
  if (wanted === "match") showNoMatch();
}
