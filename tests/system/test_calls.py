"""Every way in, with calls of every kind: what arrives upstream is what was sent, and its signature is good."""

import json
import threading

from harness import bedrock, check, eventstream, wire
from harness import ways
from harness.proxy import HOST
from harness.runner import test
from harness.ways import forwarded

PROFILE_ARN = ("arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile"
               "%2Fa1b2c3d4e5f6")


def exchange(stream, way, action="invoke", **options):
    """Sends one signed call; gives its answer and what must arrive upstream."""
    head, body = bedrock.signed_request(action, target_of=way.target, **options)
    stream.send(head + body)
    answer = wire.read_response(stream)
    path = head.split(b" ")[1].decode("latin-1")
    origin = path.removeprefix(f"https://{HOST}").removeprefix("/service/standard")
    return answer, forwarded(head, origin), body


def arrived_as_sent(up, head, body, about):
    got = up.requests[-1]
    check.equal(got.head.raw, head, f"{about}: head upstream")
    check.equal(got.raw_body, body, f"{about}: body upstream")
    check.equal(up.bedrock.refused, [], f"{about}: refused signatures")


@test(each=ways.ALL)
def operations(t, way):
    up = t.upstream()
    stream = way.open(t.proxy(up))
    for action in ("invoke", "converse", "invoke-with-response-stream", "converse-stream", "count-tokens"):
        answer, head, body = exchange(stream, way, action, body=b'{"messages":[]}')
        check.equal(answer.status, 200, f"{action}: {answer!r}")
        arrived_as_sent(up, head, body, action)
        if action.endswith("stream"):
            frames, rest = eventstream.split(answer.body)
            check.equal(rest, b"", "octets behind the last frame")
            check.true(len(frames) > 5, f"frames: {len(frames)}")
        else:
            check.true(json.loads(answer.body), "a JSON body")
    check.equal(up.connections[0].sni, HOST, "SNI upstream")


@test(each=ways.ALL)
def model_ids_and_queries_stay_encoded(t, way):
    up = t.upstream()
    stream = way.open(t.proxy(up))
    for model in ("amazon.titan-text-express-v1", "anthropic.claude-3-haiku-20240307-v1%3A0",
                  "anthropic.claude-3-haiku-20240307-v1:0", "us.anthropic.claude-sonnet-4-20250514-v1%3A0", PROFILE_ARN,
                  "arn:aws:bedrock:us-east-1::foundation-model%2famazon.titan-text-express-v1", "a..b", "%C3%A9t%C3%a9",
                  "x%20y", "tilde~"):
        answer, head, body = exchange(stream, way, "invoke", model=model)
        check.equal(answer.status, 200, f"{model}: {answer!r}")
        arrived_as_sent(up, head, body, model)
    for path in ("/model//twice/invoke", "/model/../model/x/invoke", "/model/./x/invoke", "/model/x/%2e%2e/y/invoke"):
        answer, head, body = exchange(stream, way, "invoke", path=path)
        arrived_as_sent(up, head, body, path)
    answer, head, body = exchange(stream, way, "invoke", query="b=2&a=1&a=%20&empty=&flag")
    arrived_as_sent(up, head, body, "a query")


@test(each=ways.ALL)
def fields_stay_as_sent(t, way):
    up = t.upstream()
    stream = way.open(t.proxy(up))
    extra = [("x-AmZn-Bedrock-Trace", "ENABLED"), ("X-Twice", "one"), ("x-between", "b"), ("x-twice", "two"),
             ("X-Empty", ""), ("X-Long", "v" * 20000), ("Accept-Encoding", "gzip, deflate, br"),
             ("X-Quoted", "\"a, b\"; c=d"), ("Via", "1.1 earlier"), ("X-Forwarded-For", "10.0.0.1"),
             ("X-Latin", "\xe9t\xe9"), ("TE-Like", "x"), ("Content-Encoding", "identity")]
    answer, head, body = exchange(stream, way, extra=extra)
    check.equal(answer.status, 200, repr(answer))
    arrived_as_sent(up, head, body, "odd fields")
    # Whitespace around values is not ours to change either.
    head, body = bedrock.signed_request("invoke", target_of=way.target)
    spaced = head.replace(b"User-Agent: ", b"User-Agent:\t  ").replace(b"system-test/1.0\r\n", b"system-test/1.0 \t\r\n")
    stream.send(spaced + body)
    check.equal(wire.read_response(stream).status, 200, "whitespace")
    origin = head.split(b" ")[1].decode().removeprefix(f"https://{HOST}").removeprefix("/service/standard")
    check.equal(up.requests[-1].head.raw, forwarded(spaced, origin), "whitespace around a value")


@test(each=ways.ALL)
def proxy_fields_and_what_connection_names_are_taken_away(t, way):
    up = t.upstream()
    stream = way.open(t.proxy(up))
    extra = [("Proxy-Connection", "Keep-Alive"), ("Proxy-Authorization", "Basic bm9ib2R5Om5vdGhpbmc=")]
    answer, head, body = exchange(stream, way, extra=extra)
    check.equal(answer.status, 200, repr(answer))
    arrived_as_sent(up, head, body, "proxy fields")
    lines = "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
    head, body = bedrock.signed_request("invoke", target_of=way.target)
    stream.send(head[:-2] + lines.encode() + b"\r\n" + body)
    check.equal(wire.read_response(stream).status, 200, "with Connection")
    got = up.requests[-1].head
    check.equal(got.get("x-hop"), None, "a field that Connection names")
    check.equal(up.bedrock.refused, [], "refused signatures")
    # A field that Connection names stays if the signature covers it.
    answer, head, body = exchange(stream, way, extra=[("X-Signed-Hop", "stay"), ("Connection", "X-Signed-Hop")])
    check.equal(answer.status, 200, f"a signed field that Connection names: {answer!r}")
    check.equal(up.requests[-1].get("x-signed-hop"), "stay", "a signed field that Connection names")


@test(each=ways.ALL, limit=240)
def bodies(t, way):
    up = t.upstream()
    stream = way.open(t.proxy(up))
    big = bytes(range(256)) * 4096 * 20  # 20 MiB, every octet value
    unicode = json.dumps({"inputText": "Tiefe Löcher 🕳️ — 穴 \u0000"}, ensure_ascii=False).encode()
    for name, content, framing in (("empty", b"", "length"), ("unicode", unicode, "length"), ("20 MiB", big, "length"),
                                   ("chunked", [b'{"input', b'Text"', b':"hi"}'], "chunked"),
                                   ("empty chunked", [], "chunked"),
                                   ("chunked 8 MiB", [big[:1 << 20], big[:1], big[:7 << 20]], "chunked")):
        answer, head, body = exchange(stream, way, body=content, framing=framing)
        check.equal(answer.status, 200, f"{name}: {answer!r}")
        arrived_as_sent(up, head, body, name)
    head, _ = bedrock.signed_request("invoke", b"abcdef", framing="none", target_of=way.target,
                                     extra=[("Transfer-Encoding", "chunked"), ("Trailer", "x-sum")])
    framed = wire.chunked(b"abc", b"def", extensions=[b";name=value", b';q="a;b";r'], trailers=[(b"X-Sum", b"42")])
    stream.send(head + framed)
    check.equal(wire.read_response(stream).status, 200, "extensions and trailers")
    check.equal(up.requests[-1].raw_body, framed, "extensions and trailers upstream")


@test(each=ways.ALL)
def expect_continue_passes_end_to_end(t, way):
    up = t.upstream()
    stream = way.open(t.proxy(up))
    go = threading.Event()

    def handler(request, reply):
        check.equal(go.wait(20), True, "the test's go")
        up.bedrock.answer(request, reply)

    up.handler = handler
    head, body = bedrock.signed_request("invoke", b'{"a":1}', target_of=way.target, extra=[("Expect", "100-continue")])
    stream.send(head)
    up.wait_for_requests(1)
    go.set()
    interim = wire.read_head(stream)
    check.equal(interim.start, "HTTP/1.1 100 Continue", "the interim answer")
    stream.send(body)
    check.equal(wire.read_response(stream).status, 200, "the answer")
    check.equal(up.requests[-1].get("expect"), "100-continue", "Expect upstream")
    # Refused at once: the client never sends its body.
    up.handler = lambda request, reply: (reply.respond(413, [("Connection", "close")], b"too big"), reply.finish())
    stream.send(head)
    answer = wire.read_response(stream)
    check.equal((answer.status, answer.body, answer.interim), (413, b"too big", []), "a refusal before the body")


@test(each=ways.ALL, limit=400)
def two_thousand_calls_on_one_connection(t, way):
    up = t.upstream()
    stream = way.open(t.proxy(up))
    head, body = bedrock.signed_request("invoke", target_of=way.target)
    for i in range(2000):
        stream.send(head + body)
        answer = wire.read_response(stream)
        check.equal(answer.status, 200, f"call {i}")
    check.equal(len(up.requests), 2000, "requests upstream")
    check.equal(len(up.connections), 1, "connections upstream")
    check.equal(len({r.head.raw for r in up.requests}), 1, "different heads upstream")


@test(each=ways.ALL, limit=240)
def two_hundred_calls_in_parallel(t, way):
    up = t.upstream()
    proxy = t.proxy(up, config={"workers": "auto"})
    together = threading.Barrier(200, timeout=60)
    problems = []

    def handler(request, reply):
        request.read_body(reply)
        together.wait()     # all 200 are under way at the same time
        up.bedrock.answer(request, reply)

    up.handler = handler

    def call(number):
        try:
            stream = way.open(proxy)
            stream.settimeout(90)
            text = json.dumps({"inputText": f"call {number}"}).encode()
            answer, _, _ = exchange(stream, way, body=text)
            check.equal(answer.status, 200, repr(answer))
            import hashlib
            check.equal(json.loads(answer.body)["got_sha256"], hashlib.sha256(text).hexdigest(), "its own answer")
        except Exception as error:  # pylint: disable=broad-except
            problems.append(f"{number}: {error!r}")

    threads = [threading.Thread(target=call, args=(i,)) for i in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check.equal(problems, [], "problems")
    check.equal(len(up.requests), 200, "requests upstream")
    check.equal(up.bedrock.refused, [], "refused signatures")


@test(each=ways.ALL)
def every_chunk_arrives_before_the_next_is_sent(t, way):
    up = t.upstream()
    stream = way.open(t.proxy(up))
    seen = [threading.Event() for _ in range(100)]
    frames = [eventstream.event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": f"w{i}"}})
              for i in range(100)]

    def handler(request, reply):
        request.read_body(reply)
        reply.start_chunked(200, [("Content-Type", "application/vnd.amazon.eventstream")])
        for i, frame in enumerate(frames):
            reply.chunk(frame)
            check.true(seen[i].wait(20), f"chunk {i} did not reach the client")
        reply.end_chunks()

    up.handler = handler
    head, body = bedrock.signed_request("converse-stream", target_of=way.target)
    stream.send(head + body)
    head, status = wire.read_response_head(stream)
    check.equal(status, 200, "status")
    for i, frame in enumerate(frames):
        check.equal(stream.read_until(b"\r\n"), b"%x\r\n" % len(frame), "chunk size")
        check.equal(stream.read_exactly(len(frame) + 2), frame + b"\r\n", f"chunk {i}")
        seen[i].set()
    check.equal(stream.read_exactly(5), b"0\r\n\r\n", "the end")


@test(each=ways.ALL)
def every_piece_of_a_body_arrives_before_the_next_is_sent(t, way):
    up = t.upstream()
    stream = way.open(t.proxy(up))
    pieces = [b"piece %d," % i for i in range(50)]
    head, _ = bedrock.signed_request("invoke", b"".join(pieces), framing="none", target_of=way.target,
                                     extra=[("Content-Length", str(sum(map(len, pieces))))])
    arrived = threading.Semaphore(0)

    def handler(request, reply):
        for piece in pieces:
            check.equal(request.connection.stream.read_exactly(len(piece)), piece, "a piece upstream")
            arrived.release()
        request._body = wire.Body()
        reply.respond(200, [], b"all")

    up.handler = handler
    stream.send(head)
    for i, piece in enumerate(pieces):
        stream.send(piece)
        check.true(arrived.acquire(timeout=20), f"piece {i} did not arrive")
    check.equal(wire.read_response(stream).body, b"all", "the answer")


@test(each=ways.ALL)
def responses_arrive_as_sent(t, way):
    """Heads with odd case, duplicates and spacing; chunk extensions and trailers; 1xx before; octet for octet."""
    up = t.upstream()
    stream = way.open(t.proxy(up))
    heads = [
        b"HTTP/1.1 200 OK\r\nX-oDD: a\r\nx-odd:b \r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nConTent-lenGth:5\r\n\r\nhello",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 299 A Reason Of Its Own\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
        + wire.chunked(b"abc", b"d" * 5000, extensions=[b";e=1"], trailers=[(b"X-T", b"1"), (b"x-u", b"2")]),
        b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 10\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nServer: \xe9\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n",
    ]
    for sent in heads:
        def handler(request, reply, sent=sent):
            request.read_body(reply)
            reply.send(sent)
        up.handler = handler
        head, body = bedrock.signed_request("invoke", target_of=way.target)
        stream.send(head + body)
        check.equal(stream.read_exactly(len(sent)), sent, "the response's octets")
    check.equal(len(up.connections), 1, "connections upstream: all of these keep it open")
    # HEAD has no body whatever its head says.
    sent = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    up.handler = lambda request, reply: reply.send(sent)
    stream.send(f"HEAD {way.target('/x')} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    check.equal(stream.read_exactly(len(sent)), sent, "answer to HEAD")
    stream.send(f"HEAD {way.target('/x')} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    check.equal(stream.read_exactly(len(sent)), sent, "a second answer to HEAD")
