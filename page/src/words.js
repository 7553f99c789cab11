// The page's words, in the language that the reader chose.

import en from "./strings/en.js";
import zh from "./strings/zh.js";

export const languages = { en, zh };
let words = navigator.language?.startsWith("zh") ? zh : en;

export const current = () => Object.keys(languages).find((key) => languages[key] === words);

export function choose(key) {
  words = languages[key] ?? en;
}

/** The words for `key`, with `{name}` replaced by the values. */
export function t(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** Puts the words into all elements that ask for them with `data-t`. */
export function translate() {
  document.documentElement.lang = words.lang;
  document.title = t("title");
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
}
