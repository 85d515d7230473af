// Two lists side by side: which hits are in both, and how far apart they stand.

import { element, unseen } from "./dom.js";

/** Ranks by id. */
export const ranksOf = (hits) => new Map(hits.map((hit) => [hit.id, hit.rank]));

/** How many hits of two lists are the same. */
export const shared = (first, second) => first.filter((hit) => ranksOf(second).has(hit.id)).length;

/**
 * What is said at a hit about the other list.
 * @param {Object} hit
 * @param {Map<string, number>} others ranks in the other list
 * @param {{own: string, other: string}} names "A" and "B", or "B" and "A"
 * @param {() => void} jump goes to the same hit in the other list
 */
export function twinOf(hit, others, names, jump) {
  const rank = others.get(hit.id);
  if (rank === undefined) return element("span", { class: "twin alone" }, `only in ${names.own}`);
  const moved = rank - hit.rank; // above 0: further down in the other list
  const places = Math.abs(moved);
  const arrow = moved === 0 ? "=" : `${moved > 0 ? "▼" : "▲"}${places}`;
  const told = moved === 0 ? ", the same rank" : `, ${places} ${places === 1 ? "rank" : "ranks"} ${moved > 0 ? "lower" : "higher"}`;
  const way = moved > 0 ? "down" : moved < 0 ? "up" : "";
  return element("button", { type: "button", class: "twin both", title: `Go to it in ${names.other}`, onclick: jump },
    `${names.other} #${rank} `, element("span", { "aria-hidden": "true", class: way }, arrow), unseen(told));
}

/** Hits of both lists light up together, under the mouse or with the focus. */
export function linkTwins(results) {
  const light = (on) => ({ target }) => {
    const hit = target.closest?.(".hit");
    if (!hit) return;
    for (const other of results.querySelectorAll(".hit")) {
      if (other !== hit && other.dataset.id === hit.dataset.id) other.classList.toggle("lit", on);
    }
  };
  results.addEventListener("mouseover", light(true));
  results.addEventListener("mouseout", light(false));
  results.addEventListener("focusin", light(true));
  results.addEventListener("focusout", light(false));
}
