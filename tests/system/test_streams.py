"""Streamed answers: what the SDK put together is what the record holds, and what botocore's decoder says of frames."""

import base64
import json
import os
import random
import signal
import threading

import botocore.eventstream

from harness import bedrock, check, clients, eventstream, wire, ways
from harness.runner import test

MODEL = "anthropic.claude-sonnet-4-20250514-v1:0"
MESSAGES = [{"role": "user", "content": [{"text": "How deep?"}]}]
EXCHANGES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data", "streams")
STREAM = ("Content-Type", "application/vnd.amazon.eventstream")
PRICES = """models:
  anthropic.claude-sonnet-4-20250514-v1:0: {input: 3, output: 15, cache_read: 0.3, cache_write: 3.75, cache_write_1h: 6}
"""


def frames(name):
    """The messages of an exchange in tests/data/streams (README.md there says how they are written)."""
    with open(os.path.join(EXCHANGES, name + ".events"), encoding="utf-8") as file:
        lines = file.read().split("\n\n", 1)[1].splitlines()
    for line in lines:
        event, payload = line.split(" ", 1)
        if event.startswith("!"):
            yield eventstream.exception(event[1:], json.loads(payload)["message"])
        elif event == "chunk":
            yield eventstream.event("chunk", {"bytes": base64.b64encode(payload.encode()).decode(), "p": "abc"})
        else:
            yield eventstream.event(event, payload.encode())


def serving(up, parts, pause=0.0):
    """The upstream answers everything with a stream of these parts."""
    def handler(request, reply):
        request.read_body(reply)
        reply.start_chunked(200, up.bedrock.ids() + [STREAM])
        for part in parts:
            reply.chunk(part)
            if pause:
                threading.Event().wait(pause)
        reply.end_chunks()

    up.handler = handler


def priced(t, up, **record):
    path = os.path.join(t.folder, "prices.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(PRICES)
    return t.proxy(up, config={"prices": path, "record": record})


def put_together(stream):
    """The content of a ConverseStream answer as an application would gather it, and its last two events."""
    blocks, stop, metadata = {}, None, None
    for event in stream:
        if "contentBlockStart" in event:
            tool = event["contentBlockStart"]["start"]["toolUse"]
            blocks[event["contentBlockStart"]["contentBlockIndex"]] = {
                "type": "tool_use", "id": tool["toolUseId"], "name": tool["name"], "input": ""}
        elif "contentBlockDelta" in event:
            index, delta = event["contentBlockDelta"]["contentBlockIndex"], event["contentBlockDelta"]["delta"]
            if "text" in delta:
                blocks.setdefault(index, {"type": "text", "text": ""})["text"] += delta["text"]
            elif "toolUse" in delta:
                blocks[index]["input"] += delta["toolUse"]["input"]
            else:
                block = blocks.setdefault(index, {"type": "thinking", "thinking": "", "signature": ""})
                block["thinking"] += delta["reasoningContent"].get("text", "")
                block["signature"] += delta["reasoningContent"].get("signature", "")
        elif "messageStop" in event:
            stop = event["messageStop"]["stopReason"]
        elif "metadata" in event:
            metadata = event["metadata"]
    for block in blocks.values():
        if block["type"] == "tool_use":
            block["input"] = json.loads(block["input"])
    return [blocks[i] for i in sorted(blocks)], stop, metadata


@test(each=clients.BOTO)
def converse_stream_is_recorded_as_the_sdk_put_it_together(t, boto):
    up = t.upstream()
    serving(up, frames("converse"))
    proxy = priced(t, up)
    content, stop, metadata = put_together(boto.client(proxy).converse_stream(modelId=MODEL, messages=MESSAGES)["stream"])
    check.equal(len(content), 3, "blocks of the SDK")
    record = proxy.call()
    response, usage, seen = record["response"], record["usage"], metadata["usage"]
    check.equal(response["answer"], {"role": "assistant", "content": content}, "the answer")
    check.equal(response["stop_reason"], stop, "stop reason")
    check.equal(response["stream"], {"events": 15, "crc_failures": 0}, "the stream")
    check.equal((usage["input_tokens"], usage["output_tokens"], usage["cache_read_tokens"], usage["cache_write_tokens"],
                 usage["total_tokens"]), (seen["inputTokens"], seen["outputTokens"], seen["cacheReadInputTokens"],
                                          seen["cacheWriteInputTokens"], seen["totalTokens"]), "tokens")
    check.equal((usage["source"], usage["disagrees"]), ("converse", False), "whose numbers")
    # 20 * 3 + 45 * 15 + 1000 * 0.3 + 40 * 3.75 + 60 * 6, of millionths
    check.equal(record["cost_usd"], "0.001545", "cost")
    check.equal(record["timing_ms"]["reported_by_aws"], metadata["metrics"]["latencyMs"], "latency")


@test
def a_streamed_answer_is_shown_as_a_page(t):
    up = t.upstream()
    proxy = priced(t, up)
    client = clients.BOTO_ENVIRONMENT.client(proxy)

    def shown(count):
        check.eventually(lambda: len(proxy.run("calls", "list", "--json").splitlines()) >= count, f"{count} calls")
        return proxy.run("calls", "show", "last")

    serving(up, frames("converse"))
    put_together(client.converse_stream(modelId=MODEL, messages=MESSAGES)["stream"])
    text = shown(1)
    for part in ("  user\n    How deep?\n", "  assistant\n    thinking\n      The user asks for weather.\n"
                 "    I'll look it up: ☂\n    calls weather (tooluse_1)\n      {\"city\":\"Oslo\"}\n",
                 "written to cache 100 (60 of them for an hour)", "stopped   tool_use\n", "cost      $0.001545\n",
                 "streamed  15 events, first token "):
        check.contains(text, part, "the page of ConverseStream")
    serving(up, frames("anthropic_disagrees"))
    list(client.invoke_model_with_response_stream(modelId=MODEL, body=b"{}")["body"])
    text = shown(2)
    for part in ("  assistant\n    Hi\n", "guardrail NONE\n", "          in 10, out 5, told by body\n", "streamed  4 events"):
        check.contains(text, part, "the page of chunks")
    serving(up, frames("converse_exception"))
    with check.raises(botocore.exceptions.EventStreamError):
        list(client.converse_stream(modelId=MODEL, messages=MESSAGES)["stream"])
    text = shown(3)
    for part in ("error     ThrottlingException: Too many tokens, please wait.\n", "throttlingException inside the stream\n",
                 "    Half an ans\n  … ended by throttlingException\n"):
        check.contains(text, part, "the page of an exception")
    check.lacks(text, "event stream,", "octets in place of an answer")


@test(each=clients.BOTO)
def invoke_with_response_stream_is_recorded_as_the_sdk_put_it_together(t, boto):
    up = t.upstream()
    serving(up, frames("anthropic"))
    proxy = priced(t, up)
    answer = boto.client(proxy).invoke_model_with_response_stream(modelId=MODEL, body=b"{}")
    texts, tool, last = [], "", None
    for event in (json.loads(e["chunk"]["bytes"]) for e in answer["body"]):
        delta = event.get("delta", {})
        texts.append(delta.get("text", ""))
        tool += delta.get("partial_json", "")
        last = event
    record = proxy.call()
    content = record["response"]["answer"]["content"]
    check.equal([b["text"] for b in content if b["type"] == "text"], ["".join(texts)], "text")
    check.equal([b["input"] for b in content if b["type"] == "tool_use"], [json.loads(tool)], "the tool's input")
    metrics, usage = last["amazon-bedrock-invocationMetrics"], record["usage"]
    check.equal((usage["input_tokens"], usage["output_tokens"], usage["cache_read_tokens"], usage["cache_write_tokens"]),
                (metrics["inputTokenCount"], metrics["outputTokenCount"], metrics["cacheReadInputTokenCount"],
                 metrics["cacheWriteInputTokenCount"]), "tokens")
    check.equal(usage["source"], "invocation_metrics", "whose numbers")
    # 30 * 3 + 61 * 15 + 400 * 0.3 + 150 * 3.75 + 50 * 6, of millionths
    check.equal(record["cost_usd"], "0.0019875", "cost")


@test(each=["http", "https"])
def the_javascript_sdk_puts_together_what_the_record_holds(t, scheme):
    up = t.upstream()
    proxy = priced(t, up)
    serving(up, frames("converse"))
    events = [line["event"] for line in clients.javascript(proxy, ["converse_stream"], scheme)]
    content, stop, metadata = put_together(events)
    record = proxy.call()
    check.equal(record["response"]["answer"], {"role": "assistant", "content": content}, "the answer")
    check.equal(record["response"]["stop_reason"], stop, "stop reason")
    usage, seen = record["usage"], metadata["usage"]
    check.equal((usage["input_tokens"], usage["output_tokens"], usage["cache_read_tokens"], usage["cache_write_tokens"]),
                (seen["inputTokens"], seen["outputTokens"], seen["cacheReadInputTokens"], seen["cacheWriteInputTokens"]),
                "tokens of ConverseStream")
    serving(up, frames("anthropic"))
    chunks = [line["event"] for line in clients.javascript(proxy, ["invoke_stream"], scheme)]
    record = proxy.calls(2)[-1]
    text = "".join(chunk.get("delta", {}).get("text", "") for chunk in chunks)
    check.equal([b["text"] for b in record["response"]["answer"]["content"] if b["type"] == "text"], [text], "text")
    metrics, usage = chunks[-1]["amazon-bedrock-invocationMetrics"], record["usage"]
    check.equal((usage["input_tokens"], usage["output_tokens"]), (metrics["inputTokenCount"], metrics["outputTokenCount"]),
                "tokens of InvokeModelWithResponseStream")


@test
def an_exception_inside_a_200_is_the_calls_error(t):
    up = t.upstream()
    serving(up, frames("converse_exception"))
    proxy = t.proxy(up)
    stream = clients.BOTO_ENVIRONMENT.client(proxy).converse_stream(modelId=MODEL, messages=MESSAGES)["stream"]
    with check.raises(botocore.exceptions.EventStreamError):
        list(stream)
    record = proxy.call()
    response = record["response"]
    check.equal((response["status"], response["stream"]["exception"], response["error_type"], response["error_message"]),
                (200, "throttlingException", "ThrottlingException", "Too many tokens, please wait."), "the error")
    check.equal(response["answer"]["content"], [{"type": "text", "text": "Half an ans"}], "what came before it")
    check.equal(record.get("cost_usd"), None, "cost: nothing told what was used")


@test
def prices_are_checked_and_loaded_again(t):
    up = t.upstream()
    proxy = priced(t, up)
    client = clients.BOTO_ENVIRONMENT.client(proxy)
    client.converse(modelId=MODEL, messages=MESSAGES)
    # 11 * 3 + 23 * 15 + 5 * 0.3 + 7 * 3.75, of millionths
    check.equal(proxy.call()["cost_usd"], "0.00040575", "cost")
    path = proxy.config["prices"]

    def write(text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    write("models:\n  some.model: {input: 1, outputs: 2}\n")
    done = proxy.run("check", status=None)
    check.equal(done.returncode, 2, "exit status of check")
    check.contains(done.stderr, f"{path}:2:26: outputs is not known", "what check says")
    write(PRICES.replace("input: 3", "input: 4"))
    proxy.run("check")
    proxy.process.send_signal(signal.SIGHUP)
    check.eventually(lambda: "configuration reloaded" in proxy.stderr(), "the reload is logged")
    client.converse(modelId=MODEL, messages=MESSAGES)
    check.equal(sorted(r["cost_usd"] for r in proxy.calls(2)), ["0.00040575", "0.00041675"], "cost with the new price")


def raw_call(proxy, action="converse-stream"):
    way = ways.ALL[0]
    head, body = bedrock.signed_request(action, target_of=way.target)
    stream = way.open(proxy)
    stream.send(head + body)
    return wire.read_response(stream)


@test
def times_of_tokens_are_those_of_their_arrival(t):
    up = t.upstream()
    parts = [eventstream.event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "x"}}) for _ in range(5)]
    serving(up, [eventstream.event("messageStart", {"role": "assistant"})] + parts, pause=0.05)
    proxy = t.proxy(up)
    raw_call(proxy)
    times = proxy.call()["timing_ms"]
    check.true(times["first_token"] >= 50, f"the first token waited for the pause: {times}")
    check.true(times["token_gap_p50"] >= 25, f"half of the gaps are pauses: {times}")
    check.true(times["token_gap_max"] >= 50, f"one gap at least is a pause: {times}")
    check.true(times["upstream_first_byte"] <= times["first_token"] <= times["total"], f"order: {times}")


@test(each=ways.ALL)
def times_agree_with_each_other(t, way):
    """New connection and reused one, a slow upstream, a stream: what borehole added is never what others took."""
    up = t.upstream()
    whole = list(frames("converse"))
    waits = [0.0, 0.2]

    def handler(request, reply):
        request.read_body(reply)
        threading.Event().wait(waits[(len(up.requests) - 1) % 2])
        reply.start_chunked(200, up.bedrock.ids() + [STREAM])
        for part in whole:
            reply.chunk(part)
            threading.Event().wait(0.01)
        reply.end_chunks()

    up.handler = handler
    proxy = t.proxy(up)
    for _ in range(2):
        head, body = bedrock.signed_request("converse-stream", target_of=way.target)
        stream = way.open(proxy)
        for _ in range(2):
            stream.send(head)
            threading.Event().wait(0.1)  # a client that hesitates
            stream.send(body)
            wire.read_response(stream)
    records = sorted(proxy.calls(4), key=lambda r: r["started_at"])
    for number, record in enumerate(records):
        times = record["timing_ms"]
        check.true(0 < times["added_by_proxy"] < times["total"], f"borehole's share: {times}")
        waited = 1000 * waits[number % 2] - 1
        check.true(times["total"] - times["added_by_proxy"] > waited, f"waiting for Bedrock is no share of it: {times}")
        check.true(times["upstream_first_byte"] <= times["first_token"] <= times["total"], f"order: {times}")
        check.true(0 < times["token_gap_p50"] <= times["token_gap_p95"] <= times["token_gap_max"], f"gaps: {times}")
        seconds = (record["usage"]["output_tokens"] - 1) / times["output_tokens_per_second"]
        check.true(0 < seconds * 1000 <= times["total"] - times["first_token"] + 1, f"tokens a second: {times}")
    page = proxy.run("calls", "show", "last")
    for part in ("AWS reports ", ", seen ", ", borehole added ", " tokens a second", " p95 "):
        check.contains(page, part, "the page")


@test
def usage_is_known_of_a_stream_of_which_nothing_is_kept(t):
    up = t.upstream()
    long = [eventstream.event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "x" * 5000}})] * 60
    whole = list(frames("converse"))
    serving(up, whole[:1] + long + whole[-2:])
    proxy = priced(t, up, bodies={"max_bytes": 0})
    raw_call(proxy)
    record = proxy.call()
    check.equal(record["usage"]["output_tokens"], 45, "tokens")
    check.equal(record["response"]["stop_reason"], "tool_use", "stop reason")
    check.equal(record["response"].get("answer", {}).get("content"), None, "content: none is to be kept")
    check.equal(record["timing_ms"].get("first_token"), None, "the first token: it was not looked at")
    check.contains(" ".join(record["notes"]), "octets of the stream were not decoded", "notes")
    check.lacks(json.dumps(record), "xxxx", "the record")


def botocore_reads(data):
    """Names and payloads of the messages that botocore reads before it ends or fails, and whether it failed."""
    buffer = botocore.eventstream.EventStreamBuffer()
    buffer.add_data(data)
    read = []
    try:
        for message in buffer:
            read.append({"name": message.headers[":event-type"], "payload": message.payload.decode()})
    except botocore.eventstream.ParserError:
        return read, True
    return read, False


@test
def frames_are_read_as_botocore_reads_them(t):
    """Whole, damaged and cut streams of random frames: the same messages, the same place of the first wrong one."""
    dice = random.Random(20260724)
    streams = []
    for round_number in range(40):
        parts = [eventstream.frame(
            {":message-type": "event", ":event-type": f"made{round_number}x{i}",
             **{f"h{j}": "é" * dice.randrange(30) for j in range(dice.randrange(4))}},
            json.dumps({"made": "穴" * dice.randrange(40)}).encode()) for i in range(dice.randrange(1, 12))]
        data = bytearray(b"".join(parts))
        if round_number % 4 == 1:
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        elif round_number % 4 == 2:
            del data[-dice.randrange(1, len(parts[-1])):]
        streams.append(bytes(data))
    up = t.upstream()
    waiting = list(streams)

    def handler(request, reply):
        request.read_body(reply)
        reply.respond(200, up.bedrock.ids() + [STREAM], waiting.pop(0), "OK")

    up.handler = handler
    proxy = t.proxy(up)
    for data in streams:
        check.equal(raw_call(proxy).body, data, "what passed")
    records = sorted(proxy.calls(len(streams)), key=lambda r: r["started_at"])
    for number, (data, record) in enumerate(zip(streams, records)):
        expected, failed = botocore_reads(data)
        stream = record["response"]["stream"]
        check.equal(stream["events"], len(expected), f"messages of stream {number}")
        check.equal(stream.get("unknown", []), expected[:32], f"what they are in stream {number}")
        notes = " ".join(record.get("notes", []))
        if failed:
            check.contains(notes, f"frame {len(expected) + 1} at octet", f"where stream {number} is wrong")
        if not failed and number % 4 != 2:
            check.equal(notes, "", f"notes of stream {number}")
        if number % 4 == 2:
            check.contains(notes, "the stream ends inside the frame", f"the cut of stream {number}")
