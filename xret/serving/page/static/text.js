// Which parts of a text to mark, and which part of a long text to show.
//
// The API counts Unicode code points, as Python does; JavaScript counts UTF-16 units. All offsets that leave this
// module are UTF-16 units, on borders of grapheme clusters: a mark never parts a letter from its accents.

const SURROGATE = /[\ud800-\udfff]/;
const WIDE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu;
const SHORT = /^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}]{1,2}$/u;
const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** A function from offsets in code points to offsets in UTF-16 units; beyond the end is the end. */
export function unitOffsets(text) {
  if (!SURROGATE.test(text)) return (point) => Math.min(point, text.length);
  const units = [];
  let unit = 0;
  for (const character of text) {
    units.push(unit);
    unit += character.length;
  }
  return (point) => units[point] ?? text.length;
}

/** The start of the cluster that `unit` lies in, and its end (`unit` itself where it is a border). */
function clusters(text) {
  const segments = graphemes.segment(text);
  return {
    start: (unit) => segments.containing(unit)?.index ?? text.length,
    end: (unit) => {
      const found = segments.containing(unit);
      return !found || found.index === unit ? unit : found.index + found.segment.length;
    },
  };
}

/**
 * Marks from the API's matches.
 * @param {string} text
 * @param {Array<[number, number, number]>} matches start, end (code points), weight 0 to 1
 * @returns {Array<{start: number, end: number, weight: number}>} ascending, apart, in UTF-16 units
 */
export function marksOf(text, matches) {
  const unit = unitOffsets(text);
  const cluster = clusters(text);
  const marks = [];
  let last = 0;
  for (const [from, to, weight] of [...matches].sort((a, b) => a[0] - b[0])) {
    if (!(from >= 0 && to > from && weight > 0)) continue;
    const start = Math.max(last, cluster.start(unit(from)));
    const end = cluster.end(unit(to));
    if (end <= start) continue; // two matches within one letter
    marks.push({ start, end, weight: Math.min(1, weight) });
    last = end;
  }
  return marks;
}

/** Case, width and accents do not make another word; vowel signs of Indic scripts do. */
const folded = (word) => word.normalize("NFKC").toLowerCase().normalize("NFD").replace(/[\u0300-\u036f\u064b-\u0652]/g, "");

function* words(text, language) {
  for (const { segment, index, isWordLike } of new Intl.Segmenter(language || undefined, { granularity: "word" }).segment(text)) {
    if (isWordLike) yield { word: folded(segment), start: index, end: index + segment.length };
  }
}

/** Marks (of weight null; `worth` is less for frequent words) of the words of a text that stand in the query, for systems that do not say what matched. */
export function wordMarks(text, query, language) {
  // The query is cut as its own language does, and as the text's: scripts without spaces are cut by dictionaries.
  const asked = new Set([...words(query), ...words(query, language)].map(({ word }) => word));
  // Beside longer words, those of one or two letters are "a", "of", "de": marks on them say nothing.
  const longer = [...asked].filter((word) => !SHORT.test(word));
  const wanted = longer.length ? new Set(longer) : asked;
  const marks = [...words(text, language)].filter(({ word }) => wanted.has(word));
  const times = new Map();
  for (const { word } of marks) times.set(word, (times.get(word) ?? 0) + 1);
  return marks.map(({ word, start, end }) => ({ start, end, weight: null, worth: 1 / times.get(word) }));
}

/** How many UTF-16 units make about four lines. */
function room(text) {
  const sample = text.slice(0, 400);
  const wide = (sample.match(WIDE) ?? []).length / Math.max(1, sample.length);
  return Math.round(300 / (1 + wide));
}

/**
 * The part of a long text that holds most of what is marked; the earliest of equals.
 * @returns {{start: number, end: number}} UTF-16 units
 */
export function excerpt(text, marks) {
  const length = room(text);
  if (text.length <= length * 1.25) return { start: 0, end: text.length };
  const value = (mark) => (mark.weight ?? mark.worth) * (mark.end - mark.start);
  let best = { start: 0, value: -1 };
  let sum = 0;
  for (let first = 0, next = 0; first < marks.length; first++) {
    // A window that begins at a mark loses nothing against one that begins before it.
    while (next < marks.length && marks[next].end <= marks[first].start + length * 0.8) sum += value(marks[next++]);
    if (sum > best.value * 1.0001) best = { start: marks[first].start, value: sum };
    if (next > first) sum -= value(marks[first]);
    else next = first + 1; // a mark longer than the window
  }
  // What the beginning of a text holds as well is shown from the beginning.
  const early = marks.filter((mark) => mark.end <= length).reduce((total, mark) => total + value(mark), 0);
  if (early >= best.value) return cut(text, 0, length);
  return cut(text, begin(text, best.start, Math.round(length * 0.2)), length);
}

/** Where to begin before a mark: at its line or sentence if that is near, else some words before. */
function begin(text, mark, before) {
  const from = Math.max(0, mark - before);
  const lead = text.slice(from, mark);
  const line = Math.max(lead.lastIndexOf("\n"), lead.search(/[.!?。！？؟।]\s+[^.!?。！？؟।]*$/u));
  if (from === 0 && line < 0) return 0;
  if (line >= 0) return from + line + 1;
  const space = lead.search(/\s/);
  return from + (space < 0 ? 0 : space + 1);
}

function cut(text, from, length) {
  const start = from + text.slice(from).search(/\S|$/);
  const cluster = clusters(text);
  if (start + length >= text.length) return { start: cluster.start(start), end: text.length };
  const tail = text.slice(start + length - 30, start + length);
  const space = tail.search(/\s\S*$/);
  return { start: cluster.start(start), end: cluster.start(space < 0 ? start + length : start + length - 30 + space) };
}
