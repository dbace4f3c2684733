/**
 * What goes over this page's wire: each request to the service is told, and all of it can be cut. The cut is a stand-in
 * for a lost network, with what a browser does then: `navigator.onLine`, its events, broken streams, failing requests.
 */

const ask = globalThis.fetch;
const isReallyOnLine = Object.getOwnPropertyDescriptor(Navigator.prototype, "onLine").get;
let cutter = new AbortController();
let isCut = false;

Object.defineProperty(navigator, "onLine", { configurable: true, get: () => !isCut && isReallyOnLine.call(navigator) });

export function cut(isOffline) {
  if (isOffline === isCut) return;
  isCut = isOffline;
  if (isCut) cutter.abort();
  else cutter = new AbortController();
  dispatchEvent(new Event(isCut ? "offline" : "online"));
}

/** Path and query, without what is the same in every request, and with the ends of ids. */
function nameOf(url) {
  for (const name of ["since", "ephemeral"]) url.searchParams.delete(name);
  return (url.pathname + url.search).replace(/[0-9a-f]{8}-[0-9a-f-]{23}([0-9a-f]{4})/g, "…$1");
}

/** `tell({ method, path, status })`; status 0: it failed, or its page gave it up. */
export function watch(tell) {
  globalThis.fetch = async (input, { method = "GET", signal, ...init } = {}) => {
    const said = { method, path: nameOf(new URL(input, location.href)), status: 0 };
    try {
      if (isCut) throw new TypeError("the network is cut");
      const response = await ask(input, { method, ...init, signal: AbortSignal.any([cutter.signal, ...(signal ? [signal] : [])]) });
      said.status = response.status;
      return response;
    } finally {
      tell(said);
    }
  };
}
