// The AWS SDK for JavaScript with its default handler (NodeHttp2Handler), for which DNS leads to borehole: connections
// to Bedrock's name are led there. Options as JSON in argv[2]; prints JSON lines.
import net from 'node:net';
import {
  BedrockRuntimeClient, ConverseStreamCommand, InvokeModelCommand, InvokeModelWithBidirectionalStreamCommand,
} from '@aws-sdk/client-bedrock-runtime';

const options = JSON.parse(process.argv[2]);
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');

// What a hosts file does for the name, and a firewall rule for the port.
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function redirected(...args) {
  const wanted = Array.isArray(args[0]) ? args[0][0] : args[0];
  if (wanted.host === options.host) Object.assign(wanted, { host: '127.0.0.1', port: options.port });
  return connect.apply(this, args);
};

const client = new BedrockRuntimeClient({
  region: 'us-east-1',
  credentials: { accessKeyId: options.key, secretAccessKey: options.secret },
  maxAttempts: 1,
  ...(options.endpoint ? { endpoint: options.endpoint } : {}),
});
const modelId = 'anthropic.claude-3-haiku-20240307-v1:0';
const decode = (bytes) => new TextDecoder().decode(bytes);

const run = {
  async invoke() {
    const answer = await client.send(new InvokeModelCommand({ modelId, body: '{"a":1}', contentType: 'application/json' }));
    say({ op: 'invoke', body: JSON.parse(decode(answer.body)) });
  },
  async converse_stream() {
    const messages = [{ role: 'user', content: [{ text: 'Wie tief? 穴' }] }];
    const answer = await client.send(new ConverseStreamCommand({ modelId, messages }));
    for await (const event of answer.stream) say({ op: 'converse_stream', event });
  },
  // Says a word, waits until it has come back, says the next.
  async bidirectional() {
    const words = ['one', 'two', 'three'];
    let heard;
    const wait = () => new Promise((resolve) => { heard = resolve; });
    async function* speak() {
      for (const word of words) {
        const back = wait();
        yield { chunk: { bytes: new TextEncoder().encode(JSON.stringify({ word })) } };
        await back;
      }
    }
    const answer = await client.send(new InvokeModelWithBidirectionalStreamCommand({
      modelId: 'amazon.nova-sonic-v1:0', body: speak() }));
    for await (const event of answer.body) {
      say({ op: 'bidirectional', event: JSON.parse(decode(event.chunk.bytes)) });
      heard?.();
    }
  },
  // Says options.events one by one, each once something has come back for the one before it.
  async speech() {
    let heard;
    const wait = () => new Promise((resolve) => { heard = resolve; });
    async function* speak() {
      for (const event of options.events) {
        const back = wait();
        yield { chunk: { bytes: new TextEncoder().encode(JSON.stringify({ event })) } };
        await back;
      }
    }
    const answer = await client.send(new InvokeModelWithBidirectionalStreamCommand({
      modelId: 'amazon.nova-sonic-v1:0', body: speak() }));
    for await (const event of answer.body) {
      say({ op: 'speech', event: JSON.parse(decode(event.chunk.bytes)).event });
      heard?.();
    }
  },
};

for (const op of options.ops) {
  try {
    await run[op]();
  } catch (error) {
    say({ op, error: error.name, message: error.message, status: error.$metadata?.httpStatusCode ?? null });
  }
}
process.exit(0);
