// The AWS SDK for JavaScript through HttpsProxyAgent. Options as JSON in argv[2]; prints JSON lines.
import {
  BedrockRuntimeClient, ConverseCommand, ConverseStreamCommand, CountTokensCommand, InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
} from '@aws-sdk/client-bedrock-runtime';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { readFileSync } from 'node:fs';

const options = JSON.parse(process.argv[2]);
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');
const proxyTls = options.proxy_ca ? { ca: readFileSync(options.proxy_ca) } : {};
const client = new BedrockRuntimeClient({
  region: 'us-east-1',
  credentials: { accessKeyId: options.key, secretAccessKey: options.secret },
  maxAttempts: options.attempts ?? 1,
  requestHandler: options.h2 ? undefined
    : new NodeHttpHandler({ httpsAgent: new HttpsProxyAgent(options.proxy, { keepAlive: true, ...proxyTls }) }),
  ...(options.endpoint ? { endpoint: options.endpoint } : {}),
});

const modelId = 'anthropic.claude-3-haiku-20240307-v1:0';
const messages = [{ role: 'user', content: [{ text: 'Wie tief? 穴' }] }];
const decode = (bytes) => new TextDecoder().decode(bytes);

const run = {
  async invoke() {
    const answer = await client.send(new InvokeModelCommand({ modelId, body: '{"a":1}', contentType: 'application/json' }));
    say({ op: 'invoke', body: JSON.parse(decode(answer.body)) });
  },
  async converse() {
    const answer = await client.send(new ConverseCommand({
      modelId: 'arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0', messages }));
    say({ op: 'converse', text: answer.output.message.content[0].text, usage: answer.usage });
  },
  async invoke_stream() {
    const answer = await client.send(new InvokeModelWithResponseStreamCommand({ modelId, body: '{}' }));
    for await (const event of answer.body) say({ op: 'invoke_stream', event: JSON.parse(decode(event.chunk.bytes)) });
  },
  async converse_stream() {
    const answer = await client.send(new ConverseStreamCommand({ modelId, messages }));
    for await (const event of answer.stream) say({ op: 'converse_stream', event });
  },
  async count_tokens() {
    const answer = await client.send(new CountTokensCommand({ modelId, input: { converse: { messages } } }));
    say({ op: 'count_tokens', tokens: answer.inputTokens });
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
