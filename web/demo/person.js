/**
 * A page of a host site, as one would write it: a token from the site's backend, the elements, and nothing else. What is
 * the demo's own comes after that: what travels is told to the panel around this frame, which may also forbid it.
 */
import { configure } from "/elements.js";
import { drawHost } from "/demo/host.js";
import { STORIES, identify } from "/demo/stories.js";
import { cut, watch } from "/demo/wire.js";
import { onLanguage, onSwitches, switchesOf, translate } from "/demo/words.js";

const asked = new URLSearchParams(location.search);
const story = asked.get("story") in STORIES ? asked.get("story") : "ad";
const { as } = STORIES[story].people.find((person) => person.as === asked.get("as")) ?? STORIES[story].people[0];

/** Whom the backend says is logged in: here anybody one likes. */
async function askBackend() {
  const { id, tenant } = identify(as);
  const { people } = await (await fetch("/demo.json")).json();
  const others = people.filter((person) => person.tenant === tenant && person.user.id !== id);
  return { ...people.find((person) => person.tenant === tenant && person.user.id === id), others };
}

const draw = () => {
  translate();
  drawHost(story, as);
};
onLanguage(draw);
draw();

const { token, others } = await askBackend();

const report = (news) => parent !== window && parent.postMessage(news, location.origin);
watch((request) => report({ request }));
const switches = switchesOf(as);
cut(switches.isOffline);

document.querySelector("causerie-inbox").findPeople = async (name) => others.map(({ user }) => user).filter((user) => user.name.toLowerCase().includes(name.toLowerCase()));

const causerie = configure({ token });
causerie.on("state", (state) => report({ state }));
causerie.on("event", ({ type }) => report({ event: { type } }));

/** Told to all tabs by the one that leads; each new one begins with it. */
const forbid = ({ stream, longPoll }) => causerie.allow({ stream, longPoll });
forbid(switches);
onSwitches(as, (changed) => {
  cut(changed.isOffline);
  const { allowed, isLeader } = causerie.state;
  if (isLeader && (allowed.has("stream") !== changed.stream || allowed.has("long-poll") !== changed.longPoll)) forbid(changed);
});
