"""Compressed bodies: they pass as they are, and the record shows what is in them."""

import base64
import json
import re
import threading

import test_admin
import test_curl
from harness import bedrock, check, clients, compressed, eventstream, sigv4, wire, ways
from harness.runner import test

ANSWER = json.dumps({"output": {"message": {"role": "assistant", "content": [{"text": "Chalk holds water ☂"}]}},
                     "stopReason": "end_turn", "usage": {"inputTokens": 11, "outputTokens": 23, "totalTokens": 34},
                     "metrics": {"latencyMs": 7}}).encode()
CODINGS = {
    "gzip": ("gzip", compressed.gzip(ANSWER)),
    "gzip_members": ("x-gzip", compressed.gzip(ANSWER[:50]) + compressed.gzip(ANSWER[50:])),
    "deflate": ("deflate", compressed.deflate(ANSWER)),
    "raw_deflate": ("deflate", compressed.raw_deflate(ANSWER)),
    "br": ("br", compressed.brotli(ANSWER)),
    "zstd": ("zstd", compressed.zstd(ANSWER)),
    "several": ("gzip, br", compressed.brotli(compressed.gzip(ANSWER))),
}


def answering(up, body, coding, status=200):
    def handler(request, reply):
        request.read_body(reply)
        fields = [("Content-Type", "application/json"), ("Content-Encoding", coding)]
        reply.respond(status, up.bedrock.ids() + fields, body)

    up.handler = handler


def raw_call(proxy, action="converse", **options):
    way = ways.CONNECT
    head, body = bedrock.signed_request(action, target_of=way.target, **options)
    stream = way.open(proxy)
    stream.send(head + body)
    return wire.read_response(stream)


@test(each=list(CODINGS))
def an_answer_passes_as_it_is_and_is_recorded_decoded(t, name):
    coding, body = CODINGS[name]
    up = t.upstream()
    answering(up, body, coding)
    proxy = t.proxy(up)
    check.equal(raw_call(proxy).body, body, "what the client got")
    record = proxy.call()
    response = record["response"]
    check.equal(response["body"].encode(), ANSWER, "the body in the record")
    check.equal((response["body_bytes"], response["body_truncated"]), (len(body), False), "octets on the wire")
    check.equal((response["body_coding"], response["body_decoded"], response["body_decoded_bytes"]),
                (coding, True, len(ANSWER)), "what the record says of the coding")
    check.equal(response.get("body_coding_error"), None, "what was wrong")
    check.equal((record["usage"]["input_tokens"], record["usage"]["output_tokens"], response["stop_reason"]),
                (11, 23, "end_turn"), "what the answer tells")
    check.equal(record["timing_ms"]["reported_by_aws"], 7, "latency")
    check.eventually(lambda: proxy.run("calls", "list", "--json").strip(), "the call is in the store")
    page = proxy.run("calls", "show", "last")
    check.contains(page, f"{len(body)} octets of {coding}, {len(ANSWER)} decoded\n", "the page")
    check.contains(page, "  assistant\n    Chalk holds water ☂\n", "the page")
    check.equal(proxy.run("calls", "show", "last", "--raw-body", "response").encode(), ANSWER, "--raw-body")


@test(each=["http_proxy", "direct"])
def curl_decodes_what_the_record_shows(t, name):
    up = t.upstream()
    answering(up, compressed.gzip(ANSWER), "gzip")
    proxy = t.proxy(up)
    arguments, _ = test_curl.signed_arguments("converse")
    done = clients.curl("--compressed", "--suppress-connect-headers", *test_curl.ways(proxy)[name], *arguments)
    check.equal(done.returncode, 0, f"curl: {done.stderr.decode()}")
    check.equal(done.stdout.partition(b"\r\n\r\n")[2], ANSWER, "what curl made of it")
    check.contains(up.requests[0].get("accept-encoding"), "gzip", "what curl asked for")
    check.equal(proxy.call()["response"]["body"].encode(), ANSWER, "the record")


@test
def a_compressed_request_is_recorded_decoded(t):
    prompt = json.dumps({"messages": [{"role": "user", "content": [{"text": "How deep?"}]}]}).encode()
    body = compressed.gzip(prompt)
    up = t.upstream()
    proxy = t.proxy(up)
    raw_call(proxy, body=body, extra=[("Content-Encoding", "gzip")])
    check.equal(up.requests[0].body, body, "what the upstream got")
    request = proxy.call()["request"]
    check.equal((request["body"].encode(), request["body_bytes"], request["body_coding"], request["body_decoded"]),
                (prompt, len(body), "gzip", True), "the record")
    check.contains(proxy.run("calls", "show", "last"), "  user\n    How deep?\n", "the page")


@test
def what_cannot_be_decoded_is_kept_as_it_came_and_counted(t):
    damaged = bytearray(compressed.gzip(ANSWER))
    damaged[-6] ^= 1
    bomb = compressed.gzip(bytes(40 << 20))
    bodies = [("corrupt", "gzip", bytes(damaged)), ("cut", "gzip", compressed.gzip(ANSWER)[:-4]),
              ("unknown", "compress", compressed.gzip(ANSWER)), ("ratio", "gzip", bomb),
              ("trailing", "br", compressed.brotli(ANSWER) + b"garbage")]
    up = t.upstream()
    proxy = t.proxy(up)
    for number, (reason, coding, body) in enumerate(bodies):
        answering(up, body, coding)
        check.equal(raw_call(proxy).body, body, f"what the client got, {reason}")
        response = proxy.calls(number + 1)[-1]["response"]
        check.equal(response["body_coding_error"]["code"], reason, f"reason of {coding}")
        check.true(response["body_coding_error"]["message"], f"sentence of {reason}")
        check.equal((response["body_coding"], response["body_decoded"]), (coding, reason == "trailing"), reason)
        if reason == "trailing":
            check.equal(response["body"].encode(), ANSWER, "what came before the end")
        else:
            check.equal(response["body_encoding"], "base64", f"body_encoding of {reason}")
            check.equal(base64.b64decode(response["body"]), body, f"the raw octets of {reason}")
    metrics = test_admin.Admin(proxy).metrics()
    for reason, _, _ in bodies:
        check.equal(metrics.value("borehole_body_coding_faults_total", reason=reason), 1, f"counted as {reason}")
    check.equal(metrics.value("borehole_bodies_decoded_total"), 1, "decoded")
    check.equal(len(proxy.run("calls", "list", "--json").splitlines()), len(bodies), "records in the store")
    answering(up, bytes(damaged), "gzip")
    raw_call(proxy)
    proxy.calls(len(bodies) + 1)
    check.eventually(lambda: len(proxy.run("calls", "list", "--json").splitlines()) > len(bodies), "one more")
    check.contains(proxy.run("calls", "show", "last"),
                   f"  compressed (gzip), {len(damaged)} octets: the body is no sound gzip\n", "the page")


@test(each=["event_stream", "sse"])
def a_compressed_stream_is_recorded_as_it_would_be_without(t, kind):
    words = [f"word{i} " for i in range(20)]
    if kind == "sse":
        content_type = "text/event-stream"
        events = [{"type": "message_start", "message": {"role": "assistant", "usage": {"input_tokens": 11}}}]
        events += [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": w}} for w in words]
        events += [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 23}},
                   {"type": "message_stop"}]
        frames = [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events]
        options = {"path": "/anthropic/v1/messages", "action": ""}
    else:
        content_type = "application/vnd.amazon.eventstream"
        frames = [eventstream.event("messageStart", {"role": "assistant"})]
        frames += [eventstream.event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": w}}) for w in words]
        frames += [eventstream.event("messageStop", {"stopReason": "end_turn"}),
                   eventstream.event("metadata", {"usage": {"inputTokens": 11, "outputTokens": 23, "totalTokens": 34},
                                                  "metrics": {"latencyMs": 7}})]
        options = {"action": "converse-stream"}
    parts = list(compressed.gzip_pieces(frames))
    up = t.upstream()

    def handler(request, reply):
        request.read_body(reply)
        reply.start_chunked(200, up.bedrock.ids() + [("Content-Type", content_type), ("Content-Encoding", "gzip")])
        for part in parts:
            reply.chunk(part)
            threading.Event().wait(0.01)
        reply.end_chunks()

    up.handler = handler
    proxy = t.proxy(up)
    check.equal(raw_call(proxy, **options).body, b"".join(parts), "what the client got")
    record = proxy.call()
    response = record["response"]
    check.equal(response["answer"]["content"], [{"type": "text", "text": "".join(words)}], "the answer")
    check.equal(response["stream"], {"events": len(frames), "crc_failures": 0}, "the stream")
    check.equal((record["usage"]["output_tokens"], response["stop_reason"]), (23, "end_turn"), "what it tells")
    check.equal((response["body_bytes"], response["body_decoded_bytes"]), (len(b"".join(parts)), len(b"".join(frames))),
                "octets")
    check.equal(record.get("notes"), None, "notes")
    times = record["timing_ms"]
    check.true(times["first_token"] >= 10, f"the first token waited for its part: {times}")
    check.true(times["token_gap_p50"] >= 5, f"gaps are those of the parts: {times}")
    check.true(0 < times["output_tokens_per_second"] < 22 / 0.19 * 1.05, f"22 tokens in 19 pauses at least: {times}")
    check.contains(proxy.run("calls", "show", "last"), "  assistant\n    word0 word1", "the page")
    entry = json.loads(proxy.run("calls", "export", "--format", "har"))["log"]["entries"][0]
    check.equal((entry["response"]["content"]["size"], entry["response"]["bodySize"]),
                (len(b"".join(frames)), len(b"".join(parts))), "sizes in HAR")
    messages = entry["_eventSourceMessages"]
    check.equal("".join(word for m in messages for word in re.findall(r"word\d+ ", m["data"])), "".join(words), "messages in HAR")
    moments = [m["_time_ms"] for m in messages]
    check.true(moments == sorted(moments) and moments[-1] - moments[0] >= 190, f"they come when their part came: {moments}")


@test
def a_secret_in_a_compressed_refusal_reaches_no_file(t):
    secret = "IQoJb3JpZ2luX2VjEAoaCXVzLWVhc3QtMSJHMEUCIQ"
    refusal = json.dumps({"message": f"should have been x-amz-security-token:{secret}"}).encode()
    up = t.upstream()
    proxy = t.proxy(up)
    credentials = sigv4.Credentials(token=secret)
    for number, (body, coding) in enumerate([(compressed.gzip(refusal), "gzip"), (refusal, "gzip"), (refusal, "compress")]):
        answering(up, body, coding, status=403)
        check.equal(raw_call(proxy, credentials=credentials).body, body, "what the client got")
        response = proxy.calls(number + 1)[-1]["response"]
        if number == 0:
            check.equal(json.loads(response["body"])["message"], "should have been x-amz-security-token:***", "the record")
        else:
            check.equal(response.get("body"), None, "a body that may quote a secret")
            check.contains(response["body_coding_error"]["message"], "may quote a secret", "the reason")
    for path, content in proxy.files_written().items():
        check.lacks(content, secret.encode(), path)
