/** An element with attributes (functions listen: `onclick`) and children; null, undefined and false are left out. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

const SAFE_LINK = /^(tel:|mailto:|https?:)/;

/** Nodes of a text as the server renders it: strings, and `[tag, href or "", ...children]` for the few tags it knows. */
export function nodes(body) {
  return body.map((part) => {
    if (typeof part === "string") return document.createTextNode(part);
    const [tag, href, ...children] = part;
    if (tag !== "a") return element(tag, {}, nodes(children));
    return SAFE_LINK.test(href) ? element("a", { href, rel: "noopener" }, nodes(children)) : element("span", {}, nodes(children));
  });
}

/** A link that rings a number; `name` is what a screen reader says where the text is short. */
export function call(contact, text, name) {
  return element("a", { href: `tel:${contact.tel.replaceAll(" ", "")}`, "aria-label": name }, text);
}
