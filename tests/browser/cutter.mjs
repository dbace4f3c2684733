/** A proxy that lets no request live for more than two seconds, whatever travels. */
import { createServer, request } from "node:http";

const LIFE = 2000;

/** Gives its address, at a port that the service knows as an origin. */
export async function cutter(base, port) {
  const server = createServer((asked, answer) => {
    const { hostname, port } = new URL(base);
    const passed = request({ hostname, port, path: asked.url, method: asked.method, headers: asked.headers }, (given) => {
      answer.writeHead(given.statusCode, given.headers);
      given.pipe(answer);
    });
    const timer = setTimeout(() => { passed.destroy(); answer.destroy(); }, LIFE);
    answer.on("close", () => { clearTimeout(timer); passed.destroy(); });
    passed.on("error", () => answer.destroy());
    asked.pipe(passed);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  server.unref();
  return `http://127.0.0.1:${port}`;
}
