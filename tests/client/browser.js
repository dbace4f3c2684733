// What tabs of one browser share: locks and channels, as far as the client uses them. A tab can crash or sleep.
export class Browser {
  holder = null;
  queue = [];
  channels = new Set();

  install(t) {
    const browser = this, old = Object.getOwnPropertyDescriptor(globalThis, "navigator");
    Object.defineProperty(globalThis, "navigator", { configurable: true, value: { onLine: true, locks: { request: (...of) => browser.request(...of) } } });
    globalThis.document = { visibilityState: "visible", hidden: false, documentElement: { lang: "en" } };
    const channel = globalThis.BroadcastChannel;
    globalThis.BroadcastChannel = class {
      constructor(name) {
        this.name = name;
        this.tab = browser.tab;
        browser.channels.add(this);
      }

      postMessage(word) {
        if (this.tab?.dead) return;
        const data = structuredClone(word);
        for (const other of browser.channels) if (other !== this && other.name === this.name) queueMicrotask(() => { if (browser.channels.has(other) && !other.tab?.asleep) other.onmessage?.({ data: structuredClone(data) }); });
      }

      close() {
        browser.channels.delete(this);
      }
    };
    t.after(() => {
      globalThis.BroadcastChannel = channel;
      delete globalThis.document;
      if (old) Object.defineProperty(globalThis, "navigator", old);
      else delete globalThis.navigator;
    });
    return this;
  }

  request(name, { steal, signal }, act) {
    return new Promise((resolve, reject) => {
      const aborted = () => Object.assign(new Error("aborted"), { name: "AbortError" });
      const one = { tab: this.tab, grant: () => {
        this.holder = one;
        this.tab = one.tab;
        Promise.resolve(act()).then((value) => {
          if (this.holder === one) { this.holder = null; this.next(); }
          resolve(value);
        });
      }, robbed: () => reject(aborted()) };
      if (signal?.aborted) return reject(aborted());
      signal?.addEventListener("abort", () => {
        if (!this.queue.includes(one)) return;
        this.queue.splice(this.queue.indexOf(one), 1);
        reject(aborted());
      });
      if (steal) {
        const robbed = this.holder;
        this.holder = null;
        if (robbed && !robbed.tab?.dead) robbed.robbed();
        queueMicrotask(one.grant);
      } else {
        this.queue.push(one);
        queueMicrotask(() => this.next());
      }
    });
  }

  next() {
    if (!this.holder) this.queue.shift()?.grant();
  }

  /** Its renderer is gone: nothing runs, nothing is said, its lock is free. */
  crash(tab) {
    tab.dead = true;
    for (const channel of this.channels) if (channel.tab === tab) this.channels.delete(channel);
    this.queue = this.queue.filter((one) => one.tab !== tab);
    if (this.holder?.tab === tab) { this.holder = null; this.next(); }
  }
}
