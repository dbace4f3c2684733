// Follows the stream at process.env.URL with npm's eventsource, which reconnects and resumes by itself.
// Shows TOKEN as the header, COOKIE as the cookie, or, with neither, only what is in the URL: a ticket.
// A line of JSON for each event: its id, type and data. Ends by itself after four minutes.
import { createRequire } from "node:module";

const { URL: url, TOKEN, COOKIE, NODE_MODULES_OF } = process.env;
const { EventSource } = createRequire(`${NODE_MODULES_OF}/`)("eventsource");

// As browsers do, it hands out named events only to who asks for the name.
const types = [
  "hello", "heartbeat", "unread", "ephemeral", "resync", "goodbye",
  "conversation.created", "conversation.updated", "conversation.deleted", "member.joined", "member.updated",
  "member.left", "message.created", "message.updated", "message.deleted", "receipt.read", "receipt.delivered",
  "notification.created", "notification.read", "user.updated",
];
const shown = { ...(TOKEN && { Authorization: `Bearer ${TOKEN}` }), ...(COOKIE && { Cookie: `access_token=${COOKIE}` }) };

setTimeout(() => process.exit(0), 240_000);
const source = new EventSource(url, {
  fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, ...shown } }),
});
for (const type of types) {
  source.addEventListener(type, ({ lastEventId, data }) => {
    console.log(JSON.stringify({ id: lastEventId, type, data: JSON.parse(data) }));
  });
}
source.addEventListener("error", ({ code, message, data }) => {
  if (source.readyState !== EventSource.CLOSED && !data) return; // cut: it comes back by itself
  console.error(`gave up: ${code} ${message} ${data}`);
  process.exit(1);
});
