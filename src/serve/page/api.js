// The API: a token from the address is exchanged for a cookie; answers come as objects.

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function open(path, options) {
  const response = await fetch(path, options);
  const body = await response.json();
  if (!response.ok) throw new Refused(response.status, body.error.message);
  return body;
}

// The token does not stay in the address, where it would be in the history.
export async function signIn() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  history.replaceState(null, "", location.pathname + location.search);
  await open("/api/v1/session", {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
  });
}

export function listExecutions(query) {
  return open(`/api/v1/executions?${query}`);
}

export function followExecutions(query) {
  return new EventSource(`/api/v1/stream?${query}`);
}
