"""WebSocket frames (RFC 6455 section 5.2) and an upstream that echoes messages, over HTTP/1.1 (101) and HTTP/2 (RFC 8441)."""

import base64
import hashlib
import struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept(key):
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID).digest()).decode()


def frame(opcode, payload, final=True):
    """As an upstream sends it: not masked."""
    size = len(payload)
    if size < 126:
        length = bytes([size])
    elif size < 65536:
        length = b"\x7e" + struct.pack("!H", size)
    else:
        length = b"\x7f" + struct.pack("!Q", size)
    return bytes([(0x80 if final else 0) | opcode]) + length + payload


def split(data):
    """Complete frames at the front of `data` as (opcode, payload without mask), and the rest."""
    frames = []
    while len(data) >= 2:
        at, size = 2, data[1] & 0x7F
        extra = {126: 2, 127: 8}.get(size, 0)
        masked = data[1] >> 7
        if len(data) < at + extra + 4 * masked:
            break
        if extra:
            size = int.from_bytes(data[at:at + extra], "big")
            at += extra
        key = data[at:at + 4 * masked]
        at += 4 * masked
        if len(data) < at + size:
            break
        payload = data[at:at + size]
        if masked:
            payload = bytes(octet ^ key[i % 4] for i, octet in enumerate(payload))
        frames.append((data[0] & 0x0F, payload))
        data = data[at + size:]
    return frames, data


class Echo:
    """A handler that accepts, sends each message back in two frames, answers pings, and closes when it is asked to."""

    def __init__(self):
        self.frames = []  # that came, unmasked

    def __call__(self, request, reply):
        request_key = request.get("sec-websocket-key")
        if request_key:
            request.read_body()
            reply.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                       b"Sec-WebSocket-Accept: " + accept(request_key).encode() + b"\r\n\r\n")
            self._echo(reply.stream.recv, reply.send)
            return reply.finish()
        reply.head(200)
        self._echo(lambda: request.next_piece() or b"", reply.body)
        return reply.body(b"", True)

    def _echo(self, receive, send):
        held = b""
        while piece := receive():
            frames, held = split(held + piece)
            for opcode, payload in frames:
                self.frames.append((opcode, payload))
                if opcode == CLOSE:
                    return send(frame(CLOSE, payload))
                if opcode == PING:
                    send(frame(PONG, payload))
                elif opcode in (TEXT, BINARY):
                    middle = len(payload) // 2
                    send(frame(opcode, payload[:middle], False) + frame(CONTINUATION, payload[middle:]))
        return None
