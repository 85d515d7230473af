// A list of hits, or what stands in its place: loading, no hits, trouble.

import { ranksOf, twinOf } from "./compare.js";
import { count, element, plural } from "./dom.js";
import { hitItem } from "./hit.js";
import { languageName } from "./tongues.js";

const LETTERS = ["A", "B"];
const MENTIONED = 40; // languages, before the first query

/**
 * One list as a section.
 * @param {number} place 0 or 1
 * @param {Array<{hits: ?Object[], trouble: ?Error}>} outcomes of both lists
 * @param {string[]} labels names of what was asked
 * @param {Object} state see address.js
 * @param {Object<string, Function>} act `retry`, `unlock`, `clear`, `more`, `jump`
 */
export function listOf(place, outcomes, labels, state, act) {
  const { answer, trouble } = outcomes[place];
  const two = outcomes.length > 1;
  const title = two ? `${LETTERS[place]}: ${labels[place]}` : "Results";
  const section = element("section", { class: "list", "data-place": place, "aria-label": title },
    element("h2", { class: two ? "list-title" : "unseen" }, title));
  if (trouble) section.append(troubleBox(trouble, act));
  else if (answer.hits.length === 0) section.append(nothingFound(state, act));
  else section.append(hits(place, outcomes, state, act), ...foot(answer, state, act));
  return section;
}

function hits(place, outcomes, state, act) {
  const other = outcomes[1 - place]?.answer;
  const others = other && ranksOf(other.hits);
  const names = { own: LETTERS[place], other: LETTERS[1 - place] };
  const twin = (hit) => (others ? twinOf(hit, others, names, () => act.jump(1 - place, hit.id)) : null);
  return element("ol", { class: "hits" }, ...outcomes[place].answer.hits.map((hit) => hitItem(hit, state.query, twin(hit))));
}

/** A full list may go on; a short one is all there is. */
function foot(answer, state, act) {
  if (answer.hits.length < state.hits || state.hits >= 1000) return [];
  return [element("button", { type: "button", class: "more", onclick: act.more }, "More hits")];
}

function nothingFound(state, act) {
  const where = state.languages.length ? ` in ${state.languages.map(languageName).join(", ")}.` : ".";
  const box = element("div", { class: "plain" },
    element("p", {}, "No hits for “", element("bdi", {}, state.query), "”", where));
  if (state.languages.length) box.append(everywhere(act));
  else box.append(element("p", { class: "note" }, "Try other words, or more of them."));
  return box;
}

const everywhere = (act) => element("button", { type: "button", onclick: act.clear }, "Search in all languages");

/** What went wrong, in the server's words, and what can be done. */
export function troubleBox(trouble, act) {
  const box = element("div", { class: "plain trouble", role: "alert" }, element("p", {}, trouble.message));
  if (trouble.code === "unknown_language") box.append(everywhere(act));
  if (trouble.retry) box.append(element("button", { type: "button", onclick: act.retry }, "Try again"));
  if (trouble.locked) box.append(keyForm(act));
  return box;
}

function keyForm(act) {
  const field = element("input", { type: "password", autocomplete: "off", required: true });
  const submit = (event) => {
    event.preventDefault();
    act.unlock(field.value.trim());
  };
  return element("form", { class: "key", onsubmit: submit },
    element("label", {}, "Key ", field), element("button", {}, "Use this key"));
}

/** Before the first query: what can be searched. */
export function welcome(systems) {
  const rows = Math.max(0, ...systems.map((system) => system.rows));
  const languages = [...new Set(systems.flatMap((system) => Object.keys(system.languages)))].filter((code) => code !== "und");
  const named = (codes) => codes.map(languageName).sort((a, b) => a.localeCompare(b)).join(", ");
  const first = languages.length > 2 * MENTIONED ? languages.slice(0, MENTIONED) : languages; // those of most documents
  const ways = systems.length > 1 ? `, ${count(systems.length)} systems to search them with` : "";
  const size = `${plural(rows, "document")} in ${plural(languages.length, "language")}${ways}.`;
  return element("div", { class: "plain welcome" },
    element("p", { class: "lead" }, "Ask in any language. Hits come in all of them."),
    systems.length ? element("p", {}, size) : null,
    first.length ? element("p", { class: "note" }, named(first), first.length < languages.length ? ", …" : "") : null,
    first.length < languages.length
      ? element("details", { class: "note" }, element("summary", {}, "All languages"), element("p", {}, named(languages)))
      : null);
}

/** What the marks in texts mean: of token similarity, of equal words, or of both. */
export function legendOf(answers) {
  const hits = answers.flatMap((answer) => answer.hits);
  const levels = ["little", "\u00a0\u00a0", "\u00a0\u00a0", "much"].map(
    (text, i) => element("span", { class: `level-${i + 1}` }, text));
  const near = hits.some((hit) => hit.matches?.length) ? element("span", {}, "near the query: ", ...levels) : null;
  const same = hits.some((hit) => !hit.matches)
    ? element("span", {}, element("span", { class: "word" }, "word"), " of the query")
    : null;
  return [near, same].filter(Boolean);
}

/** Grey lines in the place of the first hits. */
export function waiting() {
  const hit = () => element("div", {}, element("i"), element("i"), element("i"));
  return element("div", { class: "waiting", "aria-hidden": "true" }, hit(), hit(), hit());
}
