"""Node clients: the AWS SDK through HttpsProxyAgent, and fetch through undici's ProxyAgent."""

import base64
import json

from harness import bedrock, check, clients, eventstream
from harness.proxy import HOST
from harness.runner import test

OPS = ["invoke", "converse", "invoke_stream", "converse_stream", "count_tokens"]


def sdk(proxy, scheme="http", ops=None, **options):
    return clients.javascript(proxy, ops or OPS, scheme, **options)


@test(each=["http", "https"])
def aws_sdk_every_operation(t, scheme):
    up = t.upstream()
    proxy = t.proxy(up)
    lines = sdk(proxy, scheme)
    check.equal([line for line in lines if "error" in line], [], "errors")
    by_op = {op: [line for line in lines if line["op"] == op] for op in OPS}
    check.equal(by_op["invoke"][0]["body"]["stop_reason"], "end_turn", "InvokeModel")
    check.equal(by_op["converse"][0]["text"], up.bedrock.text(), "Converse")
    check.equal(by_op["count_tokens"][0]["tokens"], 42, "CountTokens")
    metrics = by_op["invoke_stream"][-1]["event"]["amazon-bedrock-invocationMetrics"]
    check.equal(metrics["outputTokenCount"], bedrock.OUTPUT_TOKENS, "InvokeModelWithResponseStream")
    text = "".join(line["event"]["contentBlockDelta"]["delta"]["text"] for line in by_op["converse_stream"]
                   if "contentBlockDelta" in line["event"])
    check.equal(text, up.bedrock.text(), "ConverseStream")
    check.equal(up.bedrock.refused, [], "refused signatures")
    check.equal(len(up.requests), len(OPS), "requests upstream")
    records = proxy.calls(len(OPS))
    check.equal({r["way_in"] for r in records}, {"connect"}, "way_in")
    check.equal({r["aws"]["operation"] for r in records},
                {"InvokeModel", "Converse", "InvokeModelWithResponseStream", "ConverseStream", "CountTokens"},
                "operations")


@test
def aws_sdk_raises_our_refusals_as_modelled(t):
    proxy = t.proxy(resolve={f"{HOST}:443": "127.0.0.1:9"})
    lines = sdk(proxy, ops=["converse"])
    check.equal(lines[0].get("error"), "ServiceUnavailableException", f"the error raised: {lines[0]}")
    check.equal(lines[0]["status"], 502, "status")


@test
def aws_sdk_default_handler_is_refused_with_a_reason(t):
    """Its default handler speaks HTTP/2 without asking: it must get an answer, not silence, and leave a record."""
    up = t.upstream()
    proxy = t.proxy(up)
    lines = sdk(proxy, ops=["converse"], h2=True, endpoint=f"https://localhost:{proxy.port}")
    check.true("error" in lines[0], f"an error: {lines}")
    lines = sdk(proxy, ops=["converse"], h2=True, endpoint=f"http://localhost:{proxy.port}")
    check.true("error" in lines[0], f"an error: {lines}")
    check.equal(up.requests, [], "requests upstream")


def signed(action):
    head, body = bedrock.signed_request(action)
    lines = head.decode("latin-1").split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines[1:] if line)
    for gone in ("Content-Length", "Host"):
        fields.pop(gone)
    return {"url": f"https://{HOST}{lines[0].split(' ')[1]}", "headers": fields, "body": body.decode()}


@test(each=["http", "https"])
def fetch_through_proxy_agent(t, scheme):
    up = t.upstream()
    proxy = t.proxy(up)
    lines, done = clients.node("fetch.mjs", proxy=f"{scheme}://localhost:{proxy.port}", ca=proxy.ca,
                               requests=[signed("invoke"), signed("converse-stream"), signed("converse")])
    check.equal(done.returncode, 0, f"node: {done.stderr.decode()[-2000:]}")
    check.equal([line.get("status") for line in lines], [200, 200, 200], f"status: {lines}")
    check.equal(json.loads(base64.b64decode(lines[0]["body"]))["stop_reason"], "end_turn", "InvokeModel")
    frames, rest = eventstream.split(base64.b64decode(lines[1]["body"]))
    check.equal((len(frames) > 5, rest), (True, b""), "frames")
    check.equal(up.bedrock.refused, [], "refused signatures")
