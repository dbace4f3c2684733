/**
 * One connection per browser: the tab that holds the lock leads, the others hear it by BroadcastChannel. The browser
 * frees the lock of a tab that dies; from one that sleeps, or is slowed down in the background, a visible one takes it.
 * @type {import("./types").MakeTabs}
 */
export const makeTabs = (name, on) => {
  const me = Math.random().toString(36), isHidden = () => document.visibilityState === "hidden";
  let place = new AbortController(), release = () => {}, asking = 0, deadline = 0, channel = /** @type {BroadcastChannel | null} */ (null);

  const lead = () => {
    clearTimeout(deadline);
    tabs.isLeader = true;
    on.lead();
  };

  const queue = (steal = false) => {
    place.abort();
    const { signal } = place = new AbortController();
    navigator.locks.request(name, steal ? { steal } : { signal }, () => new Promise((free) => {
      release = () => free(null);
      lead();
    })).catch((error) => {
      // A page of an opaque origin has no locks after all.
      if (error.name !== "AbortError") return lead();
      if (signal.aborted) return;
      tabs.isLeader = false;
      on.follow();
      queue();
    });
  };

  /** @type {import("./types").Tabs} */
  const tabs = {
    isLeader: false,
    say: (word) => channel?.postMessage(word),

    // What has happened since; and whether the leader is awake.
    ask() {
      if (tabs.isLeader || !channel || isHidden()) return;
      tabs.say({ hello: me, cursor: on.cursor() });
      clearTimeout(deadline);
      deadline = setTimeout(queue, 2500, true);
    },

    start() {
      // In an insecure page each tab is for itself.
      if (!globalThis.navigator?.locks || !globalThis.BroadcastChannel) return lead();
      channel = new BroadcastChannel(name);
      channel.onmessage = ({ data: { hello, cursor, to = me, isSlow, ...word } }) => {
        if (hello && tabs.isLeader) tabs.say({ to: hello, ...on.answer(cursor) });
        if (hello || to !== me) return;
        clearTimeout(deadline);
        if (isSlow && !isHidden()) queue(true);
        on.hear(word);
      };
      queue();
      asking = setInterval(tabs.ask, 10_000);
      tabs.ask();
    },

    stop() {
      channel?.close();
      channel = null;
      clearInterval(asking);
      clearTimeout(deadline);
      place.abort();
      release();
      tabs.isLeader = false;
    },
  };
  return tabs;
};
