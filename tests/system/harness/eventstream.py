"""application/vnd.amazon.eventstream frames: encoder and decoder (Smithy, "Amazon Event Stream specification")."""

import json
import struct
import zlib


def frame(headers, payload=b""):
    """`headers`: name → string value (type 7)."""
    block = b"".join(struct.pack("!B", len(n)) + n.encode() + b"\x07" + struct.pack("!H", len(v.encode())) + v.encode()
                     for n, v in headers.items())
    prelude = struct.pack("!II", 16 + len(block) + len(payload), len(block))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + block + payload
    return message + struct.pack("!I", zlib.crc32(message))


def event(name, payload):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return frame({":event-type": name, ":content-type": "application/json", ":message-type": "event"}, body)


def exception(name, message):
    return frame({":exception-type": name, ":content-type": "application/json", ":message-type": "exception"},
                 json.dumps({"message": message}).encode())


def split(data):
    """Complete frames at the front of `data` as (headers, payload), and the rest. Headers: strings, octets, times."""
    frames = []
    while len(data) >= 12:
        total, size = struct.unpack("!II", data[:8])
        if len(data) < total:
            break
        if zlib.crc32(data[:8]) != struct.unpack("!I", data[8:12])[0]:
            raise ValueError("prelude CRC")
        if zlib.crc32(data[:total - 4]) != struct.unpack("!I", data[total - 4:total])[0]:
            raise ValueError("message CRC")
        headers, at = {}, 12
        while at < 12 + size:
            length = data[at]
            name = data[at + 1:at + 1 + length].decode()
            at += 1 + length
            kind = data[at]
            if kind == 8:  # milliseconds since 1970
                headers[name], = struct.unpack("!q", data[at + 1:at + 9])
                at += 9
                continue
            if kind not in (6, 7):
                raise ValueError(f"header type {kind}")
            length, = struct.unpack("!H", data[at + 1:at + 3])
            value = data[at + 3:at + 3 + length]
            headers[name] = value.decode() if kind == 7 else value
            at += 3 + length
        frames.append((headers, data[12 + size:total - 4]))
        data = data[total:]
    return frames, data
