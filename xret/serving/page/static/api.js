// Asking the server (xret/serving/schema.py), and saying plainly what went wrong.

const KEY = "xret-key";

/** Languages are counted among so many best documents, whatever is chosen; fewer where the server allows fewer. */
export let facets = 100;
let key = "";
try { key = sessionStorage.getItem(KEY) ?? ""; } catch { /* storage is forbidden: asked again after a reload */ }

/** From now on sent with every request, until the window closes. */
export function useKey(given) {
  key = given;
  try { sessionStorage.setItem(KEY, given); } catch { /* see above */ }
}

/** What a user is told: `message` in one sentence, whether trying again can help, whether a key is asked for. */
export class Trouble extends Error {
  constructor(message, { retry = false, locked = false, code = null, limit = null } = {}) {
    super(message.charAt(0).toUpperCase() + message.slice(1) + (/[.!?]$/.test(message) ? "" : "."));
    this.code = code;
    this.limit = limit;
    this.retry = retry;
    this.locked = locked;
  }
}

async function ask(address, options = {}) {
  const headers = { Accept: "application/json", ...options.headers };
  if (key) headers.Authorization = `Bearer ${key}`;
  let response;
  try {
    response = await fetch(address, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Trouble("The server does not answer. Is “xret serve” still running?", { retry: true });
  }
  const answer = await response.json().catch((error) => {
    if (error.name === "AbortError") throw error;
    return null;
  });
  if (response.ok && answer !== null && typeof answer === "object") return answer;
  throw troubleOf(response, answer);
}

function troubleOf(response, answer) {
  const { status } = response;
  const said = typeof answer?.what === "string" ? answer.what : "";
  if (status === 401 || status === 403) return new Trouble(said || "The server asks for a key.", { locked: true });
  if (status === 429 || status === 503) return new Trouble(said || "The server is busy; try again in a moment.", { retry: true });
  if (status >= 500) return new Trouble(said || `The server failed (${status}).`, { retry: true });
  if (response.ok) return new Trouble("The answer is not from an xret server.", { retry: true });
  return new Trouble(said || `The server refused the request (${status}).`, { code: answer?.error, limit: answer?.limit });
}

/** The systems that can be asked. */
export const systems = (signal) => ask("systems", { signal });

/**
 * The hits of one system.
 * @param {Object} state see address.js
 * @param {{system: string, rerank: ?string}} choice see choices.js
 */
export async function search(state, choice, signal) {
  const body = { query: state.query, k: state.hits, system: choice.system, explain: true, facets };
  if (choice.rerank) body.rerank = choice.rerank;
  if (state.languages.length) body.languages = state.languages;
  if (state.calibrate) body.calibrate = state.calibrate;
  const headers = { "Content-Type": "application/json" };
  const post = () => ask("search", { method: "POST", body: JSON.stringify(body), headers, signal });
  try {
    return await post();
  } catch (error) {
    if (!(error.code === "too_deep" && error.limit < body.facets)) throw error;
    body.facets = facets = error.limit; // the operator's limit is below what the page would like: not the user's affair
    return post();
  }
}
