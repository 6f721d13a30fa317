// Puts together what the collector tells of changes: the whole state, as /api/v1/plugins tells it.

class Changes {
  #told = new Map(); // by the collector's number of a plugin
  #fields = {};
  position = ""; // where the collector goes on from

  // Returns the state after a message. What the message doesn't speak of is as it was.
  merge({ position, whole, fields, now, clock, plugins }) {
    if (whole) {
      this.#told.clear();
      this.#fields = fields;
    }
    const before = this.#told;
    this.#told = new Map();
    for (const news of plugins) {
      const told = before.get(news.id) ?? new ToldPlugin();
      told.take(news, this.#fields, now, clock);
      this.#told.set(news.id, told);
    }
    this.position = position;
    const known = [...this.#told.values()].map(({ plugin }) => plugin);
    return { now, plugins: known.filter(({ plugin }) => plugin !== undefined) };
  }
}

class ToldPlugin {
  #series = []; // in the collector's order
  plugin = {
    timers: [], rates: [], gauges: [], counters: [], functions: [], problems: {},
    messages: {}, messages_per_second: {}, messages_age: {},
    uploads: null, uploads_per_second: null, uploads_age: null,
  };

  take({ silent, head, new: series = [], rows = [] }, fields, now, clock) {
    const { plugin } = this;
    Object.assign(plugin, head, { silent, last_seen: now - silent });
    for (const [place, list, name, labels] of series) {
      const one = this.#series[place] = { list, at: clock, told: { name, labels } };
      if (Array.isArray(plugin[list])) plugin[list].push(one.told);
    }
    for (const [place, age, ...values] of rows) {
      const { list, told } = this.#series[place];
      this.#series[place].at = clock - age;
      fields[list].forEach((field, at) => { told[field] = values[at] ?? null; });
    }
    // By the collector's monotonic clock, which nobody sets.
    for (const { list, at, told } of this.#series) {
      told.age = Math.max(0, clock - at);
      if (list === "messages") this.#count("messages", told.name, told);
    }
    const uploads = this.#series.find(({ list }) => list === "uploads");
    if (uploads) {
      const { total, per_second, age } = uploads.told;
      Object.assign(plugin, { uploads: total, uploads_per_second: per_second, uploads_age: age });
    }
  }

  #count(list, name, { total, per_second, age }) {
    const { plugin } = this;
    plugin[list][name] = total;
    plugin[`${list}_per_second`][name] = per_second;
    plugin[`${list}_age`][name] = age;
  }
}
