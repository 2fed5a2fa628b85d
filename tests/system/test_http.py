"""HTTP/1.1 as it may be: pipelining, old clients, ends by close, upgrades, and what must not be taken for a message."""

import threading

from harness import bedrock, check, wire, ways
from harness.proxy import HOST
from harness.runner import test


def plain(request, reply):
    request.read_body(reply)
    reply.respond(200, [("X-Target", request.target)], f"answer to {request.target}".encode())


@test(each=ways.KINDS)
def pipelined_requests_are_answered_in_order(t, way):
    up = t.upstream(handler=plain)
    stream = way.open(t.proxy(up))
    requests = []
    for i in range(50):
        body = b"x" * (i * 37)
        requests.append(f"POST {way.target(f'/model/{i}/invoke')} HTTP/1.1\r\nHost: {HOST}\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    stream.send(b"".join(requests))
    for i in range(50):
        answer = wire.read_response(stream)
        check.equal(answer.body, f"answer to /model/{i}/invoke".encode(), f"answer {i}")
    check.equal([len(r.body) for r in up.requests], [i * 37 for i in range(50)], "bodies upstream")


@test(each=ways.KINDS)
def connection_close_by_the_client(t, way):
    up = t.upstream(handler=plain)
    proxy = t.proxy(up)
    stream = way.open(proxy)
    stream.send(f"GET {way.target('/a')} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
    check.equal(wire.read_response(stream).status, 200, "status")
    check.equal(stream.recv(), b"", "a clean end behind the answer")


@test(each=ways.KINDS)
def connection_close_by_the_upstream(t, way):
    up = t.upstream()

    def handler(request, reply):
        request.read_body(reply)
        reply.respond(200, [("Connection", "close")], b"last")
        reply.finish()

    up.handler = handler
    proxy = t.proxy(up)
    stream = way.open(proxy)
    for i in range(3):
        stream.send(f"GET {way.target('/a')} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        answer = wire.read_response(stream)
        check.equal((answer.status, answer.body), (200, b"last"), f"answer {i}")
        # The upstream's close is its own: the client may be kept, if it was not told otherwise.
        if (answer.get("connection") or "").lower() == "close":
            check.equal(stream.recv(), b"", "told to close, so closed")
            stream = way.open(proxy)
    check.equal(len([c for c in up.connections if c.requests]), 3, "connections that carried requests")


@test(each=ways.KINDS)
def http_1_0_client(t, way):
    up = t.upstream(handler=plain)
    stream = way.open(t.proxy(up))
    stream.send(f"GET {way.target('/old')} HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
    answer = wire.read_response(stream)
    check.equal((answer.status, answer.body), (200, b"answer to /old"), "the answer")
    check.equal(stream.recv(), b"", "HTTP/1.0 ends with the answer")


@test(each=ways.KINDS)
def http_1_0_client_that_keeps_alive(t, way):
    up = t.upstream(handler=plain)
    stream = way.open(t.proxy(up))
    stream.send(f"GET {way.target('/old')} HTTP/1.0\r\nHost: {HOST}\r\nConnection: keep-alive\r\n\r\n".encode())
    check.equal(wire.read_response(stream).status, 200, "the answer")


@test(each=ways.KINDS)
def body_until_close(t, way):
    up = t.upstream()

    def handler(request, reply):
        request.read_body(reply)
        reply.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nall of ")
        reply.send(b"it, until the end")
        reply.finish()

    up.handler = handler
    proxy = t.proxy(up)
    stream = way.open(proxy)
    stream.send(f"GET {way.target('/a')} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    answer = wire.read_response(stream)   # reads to the end, which must be a clean one
    check.equal(answer.body, b"all of it, until the end", "the body")
    check.equal(answer.head.raw, b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n", "the head, as sent")
    check.equal(proxy.call()["outcome"], "complete", "outcome")


@test(each=ways.KINDS)
def http_1_0_upstream(t, way):
    up = t.upstream()

    def handler(request, reply):
        request.read_body(reply)
        reply.send(b"HTTP/1.0 200 OK\r\nX: y\r\n\r\nold server")
        reply.finish()

    up.handler = handler
    stream = way.open(t.proxy(up))
    stream.send(f"GET {way.target('/a')} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    check.equal(wire.read_response(stream).body, b"old server", "the body")


@test(each=ways.KINDS)
def several_interim_responses(t, way):
    up = t.upstream()
    seen = threading.Event()

    def handler(request, reply):
        request.read_body(reply)
        reply.send(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n")
        check.true(seen.wait(20), "the client saw the interim answers before the final one")
        reply.respond(200, [], b"done")

    up.handler = handler
    stream = way.open(t.proxy(up))
    stream.send(f"GET {way.target('/a')} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    check.equal(wire.read_head(stream).start, "HTTP/1.1 102 Processing", "the first")
    check.equal(wire.read_head(stream).get("link"), "</a>; rel=preload", "the second")
    seen.set()
    check.equal(wire.read_response(stream).body, b"done", "the answer")


@test(each=ways.KINDS)
def upgrade_switches_or_is_declined(t, way):
    """Upgrade is named by Connection, so it is not passed on: an upstream then answers as HTTP. Should it switch all
    the same (101), what follows is passed on untouched."""
    up = t.upstream()

    def handler(request, reply):
        request.read_body(reply)
        if request.get("upgrade"):
            reply.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
            while data := reply.stream.recv():
                reply.send(data)
            reply.finish()
        reply.respond(200, [], b"no switch")

    up.handler = handler
    stream = way.open(t.proxy(up))
    stream.send(f"GET {way.target('/a')} HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n".encode())
    answer = wire.read_response(stream, "GET")
    if answer.status == 101:
        stream.send(b"\x00\x01 not HTTP \r\n\r\n")
        check.equal(stream.read_exactly(16), b"\x00\x01 not HTTP \r\n\r\n"[:16], "the echo behind 101")
    else:
        check.equal((answer.status, answer.body), (200, b"no switch"), "the answer without a switch")
        stream.send(f"GET {way.target('/b')} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        check.equal(wire.read_response(stream).status, 200, "the connection goes on")


@test(each=ways.KINDS)
def octets_behind_an_answer_are_not_an_answer(t, way):
    """An upstream that says more than it was asked must not answer the next request with it."""
    up = t.upstream()

    def handler(request, reply):
        request.read_body(reply)
        if request.target == "/first":
            reply.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                       b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
        else:
            reply.respond(200, [], b"honest")

    up.handler = handler
    proxy = t.proxy(up)
    stream = way.open(proxy)
    stream.send(f"GET {way.target('/first')} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    check.equal(wire.read_response(stream).body, b"ok", "the first answer")
    try:
        stream.send(f"GET {way.target('/second')} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        answer = wire.read_response(stream)
    except ConnectionError:
        return  # ending the connection is as good
    check.true(b"forged" not in answer.body, f"the forged answer came: {answer!r}")


@test(each=ways.KINDS)
def every_method_passes(t, way):
    up = t.upstream(handler=plain)
    stream = way.open(t.proxy(up))
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "M-SEARCH"):
        stream.send(f"{method} {way.target('/any')} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 3\r\n\r\nabc".encode())
        answer = wire.read_response(stream, method)
        check.equal(answer.status, 200, f"{method}: {answer!r}")
        check.equal((up.requests[-1].method, up.requests[-1].body), (method, b"abc"), f"{method} upstream")


@test(each=ways.KINDS)
def octet_by_octet_both_ways(t, way):
    up = t.upstream()
    sent = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + wire.chunked(b"abc", b"defgh" * 10)

    def handler(request, reply):
        request.read_body(reply)
        for octet in sent:
            reply.send(bytes([octet]))

    up.handler = handler
    stream = way.open(t.proxy(up))
    head, body = bedrock.signed_request("invoke", [b"a", b"bc"], framing="chunked", target_of=way.target)
    for octet in head + body:
        stream.send(bytes([octet]))
    check.equal(stream.read_exactly(len(sent)), sent, "the response's octets")
    check.equal(up.requests[0].raw_body, body, "the request's body")


@test
def absolute_form_with_an_empty_path(t):
    up = t.upstream(handler=plain)
    proxy = t.proxy(up)
    stream = wire.connect(proxy.address)
    stream.send(f"GET https://{HOST} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    check.equal(wire.read_response(stream).status, 200, "status")
    check.equal(up.requests[0].target, "/", "the target upstream")
    stream.send(f"GET https://{HOST}?q=1 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    check.equal(wire.read_response(stream).status, 200, "status with a query alone")
    check.equal(up.requests[-1].target, "/?q=1", "the target upstream")


@test
def options_of_a_whole_server(t):
    """RFC 9112 section 3.2.4: the absolute form without a path becomes the asterisk."""
    up = t.upstream(handler=plain)
    proxy = t.proxy(up)
    stream = wire.connect(proxy.address)
    stream.send(f"OPTIONS https://{HOST} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    check.equal(wire.read_response(stream).status, 200, "through the proxy")
    check.equal(up.requests[-1].target, "*", "the target upstream")
    inner = ways.CONNECT.open(proxy)
    inner.send(f"OPTIONS * HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    check.equal(wire.read_response(inner).status, 200, "inside CONNECT")
    check.equal(up.requests[-1].target, "*", "the target upstream, inside CONNECT")


@test
def absolute_form_spelled_otherwise(t):
    up = t.upstream(handler=plain)
    proxy = t.proxy(up)
    stream = wire.connect(proxy.address)
    for target, host in ((f"HTTPS://{HOST.upper()}/A", HOST), (f"https://{HOST}:443/a", HOST),
                         (f"https://{HOST}/a", f"{HOST}:443")):
        stream.send(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        check.equal(wire.read_response(stream).status, 200, f"{target} with Host {host}")
        check.equal(up.requests[-1].get("host"), host, "Host upstream, as sent")


@test
def hosts_alternate_on_one_connection(t):
    other_host = "bedrock-runtime.eu-west-1.amazonaws.com"
    up, other = t.upstream(handler=plain), t.upstream(handler=plain)
    proxy = t.proxy(up, resolve={f"{other_host}:443": other.address})
    stream = wire.connect(proxy.address)
    for i in range(20):
        host = (HOST, other_host)[i % 2]
        stream.send(f"GET https://{host}/{i} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        check.equal(wire.read_response(stream).body, f"answer to /{i}".encode(), f"answer {i}")
    check.equal((len(up.requests), len(other.requests)), (10, 10), "requests at each")
    check.equal((len(up.connections), len(other.connections)), (1, 1), "connections to each: they are kept")
