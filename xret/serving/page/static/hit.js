// One hit: its text in its script and direction, what matched, and how its score came about.

import { count, element, unseen } from "./dom.js";
import { excerpt, marksOf, wordMarks } from "./text.js";
import { direction, languageName, spoken } from "./tongues.js";

const STEPS = [0.45, 0.6, 0.8]; // weights between the four levels; the server leaves out what is below 0.35
const PARTS = {
  raw: "given by the system",
  calibrated: "calibrated across languages",
  reranked: "after reranking",
  cosine: "cosine of sentence vectors",
  maxsim: "similarity of token vectors",
};
let made = 0; // ids that aria-controls and aria-labelledby refer to

/**
 * A hit as a list item.
 * @param {Object} hit see xret/serving/schema.py
 * @param {string} query
 * @param {?HTMLElement} twin see compare.js
 */
export function hitItem(hit, query, twin) {
  const text = hit.text ?? "";
  const marks = hit.matches ? marksOf(text, hit.matches) : wordMarks(text, query, spoken(hit.lang, text).lang);
  const shown = excerpt(text, marks);
  const whole = shown.start === 0 && shown.end === text.length;
  const number = ++made;
  const body = element("div", { class: "text", id: `text-${number}`, ...spoken(hit.lang, text) });
  const button = element("button", { type: "button", class: "open", "aria-expanded": "false", "aria-controls": body.id },
    name(hit));
  // A text from the right has all that belongs to it at the right.
  const item = element("li", { class: direction(hit.lang, text) === "rtl" ? "hit from-right" : "hit", "data-id": hit.id });
  const parts = scoreParts(hit, `score-${number}`);

  const show = (open) => {
    button.setAttribute("aria-expanded", String(open));
    item.classList.toggle("opened", open);
    body.replaceChildren(...(hit.text ? marked(text, marks, open ? { start: 0, end: text.length } : shown) : [missing(hit)]));
  };
  const toggle = () => show(button.getAttribute("aria-expanded") !== "true");
  button.addEventListener("click", toggle);
  body.addEventListener("click", () => {
    // Whoever selects text to copy it does not mean to open or close it.
    if (getSelection().isCollapsed && !item.classList.contains("opened")) toggle();
  });

  show(false);
  item.classList.toggle("whole", whole);
  item.append(element("article", { "aria-labelledby": `name-${number}` },
    element("span", { class: "rank", "aria-hidden": "true" }, count(hit.rank)),
    element("h3", { id: `name-${number}` }, unseen(`${hit.rank}. `), button),
    element("p", { class: "meta" },
      element("span", { class: "language", title: hit.lang }, languageName(hit.lang)),
      hit.title ? element("bdi", { class: "id", title: hit.id }, hit.id) : null, twin, scoreButton(hit, parts)),
    parts, body));
  return item;
}

function name(hit) {
  if (hit.title) return element("span", { class: "title", ...spoken(hit.lang, hit.title) }, hit.title);
  return element("bdi", { class: "title id" }, hit.id);
}

const missing = (hit) => element("span", { class: "note" }, hit.text === "" ? "An empty text." : "This index keeps no texts.");

/** Nodes of the shown part of a text: text, and `<mark>` of four levels, or of a word of the query. */
function marked(text, marks, { start, end }) {
  const nodes = [];
  let last = start;
  for (const mark of marks) {
    if (mark.end <= start || mark.start >= end) continue;
    const from = Math.max(mark.start, start);
    const to = Math.min(mark.end, end);
    const level = mark.weight === null ? "word" : `level-${1 + STEPS.filter((step) => mark.weight >= step).length}`;
    nodes.push(text.slice(last, from), element("mark", { class: level }, text.slice(from, to)));
    last = to;
  }
  nodes.push(text.slice(last, end));
  // No-break spaces: an ellipsis does not stand alone in a line.
  return [start > 0 ? "…\u00a0" : "", ...nodes, end < text.length ? "\u00a0…" : ""].filter((node) => node !== "");
}

const figure = (score) => (Number.isInteger(score) ? String(score) : score.toPrecision(4));

/** Shows and hides what the score came from. */
function scoreButton(hit, parts) {
  const toggle = ({ currentTarget }) => {
    parts.hidden = !parts.hidden;
    currentTarget.setAttribute("aria-expanded", String(!parts.hidden));
  };
  return element("button", { type: "button", class: "score", "aria-expanded": "false", "aria-controls": parts.id, onclick: toggle },
    "score ", figure(hit.score));
}

function scoreParts(hit, id) {
  const parts = Object.entries(hit.parts ?? {}).filter(([, value]) => typeof value === "number");
  const rows = parts.flatMap(([part, value]) => [element("dt", {}, PARTS[part] ?? part), element("dd", {}, figure(value))]);
  return element("dl", { class: "parts", id, hidden: true }, ...rows,
    element("dt", {}, "what hits are ordered by"), element("dd", {}, figure(hit.score)));
}
