import { element } from "./element.js";
import { alarmNumbers, calmNumbers, drawFrame, drawLauncher } from "./frame.js";
import { Memory } from "./memory.js";
import { Outbox } from "./outbox.js";
import { Server } from "./server.js";
import { openSheet, saveText } from "./sheet.js";
import { alarmOf, drawDelay, drawPending, drawTurn } from "./turn.js";
import { hears, listen, read, silence, whenVoicesAreKnown } from "./voice.js";

const NARROW = "(max-width: 640px)";
const LARGEST = 3;
const REFRESH_AFTER = 30000;
// For as long a conversation waits to be shown for the answer to a message on its way.
const ANSWER_FIRST = 1500;
// For as long an alarm's card, which gets the focus and is read out by that, is not announced a second time.
const CARD_IS_READ = 1500;

/**
 * `<smerte-chat server="https://chat.example.dk">`: the chat with the pain centre. In a page of its own it fills its place;
 * with the attribute `corner` it is a button in the corner of the window that opens a panel. What stands inside the element
 * is shown until the chat is there, and where it never comes. With the attribute `shared` nothing stays on the computer.
 */
export class Chat extends HTMLElement {
  connectedCallback() {
    if (this.parts) return;
    this.words = Chat.words;
    this.address = this.getAttribute("server") ?? Chat.server;
    this.prepareMemory();
    this.server = new Server(this.address, this.memory);
    this.outbox = new Outbox(this.memory, this.server, this);
    this.turns = new Map();
    this.pending = new Map();
    this.inCorner = this.hasAttribute("corner");
    this.draw();
    this.meetOthers();
    this.begin();
  }

  disconnectedCallback() {
    silence();
  }

  // What a page may do.

  /** Open the panel. */
  open() {
    if (!this.inCorner || this.panel.open) return;
    if (matchMedia(NARROW).matches) this.panel.showModal();
    else this.panel.show();
    this.launcher.hidden = true;
    this.tab.write("open", true);
    // A box with the focus would bring up a telephone's keyboard, over what is to be read first.
    if (matchMedia(NARROW).matches) this.parts.heading.focus();
    else this.parts.box.focus({ preventScroll: true });
    this.load();
    this.tell("open");
  }

  /** Close the panel; the conversation stays. */
  close() {
    if (!this.inCorner || !this.panel.open) return;
    silence();
    this.panel.close();
    this.launcher.hidden = false;
    this.tab.remove("open");
    this.launcher.querySelector("button").focus();
    this.tell("close");
  }

  /** Ask as if the visitor had written it. */
  ask(text, shown = text) {
    this.say("");
    const entry = this.outbox.add(text, shown);
    this.wait(entry);
    this.reveal(this.pending.get(entry.id));
  }

  /** Delete the conversation, here and on the server. */
  async forget() {
    let text = this.words.deleted;
    try {
      if (!(await this.server.forget())) text = this.words.delete_later;
    } catch {
      return this.say(this.words.not_deleted);
    }
    for (const id of [...this.pending.keys()]) {
      this.outbox.drop(id);
      this.unwait(id);
    }
    this.forgotten();
    this.say(text);
  }

  // What the outbox tells.

  answered(entry, reply) {
    const turn = { ...reply, id: reply.turn, asked: { payload: entry.text, title: entry.shown } };
    this.unwait(entry.id);
    if (turn.messages.some((message) => message.custom.deleted)) this.forgotten();
    else this.others?.postMessage({ kind: "turn", turn });
    this.show(turn);
    this.say("");
  }

  delayed(entry) {
    const pending = this.pending.get(entry.id);
    if (!pending || pending.classList.contains("delayed")) return;
    pending.classList.add("delayed");
    drawDelay(pending, this.words, () => this.outbox.wake(), () => this.takeBack(entry));
    this.say(this.words.offline);
  }

  refused(entry) {
    this.takeBack(entry);
    this.say(this.words.refused);
  }

  // From here on inside.

  prepareMemory() {
    const shared = this.hasAttribute("shared");
    this.memory = new Memory(this.address, () => localStorage, shared);
    this.tab = new Memory(this.address, () => sessionStorage, shared);
    const begun = this.getAttribute("conversation");
    if (begun && !this.memory.read("token", "")) this.memory.write("token", begun);
  }

  draw() {
    const act = {
      ask: (button) => this.ask(button.payload, button.title),
      submit: () => this.submit(),
      typed: () => this.typed(),
      close: () => this.close(),
      answerAlarm: () => this.answerAlarm(),
      dictate: () => this.dictate(),
      resize: (by) => this.resize(by),
      print: () => this.output(openSheet) || this.say(this.words.no_window),
      save: () => this.output(saveText),
      askToForget: () => this.askToForget(),
      statement: `${this.address}/tilgaengelighed`,
      share: (event) => this.share(event.target.checked),
    };
    this.parts = drawFrame(this.words, act, this.inCorner);
    const root = this.attachShadow({ mode: "open" });
    dress(root);
    root.append(element("div", { class: "root" }, this.inCorner ? this.corner() : this.parts.chat));
    this.parts.box.value = this.tab.read("draft", "") || (this.querySelector("textarea")?.value ?? "");
    this.replaceChildren();
    this.parts.menu.shared.checked = !this.memory.lasting;
    this.parts.menu.shared.disabled = !this.memory.lasting;
    this.resize(0);
    this.typed();
    this.showNumbers([]);
    whenVoicesAreKnown((known) => this.parts.chat.classList.toggle("can-read", known));
    hears().then((able) => { this.parts.dictate.hidden = !able; });
  }

  corner() {
    this.launcher = drawLauncher(this.words, () => this.open());
    this.panel = element("dialog", { "aria-label": this.words.title }, this.parts.chat);
    this.panel.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.close();
    });
    this.panel.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    return [this.launcher, this.panel];
  }

  /** Other tabs of the same browser: what one shows, all show. */
  meetOthers() {
    if (this.memory.lasting && globalThis.BroadcastChannel) {
      this.others = new BroadcastChannel(`smertebot:${this.address}`);
      this.others.onmessage = ({ data }) => {
        if (data.kind === "turn") this.show(data.turn, true);
        if (data.kind === "forgotten") this.emptied();
      };
    }
    addEventListener("online", () => this.load());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.refresh());
    addEventListener("pagehide", () => {
      silence();
      if (!this.memory.lasting && this.turns.size) this.server.forget().catch(() => {});
    });
  }

  begin() {
    const { left, stale } = this.outbox.resume();
    for (const entry of left) this.wait(entry);
    if (left.length) this.outbox.run();
    if (stale.length) this.giveBack(stale);
    if (!this.inCorner) this.load();
    else if (this.tab.read("open", false)) this.open();
    this.tell("ready");
  }

  /** Show what the server keeps of the conversation. A message on its way comes first: its turn may be among them already. */
  async load() {
    if (this.isLoading || !this.memory.read("token", "")) return;
    this.isLoading = true;
    await Promise.race([this.outbox.trying, new Promise((resolve) => setTimeout(resolve, ANSWER_FIRST))]);
    const known = this.turns.size;
    try {
      const turns = await this.server.turns();
      // What came meanwhile was not deleted, and what is on its way is not there yet.
      if (known && !turns.length && !this.pending.size) {
        this.memory.remove("token");
        this.emptied();
      } else {
        this.read(turns);
      }
      this.isLoaded = true;
    } catch {
      if (!this.isLoaded) this.say(this.words.not_loaded);
    }
    this.loadedAt = Date.now();
    this.isLoading = false;
  }

  read(turns) {
    const { log } = this.parts;
    log.setAttribute("aria-live", "off");
    for (const turn of turns) this.show({ ...turn, id: turn.turn }, true);
    this.order(turns.map((turn) => turn.turn));
    setTimeout(() => log.setAttribute("aria-live", "polite"));
    if (!this.isLoaded && this.turns.size) this.reveal(log.lastElementChild);
  }

  /** Turns in the order in which the server keeps them, messages on their way last. */
  order(ids) {
    const { log } = this.parts;
    const drawn = [...ids.map((id) => this.turns.get(id)?.drawn), ...this.pending.values()].filter(Boolean);
    const now = [...log.children].filter((child) => drawn.includes(child));
    if (now.some((child, place) => child !== drawn[place])) log.append(...drawn);
  }

  async refresh() {
    if (this.isLoaded && Date.now() - this.loadedAt > REFRESH_AFTER) await this.load();
  }

  submit() {
    const { box } = this.parts;
    const text = box.value.trim();
    if (!text) return this.say(this.words.empty);
    if (box.value.length > this.words.most) return this.say(this.words.too_long);
    box.value = "";
    this.typed();
    this.ask(text);
    box.focus({ preventScroll: true });
  }

  typed() {
    const { box, left, state } = this.parts;
    const rest = this.words.most - box.value.length;
    left.hidden = rest > this.words.most / 10;
    left.textContent = `${Math.abs(rest)} ${rest < 0 ? this.words.too_many : this.words.left}`;
    box.setAttribute("aria-invalid", String(rest < 0));
    if (state.textContent && rest >= 0) this.say("");
    if (box.value) this.tab.write("draft", box.value);
    else this.tab.remove("draft");
  }

  wait(entry) {
    const drawn = drawPending(entry, this.words);
    this.pending.set(entry.id, drawn);
    this.parts.log.append(drawn);
    this.say(this.words.waiting);
  }

  unwait(id) {
    this.pending.get(id)?.remove();
    this.pending.delete(id);
  }

  /** An unanswered message back into the box, unless the visitor is writing another. */
  takeBack(entry) {
    this.outbox.drop(entry.id);
    this.unwait(entry.id);
    if (!this.parts.box.value && entry.text === entry.shown) this.parts.box.value = entry.text;
    this.typed();
    this.say("");
    this.parts.box.focus();
  }

  /** Messages of long ago, which the visitor may not want answered any more. */
  giveBack(entries) {
    const { box } = this.parts;
    box.value = [...entries.map((entry) => entry.shown), box.value].filter(Boolean).join("\n");
    this.typed();
    this.say(this.words.not_sent);
  }

  /** Show a turn, once; `quietly` without moving what the visitor looks at. */
  show(turn, quietly = false) {
    if (this.turns.has(turn.id)) return;
    const act = {
      ask: (button) => this.ask(button.payload, button.title),
      rate: (rated, helpful, reason) => this.rate(rated, helpful, reason),
      copy: (text) => this.copy(text),
      read,
    };
    const drawn = drawTurn(turn, this.words, act);
    this.turns.set(turn.id, { turn, drawn });
    this.parts.start.querySelectorAll("details").forEach((each) => each.removeAttribute("open"));
    const first = this.pending.values().next().value ?? null;
    const contacts = alarmOf(turn);
    if (contacts.length && !this.memory.read(`alarm:${turn.id}`, false)) this.showNumbers(contacts);
    if (contacts.length && !quietly) this.showCard(drawn, first);
    else this.parts.log.insertBefore(drawn, first);
    if (quietly) return;
    if (!contacts.length) this.reveal(drawn);
    this.tell(contacts.length ? "alarm" : "answer", { status: turn.messages[0].custom.status });
  }

  showCard(drawn, before) {
    const { log } = this.parts;
    log.setAttribute("aria-live", "off");
    log.insertBefore(drawn, before);
    const card = drawn.querySelector(".card");
    this.open();
    this.reveal(card);
    card.focus({ preventScroll: true });
    setTimeout(() => log.setAttribute("aria-live", "polite"), CARD_IS_READ);
  }

  /** The visitor has rung, or needs not. */
  answerAlarm() {
    for (const { turn } of this.turns.values()) if (alarmOf(turn).length) this.memory.write(`alarm:${turn.id}`, true);
    this.showNumbers([]);
    this.parts.box.focus();
  }

  /** The numbers of an alarm, else those that always stand there. */
  showNumbers(contacts) {
    const { strip, urgent, numbers, answered, chat } = this.parts;
    chat.classList.toggle("alarmed", contacts.length > 0);
    urgent.textContent = contacts.length ? this.words.alarmed : this.words.emergency;
    numbers.replaceChildren(...(contacts.length ? alarmNumbers(contacts, this.words) : calmNumbers(this.words)));
    answered.hidden = !contacts.length;
    strip.setAttribute("aria-label", urgent.textContent);
  }

  /** Deleted on the server: gone here and in other tabs too. What is on its way begins a new conversation. */
  forgotten() {
    this.memory.remove("token");
    this.others?.postMessage({ kind: "forgotten" });
    this.empty();
  }

  /** Deleted elsewhere. */
  emptied() {
    if (!this.turns.size) return;
    this.empty();
    this.say(this.words.deleted_elsewhere);
  }

  empty() {
    silence();
    for (const { drawn } of this.turns.values()) drawn.remove();
    this.turns.clear();
    for (const key of this.memory.keys("alarm:")) this.memory.remove(key);
    this.showNumbers([]);
  }

  askToForget() {
    const { menu } = this.parts;
    menu.querySelector(".sure")?.remove();
    const done = (work) => () => {
      menu.querySelector(".sure").remove();
      menu.removeAttribute("open");
      work();
      this.parts.box.focus();
    };
    const yes = element("button", { type: "button", onclick: done(() => this.forget()) }, this.words.delete_yes);
    const no = element("button", { type: "button", onclick: done(() => {}) }, this.words.delete_no);
    const asked = element("div", { class: "sure", role: "group", "aria-label": this.words.delete_sure }, element("p", {}, this.words.delete_sure), yes, no);
    menu.querySelector(".forget").after(asked);
    no.focus();
  }

  /** On a shared computer nothing stays in the browser, and the conversation goes when the page is left. */
  share(wanted) {
    if (!wanted) return;
    this.memory.becomePassing();
    this.tab.becomePassing();
    this.others?.close();
    this.others = null;
    this.parts.menu.shared.disabled = true;
    this.say(this.words.is_shared);
  }

  resize(by) {
    const size = Math.min(LARGEST, Math.max(0, this.memory.read("size", 0) + by));
    if (by) this.memory.write("size", size);
    for (let each = 0; each <= LARGEST; each += 1) this.parts.chat.classList.toggle(`size-${each}`, each === size);
  }

  output(write) {
    const turns = [...this.turns.values()].map(({ turn }) => turn);
    return write(turns, this.words, [this.words.alarm, this.words.doctor, this.words.clinic]);
  }

  async rate(turn, helpful, reason) {
    try {
      await this.server.rate(turn.id, helpful, reason);
      return true;
    } catch {
      return false;
    }
  }

  async copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      this.say(this.words.copied);
    } catch {
      this.say(this.words.not_copied);
    }
  }

  dictate() {
    const { box, dictate } = this.parts;
    if (this.stopListening) return this.stopListening();
    dictate.setAttribute("aria-pressed", "true");
    const heard = (words) => {
      box.value = `${box.value} ${words}`.trim();
      this.typed();
    };
    this.stopListening = listen(heard, () => {
      this.stopListening = null;
      dictate.setAttribute("aria-pressed", "false");
      box.focus();
    });
  }

  reveal(node) {
    this.parts.chat.style.setProperty("--strip", `${this.parts.strip.offsetHeight}px`);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    node?.scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
  }

  say(text) {
    if (this.parts.state.textContent !== text) this.parts.state.textContent = text;
  }

  /** An event of the page: `smertebot-ready`, `-open`, `-close`, `-answer`, `-alarm`. No text is in it. */
  tell(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(`smertebot-${name}`, { bubbles: true, composed: true, detail }));
  }
}

let sheet = null;

/** The style, in a way that strict pages allow; older browsers know only the other. */
function dress(root) {
  try {
    sheet ??= new CSSStyleSheet();
    sheet.replaceSync(Chat.style);
    root.adoptedStyleSheets = [sheet];
  } catch {
    root.append(element("style", {}, Chat.style));
  }
}
