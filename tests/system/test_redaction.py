"""Redaction: what record.redact hides is in no octet that the program writes or answers, and every octet is forwarded."""

import base64
import hashlib
import json
import os
import signal
import subprocess

from harness import bedrock, check, clients, eventstream, wire, ways
from harness.runner import test

MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
MAIL = "jane.doe+private@example.com"
CARD = "4111 1111 1111 1111"
TICKET = "TICKET-135790"
KEY_ID = "AKIAIOSFODNN7EXAMPLF"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEZ"
PATH = "PATHVALUE24680"
HEADER = "HEADERVALUE97531"
# What no octet may hold: the values, and parts of them that would tell.
VALUES = [MAIL, "jane.doe", CARD, CARD.replace(" ", ""), TICKET, "135790", KEY_ID, SECRET, PATH, HEADER, "jane%2Edoe"]
REDACT = {"json_paths": ["$.system", "$..passphrase"], "patterns": [{"name": "ticket", "regex": "TICKET-[0-9]{6}"}],
          "builtin": ["email", "card", "aws_key"]}
RECORD = {"redact": REDACT, "mask_headers": ["x-hidden"]}
STREAM = ("Content-Type", "application/vnd.amazon.eventstream")
PROMPT = f"I am {MAIL}, my card {CARD}, see {TICKET}; {KEY_ID}: {SECRET}"
WAYS = [ways.CONNECT, ways.GATEWAY]


def body():
    text = json.dumps({"system": [{"text": PATH}], "messages": [{"role": "user", "content": [{"text": PROMPT}]}],
                       "tool": json.dumps({"mail": MAIL, "passphrase": PATH}),
                       "doc": base64.b64encode(f"a text with {MAIL}".encode()).decode()})
    return text.replace("jane", "\\u006aane").encode()


def send(proxy, way, action, extra=(), query=f"mail=jane.doe%2Bprivate%40example.com&q={TICKET}"):
    head, content = bedrock.signed_request(
        action, body=body(), target_of=way.target, query=query,
        extra=[("X-Hidden", HEADER), ("X-Note", f"from {MAIL}"), ("Session-Id", f"s-{TICKET}"), *extra])
    stream = way.open(proxy)
    stream.send(head + content)
    return wire.read_response(stream)


def pieces(text, size):
    return [text[i:i + size] for i in range(0, len(text), size)]


def converse_events(size):
    yield eventstream.event("messageStart", {"role": "assistant"})
    for piece in pieces(f"You are {MAIL}, {CARD}, {TICKET}.", size):
        yield eventstream.event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}})
    for piece in pieces(json.dumps({"mail": MAIL}), size):
        yield eventstream.event("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": piece}}})
    yield eventstream.event("strange", {"x": f"{MAIL}", "passphrase": PATH})
    yield eventstream.event("messageStop", {"stopReason": "end_turn"})
    yield eventstream.event("metadata", {"usage": {"inputTokens": 11, "outputTokens": 7, "totalTokens": 18}})


def invoke_events(size):
    def chunk(document):
        coded = base64.b64encode(json.dumps(document).encode()).decode()
        return eventstream.event("chunk", {"bytes": coded, "p": "abcd"})

    yield chunk({"type": "message_start", "message": {"role": "assistant", "content": [], "passphrase": PATH}})
    for piece in pieces(f"You are {MAIL}, {CARD}, {TICKET}.", size):
        yield chunk({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}})
    yield chunk({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}})


def serve(up):
    """Answers with everything that must be hidden; the octets that were sent, by the action."""
    sent = {}

    def handler(request, reply):
        request.read_body(reply)
        target = request.target
        fields = up.bedrock.ids() + [("X-Echo", f"to {MAIL}")]
        if "converse-stream" in target or "with-response-stream" in target:
            frames = list(converse_events(7) if "converse-stream" in target else invoke_events(5))
            reply.start_chunked(200, fields + [STREAM])
            for frame in frames:
                reply.chunk(frame)
            reply.end_chunks()
            sent[target] = b"".join(frames)
            return
        status = 400 if "invoke" in target else 200
        document = {"message": f"{TICKET} of {MAIL} is not valid"} if status == 400 else {
            "output": {"message": {"role": "assistant", "content": [{"text": PROMPT}]}}, "stopReason": "end_turn",
            "usage": {"inputTokens": 11, "outputTokens": 7, "totalTokens": 18}, "passphrase": PATH}
        sent[target] = json.dumps(document).encode()
        reply.respond(status, fields + [("Content-Type", "application/json")], sent[target])

    up.handler = handler
    return sent


def decoded(record):
    """All octets that a record holds, base64 and event streams taken apart."""
    parts = [json.dumps(record, ensure_ascii=False).encode()]
    for side in ("request", "response"):
        message = record.get(side, {})
        if message.get("body_encoding") == "base64":
            content = base64.b64decode(message["body"])
            parts.append(content)
            for _, payload in eventstream.split(content)[0]:
                parts.append(payload)
                parts.append(base64.b64decode(json.loads(payload).get("bytes", "")))
        else:
            parts.append(message.get("body", "").encode())
            with_doc = message.get("body", "")
            if '"doc":' in with_doc:
                parts.append(base64.b64decode(json.loads(with_doc)["doc"]))
    return parts


def lacks_all(octets, about):
    for value in VALUES:
        for form in (value, value.replace("@", "%40"), value.replace(" ", "%20"), base64.b64encode(value.encode()).decode()[:16]):
            check.lacks(octets, form.encode(), about)


def joined_text(content):
    """What the portions of a kept stream say, one behind the other."""
    texts = []
    for _, payload in eventstream.split(content)[0]:
        document = json.loads(payload)
        if "bytes" in document:
            document = json.loads(base64.b64decode(document["bytes"]))
        delta = document.get("delta", {})
        texts.append(delta.get("text", "") + delta.get("toolUse", {}).get("input", ""))
    return "".join(texts)


@test(each=WAYS)
def nothing_that_is_hidden_is_anywhere(t, way):
    up = t.upstream()
    sent = serve(up)
    proxy = t.proxy(up, config={"record": RECORD, "log": {"level": "debug"}})
    actions = ["invoke", "converse", "converse-stream", "invoke-with-response-stream"]
    answers = [send(proxy, way, action) for action in actions]
    records = proxy.calls(len(actions))

    # What passed is untouched.
    for request in up.requests:
        check.equal(request.body, body(), "the body that was forwarded")
        check.equal(request.get("x-note"), f"from {MAIL}", "a header that was forwarded")
    check.equal([a.body for a in answers], list(sent.values()), "what the client got")

    by_action = dict(zip(actions, records))
    for record in records:
        for part in decoded(record):
            lacks_all(part, f"the record of {record['request']['target']}")
    for action, text in (("converse-stream", "You are ***, ***, ***."), ("invoke-with-response-stream", "You are ***, ***, ***.")):
        response = by_action[action]["response"]
        check.equal(response["answer"]["content"][0]["text"], text, f"the answer of {action}")
        check.contains(joined_text(base64.b64decode(response["body"])), text, "what the events say")
    check.equal(json.loads(by_action["converse"]["request"]["body"])["messages"][0]["content"][0]["text"],
                "I am ***, my card ***, see ***; ***: ***", "the prompt")
    check.equal(json.loads(by_action["converse"]["request"]["body"])["system"], "***", "the value at a path")
    check.equal(by_action["invoke"]["response"]["error_message"], "*** of *** is not valid", "the error")
    check.equal((by_action["converse"]["usage"]["input_tokens"], by_action["converse-stream"]["usage"]["output_tokens"]),
                (11, 7), "usage is counted all the same")
    check.equal(by_action["converse"]["aws"]["access_key_id"], bedrock.CREDENTIALS.key, "who called")
    for rule in ("email", "card", "aws_key", "ticket", "$.system", "$..passphrase"):
        check.true(by_action["converse"]["redactions"].get(rule, 0) > 0, f"{rule} is counted: {by_action['converse']['redactions']}")

    # What the commands and the admin port say.
    check.eventually(lambda: len(proxy.run("calls", "list", "--json").splitlines()) == len(actions), "records in the store")
    outputs = {
        "list": proxy.run("calls", "list"), "list --json": proxy.run("calls", "list", "--json"),
        "export": proxy.run("calls", "export"), "stats": proxy.run("calls", "stats"),
        "log": proxy.stderr(), "stdout": "\n".join(proxy.lines)}
    for record in records:
        outputs["show " + record["id"]] = proxy.run("calls", "show", record["id"])
        outputs["show --json " + record["id"]] = proxy.run("calls", "show", record["id"], "--json")
        for side in ("request", "response"):
            done = proxy_octets(proxy, "calls", "show", record["id"], "--raw-body", side)
            outputs[f"raw {side} {record['id']}"] = done.decode("utf-8", "replace")
            if side == "request":
                check.equal(done, record["request"]["body"].encode(), "--raw-body")
    check.contains(outputs["show " + by_action["converse"]["id"]], "redacted  email ", "the page says what was hidden")
    for target in ("/metrics", "/api/status", "/api/calls", *("/api/calls/" + r["id"] for r in records)):
        outputs[target] = get(proxy, target).decode()
    check.contains(outputs["/metrics"], 'borehole_redactions_total{rule="ticket"}', "metrics")
    check.contains(outputs["/metrics"], "borehole_bodies_withheld_total 0", "metrics")
    for name, text in outputs.items():
        lacks_all(text.encode(), name)
    for line in outputs["export"].splitlines():
        for part in decoded(json.loads(line)):
            lacks_all(part, "an exported record")

    # Every file, while it runs and when it has ended.
    for path, content in proxy.files_written().items():
        lacks_all(content, path)
    proxy.stop()
    for folder, _, names in os.walk(proxy.folder):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                lacks_all(file.read() if name != "borehole.yaml" else b"", name)


def proxy_octets(proxy, *arguments):
    return subprocess.run([proxy.binary, *arguments, "--config", proxy.config_path], capture_output=True, timeout=60,
                          check=True, env=proxy.environment, cwd=proxy.folder).stdout


def get(proxy, target):
    stream = wire.connect(proxy.admin)
    stream.send(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{proxy.admin[1]}\r\n\r\n".encode())
    answer = wire.read_response(stream, "GET")
    check.equal(answer.status, 200, target)
    return answer.body


@test
def standard_output_and_calls_tail_show_nothing_that_is_hidden(t):
    up = t.upstream()
    serve(up)
    proxy = t.proxy(up, config={"record": dict(RECORD, jsonl="-")})
    for options in ([], ["--json"]):
        with open(t.path("tail"), "wb") as out:
            tail = subprocess.Popen([proxy.binary, "calls", "tail", "-n", "5", *options, "--config", proxy.config_path], stdout=out,
                                    env=proxy.environment)
        t.defer(tail.kill)
        before = len(proxy.lines)
        send(proxy, ways.CONNECT, "converse")
        line = check.eventually(lambda: next((x for x in proxy.lines[before:] if x.startswith("{")), None), "a record")
        lacks_all(line.encode(), "the line on stdout")

        def followed():
            with open(t.path("tail"), "rb") as file:
                return file.read()

        check.eventually(lambda: followed().endswith(b"\n"), "a line of calls tail")
        lacks_all(followed(), "calls tail")
        tail.send_signal(signal.SIGTERM)
        tail.wait(30)


@test
def bodies_are_hashed_or_off_by_model_and_router(t):
    up = t.upstream()
    sent = serve(up)
    proxy = t.proxy(up, config={"record": {"bodies": {"rules": [{"router": "/service/standard/", "keep": "off"},
                                                                {"model": "anthropic.*", "keep": "hashed"}]}}})
    send(proxy, ways.GATEWAY, "converse")
    send(proxy, ways.CONNECT, "converse-stream")
    off, hashed = proxy.calls(2)
    check.equal((off["request"].get("body"), off["request"]["body_withheld"]), (None, "record.bodies.keep is off"), "off")
    check.equal(off["usage"]["input_tokens"], 11, "usage")
    check.equal(hashed["request"]["body_sha256"], hashlib.sha256(body()).hexdigest(), "the request's hash")
    check.equal(hashed["response"]["body_sha256"], hashlib.sha256(list(sent.values())[1]).hexdigest(), "the answer's hash")
    check.equal((hashed["response"].get("answer"), hashed["response"].get("body")), (None, None), "no content")
    check.eventually(lambda: len(proxy.run("calls", "list", "--json").splitlines()) == 2, "records in the store")
    check.contains(proxy.run("calls", "show", off["id"]), "not kept: record.bodies.keep is off", "the page")
    check.contains(proxy.run("calls", "show", hashed["id"]), "not kept but its SHA-256 " + hashed["request"]["body_sha256"], "the page")
    done = proxy.run("calls", "show", off["id"], "--raw-body", "request", status=1)
    check.equal(done, "", "--raw-body")
    for path, content in proxy.files_written().items():
        check.lacks(content, PATH.encode(), path)


@test
def what_cannot_be_looked_into_is_withheld_and_counted(t):
    up = t.upstream()

    def handler(request, reply):
        request.read_body(reply)
        reply.respond(200, [("Content-Type", "text/html")], f"<p>{PATH}".encode())

    up.handler = handler
    proxy = t.proxy(up, config={"record": RECORD})
    answer = send(proxy, ways.CONNECT, "converse", extra=[("Content-Encoding", "x-own")])
    check.equal(answer.body, f"<p>{PATH}".encode(), "what the client got")
    record = proxy.call()
    check.equal((record["request"].get("body"), record["request"]["body_withheld"]),
                (None, "its content-encoding cannot be looked into"), "the request")
    check.contains(record["response"]["body_withheld"], "it is not JSON", "the answer")
    check.contains(get(proxy, "/metrics").decode(), "borehole_bodies_withheld_total 2", "metrics")
    for path, content in proxy.files_written().items():
        lacks_all(content, path)


@test
def a_reload_changes_what_is_hidden_and_a_wrong_one_nothing(t):
    up = t.upstream()
    serve(up)
    proxy = t.proxy(up)
    send(proxy, ways.CONNECT, "converse")
    check.contains(proxy.call()["response"]["body"], MAIL, "before")

    def reload(redact, until):
        proxy.config["record"]["redact"] = redact
        proxy.write_config()
        proxy.process.send_signal(signal.SIGHUP)
        check.eventually(lambda: until in proxy.stderr(), until)

    reload({"patterns": [{"name": "x", "regex": "("}]}, "record.redact.patterns[0].regex ('(') is no regular expression")
    reload(REDACT, "configuration reloaded")
    send(proxy, ways.CONNECT, "converse")
    check.lacks(proxy.calls(2)[1]["response"]["body"], MAIL, "after")


@test(each=clients.BOTO)
def the_sdk_gets_everything_that_the_record_lacks(t, boto):
    up = t.upstream()
    serve(up)
    proxy = t.proxy(up, config={"record": RECORD})
    stream = boto.client(proxy).converse_stream(modelId=MODEL, messages=[{"role": "user", "content": [{"text": PROMPT}]}])
    text = "".join(e["contentBlockDelta"]["delta"].get("text", "") for e in stream["stream"] if "contentBlockDelta" in e)
    check.equal(text, f"You are {MAIL}, {CARD}, {TICKET}.", "what the SDK put together")
    record = proxy.call()
    check.equal(record["response"]["answer"]["content"][0]["text"], "You are ***, ***, ***.", "what is recorded")
    for part in decoded(record):
        lacks_all(part, "the record")
