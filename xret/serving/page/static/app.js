// The search page: the address is the state, a search answers it, the lists show the answer.

import { HITS, readAddress, writeAddress } from "./address.js";
import { Trouble, search, systems, useKey } from "./api.js";
import { choicesOf, fill } from "./choices.js";
import { linkTwins, shared } from "./compare.js";
import { byId, count, plural } from "./dom.js";
import { showFacets } from "./facets.js";
import { listen } from "./keys.js";
import { legendOf, listOf, troubleBox, waiting, welcome } from "./lists.js";

const PAUSE = 350; // ms without a key before a query is searched while it is written
const PATIENCE = 150; // ms before a search is called slow: shorter ones would only flicker

let state = readAddress();
let known = []; // systems
let choices = [];
let running = null; // AbortController of the search under way
let written = null; // timer of the query that is being written
let drafting = false; // the last entry of the history is a query that was being written

const results = byId("results");
const say = (text) => { byId("status").textContent = text; };

/** Lists that are asked for: one, or two to compare. An unknown choice is sent as it is: the server says what is wrong. */
function wanted() {
  const find = (value) => choices.find((choice) => choice.value === value) ?? { value, system: value, rerank: null, label: value };
  const first = state.first ? find(state.first) : choices[0];
  return state.second ? [first, find(state.second)] : [first];
}

/** Change the state, and search if there is something to search. What was written and not yet searched comes along. */
function go(change, { replace = false, keepFocus = true } = {}) {
  const query = byId("query").value;
  state = { ...state, ...(query === state.query ? {} : { query, hits: HITS }), ...change };
  writeAddress(state, { replace });
  run({ keepFocus });
}

async function run({ keepFocus = true } = {}) {
  running?.abort();
  clearTimeout(written);
  if (byId("query").value !== state.query) byId("query").value = state.query;
  showControls();
  if (!state.query.trim()) return showWelcome();
  const mine = (running = new AbortController());
  const slow = setTimeout(showWaiting, PATIENCE);
  try {
    if (!known.length) await learn(mine.signal);
    const asked = wanted();
    const outcomes = await Promise.all(asked.map((choice) => outcome(choice, mine.signal)));
    if (!mine.signal.aborted) showOutcomes(outcomes, asked, keepFocus);
  } catch (error) {
    if (error.name !== "AbortError") showTrouble(error);
  } finally {
    clearTimeout(slow);
    if (running === mine) busy(false);
  }
}

/** What one list came to; trouble of one does not hide the other. */
async function outcome(choice, signal) {
  try {
    return { answer: await search(state, choice, signal) };
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    return { trouble: error };
  }
}

async function learn(signal) {
  known = await systems(signal);
  choices = choicesOf(known);
  showControls();
}

const act = {
  retry: () => go({}, { replace: true }),
  unlock: (key) => { useKey(key); start(); },
  clear: () => go({ languages: [] }),
  more: () => go({ hits: Math.min(1000, state.hits < 50 ? 50 : state.hits * 2) }, { replace: true }),
  jump: (place, id) => {
    showSide(place);
    const hit = [...results.querySelectorAll(`.list[data-place="${place}"] .hit`)].find((other) => other.dataset.id === id);
    hit?.querySelector(".open").focus();
    hit?.scrollIntoView({ block: "nearest" });
  },
};

function showOutcomes(outcomes, asked, keepFocus) {
  const more = keepFocus ? document.activeElement?.closest?.(".more")?.closest(".list") : null;
  const seen = more?.querySelectorAll(".hit").length;
  const labels = asked.map((choice) => choice.label);
  results.classList.toggle("two", outcomes.length > 1);
  results.replaceChildren(...outcomes.map((_, place) => listOf(place, outcomes, labels, state, act)));
  byId("side").hidden = outcomes.length < 2;
  const answers = outcomes.flatMap(({ answer }) => answer ?? []);
  showFacets(answers.map((answer) => answer.languages), state.languages, (languages) => go({ languages, hits: HITS }));
  say(summary(outcomes));
  byId("legend").replaceChildren(...legendOf(answers));
  byId("legend").hidden = !byId("legend").childNodes.length;
  // After "More hits" the focus would fall back to the page: it goes to the first new hit.
  if (more) results.querySelectorAll(`.list[data-place="${more.dataset.place}"] .open`)[seen]?.focus();
}

function summary(outcomes) {
  const told = outcomes.map(({ answer }) => (answer ? `${plural(answer.hits.length, "hit")}, ${took(answer)}` : "no answer"));
  if (outcomes.length === 1) return outcomes[0].answer ? told[0] : "";
  const [first, second] = outcomes.map(({ answer }) => answer?.hits ?? []);
  return `A: ${told[0]} · B: ${told[1]} · ${count(shared(first, second))} in both`;
}

const took = ({ took_ms: ms }) => (ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`);

/** All but the query, which someone may be writing. */
function showControls() {
  document.title = state.query ? `${state.query} – xret search` : "xret search";
  byId("bar").hidden = byId("options").hidden = !choices.length || !state.query.trim();
  fill(byId("first"), choices, state.first || choices[0]?.value);
  fill(byId("second"), choices, state.second, "nothing");
  byId("second-field").hidden = choices.length < 2;
  byId("calibrate").value = state.calibrate;
}

function clear() {
  results.classList.remove("two");
  byId("side").hidden = true;
  byId("facets").hidden = true;
  byId("legend").hidden = true;
  say("");
}

function showWelcome() {
  busy(false);
  clear();
  results.replaceChildren(welcome(known));
}

function showTrouble(error) {
  clear();
  const trouble = error instanceof Trouble ? error : new Trouble("The page failed to show the answer. Reload it.", { retry: true });
  if (trouble !== error) console.error(error);
  results.replaceChildren(troubleBox(trouble, { ...act, retry: start }));
}

function busy(on) {
  byId("progress").hidden = !on;
  results.setAttribute("aria-busy", String(on));
}

function showWaiting() {
  busy(true);
  say("Searching …");
  if (!results.querySelector(".hit")) results.replaceChildren(waiting());
}

/** On a narrow screen one of two lists is shown. */
function showSide(place) {
  results.dataset.side = place;
  for (const radio of document.querySelectorAll("[name=side]")) radio.checked = Number(radio.value) === place;
}

/** While a query is being written it takes one entry of the history, not one for each pause. */
function draft() {
  clearTimeout(written);
  written = setTimeout(() => {
    const query = byId("query").value;
    if (query === state.query) return;
    const replace = drafting;
    drafting = true;
    go({ query, hits: HITS }, { replace });
  }, PAUSE);
}

function submit(event) {
  event.preventDefault();
  const query = byId("query").value;
  go({ query, hits: HITS }, { replace: drafting });
  drafting = false;
}

async function start() {
  const before = running;
  try {
    await learn();
  } catch (error) {
    if (running === before) showTrouble(error); // else a search that began since tells how it went
    return;
  }
  go({}, { replace: true });
}

byId("form").addEventListener("submit", submit);
byId("query").addEventListener("input", (event) => { if (!event.isComposing) draft(); });
byId("query").addEventListener("compositionend", draft);
byId("first").addEventListener("change", ({ target }) => go({ first: target.value }));
byId("second").addEventListener("change", ({ target }) => { showSide(0); go({ second: target.value }); });
byId("calibrate").addEventListener("change", ({ target }) => go({ calibrate: target.value }));
for (const radio of document.querySelectorAll("[name=side]")) radio.addEventListener("change", () => showSide(Number(radio.value)));
// Only narrow screens fold the options (style.css).
byId("options").addEventListener("click", ({ currentTarget }) => {
  currentTarget.setAttribute("aria-expanded", String(currentTarget.getAttribute("aria-expanded") === "false"));
});
byId("home").addEventListener("click", (event) => {
  event.preventDefault();
  drafting = false;
  go({ query: "", languages: [], hits: HITS });
  byId("query").focus();
});
addEventListener("popstate", () => {
  state = readAddress();
  drafting = false;
  run();
});
byId("query").value = state.query;
showSide(0);
linkTwins(results);
listen();
if (!state.query) byId("query").focus();
start();
