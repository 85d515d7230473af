// Building elements. Text only ever enters the page as text nodes: documents and queries are not ours to trust.

/**
 * A new element.
 * @param {string} tag
 * @param {Object} properties attributes; true sets an empty one, false, null and undefined none; `onX` listens to x.
 * @param {...(Node|string|null|undefined)} children
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** What only screen readers are told. */
export const unseen = (text) => element("span", { class: "unseen" }, text);

export const byId = (id) => document.getElementById(id);

/** 12345 → "12,345", in the language of the page. */
export const count = (number) => number.toLocaleString("en");

/** "1 hit", "2 hits". */
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;
