// What tabs of one browser share: locks, channels, what is kept, as far as the client uses them. A tab can crash or sleep.
import { Causerie } from "../../web/client.js";
import { Service, clock, settle, token } from "./support.js";

/** Databases of one table each; a request is answered a little later. */
class Databases {
  kept = new Map();
  connections = new Set();

  later(act) {
    const request = {};
    queueMicrotask(() => {
      try { request.result = act(request); } catch (error) { return request.onerror?.(error); }
      request.onsuccess?.();
    });
    return request;
  }

  open(name) {
    return this.later((request) => {
      const isNew = !this.kept.has(name);
      if (isNew) this.kept.set(name, new Map());
      const table = this.kept.get(name), database = { name, createObjectStore() {}, close: () => this.connections.delete(database) };
      this.connections.add(database);
      database.transaction = () => {
        if (!this.connections.has(database)) throw new Error("closed");
        return { objectStore: () => ({
          get: (key) => this.later(() => structuredClone(table.get(key))),
          getAll: ([from, to]) => this.later(() => [...table.keys()].filter((key) => key >= from && key <= to).sort().map((key) => structuredClone(table.get(key)))),
          put: (value, key) => this.later(() => { table.set(key, structuredClone(value)); }),
          delete: (key) => this.later(() => { table.delete(key); }),
        }) };
      };
      request.result = database;
      if (isNew) request.onupgradeneeded();
      return database;
    });
  }

  async databases() {
    return [...this.kept.keys()].map((name) => ({ name }));
  }

  deleteDatabase(name) {
    return this.later(() => {
      for (const database of this.connections) if (database.name === name) database.onversionchange?.call(database);
      this.kept.delete(name);
    });
  }
}

export class Browser {
  holder = null;
  queue = [];
  channels = new Set();
  databases = new Databases();
  notes = new Map();
  window = new EventTarget();

  install(t) {
    const browser = this, old = Object.getOwnPropertyDescriptor(globalThis, "navigator");
    Object.defineProperty(globalThis, "navigator", { configurable: true, value: { onLine: true, locks: { request: (...of) => browser.request(...of) } } });
    globalThis.document = { visibilityState: "visible", hidden: false, documentElement: { lang: "en" } };
    const { BroadcastChannel: channel, addEventListener: listen } = globalThis;
    globalThis.indexedDB = this.databases;
    globalThis.IDBKeyRange = { bound: (...of) => of };
    Object.defineProperty(globalThis, "localStorage", { configurable: true, value: { getItem: (key) => this.notes.get(key) ?? null, setItem: (key, text) => { this.notes.set(key, text); } } });
    globalThis.addEventListener = (...of) => (browser.tab?.window ?? browser.window).addEventListener(...of);
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
      globalThis.addEventListener = listen;
      for (const name of ["document", "indexedDB", "IDBKeyRange", "localStorage"]) delete globalThis[name];
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

/** Tabs of one browser, all of one person unless it is said, before one service. */
export const begin = (t, claims) => {
  const browser = new Browser().install(t), after = clock(t), service = new Service(t), tabs = [];
  t.mock.method(console, "error", () => {});
  const open = async (options = { token: token(claims) }) => {
    const tab = browser.tab = { got: [], resyncs: [], window: new EventTarget() };
    tab.fire = (type, more) => tab.window.dispatchEvent(Object.assign(new Event(type), more));
    tab.client = new Causerie(options);
    tab.client.on("message.created", ({ cursor }) => { if (!tab.dead) tab.got.push(cursor); });
    tab.client.on("resync", ({ reason }) => tab.resyncs.push(reason));
    tabs.push(tab);
    tab.client.start();
    await settle();
    return tab;
  };
  t.after(() => { for (const { client } of tabs) client.stop(); });
  return { browser, after, service, open, tabs, leaders: () => tabs.filter(({ dead, client }) => !dead && client.state.isLeader) };
};

export const up = (from, to) => Array.from({ length: to - from + 1 }, (_, n) => `k${from + n}`);

/** Whose token a request carries. */
export const ownerOf = ({ headers }) => JSON.parse(Buffer.from(headers.Authorization.split(".")[1], "base64url")).sub;
