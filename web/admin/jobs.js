/**
 * The queue view at `/admin/jobs`: how many jobs there are, how late the oldest is, and each with what can be done about it.
 * The service token stays in this tab: in `sessionStorage` and in the `Authorization` header, never in an address.
 */

/** English, French. */
const WORDS = {
  title: ["Causerie: jobs", "Causerie : les tâches"],
  token: ["Service token", "Jeton de service"],
  hint: ["Of the host’s backend. It is kept in this tab until you close it.", "Celui du serveur hôte. Il reste dans cet onglet jusqu’à sa fermeture."],
  enter: ["Show the queue", "Voir la file"], leave: ["Forget the token", "Oublier le jeton"],
  counts: ["How many there are", "Combien il y en a"], jobs: ["Jobs, the newest first", "Tâches, les plus récentes d’abord"],
  filters: ["Which jobs", "Quelles tâches"], state: ["State", "État"], kind: ["Kind", "Nature"], all: ["All", "Toutes"],
  refresh: ["Refresh", "Actualiser"], more: ["Older ones", "Plus anciennes"], none: ["There are none.", "Il n’y en a pas."],
  onTime: ["Nothing is due that has not begun.", "Rien n’est en retard."],
  late: ["The oldest has been due for {time}.", "La plus ancienne attend depuis {time}."],
  created: ["Created", "Créée"], when: ["Due or ended", "Prévue ou finie"], user: ["Person", "Personne"], attempts: ["Attempts", "Essais"], error: ["Reason", "Motif"], action: ["Action", "Action"],
  retry: ["Retry", "Relancer"], cancel: ["Cancel", "Annuler"],
  retryOf: ["Retry the job of {time}", "Relancer la tâche du {time}"], cancelOf: ["Cancel the job of {time}", "Annuler la tâche du {time}"],
  retried: ["The job waits to be done again.", "La tâche va être refaite."], cancelled: ["The job is cancelled.", "La tâche est annulée."],
  refused: ["This token is not the host’s, or has expired.", "Ce jeton n’est pas celui de l’hôte, ou a expiré."],
  away: ["The service does not answer. Trying again.", "Le service ne répond pas. Nouvel essai."],
  WAITING: ["Waiting", "En attente"], RUNNING: ["Running", "En cours"], DONE: ["Done", "Faite"], DEAD: ["Dead", "Abandonnée"], CANCELLED: ["Cancelled", "Annulée"],
  MESSAGE: ["Message", "Message"], EMAIL: ["E-mail", "E-mail"], NOTIFICATION: ["Notification", "Notification"], REMINDER: ["Reminder", "Rappel"],
};
const STATES = ["WAITING", "RUNNING", "DEAD", "CANCELLED", "DONE"];
const KINDS = ["MESSAGE", "EMAIL", "NOTIFICATION", "REMINDER"];
const EVERY = 5_000;
const KEY = "causerie.service-token";

const lang = navigator.language.toLowerCase().startsWith("fr") ? "fr" : "en";
/** Times and numbers as they are written where one is, if that is in one of the two languages. */
const locale = navigator.language.toLowerCase().startsWith(lang) ? navigator.language : lang;
const t = (name, values = {}) => (WORDS[name]?.[lang === "fr" ? 1 : 0] ?? name).replace(/\{(\w+)\}/g, (_, key) => values[key]);
const at = (id) => document.getElementById(id);
const moment = new Intl.DateTimeFormat(locale, { dateStyle: "short", timeStyle: "medium" });
const number = new Intl.NumberFormat(locale);

/** An element with properties and children. Texts are texts: nothing here becomes markup. */
function el(tag, properties = {}, ...children) {
  const { dataset = {}, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  Object.assign(made.dataset, dataset);
  made.append(...children);
  return made;
}

let token = sessionStorage.getItem(KEY);
/** How many pages are shown. While it is the first alone, it is refreshed by itself. */
let pages = 1;
let next;
/** Of two answers the one that was asked for later counts. */
let turn = 0;
/** Whether one is asked for. */
let isAsking = false;

function say(text, isWrong = false) {
  at("said").textContent = text;
  at("said").classList.toggle("wrong", isWrong);
}

/** The page's own address may stand below any prefix. */
async function ask(path, method = "GET") {
  const response = await fetch(`../v1/admin/jobs${path}`, {
    method, cache: "no-store", credentials: "omit",
    headers: { Authorization: `Bearer ${token}`, "Accept-Language": lang },
  });
  const body = await response.json();
  if (response.ok) return body;
  throw Object.assign(new Error(body.detail), { status: response.status });
}

function show() {
  at("enter").hidden = Boolean(token);
  at("queue").hidden = at("leave").hidden = !token;
}

function leave(why = "") {
  token = null;
  sessionStorage.removeItem(KEY);
  at("token").value = "";
  for (const id of ["counts", "jobs"]) at(id).tBodies[0].replaceChildren();
  show();
  say(why, Boolean(why));
  at("token").focus();
}

function failed(error) {
  if (error.status === 401 || error.status === 403) leave(t("refused"));
  else say(error.status ? error.message : t("away"), true);
}

function duration(seconds) {
  const [value, unit] = seconds < 120 ? [seconds, "second"] : seconds < 7_200 ? [seconds / 60, "minute"] : seconds < 172_800 ? [seconds / 3_600, "hour"] : [seconds / 86_400, "day"];
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: 0 }).format(value);
}

function showCounts({ counts, oldestDueSeconds }) {
  // What is taken within two seconds is on time.
  const isLate = oldestDueSeconds !== null && oldestDueSeconds > 2;
  at("oldest").textContent = isLate ? t("late", { time: duration(oldestDueSeconds) }) : t("onTime");
  at("oldest").classList.toggle("late", isLate);
  const count = (kind, state) => counts.find((one) => one.kind === kind && one.state === state)?.count ?? 0;
  const cell = (value, state) => el("td", { className: `number ${state}${value ? "" : " zero"}` }, number.format(value));
  const row = (state) => el("tr", {}, el("th", { scope: "row" }, t(state)), ...KINDS.map((kind) => cell(count(kind, state), state)));
  at("counts").tBodies[0].replaceChildren(...STATES.map(row));
}

const ACTIONS = { WAITING: "cancel", DEAD: "retry", CANCELLED: "retry" };

function row(job) {
  const time = (value) => el("time", { dateTime: value }, moment.format(new Date(value)));
  const action = ACTIONS[job.state];
  const named = t(`${action}Of`, { time: moment.format(new Date(job.createdAt)) });
  const button = action && el("button", { type: "button", ariaLabel: named, dataset: { id: job.id, action } }, t(action));
  // On a phone, where there are no heads above, each says what it is.
  const cell = (name, className, ...children) => el("td", { className, dataset: { name: t(name) } }, ...children);
  return el("tr", { className: job.state },
    cell("created", "", time(job.createdAt)), cell("kind", "", t(job.kind)), cell("state", "state", t(job.state)),
    cell("when", "", time(job.finishedAt ?? job.runAt)), cell("user", "user", job.userId ?? "–"),
    cell("attempts", "number", `${job.attempts} / ${job.maxAttempts}`),
    cell("error", "error", job.error ?? ""), el("td", {}, ...(button ? [button] : [])));
}

/** Whoever stands on a button stands on it afterwards, if it is there still. */
function keepingFocus(change) {
  const { id } = document.activeElement?.dataset ?? {};
  change();
  if (id && !document.activeElement?.dataset.id) at("jobs").querySelector(`[data-id="${CSS.escape(id)}"]`)?.focus();
}

async function load(isMore = false) {
  if (!token) return;
  const query = new URLSearchParams({ limit: 50 });
  for (const name of ["state", "kind"]) if (at(name).value) query.set(name, at(name).value);
  if (isMore) query.set("pageToken", next);
  const mine = ++turn;
  isAsking = true;
  try {
    const page = await ask(`?${query}`);
    if (mine !== turn || !token) return;
    showCounts(page);
    const rows = page.items.map(row);
    keepingFocus(() => at("jobs").tBodies[0][isMore ? "append" : "replaceChildren"](...rows));
    pages = isMore ? pages + 1 : 1;
    next = page.nextPageToken;
    at("more").hidden = !next;
    at("none").hidden = at("jobs").tBodies[0].rows.length > 0;
    if (at("said").classList.contains("wrong")) say("");
  } catch (error) {
    if (mine === turn) failed(error);
  } finally {
    if (mine === turn) isAsking = false;
  }
}

async function act(button) {
  const { id, action } = button.dataset;
  button.disabled = true;
  try {
    await ask(`/${id}/${action}`, "POST");
    say(t(action === "retry" ? "retried" : "cancelled"));
  } catch (error) {
    failed(error);
  }
  await load();
  if (!document.activeElement?.dataset.id) (at("jobs").querySelector(`[data-id="${CSS.escape(id)}"]`) ?? at("refresh")).focus();
}

function set() {
  document.documentElement.lang = lang;
  document.title = t("title");
  for (const one of document.querySelectorAll("[data-t]")) one.textContent = t(one.dataset.t);
  for (const one of document.querySelectorAll("[data-l]")) one.ariaLabel = t(one.dataset.l);
  for (const [id, values] of [["state", STATES], ["kind", KINDS]]) {
    at(id).append(el("option", { value: "" }, t("all")), ...values.map((value) => el("option", { value }, t(value))));
    at(id).addEventListener("change", () => load());
  }
  const heads = (names, numbers) => el("tr", {}, ...names.map((name) => el("th", { scope: "col", className: numbers.includes(name) ? "number" : "" }, t(name))));
  at("counts").tHead.append(heads(["state", ...KINDS], KINDS));
  at("jobs").tHead.append(heads(["created", "kind", "state", "when", "user", "attempts", "error", "action"], ["attempts", "action"]));
  at("enter").addEventListener("submit", (event) => {
    event.preventDefault();
    const given = at("token").value.trim().replace(/^Bearer\s+/i, "");
    // What a header cannot hold is no token.
    if (!/^[\x21-\x7e]+$/.test(given)) return leave(t("refused"));
    token = given;
    sessionStorage.setItem(KEY, token);
    at("token").value = "";
    say("");
    show();
    at("refresh").focus();
    load();
  });
  at("leave").addEventListener("click", () => leave());
  at("refresh").addEventListener("click", () => load());
  at("more").addEventListener("click", () => load(true));
  at("jobs").addEventListener("click", ({ target }) => target.dataset.action && act(target));
  setInterval(() => document.visibilityState === "visible" && pages === 1 && !isAsking && load(), EVERY);
  show();
  load();
}

set();
