// Languages: their names, and the attributes that make a text be read and shaped rightly.

const RTL_SCRIPTS = new Set(["Adlm", "Arab", "Aran", "Hebr", "Mand", "Mend", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa", "Yezi"]);
const RTL_LETTER = /[\p{Script=Adlam}\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Mandaic}\p{Script=Nko}\p{Script=Syriac}\p{Script=Thaana}]/u;
const LTR_LETTER = new RegExp(`(?!${RTL_LETTER.source})\\p{L}`, "u");

const names = new Intl.DisplayNames("en", { type: "language", fallback: "none" });

function locale(code) {
  try {
    return code && code !== "und" ? new Intl.Locale(code) : null;
  } catch {
    return null; // an index may say anything
  }
}

/** "German" for "de"; the code itself where it is not known. */
export function languageName(code) {
  if (!locale(code)) return code && code !== "und" ? code : "Unknown language";
  return names.of(code) ?? code;
}

/**
 * "rtl", "ltr" or "auto". The first letter alone misleads: Arabic texts often begin with a Latin name, English ones may
 * begin with a Hebrew word. The language decides, if the text has any letter of its direction (a transliteration of
 * Arabic has none); where it is not known, the first letter does.
 */
export function direction(code, text) {
  const { script } = locale(code)?.maximize() ?? {};
  if (!script) return "auto";
  if (RTL_SCRIPTS.has(script)) return RTL_LETTER.test(text) ? "rtl" : "auto";
  return LTR_LETTER.test(text) ? "ltr" : "auto";
}

/** Attributes of an element that holds a text of a language; `lang=""` says that the language is not known. */
export function spoken(code, text) {
  return { lang: locale(code) ? code : "", dir: direction(code, text) };
}
