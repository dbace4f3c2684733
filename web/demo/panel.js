/**
 * What travels between one person's page and the service, as the page in the frame reports it, and what one may forbid.
 * Its figures are also in `data-` attributes, for whoever tests them.
 */
import { el, put } from "/demo/dom.js";
import { format, onSwitches, say, setSwitches, switchesOf } from "/demo/words.js";

const LINES = 6;
const BYTES = { unit: "byte", style: "unit", unitDisplay: "short" };
const NAMES = { stream: "stream", "long-poll": "long-poll", poll: "poll" };

function size(bytes) {
  if (bytes < 1000) return format(bytes, BYTES);
  const [unit, by] = bytes < 1_000_000 ? ["kilobyte", 1000] : ["megabyte", 1_000_000];
  return format(bytes / by, { ...BYTES, unit, maximumFractionDigits: 1 });
}

/** Why it is this transport. `reason` is the client's: "stream-silent", "long-poll-cut" … */
function why({ status, reason, transport, allowed }) {
  if (status === "offline") return say("isOff");
  const [, what, how] = reason?.match(/^(stream|long-poll|poll)-(silent|refused|cut|away)$/) ?? [];
  if (how) return say(how, { what: say(NAMES[what]) });
  if (reason === "no-locks" || reason === "no-token") return say(reason);
  if (reason) return reason;
  if (!transport) return "";
  if (transport === "poll" && !allowed.has("stream") && !allowed.has("long-poll")) return say("noHold");
  if (!allowed.has("stream")) return say("noStream");
  return say("best");
}

function sinceWhen({ status, since, retryAt }) {
  const time = format(since, { timeStyle: "medium" });
  const seconds = retryAt ? Math.ceil((retryAt - Date.now()) / 1000) : 0;
  const told = say("since", { status: say(status), time });
  return seconds > 0 ? `${told}, ${say("retry", { count: seconds })}` : told;
}

const FIGURES = { requests: ({ requests }) => format(requests), notModified: ({ notModified }) => format(notModified), received: ({ bytes }) => size(bytes), cursor: ({ cursor }) => cursor ?? "–" };

function makeFigures() {
  const rows = Object.keys(FIGURES).map((name) => ({ name, term: el("dt"), value: el("dd", { class: name }) }));
  const node = el("dl", { class: "figures" }, ...rows.map(({ term, value }) => el("div", {}, term, value)));
  return { node, draw: (state) => {
    for (const { name, term, value } of rows) {
      put(term, say(name));
      put(value, state ? FIGURES[name](state) : "–");
    }
  } };
}

/** Checked is what is taken away. */
function makeSwitches(as) {
  let now = switchesOf(as);
  const boxes = [["stream", "forbidStream"], ["longPoll", "forbidLongPoll"], ["isOffline", "goOffline"]].map(([name, label]) => {
    const input = el("input", { type: "checkbox", role: "switch", name, change: () => {
      now = { ...now, [name]: name === "isOffline" ? input.checked : !input.checked };
      setSwitches(as, now);
    } });
    return { name, label, input, text: el("span") };
  });
  const draw = () => {
    for (const { name, label, input, text } of boxes) {
      input.checked = name === "isOffline" ? now.isOffline : !now[name];
      put(text, say(label));
    }
  };
  // Forbidden in another tab, or under another story's panel.
  onSwitches(as, (changed) => {
    now = changed;
    draw();
  });
  return { node: el("div", { class: "switches" }, ...boxes.map(({ input, text }) => el("label", {}, input, text))), draw };
}

/** The newest requests and events, oldest first. */
function makeWire() {
  const node = el("ol", { class: "wire" });
  const quiet = el("li", { class: "quiet" });
  node.append(quiet);
  const add = (isEvent, ...parts) => {
    quiet.remove();
    const time = el("time", { text: format(new Date(), { timeStyle: "medium" }) });
    node.append(el("li", { class: isEvent ? "event" : "request" }, time, ...parts));
    while (node.children.length > LINES) node.firstElementChild.remove();
  };
  return {
    node,
    draw: () => put(quiet, say("quiet")),
    request: ({ method, path, status }) => add(false, el("b", { text: method }), el("span", { class: "path", text: path }), el("span", { class: status && status < 400 ? "status" : "status bad", text: status || "✕" })),
    event: ({ type }) => add(true, el("b", { text: "◂" }), el("span", { class: "path", text: type })),
  };
}

/** @returns a node to show, `draw` for another language, `stop` for the end */
export function makePanel(as, name, frame) {
  let state = null;
  const [way, since, reason] = [el("strong", { role: "status" }), el("span", { class: "since" }), el("p", { class: "why" })];
  const [figures, switches, wire] = [makeFigures(), makeSwitches(as), makeWire()];
  const node = el("div", { class: "panel", role: "group" }, el("p", { class: "way" }, el("span", { class: "dot", "aria-hidden": "true" }), way, since), reason, figures.node, switches.node, wire.node);
  const drawState = () => {
    figures.draw(state);
    if (!state) return;
    const { transport, status, isLeader } = state;
    Object.assign(node.dataset, { transport: transport ?? "", status, reason: state.reason ?? "", leads: isLeader });
    put(way, say(NAMES[transport] ?? "none"));
    put(since, sinceWhen(state));
    put(reason, [why(state), transport && say(isLeader ? "leads" : "follows")].filter(Boolean).join(" · "));
  };
  const hear = ({ source, origin, data }) => {
    if (origin !== location.origin || source !== frame.contentWindow) return;
    if (data.request) wire.request(data.request);
    if (data.event) wire.event(data.event);
    state = data.state ?? state;
    drawState();
  };
  addEventListener("message", hear);
  // For the seconds until the next try.
  const ticking = setInterval(() => state?.retryAt && drawState(), 1000);
  return {
    node,
    draw() {
      node.setAttribute("aria-label", say("travels", { name }));
      switches.draw();
      wire.draw();
      drawState();
    },
    stop() {
      removeEventListener("message", hear);
      clearInterval(ticking);
    },
  };
}
