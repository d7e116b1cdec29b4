/**
 * What the browser keeps for a server, in one of its storages (`which` gives it): the conversation's token, messages on
 * their way, alarms that were answered, reading habits; in the tab's own a draft. On a shared computer, and where the
 * browser allows no storage, only the page itself remembers.
 */
export class Memory {
  constructor(server, which, shared) {
    this.prefix = `smertebot:${server}:`;
    this.store = (!shared && usable(which)) || new Passing();
  }

  get lasting() {
    return !(this.store instanceof Passing);
  }

  read(key, otherwise) {
    try {
      const kept = this.store.getItem(this.prefix + key);
      return kept === null ? otherwise : JSON.parse(kept);
    } catch {
      return otherwise;
    }
  }

  write(key, value) {
    try {
      this.store.setItem(this.prefix + key, JSON.stringify(value));
    } catch {
      // Full or forbidden since: from here on the page itself remembers, nothing of before is lost.
      this.store = Passing.with(this.all());
      this.store.setItem(this.prefix + key, JSON.stringify(value));
    }
  }

  remove(key) {
    this.store.removeItem(this.prefix + key);
  }

  /** The keys that begin so. */
  keys(beginning) {
    return this.all().map(([key]) => key.slice(this.prefix.length)).filter((key) => key.startsWith(beginning));
  }

  /** Forget everything, here and in the browser. */
  clear() {
    for (const [key] of this.all()) this.store.removeItem(key);
  }

  /** From now on keep nothing in the browser; what is known stays known to this page. */
  becomePassing() {
    const known = this.all();
    this.clear();
    this.store = Passing.with(known);
  }

  /** The conversation's token; a new one where there is none. */
  token() {
    const known = this.read("token", "");
    if (known) return known;
    const made = random(24);
    this.write("token", made);
    return made;
  }

  all() {
    const found = [];
    for (let number = 0; number < this.store.length; number += 1) {
      const key = this.store.key(number);
      if (key.startsWith(this.prefix)) found.push([key, this.store.getItem(key)]);
    }
    return found;
  }
}

/** A name that nobody can guess, of so many random bytes. */
export function random(bytes) {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Storage that ends with the page. */
class Passing {
  constructor() {
    this.kept = new Map();
  }

  static with(entries) {
    const made = new Passing();
    for (const [key, value] of entries) made.setItem(key, value);
    return made;
  }

  get length() {
    return this.kept.size;
  }

  key(number) {
    return [...this.kept.keys()][number];
  }

  getItem(key) {
    return this.kept.get(key) ?? null;
  }

  setItem(key, value) {
    this.kept.set(key, value);
  }

  removeItem(key) {
    this.kept.delete(key);
  }
}

function usable(which) {
  try {
    const storage = which();
    storage.setItem("smertebot", "1");
    storage.removeItem("smertebot");
    return storage;
  } catch {
    return null;
  }
}
