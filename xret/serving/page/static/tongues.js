// Languages: their names, and the attributes that make a text be read and shaped rightly.

const RTL_SCRIPTS = new Set(["Adlm", "Arab", "Aran", "Hebr", "Mand", "Mend", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa", "Yezi"]);
const RTL_LETTER = /[\p{Script=Adlam}\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Mandaic}\p{Script=Nko}\p{Script=Syriac}\p{Script=Thaana}]/u;

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
 * "rtl" or "auto". The first letter alone misleads: Arabic and Hebrew texts often begin with a Latin name. A language
 * that is written from the right decides, if the text has any such letter; a transliteration has none.
 */
export function direction(code, text) {
  const rtl = RTL_SCRIPTS.has(locale(code)?.maximize().script);
  return rtl && RTL_LETTER.test(text) ? "rtl" : "auto";
}

/** Attributes of an element that holds a text of a language; `lang=""` says that the language is not known. */
export function spoken(code, text) {
  return { lang: locale(code) ? code : "", dir: direction(code, text) };
}
