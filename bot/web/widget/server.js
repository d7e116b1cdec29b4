const REPLY_SECONDS = 30;

/** The server will never take this: `field` says why. Everything else that fails may work later. */
export class Refused extends Error {
  constructor(status, field) {
    super(`${status} ${field}`);
    this.status = status;
    this.field = field;
  }
}

/** The server's interface for one conversation. Every method throws Refused, or another error when there is no connection. */
export class Server {
  constructor(address, memory) {
    this.address = address;
    this.memory = memory;
  }

  /** The turn that answers a message. Sent again with the same id, it gives the same turn. */
  async send(entry) {
    const reply = await this.ask("POST", "/api/messages", { message: entry.text, id: entry.id, conversation: this.memory.token() });
    return reply.json();
  }

  /** All turns, oldest first. */
  async turns() {
    return (await (await this.ask("GET", "/api/conversation")).json()).turns;
  }

  /** Whether the conversation is gone already; else it will be as soon as the server can. */
  async forget() {
    return (await this.ask("DELETE", "/api/conversation")).status === 204;
  }

  /** Thumbs up or down. */
  async rate(turn, helpful, reason) {
    await this.ask("POST", "/api/feedback", { conversation: this.memory.token(), turn, helpful, reason });
  }

  async ask(method, path, body) {
    const response = await fetch(this.address + path, {
      method,
      headers: body ? { "Content-Type": "application/json" } : { Authorization: `Bearer ${this.memory.token()}` },
      body: body && JSON.stringify(body),
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
      keepalive: method === "DELETE",
      signal: AbortSignal.timeout?.(REPLY_SECONDS * 1000),
    });
    if (response.ok) return response;
    if (response.status >= 500 || response.status === 408 || response.status === 429) throw new Error(String(response.status));
    const problem = await response.json().catch(() => ({}));
    throw new Refused(response.status, problem.error?.field ?? "");
  }
}
