// The address holds all that a search depends on: back, forward, reload and a sent link show the same search.

export const HITS = 10;
const MOST_HITS = 1000;

/** @returns {{query: string, languages: string[], first: string, second: string, calibrate: string, hits: number}} */
export function readAddress(search = location.search) {
  const fields = new URLSearchParams(search);
  const hits = Math.floor(Number(fields.get("k")));
  return {
    query: fields.get("q") ?? "",
    languages: [...new Set(fields.getAll("lang").filter(Boolean))],
    first: fields.get("a") ?? "",
    second: fields.get("b") ?? "",
    calibrate: fields.get("calibrate") ?? "",
    hits: hits >= 1 && hits <= MOST_HITS ? hits : HITS,
  };
}

/** The address of a state; what is as it is without being said is left out. */
export function addressOf(state) {
  const fields = new URLSearchParams();
  if (state.query) fields.set("q", state.query);
  for (const language of state.languages) fields.append("lang", language);
  if (state.first) fields.set("a", state.first);
  if (state.second) fields.set("b", state.second);
  if (state.calibrate) fields.set("calibrate", state.calibrate);
  if (state.hits !== HITS) fields.set("k", state.hits);
  const text = fields.toString();
  return text ? `?${text}` : location.pathname;
}

/** Into the browser's history: as a new entry, or in place of the last one. */
export function writeAddress(state, { replace = false } = {}) {
  const address = addressOf(state);
  if (address === (location.search || location.pathname)) return;
  history[replace ? "replaceState" : "pushState"](null, "", address);
}
