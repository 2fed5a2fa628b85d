// One verified TLS connection and one request over it. Options as JSON in argv[2]; prints one JSON line.
import tls from 'node:tls';
import { readFileSync } from 'node:fs';

const options = JSON.parse(process.argv[2]);
const socket = tls.connect({
  host: '127.0.0.1', port: options.port, servername: options.name, ALPNProtocols: ['http/1.1'],
  ca: readFileSync(options.ca),
}, () => {
  process.stdout.write(JSON.stringify({ accepted: true, protocol: socket.getProtocol() }) + '\n');
  process.exit(0);
});
socket.on('error', (error) => {
  process.stdout.write(JSON.stringify({ accepted: false, reason: error.code ?? error.message }) + '\n');
  process.exit(0);
});
