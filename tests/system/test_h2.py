"""HTTP/2 end to end: what is agreed on, what passes, how much waits, and what a client may not do."""

import json
import os
import threading

from h2.errors import ErrorCodes

from harness import bedrock, check, clients, eventstream, h2, ways, wire
from harness.proxy import HOST
from harness.runner import test
from test_connect import trusting, way_to_hello

BOTH = ("h2", "http/1.1")
WAYS = ["connect", "direct", "https_proxy"]


def opened(proxy, way="direct", alpn=BOTH):
    """A TLS stream to Bedrock through the proxy, and what was agreed on."""
    if way == "https_proxy":
        stream = ways.spoken_to(proxy, True)
        stream.send(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode())
        check.equal(wire.read_response(stream, "CONNECT").status, 200, "CONNECT")
    else:
        stream = way_to_hello(proxy, way == "direct")
    inner = wire.TlsStream(stream, trusting(proxy, alpn=list(alpn)), server_name=HOST)
    return inner, inner.session.selected_alpn_protocol()


def client(proxy, way="direct", **options):
    stream, agreed = opened(proxy, way)
    check.equal(agreed, "h2", "ALPN")
    return h2.Client(stream, **options)


def signed(action="invoke", **options):
    head, body = bedrock.signed_request(action, **options)
    return h2.request_headers(head), body


def get(path="/x", **more):
    return [(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", path)] + list(more.items())


@test(each=WAYS)
def the_client_gets_what_the_upstream_speaks(t, way):
    up = t.upstream(alpn=BOTH)
    proxy = t.proxy(up)
    check.equal(opened(proxy, way)[1], "h2", "with an upstream of both")
    check.equal(opened(proxy, way, ["http/1.1"])[1], "http/1.1", "for a client of one")
    old = t.upstream(alpn=("http/1.1",))
    proxy = t.proxy(old)
    stream, agreed = opened(proxy, way)
    check.equal(agreed, "http/1.1", "with an upstream of HTTP/1.1")
    head, body = bedrock.signed_request("invoke")
    stream.send(head + body)
    check.equal(wire.read_response(stream).status, 200, "the answer")
    check.equal(len(old.connections), 1, "connections: the one that was asked carries the call")


@test(each=WAYS)
def signed_calls_pass_and_are_recorded(t, way):
    up = t.upstream(alpn=BOTH)
    proxy = t.proxy(up)
    one = client(proxy, way)
    headers, body = signed()
    call = one.request(headers, body).wait()
    check.equal((call.status, json.loads(call.body)["stop_reason"]), (200, "end_turn"), "InvokeModel")
    stream_headers, stream_body = signed("converse-stream")
    call = one.request(stream_headers, stream_body).wait()
    frames, rest = eventstream.split(call.body)
    check.equal((len(frames) > 5, rest), (True, b""), "ConverseStream")
    check.equal(up.bedrock.refused, [], "refused signatures")
    check.equal(up.requests[0].headers, headers, "the fields that arrived, in order")
    check.equal(len(up.connections), 1, "upstream connections")
    first, second = sorted(proxy.calls(2), key=lambda r: r["started_at"])
    check.equal(first["way_in"], "direct" if way == "direct" else "connect", "way_in")
    check.equal((first["outcome"], first["aws"]["operation"], first["upstream"]["alpn"], first["upstream"]["reused"]),
                ("complete", "InvokeModel", "h2", False), "the first record")
    check.equal((first["request"]["method"], first["request"]["target"], first["aws"]["signature_intact"]),
                ("POST", dict(headers)[":path"], True), "its request")
    check.equal((first["request"]["body"], first["response"]["status"]), (body.decode(), 200), "its bodies")
    check.equal((second["aws"]["operation"], second["usage"]["output_tokens"], second["upstream"]["reused"]),
                ("ConverseStream", bedrock.OUTPUT_TOKENS, True), "the second record")
    check.true(second["timing_ms"]["first_token"] is not None, "first_token")
    check.true(first["timing_ms"]["connect"] is not None and first["timing_ms"]["tls"] is not None, "timing")


def sdk(proxy, ops, **options):
    lines, done = clients.node("bedrock_h2.mjs", {"NODE_EXTRA_CA_CERTS": proxy.ca}, ops=ops, host=HOST, port=proxy.port,
                               key=bedrock.CREDENTIALS.key, secret=bedrock.CREDENTIALS.secret, **options)
    check.equal(done.returncode, 0, f"node: {done.stderr.decode()[-2000:]}")
    return lines


def echo_events(request, reply):
    """Answers each event of a bidirectional stream with one of its own, as it comes."""
    reply.head(200, [("content-type", "application/vnd.amazon.eventstream"), ("x-amzn-requestid", "r-1")])
    held = b""
    while True:
        piece = request.next_piece()
        if piece is None:
            break
        held += piece
        frames, held = eventstream.split(held)
        for _ in frames:
            reply.body(eventstream.event("chunk", {"bytes": "eyJoZWFyZCI6dHJ1ZX0="}))
    reply.body(b"", True)


@test
def javascript_sdk_by_its_default_handler(t):
    """NodeHttp2Handler offers only h2, and knows no proxy: DNS or a firewall leads it here."""
    up = t.upstream(alpn=BOTH)
    proxy = t.proxy(up)
    lines = sdk(proxy, ["invoke", "converse_stream"])
    check.equal([line for line in lines if "error" in line], [], "errors")
    check.equal(lines[0]["body"]["stop_reason"], "end_turn", "InvokeModel")
    texts = [line["event"]["contentBlockDelta"]["delta"]["text"] for line in lines[1:]
             if "contentBlockDelta" in line["event"]]
    check.equal("".join(texts), up.bedrock.text(), "ConverseStream")
    check.equal(up.bedrock.refused, [], "refused signatures")
    records = proxy.calls(2)
    check.equal({(r["way_in"], r["outcome"], r["upstream"]["alpn"]) for r in records}, {("direct", "complete", "h2")},
                "the records")
    check.equal(sorted(r["aws"]["operation"] for r in records), ["ConverseStream", "InvokeModel"], "operations")
    check.equal({r["client"]["sdk"] for r in records}, {"aws-sdk-js"}, "SDK")


@test
def javascript_sdk_bidirectional_stream(t):
    """Each word is only said once the one before has come back: neither direction waits for the whole."""
    up = t.upstream(alpn=("h2",), handler=echo_events)
    proxy = t.proxy(up)
    lines = sdk(proxy, ["bidirectional"])
    check.equal([line for line in lines if "error" in line], [], "errors")
    check.true(len(lines) >= 3, f"answers: {lines}")
    record = proxy.call()
    check.equal((record["outcome"], record["aws"]["operation"]),
                ("complete", "InvokeModelWithBidirectionalStream"), "the record")
    check.equal(record["request"]["body_bytes"], len(up.requests[0].body), "octets up")
    check.true(record["response"]["stream"]["events"] >= 3, f"events down: {record['response']['stream']}")


@test
def javascript_sdk_through_a_gateway_path(t):
    up = t.upstream(alpn=("h2",))
    proxy = t.proxy(up)
    lines = sdk(proxy, ["invoke"], endpoint=f"http://localhost:{proxy.port}/service/standard")
    record = proxy.call()
    check.equal((record["way_in"], record["router"], record["upstream"]["alpn"]),
                ("gateway", "/service/standard/", "h2"), "the record")
    # Signed for localhost: Amazon would refuse it, and so does this upstream.
    check.equal((lines[0].get("status"), up.requests[0].pseudo[":authority"], up.requests[0].pseudo[":scheme"]),
                (403, HOST, "https"), f"what came: {lines}")


@test(each=["connect", "direct", "prior_knowledge"])
def curl(t, way):
    up = t.upstream(alpn=BOTH)
    plain = t.upstream(tls=False, h2_plain=True)
    proxy = t.proxy(up, resolve={"plain.example:80": plain.address})
    head, body = bedrock.signed_request("invoke")
    fields = [f for line in head.decode("latin-1").split("\r\n")[1:] if line and
              not line.lower().startswith(("content-length", "host")) for f in ("-H", line)]
    path = head.decode().split(" ")[1]
    if way == "prior_knowledge":
        done = clients.curl("--http2-prior-knowledge", "--connect-to", f"plain.example:80:127.0.0.1:{proxy.port}",
                            "http://plain.example" + path, "--data-binary", body.decode(), *fields)
    else:
        how = (["--proxy", f"http://127.0.0.1:{proxy.port}"] if way == "connect"
               else ["--connect-to", f"{HOST}:443:127.0.0.1:{proxy.port}"])
        done = clients.curl("--suppress-connect-headers", "--http2", "--cacert", proxy.ca, *how, f"https://{HOST}{path}",
                            "--data-binary", body.decode(), *fields)
    check.equal(done.returncode, 0, f"curl: {done.stderr.decode()}")
    wanted = b"HTTP/2 403" if way == "prior_knowledge" else b"HTTP/2 200"  # it was signed for another host
    check.true(done.stdout.startswith(wanted), f"the answer: {done.stdout[:200]!r}")
    check.equal(proxy.call()["way_in"], "absolute" if way == "prior_knowledge" else way, "way_in")


@test
def nghttp_and_h2load(t):
    up = t.upstream(alpn=BOTH, handler=lambda request, reply: reply.respond(200, [], b"x" * 1000))
    proxy = t.proxy(up, config={"record": {"store": None}})
    # nghttp cannot be led elsewhere: it asks the port itself, as a gateway.
    done = clients.execute(["nghttp", "-v", "-H", "content-type: application/json",
                            f"http://127.0.0.1:{proxy.port}/service/standard/a"])
    check.equal(done.returncode, 0, f"nghttp: {done.stderr.decode()}")
    check.contains(done.stdout.decode(), ":status: 200", "nghttp")
    done = clients.execute(["h2load", "-n", "300", "-c", "3", "-m", "20", "--connect-to", f"127.0.0.1:{proxy.port}",
                            f"https://{HOST}/a"])
    text = done.stdout.decode()
    check.equal(done.returncode, 0, f"h2load: {done.stderr.decode()}")
    check.contains(text, "300 succeeded, 0 failed, 0 errored", "h2load")
    check.contains(text, "h2", "the protocol")
    proxy.calls(301)


@test
def httpx(t):
    up = t.upstream(alpn=BOTH)
    proxy = t.proxy(up)
    head, body = bedrock.signed_request("invoke")
    fields = [line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:] if line]
    program = """
import httpx, json, sys
ask = json.loads(sys.argv[1])
with httpx.Client(http2=True, proxies=ask["proxy"], verify=ask["ca"]) as client:
    answer = client.post(ask["url"], content=ask["body"], headers=[tuple(f) for f in ask["fields"]])
    print(answer.http_version, answer.status_code)
"""
    ask = {"proxy": f"http://127.0.0.1:{proxy.port}", "ca": proxy.ca, "body": body.decode(),
           "url": f"https://{HOST}{head.decode().split(' ')[1]}",
           "fields": [f for f in fields if f[0].lower() not in ("content-length", "host")]}
    done = clients.execute(["/usr/bin/python3", "-c", program, json.dumps(ask)])
    check.equal((done.returncode, done.stdout.decode().strip()), (0, "HTTP/2 200"), f"httpx: {done.stderr.decode()}")
    check.equal(up.bedrock.refused, [], "refused signatures")


@test
def trailers_informational_answers_and_order(t):
    def answer(request, reply):
        request.read_body()
        reply.head(103, [("link", "</a>")])
        reply.head(200, [("b", "2"), ("a", "1"), ("b", "1")])
        reply.body(b"content")
        reply.trailers([("grpc-status", "0"), ("sum", "7")])

    up = t.upstream(alpn=BOTH, handler=answer)
    proxy = t.proxy(up)
    one = client(proxy)
    call = one.request(get(te="trailers"), b"up", end=False)
    one.peer.do("send_headers", call.stream_id, [("t1", "x"), ("t2", "y")], end_stream=True)
    call.wait()
    check.equal([dict(h)[":status"] for h in call.heads], ["103", "200"], "heads")
    check.equal(call.heads[1][1:], [("b", "2"), ("a", "1"), ("b", "1")], "fields in order")
    check.equal((call.body, call.trailers), (b"content", [("grpc-status", "0"), ("sum", "7")]), "body and trailers")
    check.equal(up.requests[0].trailers, [("t1", "x"), ("t2", "y")], "trailers up")
    check.equal(proxy.call()["response"]["body"], "content", "the record")


@test
def resets_pass_both_ways(t):
    def answer(request, reply):
        if request.target == "/refused":
            return reply.reset(ErrorCodes.REFUSED_STREAM)
        reply.head(200)
        reply.body(b"half")
        if request.target == "/broken":
            reply.reset(ErrorCodes.INTERNAL_ERROR)
        return None

    up = t.upstream(alpn=BOTH, handler=answer)
    proxy = t.proxy(up)
    one = client(proxy)
    check.equal(one.request(get("/refused")).wait().reset, int(ErrorCodes.REFUSED_STREAM), "before an answer")
    call = one.request(get("/broken")).wait()
    check.equal((call.body, call.reset), (b"half", int(ErrorCodes.INTERNAL_ERROR)), "inside an answer")
    call = one.request(get("/open"), end=False)
    call.wait(lambda: call.body == b"half")
    call.cancel()
    up.wait(lambda: up.requests[2].reset is not None, "the reset")
    check.equal(up.requests[2].reset, int(ErrorCodes.CANCEL), "the client's code")
    check.equal([r["outcome"] for r in sorted(proxy.calls(3), key=lambda r: r["started_at"])],
                ["upstream_failed", "upstream_failed", "client_aborted"], "outcomes")
    check.equal(len(up.connections), 1, "connections: streams end, not they")


@test
def goaway_passes_and_pings_are_answered(t):
    up = t.upstream(alpn=BOTH, handler=lambda request, reply: None)
    proxy = t.proxy(up)
    one = client(proxy)
    one.peer.do("ping", b"12345678")
    one.wait(lambda: one.pings == [b"12345678"], "the PING's answer")
    first, second = one.request(get()), one.request(get())
    up.wait_for_requests(2)
    up.connections[0].peer.do("close_connection", error_code=ErrorCodes.NO_ERROR, additional_data=b"restart",
                              last_stream_id=1)
    one.wait(lambda: one.goaway is not None, "GOAWAY")
    check.equal(one.goaway, (1, 0, b"restart"), "GOAWAY")
    check.equal(second.wait().reset, int(ErrorCodes.REFUSED_STREAM), "the stream behind it")
    first.cancel()


@test
def an_upstream_that_cannot_be_had_is_told_inside(t):
    for kind, code in (("expired", "certificate_rejected"), ("wrong_name", "certificate_rejected")):
        up = t.upstream(alpn=BOTH, kind=kind)
        proxy = t.proxy(up)
        stream, agreed = opened(proxy, "direct", ["h2"])
        check.equal(agreed, "h2", "ALPN")
        call = h2.Client(stream).request(get()).wait()
        check.equal((call.status, call.field("borehole-error")), (502, code), "the answer")
        check.equal(call.field("x-amzn-errortype"), "ServiceUnavailableException", "the type")
        check.equal(proxy.call()["error"]["code"], code, "the record")


@test
def refusals_are_answers_on_their_stream(t):
    up = t.upstream(alpn=BOTH)
    proxy = t.proxy(up)
    one = client(proxy)
    headers = get()
    headers[2] = (":authority", "bedrock-runtime.eu-west-1.amazonaws.com")
    call = one.request(headers).wait()
    check.equal((call.status, call.field("borehole-error")), (400, "host_mismatch"), "another host")
    call = one.request(get(x="y" * 60000, z="y" * 10000)).wait()
    check.equal((call.status, call.field("borehole-error")), (431, "head_too_large"), "a large head")
    headers, body = signed()
    check.equal(one.request(headers, body).wait().status, 200, "a call on the same connection")
    check.equal(len(up.requests), 1, "requests upstream")


@test
def only_h2_to_the_proxy_itself(t):
    """A client that speaks only HTTP/2 to the proxy over TLS is a gateway's client."""
    up = t.upstream(alpn=("h2",))
    proxy = t.proxy(up)
    stream = wire.TlsStream(wire.connect(proxy.address), trusting(proxy, alpn=["h2"]), server_name="localhost")
    check.equal(stream.session.selected_alpn_protocol(), "h2", "ALPN")
    one = h2.Client(stream)
    head, body = bedrock.signed_request("invoke", target_of=lambda target: "/service/standard" + target)
    call = one.request(h2.request_headers(head, authority=f"localhost:{proxy.port}"), body).wait()
    check.equal(call.status, 200, "the answer")
    check.equal(proxy.call()["way_in"], "gateway", "way_in")


@test
def an_upstream_of_http_1_1_is_told_to_a_client_of_http_2(t):
    up = t.upstream(alpn=("http/1.1",))
    proxy = t.proxy(up)
    one = h2.Client(wire.connect(proxy.address))
    headers, body = signed()
    call = one.request(headers, body).wait()
    check.equal((call.status, call.field("borehole-error")), (400, "unsupported_protocol"), "the answer")
    check.contains(call.body.decode(), "speaks only HTTP/1.1", "its text")


@test(alone=True)
def a_stalled_stream_stalls_no_other_and_memory_stays(t):
    body = os.urandom(1 << 20)

    def answer(request, reply):
        reply.head(200)
        for _ in range(4):
            reply.body(body)
        reply.body(b"", True)

    up = t.upstream(alpn=BOTH, handler=answer)
    quiet = {"ASAN_OPTIONS": "quarantine_size_mb=8"}  # freed memory that ASan holds back is not the program's
    proxy = t.proxy(up, config={"record": {"bodies": {"max_bytes": 0}}}, environment=quiet)
    one = client(proxy, consume=lambda stream_id: stream_id != 1)
    stalled = one.request(get())
    stalled.wait(lambda: bool(stalled.heads))
    before = proxy.resident()
    calls = [one.request(get()) for _ in range(99)]
    for call in calls:
        call.wait(seconds=100)
        check.equal(call.body, body * 4, f"stream {call.stream_id}")
        call.pieces.clear()
    grown = proxy.resident() - before
    bound = (60 << 20) * (4 if t.sanitizer == "thread" else 1)  # it keeps shadows of every octet that was touched
    check.true(grown < bound, f"memory grew by {grown >> 20} MiB")
    check.true(not stalled.ended and len(stalled.body) < 1 << 20, f"the stalled one: {len(stalled.body)} octets")
    proxy.calls(99)
    stalled.cancel()


@test
def an_upstream_that_does_not_read_holds_its_client(t):
    release = threading.Event()

    def answer(request, reply):
        if request.target == "/slow":
            release.wait(60)
        request.read_body()
        reply.respond(200)

    up = t.upstream(alpn=BOTH, handler=answer)
    up.consume = False
    proxy = t.proxy(up)
    one = client(proxy)
    slow = one.request(get("/slow"), end=False)
    sent = []

    def push():
        for _ in range(64):
            slow.send(b"s" * 65536)
            sent.append(65536)
        slow.send(b"", True)

    threading.Thread(target=push, daemon=True).start()
    up.wait_for_requests(1)
    check.equal(one.request(get("/quick")).wait().status, 200, "another stream beside it")
    check.true(sum(sent) < 1 << 20, f"{sum(sent)} octets were taken for an upstream that has room for 64 KiB")
    up.consume = True
    connection = up.connections[0]
    connection.peer.do("acknowledge_received_data", 65535, up.requests[0].stream_id)
    release.set()
    check.equal(slow.wait().status, 200, "the slow one, in the end")
    check.equal(len(up.requests[0].body), 64 * 65536, "its octets")


@test
def rapid_resets_end_the_connection(t):
    up = t.upstream(alpn=BOTH, handler=lambda request, reply: reply.respond() if request.target == "/answered" else None)
    proxy = t.proxy(up, config={"record": {"store": None}})
    one = client(proxy)
    try:
        for _ in range(2000):
            one.request(get()).cancel()
            if one.goaway:
                break
    except (OSError, AssertionError, h2.h2.exceptions.ProtocolError):
        pass
    one.wait(lambda: one.over, "the end")
    if one.goaway:
        check.equal(one.goaway[1], int(ErrorCodes.ENHANCE_YOUR_CALM), "GOAWAY")
    check.true(len(up.requests) < 600, f"{len(up.requests)} requests reached the upstream")
    text = metrics(proxy)
    check.contains(text, 'borehole_h2_faults_total{kind="flood"} 1', "the counter")
    check.equal(client(proxy).request(get("/answered")).wait().status, 200, "another connection")


def metrics(proxy):
    stream = wire.connect(proxy.admin)
    stream.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return wire.read_response(stream).body.decode()


@test
def shutting_down_lets_streams_end(t):
    release = threading.Event()

    def answer(request, reply):
        reply.head(200)
        release.wait(60)
        reply.body(b"whole", True)

    up = t.upstream(alpn=BOTH, handler=answer)
    proxy = t.proxy(up)
    one = client(proxy)
    call = one.request(get())
    call.wait(lambda: bool(call.heads))
    proxy.process.terminate()
    one.wait(lambda: one.goaway is not None, "GOAWAY")
    check.equal(one.goaway[:2], (1, 0), "GOAWAY")
    release.set()
    check.equal(call.wait().body, b"whole", "the answer")
    check.equal(proxy.process.wait(30), 0, "exit status")
    proxy.process = None

