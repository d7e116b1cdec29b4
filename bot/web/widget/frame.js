import { call, element, nodes } from "./element.js";

/** The parts of the chat that stand still, by name. `act` does what its buttons ask for. */
export function drawFrame(words, act, inCorner) {
  const parts = {
    numbers: element("span", { class: "numbers" }),
    urgent: element("strong", {}),
    answered: element("button", { type: "button", class: "quiet", hidden: true, onclick: act.answerAlarm }, words.alarm_answered),
    log: element("div", { class: "log", role: "log", "aria-live": "polite", "aria-label": words.title, tabindex: "0" }),
    state: element("p", { class: "state", role: "status" }),
    left: element("p", { class: "left", id: "left", hidden: true }),
    box: element("textarea", { id: "box", rows: 2, "aria-describedby": "left state", enterkeyhint: "send" }),
    dictate: element("button", { type: "button", class: "quiet", hidden: true, "aria-pressed": "false", onclick: act.dictate }, words.dictate),
    start: drawStart(words, act),
    menu: drawMenu(words, act),
  };
  parts.state.id = "state";
  parts.strip = element("aside", { class: "strip", "aria-label": words.emergency }, parts.urgent, parts.numbers, parts.answered);
  parts.form = drawForm(parts, words, act);
  // In a page of its own the page has a heading.
  parts.heading = element("h2", { tabindex: "-1" }, words.heading);
  const close = element("button", { type: "button", class: "quiet", onclick: act.close }, words.close);
  const head = inCorner && element("div", { class: "head" }, parts.heading, close);
  const body = element("div", { class: "body" }, introduction(words), parts.menu, parts.start, parts.log, parts.form);
  parts.chat = element("div", { class: "chat" }, head, parts.strip, body);
  return parts;
}

/** The numbers that are always in sight. */
export function calmNumbers(words) {
  return [call(words.alarm, words.emergency_112), call(words.doctor, words.emergency_1818)];
}

/** Those of an alarm that was not answered yet. */
export function alarmNumbers(contacts, words) {
  return contacts.map((contact) => ring(contact, words));
}

function ring(contact, words) {
  const text = `${words.ring} ${contact.tel}`;
  return call(contact, text, `${text}, ${contact.label}`);
}

/** The button in the corner that opens the chat, and the numbers. */
export function drawLauncher(words, open) {
  const numbers = element("span", { class: "numbers" }, ring(words.alarm, words), ring(words.doctor, words));
  const button = element("button", { type: "button", class: "open", "aria-haspopup": "dialog", onclick: open }, words.open);
  return element("div", { class: "launcher", role: "region", "aria-label": words.title }, numbers, button);
}

function introduction(words) {
  return element("div", { class: "intro" }, nodes(words.intro_body), element("p", { class: "small" }, words.kept));
}

function drawStart(words, act) {
  const topics = words.topics.map(({ title, buttons }) => {
    const questions = buttons.map((button) => element("button", { type: "button", onclick: () => act.ask(button) }, button.title));
    return element("details", { class: "topic", name: "topic" }, element("summary", {}, title), element("div", { class: "choices" }, questions));
  });
  return element("section", { class: "start", "aria-label": words.start }, element("p", {}, words.start), topics);
}

function drawForm(parts, words, act) {
  const row = element("div", { class: "row" }, parts.box, element("button", { class: "send" }, words.send));
  const form = element("form", { class: "ask", novalidate: true }, parts.state, element("label", { for: "box" }, words.label), row, parts.left, parts.dictate);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act.submit();
  });
  // Enter sends, as people expect of a chat; Shift+Enter makes a new line.
  parts.box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    act.submit();
  });
  parts.box.addEventListener("input", act.typed);
  return form;
}

function drawMenu(words, act) {
  const item = (text, onclick, more = {}) => element("button", { type: "button", onclick, ...more }, text);
  const shared = element("input", { type: "checkbox", onchange: act.share });
  const menu = element(
    "details",
    { class: "menu" },
    element("summary", {}, words.menu),
    item(words.larger, () => act.resize(1)),
    item(words.smaller, () => act.resize(-1)),
    item(words.print, act.print),
    item(words.save, act.save),
    item(words.delete, act.askToForget, { class: "forget" }),
    element("label", { class: "shared" }, shared, element("span", {}, words.shared)),
    element("p", { class: "links" }, element("a", { href: act.statement, target: "_blank", rel: "noopener" }, words.accessibility)),
  );
  menu.shared = shared;
  return menu;
}
