import { Refused } from "./server.js";
import { random } from "./memory.js";

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30000;
const KEY = "out:";
// After so long a message is not sent by itself any more.
const STALE = 6 * 60 * 60 * 1000;

/**
 * Messages on their way, in order, one at a time. Each is kept in the browser until the server has answered it, and sent
 * again with the same id until then: none is lost, and the server takes none twice.
 * Tells `answered(entry, turn)`, `refused(entry)` and `delayed(entry)`.
 */
export class Outbox {
  constructor(memory, server, told) {
    this.memory = memory;
    this.server = server;
    this.told = told;
    this.waiting = [];
    this.running = false;
    /** Ends with the try that is going on. */
    this.trying = Promise.resolve();
    this.wake = () => {};
    addEventListener("online", () => this.wake());
  }

  /** What an earlier page left behind: messages to send, and `stale` ones, which are dropped here. */
  resume() {
    const kept = this.memory.keys(KEY).map((key) => this.memory.read(key, null)).filter(Boolean);
    kept.sort((one, other) => one.at - other.at);
    const stale = kept.filter((entry) => Date.now() - entry.at > STALE);
    this.waiting = kept.filter((entry) => !stale.includes(entry));
    for (const entry of stale) this.memory.remove(KEY + entry.id);
    return { left: [...this.waiting], stale };
  }

  /** Send a text; `shown` is what the visitor reads of it. */
  add(text, shown) {
    const entry = { id: random(16), text, shown, at: Date.now() };
    this.memory.write(KEY + entry.id, entry);
    this.waiting.push(entry);
    this.run();
    return entry;
  }

  /** Take a message back that was not answered yet. */
  drop(id) {
    this.memory.remove(KEY + id);
    this.waiting = this.waiting.filter((entry) => entry.id !== id);
    this.wake();
  }

  async run() {
    if (this.running) return;
    this.running = true;
    for (let failures = 0; this.waiting.length; ) {
      this.trying = this.deliver(this.waiting[0]);
      failures = (await this.trying) ? 0 : failures + 1;
      if (failures) await this.pause(Math.min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE));
    }
    this.running = false;
  }

  /** Whether the message needs no further try. */
  async deliver(entry) {
    try {
      const turn = await this.server.send(entry);
      if (this.waiting.includes(entry)) {
        this.drop(entry.id);
        this.told.answered(entry, turn);
      }
      return true;
    } catch (problem) {
      if (problem instanceof Refused) {
        this.drop(entry.id);
        this.told.refused(entry);
        return true;
      }
      if (this.waiting.includes(entry)) this.told.delayed(entry);
      return false;
    }
  }

  pause(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
