// The connection: events while it stands, and why not while it doesn't.

const SILENCE = 30; // seconds without an event, after which the connection counts as lost
const LONGEST_WAIT = 10; // seconds between two tries

class Stream {
  #source = null;
  #heard = 0;
  #tries = 0;
  #again = 0;

  // `told(state, reason)`: connecting, live, waiting (the collector isn't ready) or lost.
  constructor(base, taken, told) {
    this.base = base;
    this.taken = taken;
    this.told = told;
    this.retryAt = 0;
    setInterval(() => {
      if (this.#source && performance.now() - this.#heard > SILENCE * 1e3) this.#fail();
    }, 1e3);
  }

  open() {
    clearTimeout(this.#again);
    this.#source?.close();
    this.retryAt = 0;
    this.#heard = performance.now();
    const source = this.#source = new EventSource(new URL("api/v1/stream", this.base));
    source.onmessage = event => {
      this.#heard = performance.now();
      this.#tries = 0;
      this.taken(JSON.parse(event.data));
      this.told("live", "");
    };
    source.onerror = () => { if (source === this.#source) this.#fail(); };
  }

  // Browsers come back by themselves after some errors and not after others; so we do it always.
  async #fail() {
    this.#source?.close();
    this.#source = null;
    const wait = Math.min(LONGEST_WAIT, 2 ** this.#tries++);
    this.retryAt = performance.now() + wait * 1e3;
    this.#again = setTimeout(() => this.open(), wait * 1e3);
    this.told("lost", "The connection is lost.");
    const [state, reason] = await this.#why();
    if (!this.#source) this.told(state, reason);
  }

  async #why() {
    try {
      const answer = await fetch(new URL("-/ready", this.base), { cache: "no-store", signal: AbortSignal.timeout(4e3) });
      if (answer.ok) return ["lost", "The collector is there, but its stream ended or is full."];
      if (answer.status === 503) return ["waiting", `The collector has ${(await answer.text()).trim()}.`];
      return ["lost", `The collector answers ${answer.status}.`];
    } catch {
      return ["lost", "The collector can't be reached."];
    }
  }

  retry() {
    if (!this.#source) { this.#tries = 0; this.open(); }
  }
}
