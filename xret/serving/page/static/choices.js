// What can be chosen as list A and B: every system, plain or reranked. "~" cannot stand in a system's name.

import { element } from "./dom.js";

const KINDS = { dense: "sentence vectors", lexical: "words", multivector: "token vectors" };
const RERANKS = { light: "cosine and token vectors", maxsim: "token vectors", cross: "a cross-encoder" };

/** @returns {Array<{value: string, system: string, rerank: ?string, label: string, kind: string}>} */
export function choicesOf(systems) {
  return systems.flatMap(({ name, kind, rerank }) => [
    { value: name, system: name, rerank: null, label: `${name} (${KINDS[kind] ?? kind})`, kind },
    ...(rerank ?? []).map((way) => ({
      value: `${name}~${way}`, system: name, rerank: way, kind, label: `${name}, reranked by ${RERANKS[way] ?? way}`,
    })),
  ]);
}

/** Fill a `<select>`; `none` is the option that chooses nothing. */
export function fill(select, choices, chosen, none) {
  const option = (value, label) => element("option", { value, selected: value === chosen }, label);
  const options = choices.map(({ value, label }) => option(value, label));
  select.replaceChildren(...(none ? [option("", none)] : []), ...options);
  select.value = chosen;
}
