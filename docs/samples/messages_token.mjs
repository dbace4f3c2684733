// Says to Causerie who is logged in. Nothing but Node is needed.
import { createHmac } from "node:crypto";

const SECONDS = 15 * 60;

/** `id` is the site's own, never given to anybody else; `name` and `picture` (https) are what others see. */
export function messagesToken({ id, name, picture }) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: String(id), name, picture, iat: now, exp: now + SECONDS };
  const signed = `${base64url({ alg: "HS256", typ: "JWT" })}.${base64url(claims)}`;
  const signature = createHmac("sha256", process.env.CAUSERIE_JWT_SECRET).update(signed);
  return `${signed}.${signature.digest("base64url")}`;
}

const base64url = (part) => Buffer.from(JSON.stringify(part)).toString("base64url");
