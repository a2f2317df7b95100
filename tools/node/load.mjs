// Load, by autocannon: reads {url, headers, paths, connections, seconds} from standard input, prints what it saw.
import autocannon from "autocannon";
import { text } from "node:stream/consumers";

const asked = JSON.parse(await text(process.stdin));
const seen = await autocannon({
  url: asked.url,
  connections: asked.connections,
  duration: asked.seconds,
  headers: asked.headers,
  requests: asked.paths.map((path) => ({ method: "GET", path })),
});
console.log(
  JSON.stringify({
    rate: seen.requests.average,
    p50: seen.latency.p50,
    p99: seen.latency.p99,
    failed: seen.non2xx + seen.errors + seen.timeouts,
  }),
);
