// The languages of the best documents, to choose from.

import { facets } from "./api.js";
import { byId, count, element, plural, unseen } from "./dom.js";
import { languageName } from "./tongues.js";

const FEW = 15; // languages that are shown at first, where there are more than a few beyond these
let all = false; // someone wanted to see all; so they stay from then on

/**
 * Show the languages.
 * @param {Array<Object<string, number>>} counts by language, of one list or of two
 * @param {string[]} chosen languages; shown even where none was found
 * @param {(languages: string[]) => void} choose called with what is chosen from now on
 */
export function showFacets(counts, chosen, choose) {
  const totals = {};
  for (const code of chosen) totals[code] = 0;
  for (const list of counts) for (const [code, number] of Object.entries(list)) totals[code] = Math.max(totals[code] ?? 0, number);
  const codes = Object.keys(totals).sort((a, b) => totals[b] - totals[a] || languageName(a).localeCompare(languageName(b)));
  const focused = document.activeElement?.closest(".facet")?.querySelector("input")?.value;
  const few = all || codes.length <= FEW + 3 ? codes : codes.filter((code, place) => place < FEW || chosen.includes(code));
  byId("facet-list").replaceChildren(...few.map((code) => facet(code, counts, chosen, choose)));
  const more = byId("facets-all");
  more.hidden = few.length === codes.length;
  more.textContent = `Show all ${count(codes.length)}`;
  more.onclick = () => {
    all = true;
    showFacets(counts, chosen, choose);
    byId("facet-list").querySelectorAll("input")[FEW].focus();
  };
  byId("facets").hidden = codes.length === 0;
  byId("facets-note").textContent = chosen.length ? `${plural(chosen.length, "language")} chosen` : `among the ${facets} best documents`;
  const clear = byId("facets-clear");
  clear.hidden = chosen.length === 0;
  clear.onclick = () => choose([]);
  // The list was built anew: someone who goes through it by keyboard stays where they were.
  if (focused) [...byId("facet-list").querySelectorAll("input")].find((input) => input.value === focused)?.focus();
}

function facet(code, counts, chosen, choose) {
  const change = ({ target }) => choose(target.checked ? [...chosen, code] : chosen.filter((other) => other !== code));
  const numbers = counts.map((list) => count(list[code] ?? 0));
  const shown = counts.length ? numbers.join(" · ") : "0";
  return element("label", { class: "facet", title: code },
    element("input", { type: "checkbox", value: code, checked: chosen.includes(code), onchange: change }),
    element("span", { class: "facet-name" }, languageName(code)),
    unseen(", "),
    element("span", { class: "facet-count" }, shown));
}
