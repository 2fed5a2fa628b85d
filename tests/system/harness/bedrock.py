"""What Amazon Bedrock answers, as far as clients and the proxy's record can tell. Checks every signature."""

import base64
import email.utils
import hashlib
import json
import uuid

from . import eventstream, sigv4, wire

CREDENTIALS = sigv4.Credentials()
SESSION = sigv4.Credentials("ASIASYSTEMTEST01", "another/s3cr3t+of+a+session/EXAMPLEKEY02",
                            "FwoGZXIvYXdzEXAMPLEsessiontokenTHATnoonemaysee==")
API_KEY = "ABSKQmVkcm9ja0FQSUtleS1FWEFNUExFLXNlY3JldA=="

INPUT_TOKENS, OUTPUT_TOKENS = 11, 23
CACHE_READ, CACHE_WRITE = 5, 7


class Bedrock:
    def __init__(self):
        self.secrets = {c.key: c.secret for c in (CREDENTIALS, SESSION)}
        self.secrets[API_KEY] = ""
        self.refused = []       # (error name, request) of requests whose signature was not good
        self.error = None       # (status, name, message): answer every call so
        self.strict = False     # answer as Amazon does: scopes and session tokens are checked, canonical requests told
        self.words = ["Bore", "holes", " are", " deep", "."]

    def answer(self, request, reply):
        body = request.read_body(reply).content
        try:
            sigv4.verify(request.method, request.target, request.head.fields, body, self.secrets, **self.strictness())
        except sigv4.Refused as refusal:
            self.refused.append((refusal.name, request))
            return self.fail(reply, 403, refusal.name, str(refusal))
        if self.error:
            return self.fail(reply, *self.error)
        path = request.target.partition("?")[0]
        action = path.rsplit("/", 1)[-1]
        if not path.startswith("/model/") or request.method != "POST":
            return self.fail(reply, 404, "UnknownOperationException", f"no such operation: {path}")
        answers = {"invoke": self.invoke, "converse": self.converse, "count-tokens": self.count_tokens,
                   "invoke-with-response-stream": self.invoke_stream, "converse-stream": self.converse_stream}
        if action not in answers:
            return self.fail(reply, 404, "UnknownOperationException", f"no such action: {action}")
        return answers[action](request, reply)

    def strictness(self):
        if not self.strict:
            return {}
        return {"scoped": ("us-east-1", "bedrock"), "tell": True,
                "tokens": {c.key: c.token for c in (CREDENTIALS, SESSION)}}

    @classmethod
    def fail(cls, reply, status, name, message):
        reply.respond(status, [("Content-Type", "application/json"), *cls.ids(), ("x-amzn-ErrorType", name)],
                      json.dumps({"message": message}).encode())

    @staticmethod
    def ids():
        return [("Date", email.utils.formatdate(usegmt=True)), ("x-amzn-RequestId", str(uuid.uuid4()))]

    def text(self):
        return "".join(self.words)

    def invoke(self, request, reply):
        body = {"id": "msg_01", "type": "message", "role": "assistant",
                "content": [{"type": "text", "text": self.text()}], "stop_reason": "end_turn",
                "got_sha256": hashlib.sha256(request.body).hexdigest(),
                "usage": {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS,
                          "cache_read_input_tokens": CACHE_READ, "cache_creation_input_tokens": CACHE_WRITE}}
        reply.respond(200, self.ids() + [
            ("Content-Type", "application/json"), ("X-Amzn-Bedrock-Input-Token-Count", str(INPUT_TOKENS)),
            ("X-Amzn-Bedrock-Output-Token-Count", str(OUTPUT_TOKENS)),
            ("X-Amzn-Bedrock-Cache-Read-Input-Token-Count", str(CACHE_READ)),
            ("X-Amzn-Bedrock-Cache-Write-Input-Token-Count", str(CACHE_WRITE)),
            ("X-Amzn-Bedrock-Invocation-Latency", "321")], json.dumps(body).encode(), "OK")

    def usage(self):
        return {"inputTokens": INPUT_TOKENS, "outputTokens": OUTPUT_TOKENS, "cacheReadInputTokens": CACHE_READ,
                "cacheWriteInputTokens": CACHE_WRITE,
                "totalTokens": INPUT_TOKENS + OUTPUT_TOKENS + CACHE_READ + CACHE_WRITE}

    def converse(self, _request, reply):
        body = {"output": {"message": {"role": "assistant", "content": [{"text": self.text()}]}},
                "stopReason": "end_turn", "usage": self.usage(), "metrics": {"latencyMs": 456}}
        reply.respond(200, self.ids() + [("Content-Type", "application/json")], json.dumps(body).encode(), "OK")

    def count_tokens(self, _request, reply):
        reply.respond(200, self.ids() + [("Content-Type", "application/json")], b'{"inputTokens":42}', "OK")

    def invoke_events(self):
        yield _chunk({"type": "message_start", "message": {"usage": {"input_tokens": INPUT_TOKENS}}})
        for word in self.words:
            yield _chunk({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}})
        yield _chunk({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
                      "usage": {"output_tokens": OUTPUT_TOKENS}})
        yield _chunk({"type": "message_stop", "amazon-bedrock-invocationMetrics": {
            "inputTokenCount": INPUT_TOKENS, "outputTokenCount": OUTPUT_TOKENS, "invocationLatency": 321,
            "firstByteLatency": 123, "cacheReadInputTokenCount": CACHE_READ,
            "cacheWriteInputTokenCount": CACHE_WRITE}})

    def converse_events(self):
        yield eventstream.event("messageStart", {"role": "assistant", "p": "abc"})
        for word in self.words:
            yield eventstream.event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": word}, "p": "ab"})
        yield eventstream.event("contentBlockStop", {"contentBlockIndex": 0})
        yield eventstream.event("messageStop", {"stopReason": "end_turn"})
        yield eventstream.event("metadata", {"usage": self.usage(), "metrics": {"latencyMs": 456}})

    def invoke_stream(self, _request, reply):
        self._stream(reply, self.invoke_events(), [("X-Amzn-Bedrock-Content-Type", "application/json")])

    def converse_stream(self, _request, reply):
        self._stream(reply, self.converse_events(), [])

    def _stream(self, reply, frames, fields):
        reply.start_chunked(200, self.ids() + [("Content-Type", "application/vnd.amazon.eventstream")] + fields)
        for frame in frames:
            reply.chunk(frame)
        reply.end_chunks()


def _chunk(document):
    return eventstream.event("chunk", {"bytes": base64.b64encode(json.dumps(document).encode()).decode(), "p": "abcd"})


def signed_request(action, body=b'{"inputText":"hi"}', model="anthropic.claude-3-haiku-20240307-v1%3A0",
                   host="bedrock-runtime.us-east-1.amazonaws.com", credentials=CREDENTIALS, extra=(), query="",
                   framing="length", path=None, send_host=None, target_of=None, send_body=None, without=(), **mistakes):
    """Head and framed body of a signed call, as octets. `target_of` turns the path into what is sent as target;
    `send_host` is what stands in the Host field if it is not the signed one, `send_body` the body that is sent instead of
    the signed one; the fields `without` are signed and not sent; `mistakes` are sigv4.sign's."""
    path = path or f"/model/{model}/{action}"
    target = path + (f"?{query}" if query else "")
    fields = [("Host", host), ("Content-Type", "application/json"), ("User-Agent", "system-test/1.0")] + list(extra)
    content = b"".join(body) if isinstance(body, (list, tuple)) else body
    fields = sigv4.sign("POST", target, fields, content, credentials, **mistakes)
    fields = [(n, v) for n, v in fields if n.lower() not in without]
    content = send_body if send_body is not None else content
    fields = [("Host", send_host) if n == "Host" and send_host else (n, v) for n, v in fields]
    fields.append(("amz-sdk-invocation-id", "0e5f2b4c-6d1a-4b7e-9a57-3d6b0f1c2d3e"))
    fields.append(("amz-sdk-request", "attempt=1"))
    if framing == "length":
        fields.append(("Content-Length", str(len(content))))
        framed = content
    elif framing == "chunked":
        fields.append(("Transfer-Encoding", "chunked"))
        framed = wire.chunked(*(body if isinstance(body, (list, tuple)) else [body]))
    else:
        framed = b""
    sent = target_of(target) if target_of else target
    head = f"POST {sent} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields) + "\r\n"
    return head.encode("latin-1"), framed
