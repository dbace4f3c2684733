/**
 * What the host tells one person outside of conversations. The count is the service's own, known from the start; the list
 * is asked for at its first use, and kept right by the feed from then on. @import * as T from "./types"
 */
import { isNew } from "./http.js";

const PATH = "/v1/notifications";

/** @type {T.MakeNotices} */
export const makeNotices = ({ call }, changed, isKnown) => {
  // Newest first, without a hole: what was told here since the start, or the first pages.
  let list = /** @type {T.Notification[]} */ ([]), next = /** @type {string | null | undefined} */ (undefined), count = 0, age = 0, isAsked = false, loading = /** @type {Promise<void> | null} */ (null);
  /** Marks on their way; each of "all" with what it covers. */
  const doing = new Map(), alls = new Set();
  /** Those that are deleted: an answer may be older. */
  const gone = new Map();
  /** What was told while a page was on its way. */
  let meanwhile = /** @type {T.FeedEvent[] | null} */ (null);

  const find = (id = "") => list.find((one) => one.id === id);
  /** As it will be: marks that are on their way count. @type {T.IsUnread} */
  const isUnread = ({ id, readAt }) => !readAt && !doing.has(`read ${id}`) && !doing.has(`gone ${id}`) && ![...alls].some((ids) => ids.has(id));
  const isRead = (/** @type {T.Notification} */ one, at = new Date().toISOString()) => Object.assign(one, { readAt: one.readAt ?? at });

  const drop = (id = "") => {
    const one = find(id);
    isNew(gone, id);
    list = list.filter((other) => other !== one);
    if (one && !one.readAt) count--;
  };

  /** @type {Record<string, (data: any) => void>} */
  const does = {
    created({ notification }) {
      const { id, readAt, isDeleted } = notification;
      if (isDeleted || gone.has(id) || find(id)) return;
      list.unshift({ ...notification });
      // Of a list that nobody asked for, as much as a first page.
      if (next === undefined) list.length = Math.min(list.length, 20);
      if (!readAt) count++;
    },
    read({ notification: { id, createdAt, readAt }, andOlder }) {
      const held = list.findIndex((one) => one.id === id), at = held < 0 && andOlder ? list.findIndex((one) => one.createdAt <= createdAt) : held, one = list[at];
      // Of what is not held, the service's own count tells.
      if (!one) return;
      if (!andOlder) {
        if (!one.readAt) count--;
        isRead(one, readAt);
        return;
      }
      for (const older of list.slice(at)) isRead(older, readAt);
      count = list.filter((one) => !one.readAt).length;
    },
    deleted: ({ notification: { id } }) => drop(id),
  };

  const page = async (from = /** @type {string | undefined} */ (undefined)) => {
    const born = age, told = meanwhile = /** @type {T.FeedEvent[]} */ ([]);
    try {
      const { items, nextPageToken = null } = await call("GET", from ? `${PATH}?pageToken=${from}` : PATH);
      if (born !== age) return;
      const known = count, before = list;
      /** @type {T.Notification[]} */
      const found = items.filter((/** @type {T.Notification} */ { id }) => !gone.has(id)).map((/** @type {T.Notification} */ one) => ({ ...one, readAt: one.readAt ?? before.find(({ id }) => id === one.id)?.readAt ?? null }));
      list = from ? [...before, ...found.filter(({ id }) => !find(id))] : found;
      next = nextPageToken;
      for (const { type, data } of told) does[type.split(".")[1]]?.(data);
      count = known;
    } finally {
      if (meanwhile === told) meanwhile = null;
    }
    changed();
  };

  /** One page at a time. @param {string} [from] */
  const load = (from) => {
    isAsked = true;
    const born = age;
    return loading ??= page(from).finally(() => { if (born === age) loading = null; });
  };

  /** Done at once, and undone where the service refuses. @type {T.Mark} */
  const mark = (key, method, path, did, ids) => {
    const born = age, end = () => {
      doing.delete(key);
      alls.delete(ids);
    };
    if (doing.has(key)) return doing.get(key);
    if (ids) alls.add(ids);
    // What is gone already is gone.
    const done = call(method, PATH + path).catch((error) => { if (method !== "DELETE" || error.status !== 404 || !error.code) throw error; }).then(() => { if (born === age) did(); }).finally(() => {
      if (born !== age) return;
      end();
      changed();
    });
    if (!ids) doing.set(key, done);
    changed();
    return done;
  };

  /** @type {T.Notifications} */
  const notifications = {
    get isLoaded() { return next !== undefined; },
    get items() {
      if (!isAsked && isKnown()) load().catch(() => {});
      return next === undefined ? [] : list.filter(({ id }) => !doing.has(`gone ${id}`)).map((one) => (isUnread(one) || one.readAt ? one : isRead({ ...one })));
    },
    // What is not held is as old as what is marked.
    get unreadCount() { return alls.size ? list.filter(isUnread).length : Math.max(0, count - list.filter((one) => !one.readAt && !isUnread(one)).length); },
    get hasMore() { return next !== null; },
    load: async () => { if (next === undefined) await load(); },
    reload: async () => {
      // Not the page that was asked for before.
      await loading?.catch(() => {});
      await load();
    },
    loadMore: async () => { if (next !== null) await load(next); },
    markAsRead: async (id) => {
      const one = find(id);
      if (!one?.readAt) await mark(`read ${id}`, "POST", `/${encodeURIComponent(id)}/read`, () => {
        const now = find(id);
        if (now) does.read({ notification: { ...now, readAt: new Date().toISOString() } });
      });
    },
    markAllAsRead: () => {
      const ids = new Set(list.map(({ id }) => id));
      return mark("all", "POST", "/read-all", () => {
        for (const one of list) if (ids.has(one.id)) isRead(one);
        count = list.filter((one) => !one.readAt).length;
      }, ids);
    },
    remove: (id) => mark(`gone ${id}`, "DELETE", `/${encodeURIComponent(id)}`, () => drop(id)),
  };

  return {
    notifications,
    get count() { return count; },
    set count(unread) { count = unread; },
    take({ type, data }) {
      meanwhile?.push(/** @type {any} */ ({ type, data }));
      does[type.split(".")[1]]?.(data);
    },
    adopt(unread, isOther) {
      count = unread ?? (isOther ? 0 : count);
      // What was not told here leaves a hole; a list that is there is loaded again.
      if (next === undefined || isOther) [list, isAsked] = [[], false];
      if (!isOther) return;
      age++;
      [next, loading, meanwhile] = [undefined, null, null];
      for (const one of [doing, alls, gone]) one.clear();
    },
  };
};
