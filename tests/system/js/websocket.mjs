// A WebSocket by `ws`, through a CONNECT proxy over HTTP/1.1, or over HTTP/2 (RFC 8441) where DNS leads to borehole. Says
// options.messages one by one, each once the one before it has come back. Options as JSON in argv[2]; prints JSON lines.
import http2 from 'node:http2';
import tls from 'node:tls';
import WebSocket from 'ws';
import { HttpsProxyAgent } from 'https-proxy-agent';

const options = JSON.parse(process.argv[2]);
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');

function talk(socket) {
  const left = options.messages.map((text) => Buffer.from(text));
  let binary = false;
  const next = () => {
    const message = left.shift();
    if (message === undefined) return socket.close(1000, 'done');
    socket.send(message, { binary });
    binary = !binary;
  };
  const begin = () => {
    socket.ping('p');
    next();
  };
  socket.on('message', (data, isBinary) => {
    say({ came: data.toString(), binary: isBinary });
    next();
  });
  socket.on('pong', (data) => say({ pong: data.toString() }));
  socket.on('close', (code, reason) => {
    say({ closed: code, reason: reason.toString() });
    process.exit(0);
  });
  socket.on('error', (error) => {
    say({ error: String(error) });
    process.exit(0);
  });
  return begin;
}

if (options.proxy) {
  const socket = new WebSocket(`wss://${options.host}/chat`, {
    agent: new HttpsProxyAgent(options.proxy), perMessageDeflate: false });
  socket.on('open', talk(socket));
} else {
  const session = http2.connect(`https://${options.host}`, {
    createConnection: () => tls.connect({
      host: '127.0.0.1', port: options.port, servername: options.host, ALPNProtocols: ['h2'] }),
  });
  session.on('error', (error) => say({ error: String(error) }));
  session.on('remoteSettings', (settings) => {
    if (!settings.enableConnectProtocol) return;  // it comes once the upstream has said so
    session.removeAllListeners('remoteSettings');
    const stream = session.request({
      ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat', 'sec-websocket-version': '13' });
    stream.on('response', (head) => {
      say({ status: head[':status'] });
      const socket = new WebSocket(null, undefined, {});
      socket._isServer = false;  // no handshake of HTTP/1.1 was made that would have said so
      socket.setSocket(stream, Buffer.alloc(0), { maxPayload: 1 << 20, skipUTF8Validation: false });
      talk(socket)();
    });
    stream.on('error', (error) => say({ error: String(error) }));
  });
}
