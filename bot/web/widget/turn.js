import { call, element, nodes } from "./element.js";

const TALK = ["dialog", "akut"];

/** A message of the visitor that was not answered yet. */
export function drawPending(entry, words) {
  const dots = [1, 2, 3].map(() => element("i", { "aria-hidden": "true" }));
  return element("article", { class: "turn pending" }, said(entry.shown, words), element("div", { class: "way" }, element("p", { class: "dots" }, dots)));
}

/** Says of a message that there is no connection; `again` and `drop` do what its buttons say. */
export function drawDelay(pending, words, again, drop) {
  const buttons = [
    element("button", { type: "button", class: "quiet", onclick: again }, words.try_now),
    element("button", { type: "button", class: "quiet", onclick: drop }, words.take_back),
  ];
  pending.querySelector(".way").replaceChildren(element("p", {}, words.delayed), ...buttons);
}

/**
 * One message of the visitor and the messages that answer it. `act` does what buttons ask for: `ask(button)`,
 * `rate(turn, helpful, reason)`, `copy(text)`, `read(text, ended)`.
 */
export function drawTurn(turn, words, act) {
  const replies = turn.messages.map((message) => reply(message, words, act));
  const failed = turn.asked && turn.messages[0].custom.status === "error";
  const rated = turn.messages.some(isAnswer) && !turn.messages.some(isTalk);
  return element("article", { class: "turn" }, said(turn.said, words, turn.at), replies, rated && opinion(turn, words, act), failed && again(turn.asked, words, act));
}

function isAnswer({ custom }) {
  return custom.answer_id && custom.status === "answered";
}

/** It may ask the visitor something: whether they think of not living any more, whether they reached someone. No other question beside it. */
function isTalk({ custom }) {
  return TALK.includes(custom.topic);
}

/** The contacts of the card in a turn; none without one. */
export function alarmOf(turn) {
  const alarmed = turn.messages.find((message) => message.custom.red_flag);
  return alarmed ? alarmed.custom.red_flag.contacts.filter((contact) => contact.tel) : [];
}

/** A turn as plain text. */
export function plain(message) {
  const whole = element("div", {}, nodes(message.body), nodes(message.more));
  for (const block of whole.querySelectorAll("p, li")) block.append("\n");
  return whole.textContent.trim();
}

function said(text, words, at) {
  const time = at && element("time", { datetime: at }, clock(at));
  return element("div", { class: "said" }, element("p", {}, element("span", { class: "hidden" }, `${words.you}: `), text), time);
}

function clock(at) {
  const moment = new Date(at);
  const today = moment.toDateString() === new Date().toDateString();
  const form = today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" };
  return new Intl.DateTimeFormat("da-DK", form).format(moment);
}

function reply(message, words, act) {
  const { custom } = message;
  const drawn = custom.red_flag ? card(message, words) : element("div", { class: `reply ${custom.status}` }, element("span", { class: "hidden" }, `${words.it}: `), nodes(message.body));
  const below = element("div", { class: "below" }, sources(custom, words), tools(message, words, act));
  drawn.append(...[folded(words.read_more, "more", nodes(message.more)), scope(custom, words), below].filter(Boolean));
  return [drawn, message.buttons.length > 0 && choices(message.buttons, words, act)];
}

function again(asked, words, act) {
  return element("div", { class: "choices" }, element("button", { type: "button", onclick: () => act.ask(asked) }, words.try_again));
}

function card(message, words) {
  const { red_flag: flag } = message.custom;
  const calls = flag.contacts.filter((contact) => contact.tel).map((contact) => call(contact, `${contact.label}: ${contact.tel}`));
  return element(
    "section",
    { class: `card level-${flag.level}`, tabindex: "-1", "aria-label": words.card },
    element("p", { class: "warning", "aria-hidden": "true" }, words.card),
    element("div", { class: "calls" }, calls),
    nodes(message.body),
  );
}

function folded(title, name, children) {
  return children.length > 0 && element("details", { class: name }, element("summary", {}, title), children);
}

function sources(custom, words) {
  const cited = (custom.sources ?? []).map((source) => element("li", {}, `${source.title}: ${source.section}`));
  return cited.length > 0 && folded(words.sources, "sources", [element("ul", {}, cited)]);
}

function scope(custom, words) {
  return ["andet_center", "privat"].includes(custom.scope) && element("p", { class: "scope" }, words.scopes[custom.scope]);
}

function choices(buttons, words, act) {
  const drawn = buttons.map((button) => element("button", { type: "button", onclick: () => act.ask(button) }, button.title));
  return element("div", { class: "choices", role: "group", "aria-label": words.choices }, drawn);
}

function tools(message, words, act) {
  if (message.custom.status !== "answered") return null;
  const copied = element("button", { type: "button", class: "quiet" }, words.copy_answer);
  copied.addEventListener("click", async () => act.copy(plain(message)));
  const aloud = element("button", { type: "button", class: "quiet aloud", "aria-pressed": "false" }, words.read_aloud);
  aloud.addEventListener("click", () => {
    aloud.setAttribute("aria-pressed", "true");
    act.read(plain(message), () => aloud.setAttribute("aria-pressed", "false"));
  });
  return [copied, aloud];
}

/** Whether the answer helped, and if not, what was missing. */
function opinion(turn, words, act) {
  const asked = element("p", {}, words.helpful);
  const place = element("div", { class: "opinion", role: "group", "aria-label": words.helpful }, asked);
  const thank = (text) => {
    place.replaceChildren(element("p", { role: "status" }, text));
  };
  const give = async (helpful, reason, then) => {
    const kept = await act.rate(turn, helpful, reason);
    if (kept) then();
    else thank(words.rating_failed);
  };
  const up = element("button", { type: "button", class: "quiet", onclick: () => give(true, "", () => thank(words.thanks)) }, words.did_help);
  const down = element("button", { type: "button", class: "quiet", onclick: () => give(false, "", ask) }, words.did_not_help);
  const ask = () => {
    const box = element("textarea", { rows: 2, maxlength: 500 });
    const form = element("form", { class: "reason" }, element("label", {}, words.what_missed, box), element("button", {}, words.send_reason));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (box.value.trim()) give(false, box.value, () => thank(words.thanks));
      else thank(words.thanks);
    });
    place.replaceChildren(form);
    box.focus();
  };
  place.append(up, down);
  return place;
}
