import { call, element, nodes } from "./element.js";
import { plain } from "./turn.js";

const SHEET_STYLE = "body{font:12pt/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem;color:#000;background:#fff}"
  + "a{color:inherit}h1{font-size:1.4rem}article{margin:1.5rem 0;break-inside:avoid-page}.said{font-weight:700;white-space:pre-wrap}"
  + "button{font:inherit;min-height:44px;padding:0 1.5rem}@media print{button{display:none}}";

/** The conversation as a page of its own, to print or save. False where the browser lets no page be opened. */
export function openSheet(turns, words, contacts) {
  const opened = open("", "_blank");
  if (!opened) return false;
  const page = opened.document;
  page.documentElement.lang = "da";
  page.head.replaceChildren(element("title", {}, words.title));
  style(opened);
  page.body.replaceChildren(
    element("h1", {}, words.title),
    element("p", {}, words.file_heading),
    numbers(contacts),
    element("button", { type: "button", onclick: () => opened.print() }, words.print),
    ...turns.map((turn) => article(turn, words)),
  );
  opened.focus();
  return true;
}

/** The conversation as a text file. */
export function saveText(turns, words, contacts) {
  const parts = turns.map((turn) => [`${words.you}: ${turn.said}`, ...turn.messages.map((message) => `${words.it}: ${plain(message)}`)].join("\n\n"));
  const rings = contacts.map((contact) => `${contact.label}: ${contact.tel}`).join("\n");
  const text = [words.file_heading, rings, ...parts].join("\n\n");
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  element("a", { href: address, download: words.file }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** A page is readable without, in a browser that cannot. */
function style(opened) {
  try {
    const made = new opened.CSSStyleSheet();
    made.replaceSync(SHEET_STYLE);
    opened.document.adoptedStyleSheets = [made];
  } catch {
    // It stays plain.
  }
}

function numbers(contacts) {
  return element("ul", {}, contacts.map((contact) => element("li", {}, call(contact, `${contact.label}: ${contact.tel}`))));
}

function article(turn, words) {
  const replies = turn.messages.map((message) => element("div", {}, nodes(message.body), nodes(message.more)));
  return element("article", {}, element("p", { class: "said" }, `${words.you}: ${turn.said}`), replies);
}
