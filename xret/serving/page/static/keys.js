// The keyboard. Hits are buttons, so Enter and Tab work by themselves; this adds ways to move.

import { byId } from "./dom.js";

const buttons = (list) => [...(list?.querySelectorAll(".open") ?? [])];
const lists = () => [...document.querySelectorAll(".list")].filter((list) => list.offsetParent !== null);

function focusOn(button) {
  button?.focus();
  button?.closest(".hit").scrollIntoView({ block: "nearest" });
}

/** One hit on or back in its list; from elsewhere, to the first. */
function step(by) {
  const hit = document.activeElement?.closest?.(".hit");
  const all = buttons(hit?.closest(".list") ?? lists()[0]);
  const place = all.indexOf(hit?.querySelector(".open"));
  if (place + by < 0) return byId("query").focus();
  focusOn(all[place < 0 ? 0 : Math.min(all.length - 1, place + by)]);
}

/** To the same hit in the other list, or to the one beside it. */
function across(to) {
  const hit = document.activeElement?.closest?.(".hit");
  const other = lists().find((list) => Number(list.dataset.place) === to);
  if (!hit || !other || hit.closest(".list") === other) return;
  const all = buttons(other);
  const place = buttons(hit.closest(".list")).indexOf(hit.querySelector(".open"));
  focusOn(all.find((button) => button.closest(".hit").dataset.id === hit.dataset.id) ?? all[Math.min(place, all.length - 1)]);
}

const scores = () => document.activeElement?.closest?.(".hit")?.querySelector(".score").click();

/** Close the hit at hand, or any that is open; else go to the query. */
function escape() {
  const open = document.activeElement?.closest?.(".hit.opened") ?? document.querySelector(".hit.opened");
  if (!open) {
    byId("query").focus();
    return byId("query").select();
  }
  const button = open.querySelector(".open");
  button.click();
  focusOn(button);
}

const ANYWHERE = {
  "/": () => { byId("query").focus(); byId("query").select(); },
  "?": () => byId("keys").showModal(),
  j: () => step(1),
  k: () => step(-1),
  h: () => across(0),
  l: () => across(1),
  s: scores,
  Escape: escape,
};
// Arrows scroll the page, except at a hit that is closed.
const AT_A_HIT = { ArrowDown: () => step(1), ArrowUp: () => step(-1), ArrowLeft: () => across(0), ArrowRight: () => across(1) };

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || byId("keys").open) return;
  const { target } = event;
  if (target === byId("query") && event.key === "ArrowDown" && lists().length) {
    event.preventDefault();
    return focusOn(buttons(lists()[0])[0]);
  }
  if (target.matches?.("input:not([type=checkbox], [type=radio]), select, textarea")) return;
  const act = (target.matches?.(".hit:not(.opened) .open") && AT_A_HIT[event.key]) || ANYWHERE[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

/** Listen, from now on. */
export function listen() {
  document.addEventListener("keydown", pressed);
  byId("help").addEventListener("click", () => byId("keys").showModal());
}
