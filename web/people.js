/**
 * How people and their conversations are called and drawn. Pictures of the host site are not loaded (the page's
 * Content-Security-Policy allows none): initials on one of six tints stand for them.
 */
import { mark, say } from "./dom.js";
import { t } from "./strings.js";

const TINTS = 6;

export const nameOf = (user) => user.name ?? user.id;

/** Whom a conversation is with, or what a group is called. */
export function titleOf(conversation, others) {
  const names = others.map((member) => nameOf(member.user)).join(", ");
  if (conversation.type === "PRIVATE") return names || conversation.subject || "";
  return conversation.subject ?? conversation.context?.title ?? names;
}

/** What it is about, where the title does not say so already. */
export function aboutOf(conversation) {
  const about = conversation.context?.title ?? conversation.subject;
  if (conversation.type === "PRIVATE") return about ?? "";
  return t("group", { count: conversation.memberCount });
}

/** Fills an avatar element. */
export function draw(avatar, id, name) {
  const words = name.split(/[\s-]+/).filter(Boolean);
  const initials = words.length > 1 ? [words[0], words.at(-1)].map((word) => [...word][0]) : [...name].slice(0, 1);
  say(avatar, initials.join("").toUpperCase());
  mark(avatar, "class", `avatar tint-${[...id].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 9973, 7) % TINTS}`);
}
