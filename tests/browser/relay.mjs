/** A proxy for tests: it passes everything on, unless whoever starts it does something else with an answer. */
import { createServer, request } from "node:http";

/**
 * `meddle(asked, answer, end)` is called for each request. It may answer itself and give `true`, or give a function that
 * takes each chunk of the service's answer in the proxy's stead; `end` cuts both connections.
 * Gives the proxy's address, at a port that the service knows as an origin, or any.
 */
export async function relay(base, meddle, port = 0) {
  const { hostname, port: to } = new URL(base);
  const server = createServer((asked, answer) => {
    const end = () => { passed?.destroy(); answer.destroy(); };
    let passed = null;
    const take = meddle(asked, answer, end) ?? ((chunk) => answer.write(chunk));
    if (take === true) return;
    passed = request({ hostname, port: to, path: asked.url, method: asked.method, headers: asked.headers }, (given) => {
      answer.writeHead(given.statusCode, given.headers);
      answer.flushHeaders();
      given.on("data", take);
      given.on("end", () => answer.end());
      given.on("error", end);
    });
    answer.on("close", () => passed.destroy());
    passed.on("error", () => answer.destroy());
    asked.pipe(passed);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  server.unref();
  return `http://127.0.0.1:${server.address().port}`;
}

/** One that lets no request live for more than `life` ms, whatever travels. */
export const cutter = (base, port, life = 2000) => relay(base, (_asked, answer, end) => {
  const timer = setTimeout(end, life);
  answer.on("close", () => clearTimeout(timer));
}, port);
