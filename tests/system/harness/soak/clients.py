"""The soak's clients: each opens a connection of some kind, makes some calls, and leaves, politely or not."""

import asyncio
import contextlib
import os
import random
import re
import ssl

import h2.errors
import h2.events

from .h2peer import Peer
from .upstream import GONE, pattern, reset

HOST = "bedrock-runtime.us-east-1.amazonaws.com"
BAD = {"refused": "bedrock-runtime.eu-west-1.amazonaws.com", "broken": "bedrock-runtime.eu-west-2.amazonaws.com",
       "babbling": "bedrock-runtime.eu-west-3.amazonaws.com"}

WHOLE = {"ok", "stream", "slow", "close", "early", "dirty"}  # is answered, all of it
NONE = {"reset0", "reset1", "garbage", "hundred"}            # is refused, since the upstream gave no answer
TORN = {"reset2", "short", "badchunk"}                       # breaks inside the answer
ACTS = ["ok"] * 8 + ["stream"] * 3 + ["slow"] * 2 + sorted(WHOLE - {"ok", "stream", "slow"}) + sorted(NONE) + sorted(TORN)
H2_ACTS = ["ok"] * 8 + ["stream"] * 3 + ["slow"] * 2 + ["reset0", "reset2"]
KINDS = (["connect"] * 3 + ["absolute"] * 3 + ["gateway"] * 3 + ["direct"] * 3 + ["h2"] * 4 + ["connect_h2"] * 2 +
         ["tunnel"] * 2 + ["websocket"] * 2 + ["plain", "bad_host", "malformed", "silent"])
PATIENCE = 180.0  # for one call: longer than anything takes that is not stuck


class Ledger:
    """What was asked and what came of it; `problems` is what must not be."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.calls = {}    # identity: [kind, act, what came of it]
        self.kinds = {}    # how many connections of each
        # Whose connection the upstream closed just as it was used again (RFC 9112 section 9.3.1): they are told so, since
        # nothing is sent twice. It must not have read a word of theirs.
        self.raced = []
        self.problems = []
        self.open = self.most_open = 0

    def new(self, kind, act):
        identity = f"{len(self.calls):x}x{self.random.getrandbits(40):x}"
        self.calls[identity] = [kind, act, "sent"]
        return identity

    def came(self, identity, what):
        self.calls[identity][2] = what

    def problem(self, text):
        self.problems.append(text)


class Response:
    def __init__(self):
        self.status, self.head, self.body, self.whole = None, b"", b"", False

    async def read(self, reader):
        """As much as comes; `whole` says whether that was all."""
        with contextlib.suppress(*GONE):
            while self.status is None or 100 <= self.status < 200:
                self.head = await reader.readuntil(b"\r\n\r\n")
                self.status = int(self.head.split(b" ", 2)[1])
                if self.status == 101:
                    self.whole = True
                    return self
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", self.head)
            if length:
                try:
                    self.body = await reader.readexactly(int(length[1]))
                except asyncio.IncompleteReadError as torn:
                    self.body = torn.partial
                    return self
            elif b"chunked" in self.head.lower():
                while size := int(await reader.readuntil(b"\r\n"), 16):
                    self.body += (await reader.readexactly(size + 2))[:-2]
                await reader.readuntil(b"\r\n")
            self.whole = True
        return self

    @property
    def refused(self):
        return b"\r\nborehole-error: " in self.head

    @property
    def closes(self):
        return b"\r\nconnection: close" in self.head.lower()


class Load:
    def __init__(self, ledger, address, contexts):
        self.ledger, self.address, self.contexts = ledger, address, contexts
        self.random = ledger.random
        self.ending = False

    async def actor(self):
        """One connection after another until the load ends."""
        await asyncio.sleep(self.random.random() * 2)
        while not self.ending:
            kind = self.random.choice(KINDS)
            self.ledger.kinds[kind] = self.ledger.kinds.get(kind, 0) + 1
            self.ledger.open += 1
            self.ledger.most_open = max(self.ledger.most_open, self.ledger.open)
            writers = []
            try:
                await asyncio.wait_for(getattr(self, "do_" + kind)(writers), PATIENCE)
            except asyncio.TimeoutError:
                self.ledger.problem(f"a connection of kind {kind} was stuck for {PATIENCE:g} s")
            except (*GONE, ssl.SSLError):
                pass  # the other side may leave: what was promised is judged per call
            finally:
                self.ledger.open -= 1
                for writer in writers:
                    self.leave(writer)

    def leave(self, writer):
        with contextlib.suppress(OSError, RuntimeError):
            if self.random.random() < 0.3:
                reset(writer)
            else:
                writer.close()

    async def pause(self, most=0.6):
        if not self.ending:
            await asyncio.sleep(self.random.random() * most)

    async def open(self, writers):
        reader, writer = await asyncio.open_connection(*self.address, limit=1 << 20)
        writers.append(writer)
        return reader, writer

    async def open_tls(self, writers, alpn, connect, host=HOST):
        """None: the proxy refused the CONNECT."""
        reader, writer = await self.open(writers)
        if connect:
            writer.write(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head:
                self.ledger.problem(f"CONNECT to {host} was answered with {head!r}")
                return None
        await writer.start_tls(self.contexts[alpn], server_hostname=host, ssl_handshake_timeout=120)
        return reader, writer

    # ---- HTTP/1.1

    def request(self, kind, identity, act, host=HOST):
        size = self.random.choice((0, 10, 1000, 30000, 200000 if self.random.random() < 0.1 else 5000))
        if act in TORN:
            size += 1  # an empty chunk would end it
        path = f"/soak/{identity}/{act}/{size}"
        target = {"absolute": f"https://{host}{path}", "gateway": "/service/standard" + path,
                  "plain": f"http://plain.soak{path}"}.get(kind, path)
        body = pattern(identity, self.random.choice((0, 20, 3000, 60000)))
        fields = f"Host: {'plain.soak' if kind == 'plain' else host}\r\n"
        if self.random.random() < 0.3:
            fields += "Transfer-Encoding: chunked\r\n"
            body = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
        else:
            fields += f"Content-Length: {len(body)}\r\n"
        return f"POST {target} HTTP/1.1\r\n{fields}\r\n".encode(), body, size

    async def exchange(self, kind, reader, writer, act=None, host=HOST):
        """One call; False: the connection is of no more use."""
        act = act or self.random.choice(ACTS)
        identity = self.ledger.new(kind, act)
        head, body, size = self.request(kind, identity, act, host)
        vanish = self.random.choice(("head", "wait", "answer")) if self.random.random() < 0.08 else None
        writer.write(head)
        if vanish == "head":
            writer.write(body[:len(body) // 2])
            self.ledger.came(identity, "left")
            await asyncio.sleep(0.01)
            return False
        writer.write(body)
        if vanish:
            self.ledger.came(identity, "left")
            if vanish == "answer":
                await reader.read(50)
            return False
        response = await Response().read(reader)
        self.judge(identity, act, size, response)
        await self.pause()
        return response.whole and not response.closes

    def judge(self, identity, act, size, response):
        what = ("refused" if response.refused else "answered") if response.whole else "torn"
        self.ledger.came(identity, what if response.status else "nothing")
        right = response.body == pattern(identity, size)
        if act in WHOLE and what == "refused" and b"\r\nborehole-error: upstream_closed\r\n" in response.head:
            self.ledger.raced.append(identity)
            return
        if act in WHOLE:
            good = what == "answered" and response.status == 200 and right
        elif act in NONE or act in BAD:
            good = what == "refused" and response.status == 502
        else:
            good = what == "torn" or (what == "refused" and response.status == 502)
        if not good:
            self.ledger.problem(f"{self.ledger.calls[identity]} of {identity}: {response.head!r}, {len(response.body)} "
                                f"octets of {size}{'' if right else ', others than the right ones'}")

    async def exchanges(self, kind, reader, writer):
        for _ in range(self.random.randint(1, 5)):
            if not await self.exchange(kind, reader, writer):
                return

    async def do_connect(self, writers):
        if opened := await self.open_tls(writers, "h1", True):
            await self.exchanges("connect", *opened)

    async def do_direct(self, writers):
        await self.exchanges("direct", *await self.open_tls(writers, "h1", False))

    async def do_absolute(self, writers):
        await self.exchanges("absolute", *await self.open(writers))

    async def do_gateway(self, writers):
        await self.exchanges("gateway", *await self.open(writers))

    async def do_plain(self, writers):
        await self.exchanges("plain", *await self.open(writers))

    async def do_bad_host(self, writers):
        act = self.random.choice(sorted(BAD))
        if self.random.random() < 0.5:
            await self.exchange("absolute", *await self.open(writers), act, BAD[act])
        else:
            await self.exchange("direct", *await self.open_tls(writers, "h1", False, BAD[act]), act, BAD[act])

    async def do_websocket(self, writers):
        opened = await self.open_tls(writers, "h1", self.random.random() < 0.5)
        if not opened:
            return
        reader, writer = opened
        identity = self.ledger.new("websocket", "ws")
        writer.write(f"GET /soak/{identity}/ws/0 HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\n"
                     f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode())
        response = await Response().read(reader)
        if response.status != 101:
            self.ledger.problem(f"a WebSocket was answered with {response.head!r}")
            return
        for number in range(self.random.randint(1, 8)):
            data, mask = pattern(f"{identity}{number}", self.random.randint(0, 125)), os.urandom(4)
            writer.write(bytes([0x82, 0x80 | len(data)]) + mask + bytes(o ^ mask[i % 4] for i, o in enumerate(data)))
            if await reader.readexactly(2 + len(data)) != bytes([0x82, len(data)]) + data:
                self.ledger.problem(f"a frame of {identity} came back altered")
            await self.pause()
        self.ledger.came(identity, "left")
        if self.random.random() < 0.7:
            writer.write(bytes([0x88, 0x80]) + os.urandom(4))
            await reader.readexactly(2)
            self.ledger.came(identity, "closed")

    # ---- HTTP/2

    async def do_h2(self, writers):
        await self.streams("h2", *await self.open_tls(writers, "h2", False))

    async def do_connect_h2(self, writers):
        if opened := await self.open_tls(writers, "h2", True):
            await self.streams("connect_h2", *opened)

    async def streams(self, kind, reader, writer):
        if writer.get_extra_info("ssl_object").selected_alpn_protocol() != "h2":
            self.ledger.problem("HTTP/2 was not agreed on")
            return
        answers, done = {}, {}

        def on_event(event):
            stream = getattr(event, "stream_id", None)
            answer = answers.get(stream)
            if answer is None:
                return
            if isinstance(event, h2.events.ResponseReceived):
                fields = dict(event.headers)
                answer.status = int(fields[":status"])
                answer.head = "".join(f"\r\n{n}: {v}" for n, v in fields.items()).encode()
            elif isinstance(event, h2.events.DataReceived):
                answer.body += event.data
            elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                answer.whole = isinstance(event, h2.events.StreamEnded)
                done[stream].set()

        peer = Peer(reader, writer, True, on_event)
        running = asyncio.ensure_future(peer.run())
        try:
            for _ in range(self.random.randint(1, 3)):
                killed = self.random.random() < 0.05
                acts = [self.random.choice(H2_ACTS) for _ in range(self.random.randint(1, 6))]
                if killed:
                    acts[-1] = "reset1"
                await asyncio.gather(*(self.stream(kind, peer, act, killed, answers, done) for act in acts))
                if killed or peer.gone.is_set():
                    return
                await self.pause()
        finally:
            running.cancel()

    async def stream(self, kind, peer, act, killed, answers, done):
        identity = self.ledger.new(kind, act)
        size = self.random.choice((0, 10, 1000, 30000, 120000))
        stream = peer.state.get_next_available_stream_id()
        answers[stream], done[stream] = Response(), asyncio.Event()
        body = pattern(identity, self.random.choice((0, 20, 3000, 60000)))
        peer.headers(stream, [(":method", "POST"), (":scheme", "https"), (":authority", HOST),
                              (":path", f"/soak/{identity}/{act}/{size}")])
        if not await peer.body(stream, body):
            self.ledger.came(identity, "nothing")
            if not killed:
                self.ledger.problem(f"{self.ledger.calls[identity]} of {identity}: its request was not taken")
            return
        if self.random.random() < 0.08:
            self.ledger.came(identity, "left")
            with contextlib.suppress(*GONE, KeyError):
                peer.reset(stream, h2.errors.ErrorCodes.CANCEL)
            return
        waits = [asyncio.ensure_future(e.wait()) for e in (done[stream], peer.gone)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for one in waits:
            one.cancel()
        answer = answers[stream]
        what = ("refused" if answer.refused else "answered") if answer.whole else "torn"
        self.ledger.came(identity, what if answer.status else "nothing")
        right = answer.body == pattern(identity, size)
        good = act == "reset1" or killed or what == "torn" if act not in WHOLE else (
            killed or (what == "answered" and answer.status == 200))
        if not good or (what == "answered" and not right):
            self.ledger.problem(f"{self.ledger.calls[identity]} of {identity}: {answer.head!r}, {len(answer.body)} "
                                f"octets of {size}{'' if right else ', others than the right ones'}")

    # ---- what leaves no record

    async def do_tunnel(self, writers):
        reader, writer = await self.open(writers)
        writer.write(b"CONNECT tunnel.soak:7777 HTTP/1.1\r\nHost: tunnel.soak:7777\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head:
            self.ledger.problem(f"a tunnel was answered with {head!r}")
            return
        for number in range(self.random.randint(1, 6)):
            data = pattern(f"tunnel{number}", self.random.choice((1, 100, 50000)))
            writer.write(data)
            if await reader.readexactly(len(data)) != data:
                self.ledger.problem("octets of a tunnel came back altered")
            await self.pause()

    async def do_malformed(self, writers):
        """Leaves records that name nobody, or none."""
        reader, writer = await self.open(writers)
        writer.write(self.random.choice((b"\x00\x01\x02 nothing\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                                         b"\x16\x03\x01\x02\x00\x01", b"POST /x HTTP/1.1\r\nContent-Length: z\r\n\r\n",
                                         b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nno frames at all", b"GET http://")))
        if self.random.random() < 0.5:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(reader.read(4096), 1)

    async def do_silent(self, writers):
        await self.open(writers)
        await self.pause(2)
