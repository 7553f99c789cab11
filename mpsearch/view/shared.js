// What all scripts for the page share. Python joins it with each of them into one ES module.

/** Returns the sentence in the reader's language, with `values` for the names in braces. Python finds these calls. */
const say = (said, sentence, values = {}) =>
  (said?.[sentence] ?? sentence).replace(/\{(\w+)\}/g, (_, name) => values[name]);

/** Returns a new element of the page. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
