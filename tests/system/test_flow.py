"""Back-pressure and numbers: memory stays small whatever readers and writers do."""

import hashlib
import json
import threading
import time

from harness import bedrock, check, wire, ways
from harness.proxy import HOST
from harness.runner import test

MIB = 1 << 20
# What one stalled call may hold: two marks of 256 KiB, socket buffers' copies, TLS records, and the allocator's slack.
BOUND = 32 * MIB


def bound(t):
    return BOUND * (4 if t.sanitizer == "thread" else 1)  # it keeps shadows of every octet that was touched


QUIET = {"ASAN_OPTIONS": "quarantine_size_mb=8"}  # freed memory that ASan holds back is not the program's


class Sender:
    """An upstream handler that sends `size` octets as fast as they are taken and counts them."""

    def __init__(self, up, size):
        self.up = up
        self.size = size
        self.sent = 0
        self.block = hashlib.sha256(b"block").digest() * 2048  # 64 KiB

    def __call__(self, request, reply):
        request.read_body(reply)
        reply.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % self.size)
        while self.sent < self.size:
            part = self.block[:self.size - self.sent]
            reply.send(part)
            self.sent += len(part)


def until_still(number, about, seconds=60):
    """Waits until a number has not changed for a while; gives it."""
    deadline = time.monotonic() + seconds
    last, since = number(), time.monotonic()
    while time.monotonic() - since < 1.0:
        time.sleep(0.02)
        now = number()
        if now != last:
            last, since = now, time.monotonic()
        if time.monotonic() > deadline:
            raise AssertionError(f"{about} never came to rest")
    return last


@test(each=[ways.CONNECT, ways.GATEWAY], limit=400, alone=True)
def a_gigabyte_to_a_reader_that_stops(t, way):
    up = t.upstream()
    up.handler = sender = Sender(up, 1 << 30)
    proxy = t.proxy(up, environment=QUIET)
    warm = way.open(proxy)      # what a first call costs is not counted
    up.handler = up.bedrock.answer
    head, body = bedrock.signed_request("invoke", target_of=way.target)
    warm.send(head + body)
    check.equal(wire.read_response(warm).status, 200, "a first call")
    up.handler = sender
    before = proxy.resident()
    stream = way.open(proxy)
    stream.send(f"GET {way.target('/big')} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    response, status = wire.read_response_head(stream)
    check.equal(status, 200, "status")
    stopped = until_still(lambda: sender.sent, "the upstream's sending")
    check.true(stopped < 64 * MIB, f"the upstream could send {stopped / MIB:.0f} MiB to a reader that reads nothing")
    growth = proxy.resident() - before
    check.true(growth < bound(t), f"memory grew by {growth / MIB:.1f} MiB while the reader stood still")
    got = 0
    peak = 0
    while got < 1 << 30:
        data = stream.recv(MIB)
        check.true(data, f"an early end at {got}")
        got += len(data)
        if got % (64 * MIB) < len(data):
            peak = max(peak, proxy.resident())
    check.equal((got, sender.sent), (1 << 30, 1 << 30), "octets received and sent")
    check.true(peak - before < bound(t), f"memory grew by {(peak - before) / MIB:.1f} MiB while 1 GiB went through")
    check.equal(proxy.calls(2)[-1]["response"]["body_bytes"], 1 << 30, "body_bytes in the record")


@test(each=[ways.ABSOLUTE_TLS, ways.GATEWAY], limit=120, alone=True)
def a_big_body_to_an_upstream_that_stops(t, way):
    size = 256 * MIB
    up = t.upstream()
    go = threading.Event()
    t.defer(go.set)
    counted = []

    def handler(request, reply):
        go.wait(100)
        left = size
        while left:
            left -= len(request.connection.stream.recv(min(left, MIB)))
        counted.append(size - left)
        request._body = wire.Body()
        reply.respond(200, [], b"all of it")

    up.handler = handler
    proxy = t.proxy(up, environment=QUIET)
    stream = way.open(proxy)
    before = proxy.resident()
    stream.send(f"POST {way.target('/big')} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {size}\r\n\r\n".encode())
    sent = [0]

    def send():
        block = b"x" * MIB
        for _ in range(size // MIB):
            stream.socket.settimeout(None)
            stream.send(block)
            sent[0] += MIB

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    stopped = until_still(lambda: sent[0], "the client's sending")
    check.true(stopped < 64 * MIB, f"the client could send {stopped / MIB:.0f} MiB to an upstream that reads nothing")
    growth = proxy.resident() - before
    check.true(growth < bound(t), f"memory grew by {growth / MIB:.1f} MiB while the upstream stood still")
    go.set()
    thread.join(60)
    check.equal(wire.read_response(stream).body, b"all of it", "the answer")
    check.equal(counted, [size], "octets upstream")


@test
def a_stalled_call_does_not_hold_others(t):
    up = t.upstream()
    big = Sender(up, 256 * MIB)
    up.handler = lambda request, reply: (big if request.target == "/big" else up.bedrock.answer)(request, reply)
    proxy = t.proxy(up)
    stalled = [ways.CONNECT.open(proxy) for _ in range(3)]
    for stream in stalled:
        stream.send(f"GET /big HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    up.wait_for_requests(3)
    stream = ways.CONNECT.open(proxy)
    for _ in range(100):
        head, body = bedrock.signed_request("invoke")
        stream.send(head + body)
        check.equal(wire.read_response(stream).status, 200, "a call beside stalled ones")
    for one in stalled:
        one.abort()
    # Their upstream side ends too: nobody reads it any more.
    up.wait(lambda: all(c.client_end for c in up.connections if c.requests and c.requests[0].target == "/big"),
            "the stalled upstream connections are ended")
    up.problems.clear()


@test(limit=300, alone=True)
def a_thousand_idle_connections(t):
    """Opened by CONNECT with TLS inside, one call each, then idle; the proxy still serves and ends them well."""
    up = t.upstream()
    # On a busy machine opening them takes longer than a first request may.
    proxy = t.proxy(up, environment=QUIET, config={"limits": {"head_timeout": "300s", "idle_timeout": "300s"}})
    context = ways.trusting(proxy)
    count = 1000
    before = None
    held = []
    failures = []
    lock = threading.Lock()

    def open_some(number):
        try:
            for _ in range(number):
                stream = wire.connect(proxy.address, 60)
                answer = ways.send_connect(stream, f"{HOST}:443")
                check.equal(answer.status, 200, "CONNECT")
                inner = wire.TlsStream(stream, context, server_name=HOST)
                with lock:
                    held.append(inner)
        except Exception as error:  # pylint: disable=broad-except
            failures.append(repr(error))

    open_some(10)
    before = proxy.resident()
    threads = [threading.Thread(target=open_some, args=((count - 10) // 10,)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check.equal((failures, len(held)), ([], count), "failures and connections")
    each = (proxy.resident() - before) / (count - 10)
    limit = {None: 160, "address": 400, "thread": 1600}[t.sanitizer] << 10
    check.true(each < limit, f"an idle opened connection takes {each / 1024:.0f} KiB")
    head, body = bedrock.signed_request("invoke")
    for stream in held[::50]:
        stream.send(head + body)
        answer = wire.read_response(stream)
        check.equal((answer.status, json.loads(answer.body)["stop_reason"]), (200, "end_turn"), "a call on one of them")
    for stream in held:
        stream.close()
    check.eventually(lambda: proxy.descriptors() < 300, "the proxy let go of the connections", 30)


@test
def many_small_chunks(t):
    up = t.upstream()

    def handler(request, reply):
        request.read_body(reply)
        reply.start_chunked(200, [])
        for i in range(20000):
            reply.chunk(b"%05d" % i)
        reply.end_chunks()

    up.handler = handler
    stream = ways.CONNECT.open(t.proxy(up))
    stream.send(f"GET /a HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    check.equal(wire.read_response(stream).body, b"".join(b"%05d" % i for i in range(20000)), "the body")


@test(each=ways.KINDS)
def both_directions_at_once(t, way):
    """A bidirectional exchange: the answer streams while the request still does."""
    up = t.upstream()
    size = 8 * MIB

    def handler(request, reply):
        reply.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        left = size
        while left:
            data = request.connection.stream.recv(min(left, 65536))
            left -= len(data)
            reply.send(data)
        request._body = wire.Body()

    up.handler = handler
    stream = way.open(t.proxy(up))
    body = bytes(range(256)) * (size // 256)
    stream.send(f"POST {way.target('/echo')} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {size}\r\n\r\n".encode())
    thread = threading.Thread(target=stream.send, args=(body,), daemon=True)
    thread.start()
    check.equal(wire.read_response(stream).body, body, "the echo")
    thread.join(10)
