"""Requests that two parsers could read differently: all refused with 400, none reaches the upstream."""

import json
import ssl

from harness import check, wire, ways
from harness.proxy import HOST
from harness.runner import test

H = f"Host: {HOST}\r\n"
# name → what stands behind the request line (with the host's line where it belongs)
FIELDS = {
    "length_and_chunked": H + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked_and_length": H + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "two_lengths_that_differ": H + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "a_list_of_lengths": H + "Content-Length: 3, 3\r\n\r\nabc",
    "a_signed_length": H + "Content-Length: +3\r\n\r\nabc",
    "a_negative_length": H + "Content-Length: -1\r\n\r\n",
    "a_hexadecimal_length": H + "Content-Length: 0x3\r\n\r\nabc",
    "an_empty_length": H + "Content-Length: \r\n\r\n",
    "a_huge_length": H + "Content-Length: 99999999999999999999999\r\n\r\n",
    "a_length_with_a_space_inside": H + "Content-Length: 1 2\r\n\r\n",
    "another_transfer_encoding": H + "Transfer-Encoding: gzip\r\n\r\n",
    "gzip_then_chunked": H + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked_then_identity": H + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked_twice": H + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "xchunked": H + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked_in_quotes": H + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
    "chunked_with_a_vertical_tab": H + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "folded_transfer_encoding": H + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a_folded_line": H + "X-Folded: a\r\n b\r\n\r\n",
    "a_folded_first_line": " X: y\r\n" + H + "\r\n",
    "space_before_the_colon": H + "Content-Length : 3\r\n\r\nabc",
    "tab_before_the_colon": H + "X-Tab\t: 3\r\n\r\n",
    "an_empty_name": H + ": value\r\n\r\n",
    "no_colon": H + "NoColonHere\r\n\r\n",
    "a_space_in_a_name": H + "X Y: z\r\n\r\n",
    "a_control_in_a_name": H + "X\x01Y: z\r\n\r\n",
    "a_nul_in_a_value": H + "X: a\x00b\r\n\r\n",
    "a_bare_cr_in_a_value": H + "X: a\rb\r\n\r\n",
    "a_control_in_a_value": H + "X: a\x07b\r\n\r\n",
    "bare_lf_line_ends": f"Host: {HOST}\nContent-Length: 0\n\n",
    "one_bare_lf": H + "X: y\nContent-Length: 0\r\n\r\n",
    "bare_lf_at_the_end": H + "X: y\r\n\n",
    "two_hosts": H + H + "\r\n",
    "two_hosts_that_differ": H + "Host: evil.example\r\n\r\n",
    "no_host": "X: y\r\n\r\n",
    "an_empty_host": "Host: \r\n\r\n",
    "a_host_that_is_none": "Host: a b\r\n\r\n",
    "a_host_with_a_path": f"Host: {HOST}/x\r\n\r\n",
    "a_host_with_userinfo": f"Host: user@{HOST}\r\n\r\n",
    "a_host_with_a_bad_port": f"Host: {HOST}:99999\r\n\r\n",
    "an_underscored_length": H + "Content_Length: 3\r\nContent-Length: 3_0\r\n\r\nabc",
}
LINES = {
    "http_2_0": "GET {0} HTTP/2.0",
    "http_1_2_digits": "GET {0} HTTP/1.10",
    "http_0_9": "GET {0}",
    "lower_case_http": "GET {0} http/1.1",
    "a_space_in_the_target": "GET {0}/a b HTTP/1.1",
    "two_spaces": "GET  {0} HTTP/1.1",
    "a_tab": "GET\t{0} HTTP/1.1",
    "a_control_in_the_target": "GET {0}\x01 HTTP/1.1",
    "an_octet_above_ascii": "GET {0}\xe9 HTTP/1.1",
    "a_method_that_is_no_token": "GE(T {0} HTTP/1.1",
    "a_bare_cr": "GET {0}\rX HTTP/1.1",
    "a_fragment": "GET {0}#fragment HTTP/1.1",
}
BODIES = {
    "chunk_size_with_a_sign": "+3\r\nabc\r\n0\r\n\r\n",
    "chunk_size_with_0x": "0x3\r\nabc\r\n0\r\n\r\n",
    "chunk_size_with_a_space": " 3\r\nabc\r\n0\r\n\r\n",
    "chunk_size_empty": "\r\nabc\r\n0\r\n\r\n",
    "chunk_size_too_big": "fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "chunk_size_no_number": "xyz\r\nabc\r\n0\r\n\r\n",
    "chunk_longer_than_its_size": "3\r\nabcdef\r\n0\r\n\r\n",
    "chunk_with_bare_lf": "3\nabc\r\n0\r\n\r\n",
    "chunk_data_with_bare_lf": "3\r\nabc\n0\r\n\r\n",
    "extension_with_bare_lf": "3;a\nabc\r\n0\r\n\r\n",
    "extension_with_bare_cr": "3;a\rb\r\nabc\r\n0\r\n\r\n",
    "extensions_without_end": "3;" + "a" * 100000,
    "last_chunk_with_bare_lf": "3\r\nabc\r\n0\n\r\n",
    "trailer_with_bare_lf": "0\r\nX: y\n\r\n",
    "trailer_with_a_folded_line": "0\r\nX: y\r\n z\r\n\r\n",
    "trailer_with_a_space_before_the_colon": "0\r\nX : y\r\n\r\n",
    "trailer_with_a_nul": "0\r\nX: \x00\r\n\r\n",
    "trailers_without_end": "0\r\n" + "X: y\r\n" * 20000,
}


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
def responses_that_are_malformed_become_502(t):
    """What an upstream sends is read as strictly: its confusion must not become the client's."""
    up = t.upstream()
    proxy = t.proxy(up)
    for octets in (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                   b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
                   b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"SSH-2.0-OpenSSH\r\n\r\n",
                   b"HTTP/1.1 abc OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n", b"\x00\x01\x02\x03\r\n\r\n"):
        def handler(request, reply, octets=octets):
            request.read_body(reply)
            reply.send(octets)
            reply.finish()
        up.handler = handler
        stream = ways.CONNECT.open(proxy)
        stream.send(f"GET /x HTTP/1.1\r\n{H}\r\n".encode())
        answer = wire.read_response(stream)
        check.equal((answer.status, answer.get("x-amzn-errortype")), (502, "ServiceUnavailableException"),
                    f"{octets!r}: {answer!r}")
        check.equal(answer.get("borehole-error"), "malformed_response", "our code")


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
