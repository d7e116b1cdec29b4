import { Chat } from "./chat.js";

const NAME = "smerte-chat";

/** Where this script came from: the address of the server. */
const script = document.currentScript;
const server = script?.dataset.server ?? new URL(".", script?.src ?? location.href).href.replace(/\/$/, "");

function make(options) {
  const made = document.createElement(NAME);
  made.setAttribute("server", options.server ?? server);
  if (!options.target) made.setAttribute("corner", "");
  if (options.shared !== undefined) made.setAttribute("shared", "");
  (options.target ? document.querySelector(options.target) : document.body).append(made);
  return made;
}

function start() {
  const options = script?.dataset ?? {};
  // One button in the corner is enough, also where two versions of this script are on a page.
  const known = document.querySelector(`${NAME}[corner]`);
  const chat = options.target || !known ? make(options) : known;
  globalThis.smertebot ??= { version: VERSION, chat, open: () => chat.open(), close: () => chat.close(), ask: (text) => chat.ask(text), forget: () => chat.forget() };
}

Chat.server = server;
Chat.words = WORDS;
Chat.style = STYLE;
if (!customElements.get(NAME)) customElements.define(NAME, Chat);
if (script?.dataset.auto === "off") globalThis.smertebot ??= { version: VERSION };
else if (document.body) start();
else addEventListener("DOMContentLoaded", start);
