"""`borehole calls export` and the API's forms: HAR checked field by field, commands and programs run."""

import base64
import csv
import datetime
import io
import json
import os
import re
import subprocess

from harness import bedrock, check, clients, wire, ways
from harness.proxy import HOST
from harness.runner import test

MODEL = "anthropic.claude-v2"
MESSAGES = [{"role": "user", "content": [{"text": "How deep? It's \"deep\"\n\u00fc \U0001F600"},
                                         {"image": {"format": "png", "source": {"bytes": b"\x89PNG\x00\xff"}}}]}]


def send(proxy, action="invoke", way=ways.GATEWAY, **options):
    options.setdefault("model", MODEL)
    head, body = bedrock.signed_request(action, target_of=way.target, **options)
    stream = way.open(proxy)
    stream.send(head + body)
    return wire.read_response(stream)


def in_store(proxy, count):
    check.eventually(lambda: len(proxy.run("calls", "list", "--json").splitlines()) >= count, f"{count} calls")
    return [json.loads(line) for line in proxy.run("calls", "export").splitlines()]


# ---- HAR

def fields(value, about, /, **wanted):
    """`wanted`: name=type; a name that ends in _ may be missing. Custom names begin with an underscore."""
    check.true(isinstance(value, dict), f"{about} is an object")
    names = {name.rstrip("_"): (kind, name.endswith("_")) for name, kind in wanted.items()}
    for name, (kind, optional) in names.items():
        if name in value:
            check.true(isinstance(value[name], kind) and not (kind is not bool and isinstance(value[name], bool)),
                       f"{about}.{name} is {kind}: {value[name]!r}")
        else:
            check.true(optional, f"{about}.{name} is missing")
    strange = [name for name in value if name not in names and not name.startswith("_")]
    check.equal(strange, [], f"fields of {about} that HAR 1.2 does not have")


def check_pairs(values, about):
    for value in values:
        fields(value, about, name=str, value=str, comment_=str)


def check_har(text):
    """HAR 1.2 (softwareishard.com/blog/har-12-spec), field by field; gives the entries."""
    har = json.loads(text)
    fields(har, "har", log=dict)
    log = har["log"]
    fields(log, "log", version=str, creator=dict, browser_=dict, pages_=list, entries=list, comment_=str)
    check.equal(log["version"], "1.2", "version")
    fields(log["creator"], "creator", name=str, version=str, comment_=str)
    number = (int, float)
    for entry in log["entries"]:
        fields(entry, "entry", pageref_=str, startedDateTime=str, time=number, request=dict, response=dict, cache=dict,
               timings=dict, serverIPAddress_=str, connection_=str, comment_=str)
        datetime.datetime.fromisoformat(entry["startedDateTime"].replace("Z", "+00:00"))
        request, response, timings = entry["request"], entry["response"], entry["timings"]
        fields(request, "request", method=str, url=str, httpVersion=str, cookies=list, headers=list, queryString=list,
               postData_=dict, headersSize=int, bodySize=int, comment_=str)
        check.true(re.match(r"https?://[^/]+/", request["url"]), f"an absolute URL: {request['url']}")
        check_pairs(request["headers"], "request header")
        check_pairs(request["queryString"], "query")
        if "postData" in request:
            fields(request["postData"], "postData", mimeType=str, params_=list, text_=str, comment_=str)
        fields(response, "response", status=int, statusText=str, httpVersion=str, cookies=list, headers=list,
               content=dict, redirectURL=str, headersSize=int, bodySize=int, comment_=str)
        check_pairs(response["headers"], "response header")
        content = response["content"]
        fields(content, "content", size=int, compression_=int, mimeType=str, text_=str, encoding_=str, comment_=str)
        if content.get("encoding"):
            check.equal(content["encoding"], "base64", "encoding")
            base64.b64decode(content["text"], validate=True)
        fields(entry["cache"], "cache", beforeRequest_=dict, afterRequest_=dict, comment_=str)
        fields(timings, "timings", blocked_=number, dns_=number, connect_=number, send=number, wait=number,
               receive=number, ssl_=number, comment_=str)
        check.true(all(timings[name] >= 0 for name in ("send", "wait", "receive")), f"must be known: {timings}")
        spent = sum(timings.get(name, -1) for name in ("blocked", "dns", "connect", "send", "wait", "receive")
                    if timings.get(name, -1) >= 0)
        check.true(abs(spent - entry["time"]) < 0.001, f"the sum {spent} is the time {entry['time']}")
        check.true(timings.get("ssl", -1) <= timings.get("connect", -1), "ssl is a part of connect")
    return log["entries"]


@test
def har_holds_what_was_recorded(t):
    up = t.upstream()
    proxy = t.proxy(up, config={"record": {"bodies": {"max_bytes": 4000}}})
    send(proxy, "invoke", credentials=bedrock.SESSION, query="a=1&b=x%20y")
    send(proxy, "converse-stream", body=b'{"messages":[]}')
    send(proxy, "invoke-with-response-stream", way=ways.CONNECT)
    send(proxy, "invoke", body=b"\x00\xff" * 50)
    send(proxy, "invoke", body=b"x" * 5000)
    up.bedrock.error = (429, "ThrottlingException", "slow down")
    send(proxy, "converse")
    records = in_store(proxy, 6)
    text = proxy.run("calls", "export", "--format", "har")
    entries = check_har(text)
    check.equal(len(entries), 6, "an entry for each call")
    for entry, record in zip(entries, records):
        check.equal(entry["startedDateTime"], record["started_at"], "when")
        check.true(abs(entry["time"] - record["timing_ms"]["total"]) < 0.001, "how long")
        check.equal([[h["name"], h["value"]] for h in entry["request"]["headers"]], record["request"]["headers"], "headers")
        check.equal(entry["response"]["status"], record["response"]["status"], "status")
        check.equal(entry["_borehole"]["aws"], record["aws"], "what AWS is concerned with")
        check.equal(entry["_borehole"].get("usage"), record.get("usage"), "usage")
        check.equal(entry["_borehole"]["cost_usd"], record["cost_usd"], "cost")
    check.lacks(text, bedrock.SESSION.token, "a session token")
    first, stream, chunks, binary, cut, refused = entries
    check.equal(first["request"]["url"], f"https://{HOST}/model/{MODEL}/invoke?a=1&b=x%20y", "without the gateway's prefix")
    check.equal(first["request"]["queryString"], [{"name": "a", "value": "1"}, {"name": "b", "value": "x y"}], "query")
    check.equal(json.loads(first["response"]["content"]["text"])["stop_reason"], "end_turn", "the answer")
    messages = stream["_eventSourceMessages"]
    check.equal([m["eventName"] for m in messages],
                ["messageStart"] + ["contentBlockDelta"] * 5 + ["contentBlockStop", "messageStop", "metadata"], "messages")
    check.equal("".join(json.loads(m["data"])["delta"]["text"] for m in messages[1:6]), up.bedrock.text(), "their text")
    times = [m["_time_ms"] for m in messages]
    check.true(times == sorted(times) and 0 < times[-1] <= stream["time"], f"when they came: {times}")
    check.equal(stream["_borehole"]["response"]["answer"]["content"], [{"type": "text", "text": up.bedrock.text()}],
                "put together")
    check.equal(json.loads(chunks["_eventSourceMessages"][1]["data"])["delta"]["text"], "Bore", "out of the base64")
    check.equal(base64.b64decode(binary["request"]["postData"]["text"]), b"\x00\xff" * 50, "a binary request")
    check.contains(cut["request"]["postData"]["comment"], "truncated", "a body that is not whole")
    check.equal((refused["response"]["status"], refused["_borehole"]["response"]["error_type"]),
                (429, "ThrottlingException"), "an error")
    # A file takes its place when it is whole; none and one are documents too.
    out = t.path("calls.har")
    proxy.run("calls", "export", "--format", "har", "-n", "1", "-o", out)
    with open(out, encoding="utf-8") as file:
        check.equal(len(check_har(file.read())), 1, "one")
    check.equal(os.stat(out).st_mode & 0o777, 0o600, "its mode")
    check.equal(check_har(proxy.run("calls", "export", "--format", "har", "--model", "nobody")), [], "none")


@test
def csv_holds_the_figures(t):
    proxy = t.proxy(t.upstream())
    send(proxy, "converse")
    send(proxy, "invoke", model="%3D1%2C%22+2%22")
    records = in_store(proxy, 2)
    proxy.run("calls", "export", "--format", "csv", "--out", t.path("calls.csv"))
    with open(t.path("calls.csv"), encoding="utf-8", newline="") as file:
        text = file.read()
    check.true(text.endswith("\r\n"), "lines end as RFC 4180 says")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    check.equal([row["id"] for row in rows], [r["id"] for r in records], "oldest first")
    row, record = rows[0], records[0]
    check.equal((row["operation"], row["model"], row["status"], row["outcome"], row["region"]),
                ("Converse", MODEL, "200", "complete", "us-east-1"), "what")
    check.equal((row["input_tokens"], row["output_tokens"]), ("11", "23"), "tokens")
    check.equal(float(row["total_ms"]), record["timing_ms"]["total"], "time")
    check.equal(row["access_key_id"], bedrock.CREDENTIALS.key, "key")
    check.equal(rows[1]["model"], "'=1,\" 2\"" if "+" not in rows[1]["model"] else "'=1,\"+2\"", "no formula")


# ---- curl and boto3, run

BODIES = [b'{"inputText":"hi"}', b'{"t": "it\'s $HOME `id` \\\\ \\"x\\""}', "{\"t\":\"\u00fc \U0001F600\"}".encode(),
          b"two\nlines\n", b"@/etc/passwd", b"\x00\xff\x01binary", b"'" * 200_000]


def run_shell(t, script, environment):
    path = t.path("command.sh")
    with open(path, "w", encoding="utf-8") as file:
        file.write(script)
    return clients.execute(["sh", path], environment)


@test(each=["long_lived", "session", "api_key"])
def curl_commands_run(t, kind):
    up = t.upstream()
    proxy = t.proxy(up)
    credentials = bedrock.SESSION if kind == "session" else bedrock.CREDENTIALS
    extra = [("X-Custom", "it's; a \"b\"")]
    for body in BODIES:
        if kind == "api_key":
            head = (f"POST /service/standard/model/{MODEL}/invoke HTTP/1.1\r\nHost: {HOST}\r\nX-Custom: {extra[0][1]}\r\n"
                    f"Authorization: Bearer {bedrock.API_KEY}\r\nContent-Length: {len(body)}\r\n\r\n").encode()
            stream = ways.GATEWAY.open(proxy)
            stream.send(head + body)
            check.equal(wire.read_response(stream).status, 200, "status")
        else:
            check.equal(send(proxy, "invoke", body=body, credentials=credentials, extra=extra).status, 200, "status")
    in_store(proxy, len(BODIES))
    ids = [json.loads(line)["id"] for line in proxy.run("calls", "export").splitlines()]
    environment = {"https_proxy": f"http://127.0.0.1:{proxy.port}", "CURL_CA_BUNDLE": proxy.ca, "HOME": "/nowhere",
                   "AWS_ACCESS_KEY_ID": credentials.key, "AWS_SECRET_ACCESS_KEY": credentials.secret,
                   "AWS_SESSION_TOKEN": credentials.token or "", "AWS_BEARER_TOKEN_BEDROCK": bedrock.API_KEY}
    for number, (call, body) in enumerate(zip(ids, BODIES)):
        command = proxy.run("calls", "export", call, "--format", "curl")
        for secret in (credentials.secret, credentials.token, bedrock.API_KEY, "Signature="):
            check.true(not secret or secret not in command, f"no secret in {command[:2000]}")
        unsigned = run_shell(t, command.rstrip("\n") + " --silent", environment)
        check.equal(unsigned.returncode, 0, f"{command[:2000]}\n{unsigned.stderr}")
        check.equal(up.requests[-1].body, body, "the same body")
        check.equal(up.requests[-1].get("authorization"), None, "unsigned")
        refused = len(up.bedrock.refused)
        hints = [line.partition(": ")[2] for line in command.splitlines() if line.startswith("#") and " add: " in line]
        hints = [hint.partition("add: ")[2] or hint for hint in hints]
        if kind == "session":
            hints.append('-H "x-amz-security-token: $AWS_SESSION_TOKEN"')
            check.contains(command, hints[-1], "a hint at the token")
        signed = run_shell(t, command.rstrip("\n") + " --silent " + " ".join(hints), environment)
        check.equal(signed.returncode, 0, f"{hints} {signed.stderr}")
        request = up.requests[-1]
        check.equal(len(up.bedrock.refused), refused, f"its signature is good: {[r[0] for r in up.bedrock.refused]}")
        check.equal((request.method, request.target, request.body), ("POST", f"/model/{MODEL}/invoke", body), "the request")
        check.equal(request.get("x-custom"), extra[0][1], "a header")
        if kind != "api_key":
            check.equal(request.get("content-type"), "application/json", "Content-Type")
        check.equal(len(up.requests), len(BODIES) + 2 * (number + 1), "each was sent once")


def run_python(proxy, program, path):
    with open(path, "w", encoding="utf-8") as file:
        file.write(program)
    environment = clients.scrub(dict(os.environ))
    environment.update({"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}", "AWS_CA_BUNDLE": proxy.bundle,
                        "AWS_DATA_PATH": clients.MODELS, "AWS_ACCESS_KEY_ID": bedrock.CREDENTIALS.key,
                        "AWS_SECRET_ACCESS_KEY": bedrock.CREDENTIALS.secret, "AWS_BEARER_TOKEN_BEDROCK": bedrock.API_KEY})
    done = subprocess.run(["/usr/bin/python3", path], capture_output=True, text=True, timeout=120, check=False,
                          env=environment)
    check.equal(done.returncode, 0, f"the program's status\n{program}\n{done.stderr[-3000:]}")
    return done.stdout


@test
def boto3_programs_run(t):
    up = t.upstream()
    proxy = t.proxy(up)
    client = clients.BOTO_ENVIRONMENT.client(proxy)
    model = "anthropic.claude-3-haiku-20240307-v1:0"
    client.converse(modelId=model, messages=MESSAGES, inferenceConfig={"maxTokens": 100, "temperature": 0.5})
    for _ in client.converse_stream(modelId=model, messages=MESSAGES, system=[{"text": "True, None"}])["stream"]:
        pass
    for body in (json.dumps({"a": [1, 2.5, True, None, "\u00fc"]}), json.dumps({"a": "\u00fc"}, separators=(",", ":")),
                 json.dumps({"a": 1}, indent=2), '{"a": 1.50}', b"\x00\xff'"):
        client.invoke_model(modelId=model, body=body, contentType="application/json", accept="application/json")["body"].read()
    for _ in client.invoke_model_with_response_stream(modelId=model, body=b'{"x": {}}')["body"]:
        pass
    client.count_tokens(modelId=model, input={"invokeModel": {"body": b'{"x":1}'}})
    # No method: signed as it was.
    send(proxy, "no-such-action", body=b'{"it\'s": "\xc3\xbc"}', model="m%3A0")
    records = in_store(proxy, 10)
    first = list(up.requests)
    check.equal(len(first), 10, "calls")
    whole = proxy.run("calls", "export", "--format", "boto3")
    compile(whole, "all.py", "exec")
    check.equal(whole.count("import boto3\n"), 10, "a file of all")
    for number, (record, request) in enumerate(zip(records, first)):
        program = proxy.run("calls", "export", record["id"], "--format", "boto3")
        before = len(up.bedrock.refused)
        run_python(proxy, program, t.path(f"call{number}.py"))
        again = up.requests[-1]
        check.equal(len(up.requests), 10 + number + 1, "one request")
        check.equal(len(up.bedrock.refused), before, "its signature is good")
        check.equal((again.method, again.target), (request.method, request.target), f"where to:\n{program}")
        check.equal(again.body, request.body, f"the same body:\n{program}")
        check.equal(again.get("content-type"), request.get("content-type"), "Content-Type")
        check.lacks(program, bedrock.CREDENTIALS.secret, "a secret")


# ---- the command and the API

@test
def forms_of_one_call_and_what_is_refused(t):
    proxy = t.proxy(t.upstream())
    send(proxy, "converse")
    send(proxy, "converse-stream")
    records = in_store(proxy, 2)
    call = records[1]["id"]
    check.equal(json.loads(proxy.run("calls", "export", "last")), records[1], "the last one")
    check.equal(json.loads(proxy.run("calls", "export", call[:20], "--json")), records[1], "the beginning of an id")
    check.contains(proxy.run("calls", "export", "--format", "xml", status=None).stderr, "jsonl, har, csv, curl, boto3", "names")
    for arguments in (["last", "--model", "x"], ["--format", "har", "--json"]):
        check.equal(proxy.run("calls", "export", *arguments, status=None).returncode, 2, f"{arguments}")
    stream = wire.connect(proxy.admin)

    def get(target, status=200):
        stream.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        answer = wire.read_response(stream, "GET")
        check.equal(answer.status, status, f"status of {target}: {answer.body!r}")
        return answer
    for form, kind in (("json", "application/json"), ("har", "application/json"), ("curl", "text/plain; charset=utf-8"),
                       ("boto3", "text/plain; charset=utf-8"), ("csv", "text/csv; charset=utf-8; header=present")):
        answer = get(f"/api/calls/{call}?format={form}")
        check.equal(answer.get("content-type"), kind, f"type of {form}")
        check.equal(answer.body.decode().replace("\r\n", "\n"), proxy.run("calls", "export", call, "--format", form),
                    f"{form}: as the command")
        check.equal(answer.get("x-content-type-options"), "nosniff", "safety")
    get(f"/api/calls/{call}?format=exe", 400)
    get(f"/api/calls/{call}?frmat=har", 400)
