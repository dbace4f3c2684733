/**
 * The client, in Node, against the real service through a proxy that cuts its stream of fifty events after n bytes, for
 * every n (CAUSERIE_TEST_FULL), or for some and all that are near a frame's end: each event is heard once, in order.
 */
import assert from "node:assert/strict";
import { setMaxListeners } from "node:events";
import { relay } from "./relay.mjs";
import { PATIENCE, call, token } from "./stage.mjs";

const { BASE, CAUSERIE_TEST_FULL } = process.env;
const EVENTS = 50;
/** Each takes its share of the places where to cut, one after the other. */
const READERS = Array.from({ length: 8 }, (_, n) => `r${n}`);

// What a client rests after a failure ends when its page is looked at: so does each of these.
const looks = new EventTarget();
setMaxListeners(0, looks);
globalThis.addEventListener = looks.addEventListener.bind(looks);
const look = () => setImmediate(() => looks.dispatchEvent(new Event("visibilitychange")));
const { Causerie } = await import("../../web/client.js");

/** By token: the snapshot that a reader begins with, and what is to become of its next stream. */
const snapshots = new Map();
const plans = new Map();

/** Passes on the first bytes of a stream; then ends it well, or by a broken connection, or lets nothing more through. */
function carry(plan, answer, end) {
  let left = plan.after;
  return (chunk) => {
    plan.body.push(chunk);
    if (plan.isDone) return;
    const part = chunk.subarray(0, left);
    left -= part.length;
    plan.isDone = part.length < chunk.length || left === 0;
    answer.write(part, () => {
      if (!plan.isDone || plan.how === "silent") return;
      if (plan.how === "ended") answer.end();
      end();
    });
  };
}

const url = await relay(BASE, (asked, answer, end) => {
  const bearer = asked.headers.authorization;
  if (asked.url === "/v1/sync" && snapshots.has(bearer)) {
    answer.writeHead(200, { "Content-Type": "application/json" }).end(snapshots.get(bearer));
    return true;
  }
  const plan = asked.url === "/v1/events/stream" && plans.get(bearer);
  if (!plan) return undefined;
  plans.delete(bearer);
  return carry(plan, answer, end);
});

/** Begins at the snapshot and follows until all is heard and its stream has been cut; gives the bytes that came to it. */
async function follow(reader, after, how, expected) {
  const plan = { after, how, body: [], isDone: after === Infinity };
  plans.set(`Bearer ${reader}`, plan);
  const causerie = new Causerie({ url, token: reader, cache: false });
  const heard = [];
  let timer;
  const done = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`cut (${how}) after ${after} bytes: heard ${heard.length}: ${heard}`)), PATIENCE);
    causerie.on("message.created", ({ data: { message } }) => heard.push(message.content));
    causerie.on("resync", ({ reason }) => reject(new Error(`cut (${how}) after ${after} bytes: resync: ${reason}`)));
    causerie.on("state", ({ status }) => status === "waiting" && look());
    // It is said after the events: whatever would come twice has come by then.
    causerie.on("unread", () => heard.length >= EVENTS && plan.isDone && resolve());
  });
  causerie.start();
  try {
    await done;
  } finally {
    clearTimeout(timer);
    causerie.stop();
  }
  assert.deepEqual(heard, expected, `cut (${how}) after ${after} bytes`);
  return Buffer.concat(plan.body);
}

/** Where to cut: up to the end of the frame after the last event. */
function placesOf(body) {
  const ends = [...body.toString("latin1").matchAll(/\n\n/g)].map(({ index }) => index + 2);
  const last = body.indexOf("\n\n", body.indexOf("event: unread")) + 2;
  const isNear = (n) => ends.some((end) => Math.abs(end - n) <= 3);
  return Array.from({ length: last }, (_, n) => n).filter((n) => CAUSERIE_TEST_FULL || n % 7 === 0 || isNear(n));
}

const backend = token("backend", { role: "service" });
await call(BASE, backend, "PUT", "/v1/users", READERS.map((id) => ({ id, name: id })));
const { id } = await call(BASE, backend, "POST", "/v1/conversations", { type: "GROUP", memberIds: READERS, subject: "Cut" });
const tokens = READERS.map((name) => token(name));
for (const bearer of tokens) snapshots.set(`Bearer ${bearer}`, JSON.stringify(await call(BASE, bearer, "GET", "/v1/sync")));
const expected = Array.from({ length: EVENTS }, (_, n) => `${n} é🙂`);
for (const content of expected) await call(BASE, backend, "POST", `/v1/conversations/${id}/messages`, { content });

const bodies = await Promise.all(tokens.map((bearer) => follow(bearer, Infinity, "whole", expected)));
const places = placesOf(bodies[0]);
const began = Date.now();
await Promise.all(tokens.map(async (bearer, at) => {
  for (const n of places.filter((_, index) => index % READERS.length === at)) await follow(bearer, n, n % 2 ? "ended" : "broken", expected);
}));
console.log(`a stream of ${places.at(-1) + 1} bytes, ${EVENTS} events: cut at ${places.length} places in ${Date.now() - began} ms; each heard once, in order`);

const quiet = places.filter((_, index) => index % Math.ceil(places.length / (2 * READERS.length)) === 0);
await Promise.all(tokens.map(async (bearer, at) => {
  for (const n of quiet.filter((_, index) => index % READERS.length === at)) await follow(bearer, n, "silent", expected);
}));
console.log(`and without a word at ${quiet.length} places: ${quiet.join(", ")}`);
// What rests for seconds yet has nobody who waits for it.
process.exit(0);
