"""The record of a call (CONTRACT section 8): what it says, and what it never says."""

import datetime
import json
import re

from harness import bedrock, check, clients, wire, ways
from harness.proxy import HOST
from harness.runner import test

ULID = re.compile(r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$")
MODEL = "us.anthropic.claude-3-haiku-20240307-v1:0"
ENCODED = MODEL.replace(":", "%3A")


def one_call(proxy, way, action="invoke", **options):
    head, body = bedrock.signed_request(action, target_of=way.target, model=options.pop("model", ENCODED), **options)
    stream = way.open(proxy)
    stream.send(head + body)
    return head, body, wire.read_response(stream)


@test(each=ways.ALL)
def everything_that_can_be_known(t, way):
    up = t.upstream()
    proxy = t.proxy(up)
    begin = datetime.datetime.now(datetime.timezone.utc)
    head, body, answer = one_call(proxy, way)
    record = proxy.call()
    check.true(ULID.match(record["id"]), f"id: {record['id']}")
    started = datetime.datetime.fromisoformat(record["started_at"].replace("Z", "+00:00"))
    check.true(re.search(r"\.\d{6}Z$", record["started_at"]), f"microseconds, UTC: {record['started_at']}")
    check.true(begin - datetime.timedelta(seconds=1) < started < begin + datetime.timedelta(seconds=30), "started_at")
    check.equal((record["way_in"], record["outcome"]), (way.way_in, "complete"), "way_in and outcome")
    check.equal(record["router"], "/service/standard/" if way.way_in == "gateway" else "/", "router")
    check.equal(record.get("error"), None, "error")

    client = record["client"]
    check.true(client["address"].startswith("127.0.0.1:"), f"client address: {client}")
    check.equal(client["user_agent"], "system-test/1.0", "user_agent")

    upstream = record["upstream"]
    check.equal((upstream["host"], upstream["port"], upstream["address"]), (HOST, 443, up.address), "upstream")
    check.equal((upstream["reused"], upstream["tls_version"], upstream["alpn"]), (False, "TLSv1.3", "http/1.1"),
                "upstream's connection")

    aws = record["aws"]
    check.equal((aws["service"], aws["operation"], aws["region"]), ("bedrock-runtime", "InvokeModel", "us-east-1"), "aws")
    check.equal((aws["model_id"], aws["provider"]), (MODEL, "anthropic"), "model")
    check.equal(aws["inference_scope"], "us", "inference_scope")
    check.equal(aws["request_id"], answer.get("x-amzn-requestid"), "request_id")
    check.equal(aws["access_key_id"], bedrock.CREDENTIALS.key, "access_key_id")
    check.equal(sorted(aws["signed_headers"]), ["content-type", "host", "x-amz-date"], "signed_headers")
    check.equal(aws["signature_intact"], True, "signature_intact")
    check.equal((aws["invocation_id"], aws["attempt"]), ("0e5f2b4c-6d1a-4b7e-9a57-3d6b0f1c2d3e", 1), "attempt")

    request = record["request"]
    check.equal(request["method"], "POST", "method")
    check.contains(request["target"], f"/model/{ENCODED}/invoke", "target, undecoded")
    check.equal((request["body_bytes"], request["body"], request["body_truncated"]), (len(body), body.decode(), False),
                "request body")
    check.equal([n for n, _ in request["headers"]], [line.split(":")[0] for line in
                                                     head.decode("latin-1").split("\r\n")[1:] if line], "header names")

    response = record["response"]
    check.equal((response["status"], response["body_bytes"]), (200, len(answer.body)), "response")
    check.equal(json.loads(response["body"]), json.loads(answer.body), "response body")
    check.equal(response["stop_reason"], "end_turn", "stop_reason")
    check.equal([tuple(h) for h in response["headers"]], answer.head.fields, "response headers")

    usage = record["usage"]
    check.equal((usage["input_tokens"], usage["output_tokens"], usage["cache_read_tokens"], usage["cache_write_tokens"]),
                (bedrock.INPUT_TOKENS, bedrock.OUTPUT_TOKENS, bedrock.CACHE_READ, bedrock.CACHE_WRITE), "usage")
    check.true(usage["source"], "usage.source")
    check.one_of(usage.get("disagrees"), (False, None), "usage.disagrees")

    timing = record["timing_ms"]
    for name in ("connect", "tls", "upstream_first_byte", "total"):
        check.true(timing[name] is not None and timing[name] >= 0, f"timing {name}: {timing}")
    check.true(timing["total"] >= timing["upstream_first_byte"], f"total is the longest: {timing}")
    check.equal(timing["reported_by_aws"], 321, "reported_by_aws")
    check.true(0 < timing["added_by_proxy"] < timing["total"], f"added_by_proxy: {timing}")
    check.true(record.get("cost_usd") != 0, "an unknown cost is never 0")


@test
def converse(t):
    proxy = t.proxy(t.upstream())
    one_call(proxy, ways.CONNECT, "converse", model="amazon.nova-lite-v1%3A0")
    record = proxy.call()
    check.equal((record["aws"]["operation"], record["aws"]["provider"]), ("Converse", "amazon"), "aws")
    usage = record["usage"]
    total = bedrock.INPUT_TOKENS + bedrock.OUTPUT_TOKENS + bedrock.CACHE_READ + bedrock.CACHE_WRITE
    check.equal((usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]),
                (bedrock.INPUT_TOKENS, bedrock.OUTPUT_TOKENS, total), "usage")
    check.equal(record["response"]["stop_reason"], "end_turn", "stop_reason")
    check.equal(record["timing_ms"]["reported_by_aws"], 456, "reported_by_aws")


@test
def operations_and_models(t):
    proxy = t.proxy(t.upstream())
    arn = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Feu.amazon.nova-lite-v1%3A0"
    wanted = [("invoke-with-response-stream", "meta.llama3-70b-instruct-v1%3A0", "InvokeModelWithResponseStream",
               "meta.llama3-70b-instruct-v1:0", "meta"),
              ("converse-stream", arn, "ConverseStream",
               "arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0", "amazon"),
              ("count-tokens", "mistral.mistral-large-2402-v1:0", "CountTokens", "mistral.mistral-large-2402-v1:0",
               "mistral")]
    for action, model, *_ in wanted:
        one_call(proxy, ways.CONNECT, action, model=model)
    records = sorted(proxy.calls(3), key=lambda r: r["id"])
    for record, (_, _, operation, model, provider) in zip(records, wanted):
        check.equal((record["aws"]["operation"], record["aws"]["model_id"], record["aws"]["provider"]),
                    (operation, model, provider), "operation, model, provider")
    check.equal([r["aws"]["attempt"] for r in records], [1, 1, 1], "attempts")


@test
def errors_of_amazon(t):
    up = t.upstream()
    up.bedrock.error = (400, "ValidationException", "The provided model identifier is invalid.")
    proxy = t.proxy(up)
    one_call(proxy, ways.CONNECT)
    record = proxy.call()
    check.equal((record["outcome"], record["response"]["status"]), ("complete", 400), "outcome, status")
    check.equal((record["response"]["error_type"], record["response"]["error_message"]),
                ("ValidationException", "The provided model identifier is invalid."), "the error")
    check.equal(record.get("usage") or {}, {k: None for k in (record.get("usage") or {})}, "no usage is invented")


@test
def attempts_of_an_sdk(t):
    proxy = t.proxy(t.upstream())
    clients.BOTO_ENVIRONMENT.client(proxy).converse(modelId="amazon.nova-lite-v1:0", messages=[])
    record = proxy.call()
    check.equal(record["aws"]["attempt"], 1, "attempt")
    check.true(record["aws"]["invocation_id"], "invocation_id")
    check.contains((record["client"]["sdk"] or "").lower(), "boto", "sdk")


@test
def refusals_are_recorded(t):
    proxy = t.proxy()
    stream = wire.connect(proxy.address)
    stream.send(b"GET http://127.0.0.1:8080/x HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n")
    answer = wire.read_response(stream)
    record = proxy.call()
    check.equal((record["outcome"], record["error"]["code"]), ("refused", answer.get("borehole-error")), "the record")
    check.equal(record["error"]["fault"], "client", "fault")
    check.equal(record["error"]["message"], json.loads(answer.body)["message"], "the same words as the client got")


@test(each=ways.ALL)
def secrets_are_never_written(t, way):
    up = t.upstream()
    proxy = t.proxy(up, config={"log": {"level": "debug"}})
    secrets = [bedrock.SESSION.secret, bedrock.SESSION.token]
    extra = [("Cookie", "session=C00KIEsecretvalue"), ("X-Api-Key", "APIKEYsecretvalue"),
             ("Api-Key", "OTHERKEYsecretvalue"), ("Proxy-Authorization", "Basic cHJveHk6c2VjcmV0dmFsdWU=")]
    secrets += ["C00KIEsecretvalue", "APIKEYsecretvalue", "OTHERKEYsecretvalue", "cHJveHk6c2VjcmV0dmFsdWU="]

    def handler(request, reply):
        request.read_body(reply)
        reply.respond(200, up.bedrock.ids() + [("Set-Cookie", "id=SETC00KIEsecretvalue"),
                                               ("Content-Type", "application/json")], b"{}")

    up.handler = handler
    secrets.append("SETC00KIEsecretvalue")
    head, _, answer = one_call(proxy, way, credentials=bedrock.SESSION, extra=extra)
    check.equal(answer.status, 200, repr(answer))
    secrets.append(head.decode("latin-1").split("Signature=")[1].split("\r\n")[0])
    head = (f"POST {way.target('/model/x/invoke?X-Amz-Signature=' + 'ab' * 32 + '&X-Amz-Security-Token=QUERYsecrettoken')} "
            f"HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {bedrock.API_KEY}\r\nContent-Length: 0\r\n\r\n")
    secrets += [bedrock.API_KEY, "ab" * 32, "QUERYsecrettoken"]
    stream = way.open(proxy)
    stream.send(head.encode())
    check.equal(wire.read_response(stream).status, 200, "a call with a bearer key")
    proxy.calls(2)
    live = proxy.files_written()
    # The store may compress what it keeps: what it gives back must not hold them either.
    live["calls list"] = proxy.run("calls", "list", "--json").encode()
    check.true(live["calls list"].strip(), "the store holds the calls")
    proxy.stop()
    after = proxy.files_written()
    for files in (live, after):
        check.true(any(path.endswith(".db") for path in files), f"the store is among {list(files)}")
        for path, content in files.items():
            for secret in secrets:
                check.lacks(content, secret.encode(), f"a secret in {path}")
    joined = json.dumps([r["request"]["headers"] for r in proxy.records()])
    check.contains(joined, "X-Api-Key", "a masked header's name is kept")


@test
def files_are_private(t):
    import os
    import stat
    proxy = t.proxy(t.upstream())
    one_call(proxy, ways.CONNECT)
    proxy.call()
    for path in (proxy.store, proxy.jsonl):
        check.equal(stat.S_IMODE(os.stat(path).st_mode) & 0o077, 0, f"access by others to {path}")


@test
def large_bodies_are_truncated_in_the_record_only(t):
    proxy = t.proxy(t.upstream(), config={"record": {"bodies": {"max_bytes": "64KiB"}}})
    _, body, answer = one_call(proxy, ways.CONNECT, body=b"y" * 300000)
    check.equal(answer.status, 200, "the call")
    record = proxy.call()
    check.equal((record["request"]["body_bytes"], record["request"]["body_truncated"]), (300000, True), "request")
    check.equal(len(record["request"]["body"]), 65536, "what is kept of it")
    check.equal(record["response"]["body_truncated"], False, "response")


@test
def bodies_can_be_left_out(t):
    proxy = t.proxy(t.upstream(), config={"record": {"bodies": {"max_bytes": 0}}})
    one_call(proxy, ways.CONNECT, body=b'{"inputText":"nobody keeps this"}')
    record = proxy.call()
    check.equal(record["request"]["body_bytes"], 33, "body_bytes")
    check.lacks(json.dumps(record), "nobody keeps this", "the body in the record")


@test
def every_call_has_one_record(t):
    import threading
    proxy = t.proxy(t.upstream(), config={"workers": 2})
    problems = []

    def some(way):
        try:
            stream = way.open(proxy)
            for _ in range(50):
                head, body = bedrock.signed_request("invoke", target_of=way.target)
                stream.send(head + body)
                check.equal(wire.read_response(stream).status, 200, "a call")
        except Exception as error:  # pylint: disable=broad-except
            problems.append(repr(error))

    threads = [threading.Thread(target=some, args=(way,)) for way in ways.ALL]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check.equal(problems, [], "problems")
    records = proxy.calls(350)
    check.equal((len(records), len({r["id"] for r in records})), (350, 350), "records and ids")
    proxy.stop()
    check.equal(len(proxy.records()), 350, "records after the end")


# ---- `borehole calls`


@test
def calls_list_and_show(t):
    proxy = t.proxy(t.upstream())
    for action in ("invoke", "converse", "count-tokens"):
        one_call(proxy, ways.CONNECT, action)
    records = {r["id"]: r for r in proxy.calls(3)}

    def listed():
        lines = proxy.run("calls", "list", "--json").splitlines()
        return [json.loads(line) for line in lines if line]

    check.eventually(lambda: len(listed()) == 3, "three calls in the store")
    for record in listed():
        check.equal(record, records[record["id"]], "the store's record is that of the JSON lines")
    some = next(iter(records))
    shown = json.loads(proxy.run("calls", "show", some, "--json"))
    check.equal(shown, records[some], "calls show --json")
    text = proxy.run("calls", "show", some)
    check.contains(text, some, "calls show")
    text = proxy.run("calls", "list")
    for operation in ("InvokeModel", "Converse", "CountTokens"):
        check.contains(text, operation, "calls list")
    done = proxy.run("calls", "show", "01ARZ3NDEKTSV4RRFFQ69G5FAV", status=None)
    check.equal(done.returncode, 1, f"an id that is not there: {done.stderr}")
    check.true(len(done.stderr.strip()) > 10, "a sentence on stderr")
    proxy.stop()
    check.equal(len(listed()), 3, "calls in the store after the proxy's end")


@test
def strict_durability_needs_a_store(t):
    proxy = t.proxy(t.upstream())
    check.equal(proxy.run("check", "--set", "record.durability=strict", status=None).returncode, 0, "with a store")
    done = proxy.run("check", "--set", "record.durability=strict", "--set", "record.store=null", status=None)
    check.equal(done.returncode, 2, "the status of check")
    check.contains(done.stderr, "record.durability strict needs a store", "what check says")


@test
def no_store_and_no_file(t):
    proxy = t.proxy(t.upstream(), config={"record": {"store": None, "jsonl": None}})
    _, _, answer = one_call(proxy, ways.CONNECT)
    check.equal(answer.status, 200, "a call without any record")


@test
def a_store_that_cannot_be_written_never_fails_a_call(t):
    """/dev/full accepts nothing: the calls pass, and the loss is told."""
    proxy = t.proxy(t.upstream(), config={"record": {"jsonl": "/dev/full"}})
    for _ in range(5):
        _, _, answer = one_call(proxy, ways.CONNECT)
        check.equal(answer.status, 200, "a call")
    check.eventually(lambda: "/dev/full" in proxy.stderr(), "the log names the file")


@test(limit=240)
def two_thousand_records(t):
    proxy = t.proxy(t.upstream())
    stream = ways.GATEWAY.open(proxy)
    head, body = bedrock.signed_request("invoke", target_of=ways.GATEWAY.target)
    for _ in range(2000):
        stream.send(head + body)
        check.equal(wire.read_response(stream).status, 200, "a call")
    records = proxy.calls(2000, seconds=30)
    check.equal(len({r["id"] for r in records}), 2000, "ids")
    check.equal([r["id"] for r in records], sorted(r["id"] for r in records), "they stand in their order")
