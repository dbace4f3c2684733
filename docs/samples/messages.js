// The site's own file, loaded by every page that has an element of Causerie.
import { configure } from "/causerie/elements.js";

export const causerie = configure({
  url: "/causerie",
  getToken: async () => {
    const answer = await fetch("/api/messages-token");
    if (answer.status === 401) return null; // nobody is logged in
    if (!answer.ok) throw new Error(`no token: ${answer.status}`); // asked again in a moment
    return (await answer.json()).token;
  },
});

// Before your own log-out: also forgets what this browser kept of the conversations.
document.querySelector("#log-out")?.addEventListener("click", () => causerie.signOut());
