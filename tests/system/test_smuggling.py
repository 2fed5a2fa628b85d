"""Messages that two parsers could read differently: requests are refused with 400 and never reach the upstream, responses
become 502 or an abnormal end. The cases are tables of harness/malformed.py."""

import json
import ssl

from harness import check, wire, ways
from harness.malformed import BODIES, FIELDS, H, LINES, RESPONSES
from harness.proxy import HOST
from harness.runner import test


def refused(proxy, stream, octets, about):
    stream.send(octets)
    answer = wire.read_response(stream, "GET")
    check.equal(answer.status, 400, f"{about}: {answer!r}")
    check.equal(answer.get("x-amzn-errortype"), "ValidationException", f"{about}: its type")
    check.true(answer.get("borehole-error"), f"{about}: our code")
    check.true(json.loads(answer.body)["message"], f"{about}: a message")
    # What follows could be anything: the connection must not be read further.
    try:
        rest = stream.read_to_end()
    except ConnectionError:
        rest = b""
    check.equal(rest, b"", f"{about}: octets behind the refusal")
    check.true(proxy.process.poll() is None, "the proxy lives")


@test(each=ways.KINDS)
def ambiguous_fields(t, way):
    up = t.upstream()
    proxy = t.proxy(up)
    for name, fields in FIELDS.items():
        stream = way.open(proxy)
        follow = f"GET {way.target('/smuggled')} HTTP/1.1\r\n{H}\r\n"
        refused(proxy, stream, f"POST {way.target('/x')} HTTP/1.1\r\n{fields}{follow}".encode("latin-1"), name)
    check.equal([r.target for r in up.requests], [], "requests upstream")


@test(each=ways.KINDS)
def malformed_request_lines(t, way):
    up = t.upstream()
    proxy = t.proxy(up)
    for name, line in LINES.items():
        stream = way.open(proxy)
        refused(proxy, stream, f"{line.format(way.target('/x'))}\r\n{H}\r\n".encode("latin-1"), name)
    check.equal([r.target for r in up.requests], [], "requests upstream")


@test(each=ways.KINDS)
def malformed_chunks(t, way):
    """The head is good and may already be upstream; the message must never complete there."""
    up = t.upstream()
    proxy = t.proxy(up)
    for name, body in BODIES.items():
        stream = way.open(proxy)
        head = f"POST {way.target('/x')} HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n"
        stream.send((head + body).encode("latin-1"))
        try:
            answer = wire.read_response(stream)
            check.one_of(answer.status, (400, 431), f"{name}: {answer!r}")
        except ConnectionError:
            pass  # the head was already on its way: an abnormal end says enough
    # Only what came before the fault may have arrived.
    up.wait(lambda: not any(c.client_end is None for c in up.connections if c.requests and not c.requests[-1].complete),
            "connections with a broken request are ended")
    check.equal([r for r in up.requests if r.complete], [], "complete requests upstream")
    up.problems.clear()


@test
def authority_and_host_disagree(t):
    up = t.upstream()
    proxy = t.proxy(up)
    for other in ("bedrock-runtime.eu-west-1.amazonaws.com", "evil.example", f"{HOST}:8443", f"x.{HOST}"):
        for way in (ways.ABSOLUTE, ways.CONNECT, ways.DIRECT):
            stream = way.open(proxy)
            stream.send(f"GET {way.target('/x')} HTTP/1.1\r\nHost: {other}\r\n\r\n".encode())
            answer = wire.read_response(stream)
            check.equal((answer.status, answer.get("x-amzn-errortype")), (400, "ValidationException"), f"{way}: {answer!r}")
    check.equal(up.requests, [], "requests upstream")


@test
def targets_in_no_form(t):
    up = t.upstream()
    proxy = t.proxy(up)
    for line in ("GET * HTTP/1.1", "GET x HTTP/1.1", "GET //x HTTP/1.1x", f"CONNECT {HOST} HTTP/1.1",
                 f"CONNECT https://{HOST}:443 HTTP/1.1", "CONNECT :443 HTTP/1.1", f"CONNECT {HOST}:0 HTTP/1.1",
                 f"CONNECT {HOST}:65536 HTTP/1.1", f"CONNECT user@{HOST}:443 HTTP/1.1", "CONNECT [::1:443 HTTP/1.1",
                 f"GET https://user:pw@{HOST}/ HTTP/1.1", "GET https:///x HTTP/1.1", "GET https://a b/ HTTP/1.1"):
        refused(proxy, wire.connect(proxy.address), f"{line}\r\n{H}\r\n".encode(), line)
    for line in (f"GET ftp://{HOST}/ HTTP/1.1", "GET file:///etc/passwd HTTP/1.1"):
        stream = wire.connect(proxy.address)
        stream.send(f"{line}\r\n{H}\r\n".encode())
        check.one_of(wire.read_response(stream).status, (400, 403), line)
    check.equal(up.requests, [], "requests upstream")


@test
def absolute_form_inside_a_tunnel(t):
    """What was opened for one host carries requests for that one, over https, and no other."""
    up = t.upstream()
    proxy = t.proxy(up)
    other = "bedrock-runtime.eu-west-1.amazonaws.com"
    for target in (f"https://{other}/x", f"http://{HOST}/x", f"https://{HOST}:8443/x", f"https://evil.{HOST}/x"):
        for way in (ways.CONNECT, ways.DIRECT):
            host = target.split("/")[2]
            refused(proxy, way.open(proxy), f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(), f"{way}: {target}")
    check.equal(up.requests, [], "requests upstream")


@test
def connect_whose_host_is_another(t):
    up = t.upstream()
    proxy = t.proxy(up)
    for host in ("evil.example", f"x.{HOST}", f"{HOST}:8443", "127.0.0.1"):
        refused(proxy, wire.connect(proxy.address), f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(), host)
    check.equal(up.connections, [], "connections upstream")


@test(each=ways.KINDS)
def nothing_follows_a_last_request(t, way):
    """Behind a request that said it is the connection's last one, octets are no request."""
    up = t.upstream()
    proxy = t.proxy(up)
    for version, field in (("1.1", "Connection: close\r\n"), ("1.1", "Connection: x, Close\r\n"), ("1.0", "")):
        stream = way.open(proxy)
        follow = f"GET {way.target('/smuggled')} HTTP/1.1\r\n{H}\r\n"
        stream.send(f"GET {way.target('/x')} HTTP/{version}\r\n{H}{field}\r\n{follow}".encode())
        wire.read_response(stream)
        try:
            rest = stream.read_to_end()
        except (ConnectionError, ssl.SSLError):
            rest = b""
        check.equal(rest, b"", f"{field!r}: octets behind the answer")
    check.equal([r.target for r in up.requests], ["/x"] * 3, "requests upstream")


@test(each=ways.KINDS)
def octets_behind_a_last_chunk_are_no_part_of_it(t, way):
    """They are the next request, or refused as none; the one before is answered."""
    up = t.upstream()
    proxy = t.proxy(up)
    for behind in (b"garbage\r\n\r\n", b"\x00\x00\x00\x00", b"5\r\nhello\r\n0\r\n\r\n", b"X: y\r\n\r\n"):
        stream = way.open(proxy)
        head = f"POST {way.target('/x')} HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n".encode()
        stream.send(head + b"3\r\nabc\r\n0\r\n\r\n" + behind)
        check.equal(wire.read_response(stream).get("borehole-error"), None, f"{behind!r}: the answer is the upstream's")
        refused(proxy, stream, b"", repr(behind))
    check.equal([r.raw_body for r in up.requests], [b"3\r\nabc\r\n0\r\n\r\n"] * 4, "bodies upstream")


@test(each=ways.KINDS)
def responses_that_are_malformed_become_502(t, way):
    """What an upstream sends is read as strictly: its confusion must not become the client's."""
    up = t.upstream()
    proxy = t.proxy(up)
    for case, octets in RESPONSES.items():
        def handler(request, reply, octets=octets):
            request.read_body(reply)
            reply.send(octets)
            reply.finish()
        up.handler = handler
        stream = way.open(proxy)
        stream.send(f"GET {way.target('/x')} HTTP/1.1\r\n{H}\r\n".encode())
        answer = wire.read_response(stream)
        check.equal((answer.status, answer.get("x-amzn-errortype")), (502, "ServiceUnavailableException"),
                    f"{case}: {answer!r}")
        check.equal(answer.get("borehole-error"), "malformed_response", f"{case}: our code")
    check.equal({r["outcome"] for r in proxy.calls(len(RESPONSES))}, {"upstream_failed"}, "outcomes")
    up.problems.clear()


@test(each=["connect", "gateway"])
def malformed_chunks_of_a_response_end_it(t, name):
    """The client sees that it was cut; nothing behind the fault reaches it as an answer."""
    up = t.upstream()
    proxy = t.proxy(up)
    way = {"connect": ways.CONNECT, "gateway": ways.GATEWAY}[name]
    start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
    for case, body in BODIES.items():
        def handler(request, reply, body=body):
            request.read_body(reply)
            reply.send(start)
            reply.send(body.encode("latin-1"))
            reply.stream.settimeout(20)
            while reply.stream.recv():    # until the proxy lets go
                pass
        up.handler = handler
        stream = way.open(proxy)
        stream.send(f"GET {way.target('/x')} HTTP/1.1\r\n{H}\r\n".encode())
        got = b""
        try:
            while data := stream.recv():
                got += data
        except (ConnectionError, ssl.SSLError):
            pass
        # At most what lies before the fault: the fault itself must not be passed on for the client to guess at.
        check.true(start.startswith(got) or body.encode("latin-1").startswith(got[len(start):]), f"{case}: {got!r}")
        check.true(not got.endswith(b"0\r\n\r\n"), f"{case}: a whole body came: {got!r}")
    records = proxy.calls(len(BODIES))
    check.equal({r["outcome"] for r in records}, {"upstream_failed"}, "outcomes")
    for said in {r["error"]["message"] for r in records}:   # and not because the upstream went
        check.contains(said, "he upstream's response's ", "for what it was ended")
    up.problems.clear()


@test
def http_2_where_http_1_1_was_agreed_on_is_answered_and_recorded(t):
    proxy = t.proxy(t.upstream())
    for stream in (ways.spoken_to(proxy, True), ways.CONNECT.open(proxy)):
        stream.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        try:
            answer = stream.read_to_end()
        except ConnectionError:
            answer = b"HTTP/1.1 400"   # an abnormal end is told in the record all the same
        check.true(answer.startswith(b"HTTP/1.1 400"), f"the answer: {answer!r}")
    records = proxy.calls(2)
    check.equal({r["outcome"] for r in records}, {"refused"}, "outcomes")
