// The address: what is shown stands behind its "#", so that a link shows the same, and no filter gets into the
// log of a proxy.
//
//     #q=state:stalled agent:build*&sort=started&id=019a7d3c…&view=events

const DEFAULTS = { q: "", sort: "attention", reverse: "", needs: "", id: "", view: "" };

export function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  return Object.fromEntries(
    Object.entries(DEFAULTS).map(([name, fallback]) => [name, given.get(name) ?? fallback]),
  );
}

export function formatAddress(changes = {}) {
  const wanted = { ...readAddress(), ...changes };
  const kept = Object.entries(wanted).filter(([name, value]) => value !== DEFAULTS[name]);
  return `#${new URLSearchParams(kept)}`;
}

// Another address; with `isStep` one that Back leaves. Whoever listens is told either way.
export function setAddress(changes, isStep = false) {
  const hash = formatAddress(changes);
  if (hash === (location.hash || "#")) return;
  const url = location.pathname + location.search + (hash === "#" ? "" : hash);
  if (isStep) history.pushState(null, "", url);
  else history.replaceState(null, "", url);
  dispatchEvent(new Event("address"));
}

export function onAddress(listener) {
  addEventListener("address", listener);
  addEventListener("popstate", listener);
}
