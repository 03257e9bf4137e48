// The page: what the address says is shown, what the stream tells is passed on, keys and buttons change the
// address.
import { formatAddress, onAddress, readAddress, setAddress } from "./address.js";
import { makeCounts, pressCounts, showCounts } from "./counts.js";
import { signedIn } from "./early.js";
import { showEmpty } from "./empty.js";
import { Executions } from "./executions.js";
import { Filter } from "./filter.js";
import { listenToKeys, showSheet } from "./keys.js";
import { Live } from "./live.js";
import { forgetRow, makeNotice, noticeRow, showWaiting } from "./notice.js";
import { ORDERS } from "./order.js";
import { FAULTS } from "./states.js";
import { say, setStatus, tickStatus } from "./status.js";
import { makeTheme } from "./theme.js";
import { formatWord, splitWords, statesOf, withStates } from "./words.js";

const $ = (selector) => document.querySelector(selector);
const isSplit = matchMedia("(min-width: 75rem)");
const FILTER_MS = 200; // after the last letter
const PEEK_MS = 150; // after the last move of the cursor
const IDLE_MS = 500; // after the list has been shown

let shown = {}; // the address that is shown
let detail = null; // until one execution is shown, or the list has been
let needs = 0;
let total = null;

const executions = new Executions($("#list"), {
  onOpen: (id) => setAddress({ id }, true),
  onMove: peek,
  onMore: (id) => setAddress({ q: formatWord({ name: "parent", value: id }) }, true),
  onRow: (row) => noticeRow(row, live?.leads),
  onShow: () => {
    showEmpty(executions, total);
    if (!detail) prepare();
  },
  onError: (error) => setStatus({ error }),
});
const { grid } = executions;
const filter = new Filter({
  values: executions.values,
  onBegin: () => executions.readNames(),
  onChange: later(FILTER_MS, (q) => setAddress({ q: q.trim() })),
  onLeave: () => {
    document.activeElement.blur(); // where there is no list
    grid.focus();
  },
});

const prepare = later(IDLE_MS, () => makeDetail().catch(() => {})); // again once it is needed

function later(ms, run) {
  let timer;
  return (value) => {
    clearTimeout(timer);
    timer = setTimeout(run, ms, value);
  };
}

// ---- the address

function showAddress() {
  const before = shown;
  shown = readAddress();
  const words = splitWords(shown.q);
  filter.show(shown.q);
  pressCounts(statesOf(words), shown.needs === "me");
  $("#order").value = shown.sort;
  $("#reverse").setAttribute("aria-pressed", String(shown.reverse === "true"));
  const isOther = ["q", "sort", "reverse", "needs"].some((name) => shown[name] !== before[name]);
  if (isOther) showList();
  showDetail(before.id);
  showTitle();
}

function showList() {
  executions.ask(shown);
  if (executions.isLoaded) executions.follow();
  executions.load();
}

async function showDetail(before) {
  document.body.classList.toggle("with-detail", Boolean(shown.id));
  if (shown.id && !detail) {
    try {
      await makeDetail();
    } catch {
      say("This version of the page is not there any more. Load it again.");
      return;
    }
  }
  if (shown.id) {
    detail.show(shown.id, shown.view || "timeline");
    if (grid.cursor !== shown.id && grid.placeOf(shown.id) >= 0) grid.setCursor(shown.id);
    if (!isSplit.matches && before !== shown.id) detail.title.focus();
  } else if (before) {
    detail?.hide();
    grid.setCursor(before);
    grid.focus();
  }
}

// The list does not wait for the modules that show one execution.
async function makeDetail() {
  const { Detail } = await import("./detail.js");
  detail ??= new Detail($("#detail"), {
    onOpen: (id) => setAddress({ id }, true),
    onRow: showTitle,
    onClose: closeDetail,
    onView: (view) => setAddress({ view: view === "timeline" ? "" : view }),
    onCopy: copy,
  });
}

function showTitle() {
  showWaiting(needs, shown.id ? (detail?.row?.user_request ?? "Execution").slice(0, 60) : "");
}

function closeDetail() {
  setAddress({ id: "", view: "" }, true);
}

// Beside the list, the detail follows its cursor.
const follow = later(PEEK_MS, (id) => {
  if (shown.id && shown.id !== id) setAddress({ id });
});

function peek(id) {
  if (shown.id && isSplit.matches) follow(id);
}

// ---- the stream

const HEARD = {
  begin: (data) => {
    takeCounts(data);
    executions.load(true);
    detail?.readAgain();
  },
  hello: (data) => {
    takeCounts(data);
    if (executions.isUnread) executions.load(true);
    detail?.readAgain();
  },
  counts: takeCounts,
  lag: (lag) => setStatus({ lag }),
  reset: () => {
    executions.load(true);
    detail?.readAgain();
  },
  execution: (row) => {
    noticeRow(row, live.leads);
    executions.hear("execution", row);
    if (!executions.isPaused) detail?.hear(row);
  },
  removed: (data) => {
    forgetRow(data.id);
    executions.hear("removed", data);
  },
};

function takeCounts(data) {
  if (!data.states) return;
  showCounts(data);
  needs = data.needs_you;
  total = Object.values(data.states).reduce((sum, count) => sum + count, 0);
  showTitle();
  showEmpty(executions, total);
}

let live;

function start() {
  live = new Live({
    onFrame: (event, data) => HEARD[event]?.(data),
    onState: setStatus,
  });
}

// ---- what keys and buttons do

const activeGrid = () => {
  if (detail?.grid?.table === document.activeElement) return detail.grid;
  return shown.id && !isSplit.matches ? detail?.grid : grid;
};

const chosen = () => shown.id || grid.current?.row.id;

function setStates(states) {
  const q = withStates(shown.q, states);
  filter.set(q);
  setAddress({ q, needs: "" });
}

const ACTIONS = {
  move: (by) => activeGrid()?.move(by),
  page: (by) => activeGrid()?.page(by),
  top: () => activeGrid()?.moveTo(0),
  bottom: () => activeGrid()?.moveTo(Infinity),
  open: () => {
    const active = activeGrid();
    if (!active?.current) return false;
    if (active === grid && shown.id === active.cursor) detail?.title.focus();
    else active.kind.open(active.current);
    return true;
  },
  back: () => {
    if (detail?.back()) return;
    const isInside = $("#detail").contains(document.activeElement);
    if (shown.id && isSplit.matches && isInside) grid.focus();
    else if (shown.id) closeDetail();
    else if (shown.q || shown.needs) {
      filter.set("");
      setAddress({ q: "", needs: "" });
    } else executions.follow();
  },
  filter: () => {
    if (shown.id && !isSplit.matches) closeDetail();
    filter.focus();
  },
  next: (by) => {
    let at = grid.placeOf(shown.id || grid.cursor) + by;
    while (grid.lines[at]?.depth > 0 && !executions.matches(grid.lines[at])) at += by;
    if (!grid.lines[at]) return;
    grid.moveTo(at);
    if (shown.id) setAddress({ id: grid.cursor });
  },
  fold: (isOpen) => {
    const active = activeGrid();
    const line = active?.current;
    if (!line?.row?.children || line.more || line.isOpen === isOpen)
      return !line ? false : climb(active, isOpen);
    return active.kind.fold(line, isOpen);
  },
  foldAll: () => executions.foldAll(),
  sort: () => {
    const orders = Object.keys(ORDERS);
    setAddress({ sort: orders[(orders.indexOf(shown.sort) + 1) % orders.length] });
    say(`By ${ORDERS[readAddress().sort]}`);
  },
  reverse: () => setAddress({ reverse: shown.reverse ? "" : "true" }),
  state: (state) => setStates(state ? [state] : []),
  needs: () => setAddress({ needs: shown.needs ? "" : "me" }),
  faults: () => setStates(FAULTS),
  follow: () => {
    if (activeGrid() !== detail?.events.grid) return executions.follow();
    detail.events.follows = !detail.events.follows;
    detail.events.grid.moveTo(Infinity);
    return true;
  },
  pause: () => pause(!executions.isPaused),
  copy: () => copy(chosen()),
  openTab: () => {
    const id = chosen();
    if (id) open(formatAddress({ id }), "_blank", "noopener");
  },
  json: () => {
    const id = chosen();
    if (id) setAddress({ id, view: shown.view === "json" ? "" : "json" }, !shown.id);
  },
  reload: () => {
    live?.retry();
    executions.load(true);
    if (shown.id) detail?.read(shown.id);
  },
  help: showSheet,
};

// Left of what cannot be folded is its parent.
function climb(active, isOpen) {
  if (isOpen) return true;
  let at = active.placeOf(active.cursor);
  const { depth } = active.lines[at];
  while (at > 0 && active.lines[at].depth >= depth && depth > 0) at--;
  active.moveTo(at);
  return true;
}

async function copy(id) {
  if (!id) return;
  try {
    await navigator.clipboard.writeText(id);
    say(`Copied ${id}`);
  } catch {
    say(`The browser does not let this page copy. The id is ${id}`);
  }
}

function pause(isPaused) {
  executions.pause(isPaused);
  setStatus({ paused: isPaused });
  $("#pause").setAttribute("aria-pressed", String(isPaused));
  if (!isPaused) detail?.readAgain();
}

function toggleState(state) {
  const states = statesOf(splitWords(shown.q));
  setStates(states.includes(state) ? states.filter((one) => one !== state) : [...states, state]);
}

function makeControls() {
  makeCounts({ onState: toggleState, onNeeds: ACTIONS.needs });
  for (const [name, word] of Object.entries(ORDERS)) $("#order").add(new Option(word, name));
  $("#order").onchange = ({ target }) => setAddress({ sort: target.value });
  $("#reverse").onclick = ACTIONS.reverse;
  $("#pause").onclick = ACTIONS.pause;
  $("#help").onclick = showSheet;
  makeTheme($("#theme"));
  makeNotice();
  listenToKeys(ACTIONS);
}

function tick() {
  executions.tick();
  if (!executions.isPaused) detail?.tick();
  tickStatus();
}

makeControls();
onAddress(showAddress);
showAddress();
setInterval(tick, 1000);
try {
  await signedIn;
} catch (error) {
  setStatus({ problem: error.status });
}
start();
