"""boto3 as its users configure it: by environment, through an https:// proxy, and forwarding without CONNECT."""

import json
import threading

import botocore.exceptions

from harness import bedrock, check, clients, eventstream
from harness.proxy import HOST
from harness.runner import test

MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-20250514-v1:0"
MESSAGES = [{"role": "user", "content": [{"text": "Wie tief? 穴"}]}]


@test(each=clients.BOTO)
def every_operation(t, boto):
    up = t.upstream()
    proxy = t.proxy(up)
    client = boto.client(proxy)
    answer = client.invoke_model(modelId=MODEL, body=json.dumps({"anthropic_version": "bedrock-2023-05-31"}),
                                 contentType="application/json", accept="application/json")
    check.equal(json.loads(answer["body"].read())["stop_reason"], "end_turn", "InvokeModel")
    answer = client.converse(modelId=ARN, messages=MESSAGES)
    check.equal(answer["output"]["message"]["content"][0]["text"], up.bedrock.text(), "Converse")
    check.equal(answer["usage"]["outputTokens"], bedrock.OUTPUT_TOKENS, "Converse's usage")
    answer = client.invoke_model_with_response_stream(modelId=MODEL, body=b"{}")
    events = [json.loads(e["chunk"]["bytes"]) for e in answer["body"]]
    check.equal(events[-1]["amazon-bedrock-invocationMetrics"]["inputTokenCount"], bedrock.INPUT_TOKENS, "metrics")
    answer = client.converse_stream(modelId=MODEL, messages=MESSAGES)
    text = "".join(e["contentBlockDelta"]["delta"]["text"] for e in answer["stream"] if "contentBlockDelta" in e)
    check.equal(text, up.bedrock.text(), "ConverseStream")
    answer = client.count_tokens(modelId=MODEL, input={"converse": {"messages": MESSAGES}})
    check.equal(answer["inputTokens"], 42, "CountTokens")
    check.equal(up.bedrock.refused, [], "refused signatures")
    targets = [r.target for r in up.requests]
    check.equal(targets[0], "/model/anthropic.claude-3-haiku-20240307-v1%3A0/invoke", "the path upstream")
    check.contains(targets[1], "inference-profile%2Fus.anthropic", "an ARN's path upstream")
    check.equal({r.get("host") for r in up.requests}, {HOST}, "Host upstream")
    records = proxy.calls(5)
    check.equal({r["way_in"] for r in records}, {boto.way_in}, "way_in")
    check.equal({r["outcome"] for r in records}, {"complete"}, "outcome")


@test(each=clients.BOTO)
def twenty_megabytes(t, boto):
    up = t.upstream()
    body = bytes(range(256)) * 4096 * 20
    answer = boto.client(t.proxy(up)).invoke_model(modelId=MODEL, body=body)
    check.equal(json.loads(answer["body"].read())["stop_reason"], "end_turn", "the answer")
    check.equal(up.requests[0].body, body, "the body upstream")


@test(each=clients.BOTO)
def events_arrive_one_by_one(t, boto):
    up = t.upstream()
    seen = [threading.Event() for _ in range(100)]

    def handler(request, reply):
        request.read_body(reply)
        reply.start_chunked(200, [("Content-Type", "application/vnd.amazon.eventstream")])
        for i in range(100):
            reply.chunk(eventstream.event("contentBlockDelta", {"contentBlockIndex": i, "delta": {"text": "x"}}))
            check.true(seen[i].wait(20), f"event {i} did not reach the client")
        reply.end_chunks()

    up.handler = handler
    stream = boto.client(t.proxy(up)).converse_stream(modelId=MODEL, messages=MESSAGES)["stream"]
    for event in stream:
        seen[event["contentBlockDelta"]["contentBlockIndex"]].set()
    check.true(all(e.is_set() for e in seen), "all events")


@test(each=clients.BOTO)
def amazons_errors_are_amazons(t, boto):
    up = t.upstream()
    up.bedrock.error = (429, "ThrottlingException", "Too many requests, please wait.")
    proxy = t.proxy(up)
    client = boto.client(proxy)
    with check.raises(client.exceptions.ThrottlingException) as seen:
        client.converse(modelId=MODEL, messages=MESSAGES)
    check.equal(seen.error.response["Error"]["Message"], "Too many requests, please wait.", "message")
    check.lacks(seen.error.response["ResponseMetadata"]["HTTPHeaders"], "borehole-error", "Amazon's own refusal")
    record = proxy.call()
    check.equal((record["response"]["status"], record["response"]["error_type"]), (429, "ThrottlingException"), "record")


@test(each=clients.BOTO)
def wrong_secret_is_refused_by_amazon_not_by_us(t, boto):
    from harness.sigv4 import Credentials
    up = t.upstream()
    client = boto.client(t.proxy(up), credentials=Credentials(bedrock.CREDENTIALS.key, "a wrong secret"))
    with check.raises(botocore.exceptions.ClientError) as seen:
        client.converse(modelId=MODEL, messages=MESSAGES)
    check.equal(seen.error.response["Error"]["Code"], "InvalidSignatureException", "code")


@test(each=clients.BOTO)
def each_attempt_passes_and_is_recorded(t, boto):
    up = t.upstream()

    def handler(request, reply):
        request.read_body(reply)
        if len(up.requests) == 1:
            return up.bedrock.fail(reply, 503, "ServiceUnavailableException", "try again")
        return up.bedrock.answer(request, reply)

    up.handler = handler
    proxy = t.proxy(up)
    answer = boto.client(proxy, attempts=3).converse(modelId=MODEL, messages=MESSAGES)
    check.equal(answer["stopReason"], "end_turn", "the answer")
    records = sorted(proxy.calls(2), key=lambda r: r["id"])
    check.equal([r["aws"]["attempt"] for r in records], [1, 2], "attempts")
    check.equal(len({r["aws"]["invocation_id"] for r in records}), 1, "invocation ids")


@test(each=clients.BOTO)
def stream_exceptions_pass(t, boto):
    up = t.upstream()

    def handler(request, reply):
        request.read_body(reply)
        reply.start_chunked(200, up.bedrock.ids() + [("Content-Type", "application/vnd.amazon.eventstream")])
        reply.chunk(eventstream.event("messageStart", {"role": "assistant"}))
        reply.chunk(eventstream.exception("throttlingException", "slow down"))
        reply.end_chunks()

    up.handler = handler
    proxy = t.proxy(up)
    stream = boto.client(proxy).converse_stream(modelId=MODEL, messages=MESSAGES)["stream"]
    with check.raises(botocore.exceptions.EventStreamError) as seen:
        list(stream)
    check.contains(str(seen.error), "slow down", "the exception")
    check.equal(proxy.call()["outcome"], "complete", "outcome: it was passed on whole")


@test(each=clients.BOTO)
def cut_stream_raises(t, boto):
    up = t.upstream()

    def handler(request, reply):
        request.read_body(reply)
        reply.start_chunked(200, [("Content-Type", "application/vnd.amazon.eventstream")])
        frame = eventstream.event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "x" * 200}})
        reply.chunk(frame)
        reply.chunk(frame[:100])
        reply.cut()

    up.handler = handler
    proxy = t.proxy(up)
    stream = boto.client(proxy).converse_stream(modelId=MODEL, messages=MESSAGES)["stream"]
    import urllib3
    with check.raises(urllib3.exceptions.HTTPError, botocore.exceptions.BotoCoreError, OSError,
                      about="an error for a cut stream"):
        list(stream)
    check.equal(proxy.call()["outcome"], "upstream_failed", "outcome")
