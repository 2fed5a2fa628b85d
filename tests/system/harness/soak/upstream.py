"""The soak's upstream: answers, or breaks, as the path says: `/soak/ID/ACT/SIZE`. In a process of its own.

Counts every identity that reaches it: a request that is sent twice shows here.
"""

import asyncio
import collections
import contextlib
import hashlib
import re
import socket
import struct
import sys

import h2.errors
import h2.events
import h2.exceptions

from .h2peer import Peer

PATH = re.compile(r"/soak/(\w+)/(\w+)/(\d+)")
GONE = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, h2.exceptions.H2Error)


def pattern(identity, size):
    """The body that belongs to an identity."""
    return (hashlib.sha256(identity.encode()).digest() * (size // 32 + 1))[:size]


def reset(writer):
    """RST, whatever is queued."""
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError, AttributeError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Upstream:
    def __init__(self):
        self.seen = collections.Counter()

    # ---- HTTP/1.1

    async def serve(self, reader, writer):
        try:
            tls = writer.get_extra_info("ssl_object")
            if tls is not None and tls.selected_alpn_protocol() == "h2":
                await self.serve_h2(reader, writer)
            else:
                while await self.one(reader, writer):
                    pass
        except GONE:
            pass
        finally:
            with contextlib.suppress(OSError):
                writer.close()

    @staticmethod
    async def read_body(reader, head):
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if length:
            return await reader.readexactly(int(length[1]))
        body = b""
        if re.search(rb"(?i)\r\ntransfer-encoding: *chunked", head):
            while size := int(await reader.readuntil(b"\r\n"), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readuntil(b"\r\n")
        return body

    async def one(self, reader, writer):
        """One exchange; False: the connection is over."""
        head = await reader.readuntil(b"\r\n\r\n")
        found = PATH.search(head.split(b"\r\n")[0].decode("latin-1"))
        if not found:
            writer.write(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
            return True
        identity, act, size = found[1], found[2], int(found[3])
        self.seen[identity] += 1
        body = pattern(identity, size)
        plain = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % size
        chunked = (b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\n"
                   b"Transfer-Encoding: chunked\r\n\r\n")
        if act == "early":  # before the request is complete
            writer.write(plain + body)
        received = await self.read_body(reader, head)
        if act not in ("ws", "early") and received != pattern(identity, len(received)):
            print(f"the body of {identity} arrived altered", file=sys.stderr, flush=True)
            sys.exit(1)
        if act == "reset0":
            reset(writer)
            return False
        if act == "reset1":
            await self.begin(writer, plain[:20])
            reset(writer)
            return False
        if act in ("reset2", "short"):
            await self.begin(writer, plain.replace(b"%d" % size, b"%d" % (size + 10)) + body)
            if act == "reset2":
                reset(writer)
            return False
        if act == "badchunk":
            await self.begin(writer, chunked + b"%x\r\n%s\r\nzz\r\n" % (size, body))
            return False
        if act == "garbage":
            await self.begin(writer, b"\x00\xffno HTTP at all\r\n\r\n")
            return False
        if act == "hundred":
            await self.begin(writer, b"HTTP/1.1 100 Continue\r\n\r\n")
            reset(writer)
            return False
        if act == "ws":
            await self.websocket(reader, writer)
            return False
        if act in ("stream", "slow"):
            writer.write(chunked)
            pause = 0.05 if act == "slow" else 0.01
            for at in range(0, size, max(1, size // 10)):
                piece = body[at:at + max(1, size // 10)]
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                await writer.drain()
                await asyncio.sleep(pause)
            writer.write(b"0\r\n\r\n")
            return True
        # In one piece: what comes later may meet the next request, and would be its answer for all that a proxy can know.
        behind = b"what nobody asked for" if act == "dirty" else b""
        if act != "early":
            writer.write(plain + body + behind)
        await writer.drain()
        return act not in ("close", "dirty")

    @staticmethod
    async def begin(writer, octets):
        """What comes before a break. A break that overtakes it is a fault, too: nothing is judged by the pause."""
        writer.write(octets)
        await writer.drain()
        await asyncio.sleep(0.02)

    @staticmethod
    async def websocket(reader, writer):
        """Sends every frame back, unmasked (RFC 6455 section 5.2; payloads below 126 octets)."""
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        while True:
            first, length = await reader.readexactly(2)
            mask = await reader.readexactly(4)
            data = await reader.readexactly(length & 127)
            plain = bytes(octet ^ mask[i % 4] for i, octet in enumerate(data))
            writer.write(bytes([first, len(plain)]) + plain)
            await writer.drain()
            if first & 15 == 8:
                return

    # ---- HTTP/2

    async def serve_h2(self, reader, writer):
        tasks, requests = set(), {}

        def on_event(event):
            if isinstance(event, h2.events.RequestReceived):
                requests[event.stream_id] = dict(event.headers).get(":path", "")
                found = PATH.search(requests[event.stream_id])
                if found:
                    self.seen[found[1]] += 1
            elif isinstance(event, h2.events.StreamEnded):
                task = asyncio.ensure_future(self.answer_h2(peer, event.stream_id, requests[event.stream_id]))
                tasks.add(task)
                task.add_done_callback(tasks.discard)

        peer = Peer(reader, writer, False, on_event)
        await peer.run()
        for task in list(tasks):
            task.cancel()

    @staticmethod
    async def answer_h2(peer, stream, path):
        with contextlib.suppress(*GONE, KeyError):
            found = PATH.search(path)
            identity, act, size = found[1], found[2], int(found[3])
            body = pattern(identity, size)
            if act == "reset0":
                return peer.reset(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
            if act == "reset1":
                return reset(peer.writer)
            peer.headers(stream, [(":status", "200"), ("content-type", "application/json")])
            if act == "reset2":
                await peer.body(stream, body, end=False)
                return peer.reset(stream, h2.errors.ErrorCodes.CANCEL)
            for at in range(0, size, max(1, size // 4)):
                if not await peer.body(stream, body[at:at + max(1, size // 4)], end=False):
                    return None
                if act in ("stream", "slow"):
                    await asyncio.sleep(0.02)
            await peer.body(stream, b"")
            return None


async def echo(reader, writer):
    with contextlib.suppress(*GONE):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()


async def broken(_reader, writer):
    reset(writer)


async def babbling(_reader, writer):
    with contextlib.suppress(OSError):
        writer.write(b"220 this is no TLS\r\n")
        writer.close()


async def serve(context, boss):
    """`boss`: the end of a multiprocessing pipe, which is told the ports, and, once it has said anything, what was seen."""
    upstream = Upstream()
    loop = asyncio.get_running_loop()
    # Whatever is wrong in a handler is shown; what clients break is none of it.
    loop.set_exception_handler(lambda _, what: isinstance(what.get("exception"), (*GONE, type(None))) or
                               print(f"upstream: {what}", file=sys.stderr, flush=True))
    servers = {}
    for name, handler, tls in (("tls", upstream.serve, context), ("plain", upstream.serve, None), ("echo", echo, None),
                               ("broken", broken, None), ("babbling", babbling, None)):
        servers[name] = await asyncio.start_server(handler, "127.0.0.1", 0, backlog=4096, ssl=tls,
                                                   **({"ssl_handshake_timeout": 120} if tls else {}))
    boss.send({name: server.sockets[0].getsockname()[1] for name, server in servers.items()})
    await loop.run_in_executor(None, boss.recv)
    boss.send(upstream.seen)


def main(context, boss):
    asyncio.run(serve(context, boss))
