// fetch through undici's ProxyAgent, with requests that were signed before. Options as JSON in argv[2]; prints JSON lines.
import { fetch, ProxyAgent } from 'undici';
import { readFileSync } from 'node:fs';

const options = JSON.parse(process.argv[2]);
const ca = readFileSync(options.ca);
const dispatcher = new ProxyAgent({ uri: options.proxy, requestTls: { ca }, proxyTls: { ca } });
for (const request of options.requests) {
  try {
    const answer = await fetch(request.url, { method: 'POST', headers: request.headers, body: request.body, dispatcher });
    const pieces = [];
    for await (const piece of answer.body) pieces.push(Buffer.from(piece));
    const body = Buffer.concat(pieces);
    process.stdout.write(JSON.stringify({ status: answer.status, body: body.toString('base64') }) + '\n');
  } catch (error) {
    process.stdout.write(JSON.stringify({ error: String(error.cause ?? error) }) + '\n');
  }
}
process.exit(0);
