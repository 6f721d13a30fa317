// Asks the collector what has changed, about once a second, and says whether what is shown is live.
// Each question is a request of its own: a proxy that buffers is no harm, no connection is held for
// a tab, and a tab that nobody looks at asks nothing.

const UNHEARD = 3; // seconds without an answer, after which what is shown isn't live
const PATIENCE = 4; // seconds for one answer
const AGAIN = 1; // seconds until it is tried again
const AWAY = 15; // seconds without an answer, after which the past is asked for again

class Feed {
  #changes = new Changes();
  #asking = null; // what aborts the question that is on its way
  #next = 0;
  #heard = -Infinity; // by our clock
  #date = null; // the same, for people
  #looked = performance.now();
  #wait = 1; // seconds between two answers

  // `taken(message)`: the whole state. `told(state, reason)`: connecting, live, waiting (the
  // collector isn't ready), lost, or paused. `missed()`: answers were missed, or are the first.
  constructor(base, { taken, told, missed }) {
    Object.assign(this, { base, taken, told, missed });
    this.build = document.querySelector("meta[name=build]").content;
    this.retryAt = 0;
    setInterval(() => this.#look(), 500);
  }

  // Asks now, whatever was on its way.
  ask() {
    clearTimeout(this.#next);
    this.#asking?.abort();
    this.#asking = null;
    this.retryAt = 0;
    if (document.hidden) this.told("paused", "Nothing is asked for while nobody looks.");
    else this.#ask(this.#asking = new AbortController());
  }

  async #ask(asking) {
    const late = setTimeout(() => asking.abort(), PATIENCE * 1e3);
    const [answer, message, problem] = await this.#answer(asking.signal);
    clearTimeout(late);
    if (asking !== this.#asking) return;
    this.#asking = null;
    const wait = Number(answer?.headers.get("Waggle-Live-Next")) || AGAIN;
    this.#next = setTimeout(() => this.ask(), wait * 1e3);
    if (message) return this.#take(message, answer.headers.get("Waggle-Live-Page"), wait);
    this.retryAt = performance.now() + wait * 1e3;
    this.told(problem[0], `${problem[1]}${this.#since()}`);
  }

  // The answer and what it says; or the state and the reason why there is none.
  async #answer(signal) {
    try {
      const url = new URL("api/v1/changes", this.base);
      url.searchParams.set("since", this.#changes.position);
      const answer = await fetch(url, { cache: "no-store", signal });
      return answer.ok ? [answer, await answer.json(), null] : [answer, null, await refusal(answer)];
    } catch (error) {
      return [null, null, ["lost", `The collector ${error.name === "AbortError" ? "doesn't answer" : "can't be reached"}.`]];
    }
  }

  #take(message, build, wait) {
    if (build && build !== this.build && reloads(build)) return;
    clock.hear(message.clock);
    const missed = clock.now() - this.#heard > AWAY;
    this.#heard = clock.now();
    this.#date = new Date();
    this.#wait = wait;
    const changes = this.#changes;
    this.#changes = new Changes(); // if this fails, all is asked for again
    this.taken(changes.merge(message));
    this.#changes = changes;
    this.told("live", "");
    if (missed) this.missed();
  }

  // Twice a second: is it still live, and was this page asleep?
  #look() {
    const now = performance.now(), slept = now - this.#looked > UNHEARD * 1e3;
    this.#looked = now;
    if (document.hidden) return;
    if (slept) this.ask();
    const unheard = clock.now() - this.#heard > Math.max(UNHEARD, 3 * this.#wait);
    if (unheard && this.#asking && this.#date) this.told("lost", `The collector doesn't answer.${this.#since()}`);
  }

  #since() {
    return this.#date ? ` What is shown is of ${this.#date.toLocaleTimeString()}.` : "";
  }
}

async function refusal(answer) {
  if (answer.status !== 503) return ["lost", `The collector answers ${answer.status}.`];
  const text = (await answer.text()).trim();
  return text.startsWith("started") ? ["waiting", `The collector has ${text}.`] : ["lost", `The collector says: ${text}.`];
}

// The collector has another page than this one. Loaded once for each: what is loaded may be stale.
function reloads(build) {
  try {
    if (sessionStorage.getItem("build") === build) return false;
    sessionStorage.setItem("build", build);
  } catch {
    return false;
  }
  location.reload();
  return true;
}
