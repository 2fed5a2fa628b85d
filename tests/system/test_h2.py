"""HTTP/2 end to end: what is agreed on, what passes, how much waits, and what a client may not do."""

import base64
import json
import os
import threading

from h2.errors import ErrorCodes

from harness import bedrock, check, clients, eventstream, h2, sigv4, ways, wire
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
    record = next(r for r in records if r["aws"]["operation"] == "ConverseStream")
    check.equal(record["response"]["answer"]["content"], [{"type": "text", "text": "".join(texts)}], "put together")
    usage, seen = record["usage"], next(line["event"]["metadata"]["usage"] for line in lines[1:] if "metadata" in line["event"])
    check.equal((usage["input_tokens"], usage["output_tokens"]), (seen["inputTokens"], seen["outputTokens"]), "tokens")


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


SAID = [
    {"sessionStart": {"inferenceConfiguration": {"maxTokens": 1024}}},
    {"promptStart": {"promptName": "p", "toolConfiguration": {"tools": [{"toolSpec": {"name": "depth"}}]}}},
    {"contentStart": {"promptName": "p", "contentName": "c1", "type": "TEXT", "role": "SYSTEM"}},
    {"textInput": {"promptName": "p", "contentName": "c1", "content": "You know wells."}},
    {"contentEnd": {"promptName": "p", "contentName": "c1"}},
    {"contentStart": {"promptName": "p", "contentName": "c2", "type": "AUDIO", "role": "USER",
                      "audioInputConfiguration": {"mediaType": "audio/lpcm"}}},
    {"audioInput": {"promptName": "p", "contentName": "c2", "content": "AAECAwQF" * 200}},
    {"contentEnd": {"promptName": "p", "contentName": "c2"}},
    {"promptEnd": {"promptName": "p"}},
    {"sessionEnd": {}},
]
USAGE = {"totalInputTokens": 49, "totalOutputTokens": 23, "totalTokens": 72}
FINAL = json.dumps({"generationStage": "FINAL"})
ANSWERED = {  # behind the event of this name
    "contentEnd": [
        {"contentStart": {"contentId": "1", "type": "TEXT", "role": "USER", "additionalModelFields": FINAL}},
        {"textOutput": {"contentId": "1", "content": "How deep?"}},
        {"contentEnd": {"contentId": "1", "stopReason": "PARTIAL_TURN"}},
        {"contentStart": {"contentId": "2", "type": "AUDIO", "role": "ASSISTANT",
                          "audioOutputConfiguration": {"mediaType": "audio/lpcm"}}},
        {"audioOutput": {"contentId": "2", "content": "AAECAwQF" * 400}},
        {"contentEnd": {"contentId": "2", "stopReason": "END_TURN"}}],
    "promptEnd": [{"usageEvent": USAGE}, {"completionEnd": {"stopReason": "END_TURN"}}],
}


class Listener:
    """An upstream that is spoken to: checks the request's signature and each event's, and answers each as it comes."""

    def __init__(self, secrets):
        self._secrets = secrets
        self.chain = None
        self.heard = []   # names of the events
        self.frames = []  # as they came
        self.refused = []
        self._contents = 0

    def __call__(self, request, reply):
        try:
            sigv4.verify(request.method, request.target, request.head.fields, b"", self._secrets)
            check.equal(request.get("x-amz-content-sha256"), sigv4.EVENTS, "x-amz-content-sha256")
            self.chain = sigv4.EventChain(request.head.fields, self._secrets)
            reply.head(200, [("content-type", "application/vnd.amazon.eventstream"), ("x-amzn-requestid", "r-1")])
            held = b""
            while (piece := request.next_piece()) is not None:
                frames, held = eventstream.split(held + piece)
                for headers, payload in frames:
                    self.chain.check(headers, payload)
                    self.frames.append((headers, payload))
                    self.answer(payload, reply)
            check.equal(held, b"", "octets behind the last frame")
            reply.body(b"", True)
        except sigv4.Refused as refusal:
            self.refused.append(str(refusal))
            reply.reset(ErrorCodes.CANCEL)

    def answer(self, message, reply):
        if not message:
            return self.heard.append("")  # the client's end
        (headers, payload), = eventstream.split(message)[0]
        check.equal(headers[":event-type"], "chunk", "the event in a signed frame")
        (name, _), = json.loads(base64.b64decode(json.loads(payload)["bytes"]))["event"].items()
        self.heard.append(name)
        self._contents += name == "contentEnd"
        answers = [] if name == "contentEnd" and self._contents == 1 else ANSWERED.get(name, [])
        for event in answers or [{"completionStart": {"completionId": "x"}}]:
            coded = base64.b64encode(json.dumps({"event": event}).encode()).decode()
            reply.body(eventstream.event("chunk", {"bytes": coded}))
        return None


@test
def javascript_sdk_speaks_and_every_event_keeps_its_signature(t):
    """What it says is signed event by event; what is said both ways is in the record, and nothing of it is touched."""
    up = t.upstream(alpn=("h2",))
    listener = up.handler = Listener(up.bedrock.secrets)
    proxy = t.proxy(up)
    lines = sdk(proxy, ["speech"], events=SAID)
    check.equal([line for line in lines if "error" in line], [], "errors")
    check.equal(listener.refused, [], "refused signatures")
    names = [name for event in SAID for name in event]
    check.equal(listener.heard[:len(names)], names, "events that arrived")
    check.equal(listener.chain.checked, len(listener.heard), "signatures that were checked")
    record = proxy.call()
    check.equal((record["outcome"], record["aws"]["operation"], record["aws"]["signature_intact"]),
                ("complete", "InvokeModelWithBidirectionalStream", True), "the record")
    check.equal(record["request"]["stream"],
                {"events": len(names), "signed_events": len(names), "crc_failures": 0}, "the client's events")
    check.equal(record["request"]["prompt"],
                {"content": [{"type": "text", "text": "You know wells.", "role": "system"},
                             {"type": "audio", "media_type": "audio/lpcm", "bytes": 1200, "role": "user"}],
                 "tools": ["depth"]}, "the prompt")
    check.equal(record["response"]["stream"], {"events": len(lines), "crc_failures": 0}, "the model's events")
    check.equal(record["response"]["answer"]["content"],
                [{"type": "text", "text": "How deep?", "role": "user", "stage": "FINAL"},
                 {"type": "audio", "media_type": "audio/lpcm", "bytes": 2400, "role": "assistant"}], "the answer")
    check.equal((record["response"]["stop_reason"], record["usage"]["input_tokens"], record["usage"]["output_tokens"]),
                ("END_TURN", 49, 23), "how it ended, and the usage")
    page = proxy.run("calls", "show", record["id"])
    for told in ("You know wells.", "[audio lpcm 1 kB]", "tools depth", "How deep?", "[audio lpcm 2 kB]",
                 f"sent      {len(names)} events, each signed", "in 49, out 23"):
        check.contains(page, told, "calls show")


    # An upstream that took anything would prove nothing.
    date = listener.frames[3][0][":date"]
    for wrong in ((listener.frames[3][0], listener.frames[3][1][:-1]), listener.frames[4],
                  ({**listener.frames[3][0], ":date": date + 1}, listener.frames[3][1])):
        check.true(refuses(up, listener.frames[:3] + [wrong]), "an event that was altered, or one left out before it")
    check.true(not refuses(up, listener.frames[:4]), "the events as they came")


def refuses(up, frames):
    chain = sigv4.EventChain(up.requests[0].head.fields, up.bedrock.secrets)
    try:
        for frame in frames:
            chain.check(*frame)
    except sigv4.Refused:
        return True
    return False


@test
def what_a_client_says_on_its_stream_is_redacted(t):
    up = t.upstream(alpn=("h2",))
    listener = up.handler = Listener(up.bedrock.secrets)
    proxy = t.proxy(up, config={"record": {"redact": {"builtin": ["email"]}}})
    halves = ["ask jane.d", "oe@example.com now"]  # spread over two events
    said = SAID[:3] + [{"textInput": {"contentName": "c1", "content": half}} for half in halves] + SAID[-2:]
    lines = sdk(proxy, ["speech"], events=said)
    check.equal([line for line in lines if "error" in line], [], "errors")
    check.equal((listener.refused, len(listener.heard) >= len(said)), ([], True), "what the upstream got")
    record = proxy.call()
    check.equal(record["request"]["prompt"]["content"][0]["text"], "ask *** now", "the prompt")
    check.equal(record["redactions"], {"email": 1}, "what was hidden")
    for path, content in proxy.files_written().items():
        for secret in (b"jane.d", b"oe@example.com"):
            check.true(secret not in content, f"{secret} is in {path}")
    kept = base64.b64decode(record["request"]["body"])
    inside = b"".join(base64.b64decode(json.loads(eventstream.split(payload)[0][0][1])["bytes"])
                      for _, payload in eventstream.split(kept)[0] if payload)
    check.true(b"jane.d" not in inside and b"oe@example" not in inside and b"ask" in inside, "the body's documents")


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


def options_of(**signing):
    """Path and body of a signed call, and its fields as curl, nghttp and h2load take them."""
    head, body = bedrock.signed_request("invoke", **signing)
    fields = [f for line in head.decode("latin-1").split("\r\n")[1:] if line and
              not line.lower().startswith(("content-length", "host")) for f in ("-H", line)]
    return head.decode().split(" ")[1], body, fields


@test(each=["connect", "direct", "prior_knowledge"])
def curl(t, way):
    up = t.upstream(alpn=BOTH)
    plain = t.upstream(tls=False, h2_plain=True)
    proxy = t.proxy(up, resolve={"plain.example:80": plain.address})
    path, body, fields = options_of(host="plain.example" if way == "prior_knowledge" else HOST)
    if way == "prior_knowledge":
        done = clients.curl("--http2-prior-knowledge", "--connect-to", f"plain.example:80:127.0.0.1:{proxy.port}",
                            "http://plain.example" + path, "--data-binary", body.decode(), *fields)
    else:
        how = (["--proxy", f"http://127.0.0.1:{proxy.port}"] if way == "connect"
               else ["--connect-to", f"{HOST}:443:127.0.0.1:{proxy.port}"])
        done = clients.curl("--suppress-connect-headers", "--http2", "--cacert", proxy.ca, *how, f"https://{HOST}{path}",
                            "--data-binary", body.decode(), *fields)
    check.equal(done.returncode, 0, f"curl: {done.stderr.decode()}")
    check.true(done.stdout.startswith(b"HTTP/2 200"), f"the answer: {done.stdout[:200]!r}")
    check.equal((up.bedrock.refused, plain.bedrock.refused), ([], []), "refused signatures")
    check.equal(proxy.call()["way_in"], "absolute" if way == "prior_knowledge" else way, "way_in")


@test
def nghttp_and_h2load(t):
    up = t.upstream(alpn=BOTH)
    proxy = t.proxy(up, config={"record": {"store": None}})
    path, body, fields = options_of()
    content = os.path.join(proxy.folder, "body.json")
    with open(content, "wb") as file:
        file.write(body)
    # nghttp cannot be led elsewhere: it asks the port itself, as a gateway.
    done = clients.execute(["nghttp", "-v", "-d", content, "-H", f":authority: {HOST}", *fields,
                            f"http://127.0.0.1:{proxy.port}/service/standard{path}"])
    check.equal(done.returncode, 0, f"nghttp: {done.stderr.decode()}")
    check.contains(done.stdout.decode(), ":status: 200", "nghttp")
    done = clients.execute(["h2load", "-n", "300", "-c", "3", "-m", "20", "-d", content, *fields, "--connect-to",
                            f"127.0.0.1:{proxy.port}", f"https://{HOST}{path}"])
    text = done.stdout.decode()
    check.equal(done.returncode, 0, f"h2load: {done.stderr.decode()}")
    check.contains(text, "300 succeeded, 0 failed, 0 errored", "h2load")
    check.contains(text, "300 2xx", "h2load")
    check.contains(text, "h2", "the protocol")
    check.equal(up.bedrock.refused, [], "refused signatures")
    proxy.calls(301)


@test(limit=200)
def go_net_http(t):
    """net/http through the proxy that HTTPS_PROXY names, by HTTP/2 inside of CONNECT."""
    up = t.upstream(alpn=BOTH)
    proxy = t.proxy(up)
    program = os.path.join(proxy.folder, "post")
    clients.build_go("post.go", program)
    for action in ("invoke", "converse-stream"):
        head, body = bedrock.signed_request(action)
        fields = [line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:] if line]
        ask = {"Proxy": f"http://127.0.0.1:{proxy.port}", "CA": proxy.ca, "Body": body.decode(),
               "URL": f"https://{HOST}{head.decode().split(' ')[1]}",
               "Fields": [f for f in fields if f[0].lower() not in ("content-length", "host")]}
        done = clients.execute([program, json.dumps(ask)])
        check.equal(done.returncode, 0, f"go: {done.stderr.decode()}")
        answer = json.loads(done.stdout)
        check.equal((answer["proto"], answer["status"]), ("HTTP/2.0", 200), action)
    frames, rest = eventstream.split(base64.b64decode(answer["body"]))
    check.equal((len(frames) > 5, rest), (True, b""), "ConverseStream")
    check.equal(up.bedrock.refused, [], "refused signatures")
    check.equal({(r["way_in"], r["upstream"]["alpn"]) for r in proxy.calls(2)}, {("connect", "h2")}, "the records")


@test
def httpx(t):
    up = t.upstream(alpn=BOTH)
    proxy = t.proxy(up)
    head, body = bedrock.signed_request("invoke")
    fields = [line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:] if line]
    program = """
import httpx, json, sys
ask = json.loads(sys.argv[1])
proxy = {"proxy" if httpx.__version__ >= "0.26" else "proxies": ask["proxy"]}
with httpx.Client(http2=True, verify=ask["ca"], **proxy) as client:
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
def a_connect_over_http_2_is_refused_with_what_to_do(t):
    up = t.upstream(alpn=BOTH)
    proxy = t.proxy(up)
    stream = wire.TlsStream(wire.connect(proxy.address), trusting(proxy, alpn=["h2"]), server_name="localhost")
    one = h2.Client(stream)
    call = one.request([(":method", "CONNECT"), (":authority", f"{HOST}:443")], end=False)
    call.wait(lambda: bool(call.heads) and call.body)
    check.equal((call.status, call.field("borehole-error")), (400, "unsupported_protocol"), "the answer")
    check.contains(call.body.decode(), "offer http/1.1 to the proxy", "what to do")
    check.equal((proxy.call()["outcome"], len(up.connections)), ("refused", 0), "the record, connections upstream")


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

