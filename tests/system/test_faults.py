"""Upstreams and clients that break: what is cut stays cut for the other side, and nothing is sent twice."""

import ssl
import threading

from harness import bedrock, check, wire, ways
from harness.proxy import HOST
from harness.runner import test
from test_admin import Admin

BROKEN = (ConnectionError, ssl.SSLError)


def get(way, target="/a"):
    return f"GET {way.target(target)} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


BODIES = {
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "chunked_inside_a_chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhello",
    "chunked_before_the_last_empty_line": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello",
    "until_close": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello",
}


def ends_abnormally(stream, sent, about):
    """All that was sent arrives, then no end that a client could take for a good one."""
    check.equal(stream.read_exactly(len(sent)), sent, f"{about}: what came before the break")
    try:
        rest = stream.read_to_end()
    except BROKEN:
        return
    raise AssertionError(f"{about}: a clean end, behind {rest!r}")


def seen_as_cut(stream, sent, about):
    """With a length or chunks, an early end of any kind is seen as a break by every client."""
    check.equal(stream.read_exactly(len(sent)), sent, f"{about}: what came before the break")
    try:
        rest = stream.read_to_end()
    except BROKEN:
        rest = b""
    check.equal(rest, b"", f"{about}: octets behind the break")


@test(each=ways.ALL)
def upstream_breaks_inside_a_body(t, way):
    up = t.upstream()
    proxy = t.proxy(up)
    count = 0
    for name, sent in BODIES.items():
        for end in ("cut", "reset", "finish"):
            if name == "until_close" and end == "finish":
                continue   # that is a whole body
            client_has_it = threading.Event()

            def handler(request, reply, sent=sent, end=end, client_has_it=client_has_it):
                request.read_body(reply)
                reply.send(sent)
                client_has_it.wait(20)   # a reset may overtake what was sent before it
                getattr(reply, end)()

            up.handler = handler
            stream = way.open(proxy)
            stream.send(get(way))
            head = stream.read_exactly(len(sent))
            stream.push_back(head)
            client_has_it.set()
            about = f"{name}, {end}"
            (ends_abnormally if name == "until_close" else seen_as_cut)(stream, sent, about)
            count += 1
    check.equal(len(up.requests), count, "requests upstream")
    records = proxy.calls(count)
    check.equal({r["outcome"] for r in records}, {"upstream_failed"}, "outcomes")
    check.equal({r["error"]["fault"] for r in records}, {"upstream"}, "faults")


@test
def plain_upstream_breaks_inside_a_body(t):
    up = t.upstream(tls=False)
    proxy = t.proxy(resolve={"plain.example:80": up.address})
    for name, sent in BODIES.items():
        for end in ("finish", "reset"):
            if name == "until_close" and end == "finish":
                continue
            ready = threading.Event()

            def handler(request, reply, sent=sent, end=end, ready=ready):
                request.read_body(reply)
                reply.send(sent)
                ready.wait(20)
                getattr(reply, end)()

            up.handler = handler
            stream = wire.connect(proxy.address)
            stream.send(b"GET http://plain.example/a HTTP/1.1\r\nHost: plain.example\r\n\r\n")
            stream.push_back(stream.read_exactly(len(sent)))
            ready.set()
            (ends_abnormally if name == "until_close" else seen_as_cut)(stream, sent, f"{name}, {end}")


@test(each=ways.KINDS)
def python_raises_for_a_cut_body(t, way):
    """http.client over the way's stream: an exception for lengths and chunks."""
    import http.client
    import io
    up = t.upstream()
    proxy = t.proxy(up)
    for name in ("chunked", "chunked_inside_a_chunk", "length"):
        up.handler = lambda request, reply, name=name: (request.read_body(reply), reply.send(BODIES[name]), reply.cut())
        stream = way.open(proxy)
        stream.send(get(way))
        data = io.BytesIO()
        try:
            while part := stream.recv():
                data.write(part)
        except BROKEN:
            pass

        class Socket:
            def __init__(self, octets):
                self._octets = octets

            def makefile(self, *_):
                return io.BytesIO(self._octets)

        response = http.client.HTTPResponse(Socket(data.getvalue()), method="GET")
        response.begin()
        with check.raises(http.client.IncompleteRead, ValueError, about=name):
            response.read()


@test(each=ways.KINDS)
def an_idle_upstream_connection_that_closed_is_not_used(t, way):
    up = t.upstream()
    proxy = t.proxy(up)

    def handler(request, reply):
        request.read_body(reply)
        reply.respond(200, [], b"ok")
        reply.finish()     # without saying so in the head: it was idle when it ended

    up.handler = handler
    for i in range(5):
        stream = way.open(proxy)
        stream.send(get(way))
        answer = wire.read_response(stream)
        check.equal((answer.status, answer.body), (200, b"ok"), f"call {i}: {answer!r}")
        up.wait(lambda i=i: all(c.client_end for c in up.connections if c.requests), "the connection is ended on both sides")
        stream.close()
    check.equal(len(up.requests), 5, "requests upstream")


@test(each=["TLSv1_2", "TLSv1_3"])
def tls_sessions_upstream_are_resumed(t, version):
    up = t.upstream(maximum=ssl.TLSVersion[version])

    def handler(request, reply):
        request.read_body(reply)
        reply.respond(200, [("Connection", "close")], b"ok")
        reply.finish()

    up.handler = handler
    proxy = t.proxy(up)
    for i in range(5):
        stream = ways.ABSOLUTE.open(proxy)
        stream.send(get(ways.ABSOLUTE))
        check.equal(wire.read_response(stream).status, 200, f"call {i}")
    check.equal([c.tls_version for c in up.connections], [version.replace("_", ".")] * 5, "versions")
    check.equal(up.connections[0].resumed, False, "the first session is new")
    check.true(all(c.resumed for c in up.connections[1:]), f"resumed: {[c.resumed for c in up.connections]}")


@test(each=ways.KINDS)
def connections_upstream_are_kept_and_shared(t, way):
    up = t.upstream()
    proxy = t.proxy(up)
    for _ in range(5):
        stream = way.open(proxy)
        for _ in range(3):
            head, body = bedrock.signed_request("invoke", target_of=way.target)
            stream.send(head + body)
            check.equal(wire.read_response(stream).status, 200, "a call")
        stream.finish()
        check.equal(stream.read_to_end(), b"", "our end is answered with an end")
    check.equal(len([c for c in up.connections if c.requests]), 1, "connections that carried requests")
    records = proxy.calls(15)
    check.equal([r["upstream"]["reused"] for r in sorted(records, key=lambda r: r["id"])].count(False), 1,
                "calls on a fresh connection")


@test(each=ways.KINDS)
def connections_upstream_are_opened_ahead_of_calls(t, way):
    up = t.upstream()
    proxy = t.proxy(up, config={"upstream": {"warm_connections": 2}})

    def idle():
        return Admin(proxy).metrics().value("borehole_upstream_connections_idle")

    def call():
        stream = way.open(proxy)
        head, body = bedrock.signed_request("invoke", target_of=way.target)
        stream.send(head + body)
        check.equal(wire.read_response(stream).status, 200, "a call")
        stream.finish()

    call()
    # Two are missing while the first call has its own, which comes back.
    up.wait(lambda: len(up.connections) == 3, "two more connections")
    check.eventually(lambda: idle() == 3, "they wait in the pool")
    call()
    check.eventually(lambda: idle() == 3, "one came back")
    check.equal((len(up.connections), len(up.requests)), (3, 2), "connections and requests upstream")


@test(each=ways.KINDS)
def a_request_is_never_sent_twice(t, way):
    up = t.upstream()
    proxy = t.proxy(up)
    stream = way.open(proxy)
    head, body = bedrock.signed_request("invoke", target_of=way.target)
    stream.send(head + body)
    check.equal(wire.read_response(stream).status, 200, "a first call, so that the connection is kept")
    for end in ("reset", "cut", "finish"):
        before = len(up.requests)
        up.handler = lambda request, reply, end=end: (request.read_body(reply), getattr(reply, end)())
        stream = way.open(proxy)
        stream.send(head + body)
        answer = wire.read_response(stream)
        check.equal(answer.status, 502, f"{end}: {answer!r}")
        check.equal(len(up.requests), before + 1, f"{end}: requests upstream")
        up.handler = up.bedrock.answer
        stream = way.open(proxy)
        stream.send(head + body)
        check.equal(wire.read_response(stream).status, 200, "the next call")
    check.equal(len(up.requests), 7, "requests upstream in all")


@test(each=ways.ALL)
def a_client_that_leaves_ends_the_call_upstream(t, way):
    up = t.upstream()
    proxy = t.proxy(up)
    begun = threading.Event()
    seen_end = threading.Event()

    def handler(request, reply):
        request.read_body(reply)
        reply.start_chunked(200, [])
        reply.chunk(b"first")
        begun.set()
        # A plain FIN may be a half-close: only what is sent to a client that has gone tells. So the answer goes on.
        reply.stream.settimeout(0.05)
        try:
            while True:
                try:
                    if not reply.stream.recv():
                        break
                except TimeoutError:
                    reply.chunk(b"more")
        except BROKEN:
            pass
        seen_end.set()
        reply.reset()

    up.handler = handler
    for leave in ("close", "abort", "finish_and_close"):
        begun.clear()
        seen_end.clear()
        stream = way.open(proxy)
        stream.send(get(way))
        head, status = wire.read_response_head(stream)
        check.true(begun.wait(10), "the call has begun")
        if leave == "finish_and_close":
            stream.finish()
            stream.close()
        else:
            getattr(stream, leave)()
        check.true(seen_end.wait(15), f"{leave}: the upstream connection is ended")
    records = proxy.calls(3)
    check.equal({r["outcome"] for r in records}, {"client_aborted"}, "outcomes")


@test(each=ways.KINDS)
def a_client_that_leaves_inside_its_body(t, way):
    up = t.upstream()
    proxy = t.proxy(up)
    stream = way.open(proxy)
    stream.send(f"POST {way.target('/a')} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 100000\r\n\r\n".encode() + b"x" * 10)
    up.wait_for_requests(1)
    stream.abort()
    up.wait(lambda: up.connections[0].client_end, "the upstream connection is ended")
    check.equal(up.requests[0].complete, False, "the request never completed upstream")
    check.equal(proxy.call()["outcome"], "client_aborted", "outcome")


@test(each=ways.KINDS)
def early_answer_to_a_body_that_is_still_coming(t, way):
    """413 before the body is read: the client gets it although it is still sending."""
    up = t.upstream()

    def handler(request, reply):
        reply.respond(413, [("Connection", "close"), ("x-amzn-ErrorType", "ValidationException")], b"too big")
        reply.finish()

    up.handler = handler
    proxy = t.proxy(up)
    stream = way.open(proxy)
    stream.send(f"POST {way.target('/a')} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 100000000\r\n\r\n".encode()
                + b"x" * 100000)
    answer = wire.read_response(stream)
    check.equal((answer.status, answer.body), (413, b"too big"), "the early answer")
    stream.close()


@test(each=ways.KINDS)
def early_answer_and_the_whole_body_all_the_same(t, way):
    """An upstream may answer before it has read the body and read it then: the connection goes on."""
    up = t.upstream()
    proxy = t.proxy(up)

    def handler(request, reply):
        reply.respond(200, [], b"early")
        request.read_body()

    up.handler = handler
    stream = way.open(proxy)
    for _ in range(3):
        stream.send(f"POST {way.target('/a')} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 300000\r\n\r\n".encode())
        answer = wire.read_response(stream)
        check.equal((answer.status, answer.body), (200, b"early"), "the early answer")
        if (answer.get("connection") or "").lower() == "close":
            break
        stream.send(b"x" * 300000)
    up.problems.clear()


@test
def client_that_never_ends_its_head(t):
    proxy = t.proxy(t.upstream(), config={"limits": {"head_timeout": "500ms"}})
    stream = wire.connect(proxy.address)
    stream.send(b"GET /x HTTP/1.1\r\nHost: ")
    try:
        answer = wire.read_response(stream)
        check.equal(answer.status, 408, repr(answer))
    except ConnectionError:
        pass
    check.equal(stream.read_to_end(), b"", "the connection is ended")


@test
def idle_client_connections_are_ended(t):
    proxy = t.proxy(t.upstream(), config={"limits": {"idle_timeout": "600ms", "head_timeout": "600ms"}})
    for way in (ways.ABSOLUTE, ways.CONNECT, ways.DIRECT, ways.GATEWAY_TLS):
        stream = way.open(proxy)
        check.equal(stream.recv(), b"", f"{way}: a clean end")


@test
def garbage_never_harms(t):
    import random
    up = t.upstream()
    proxy = t.proxy(up)
    chance = random.Random(5)
    for i in range(200):
        stream = wire.connect(proxy.address)
        octets = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 600)))
        if i % 3 == 0:
            octets = b"\x16\x03\x01" + octets
        elif i % 3 == 1:
            octets = b"CONNECT " + octets
        try:
            stream.send(octets)
            stream.finish()
            stream.read_to_end()
        except BROKEN:
            pass
        stream.close()
    stream = ways.CONNECT.open(proxy)
    head, body = bedrock.signed_request("invoke")
    stream.send(head + body)
    check.equal(wire.read_response(stream).status, 200, "a call after all that")
