// Elements made by hand. Whatever came from outside goes in as a text node and never as markup.

/**
 * @param {string} tag
 * @param {Record<string, string | number | boolean | EventListener | undefined>} [properties] attributes; `on…` are listeners; undefined
 *     and false are left out.
 * @param {...(Node | string | undefined)} children
 */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** A text of somebody else's: isolated, so that its direction of writing moves nothing beside it. */
export function foreign(text, properties = {}) {
  return el("bdi", { dir: "auto", ...properties }, visible(text));
}

const hidden = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** The text with what cannot be seen, or moves what can, written out. */
export function visible(text) {
  return String(text).replace(hidden, (character) => {
    const code = character.charCodeAt(0);
    if (code === 10) return "⏎";
    if (code === 9) return "→";
    return code < 32 ? String.fromCharCode(0x2400 + code) : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** Sets custom properties, through the object model: the page's policy allows no style in markup. */
export function styled(element, properties) {
  for (const [name, value] of Object.entries(properties)) element.style.setProperty(name, value);
  return element;
}

/** Up, down, home and end move the focus among the elements that match, as in a list. */
export function moveFocusWithArrows(container, selector) {
  container.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    const own = event.target instanceof Element ? event.target.closest(selector) : null;
    if (step === undefined || own === null || event.altKey || event.ctrlKey || event.metaKey) return;
    const all = [...container.querySelectorAll(selector)];
    all[Math.min(all.length - 1, Math.max(0, all.indexOf(own) + step))]?.focus();
    event.preventDefault();
  });
}
