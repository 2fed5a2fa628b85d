"""Who calls, and how often it takes: attempts of one invocation, throttle rates, keys and their names, SDKs, processes."""

import json
import os
import subprocess
import sys
import textwrap

from harness import bedrock, check, clients, wire, ways
from harness.runner import test
from test_configuration import reload

MODEL = "amazon.nova-lite-v1:0"
ROLE = "arn:aws:sts::123456789012:assumed-role/Agents/ci-run-7"

# A process of its own, which says who it is; the packaged botocore may know no app ids, so the user agent is given whole.
SCRIPT = textwrap.dedent("""
    import boto3, json, os, sys
    from botocore.config import Config
    config = Config(retries={"total_max_attempts": 3, "mode": "standard"},
                    user_agent_extra="app/billing x-client-framework:langchain-aws")
    client = boto3.client("bedrock-runtime", region_name="us-east-1", config=config)
    answered = []
    for _ in range(int(sys.argv[1])):
        try:
            client.converse(modelId=sys.argv[2], messages=[{"role": "user", "content": [{"text": "Hello"}]}])
            answered.append(True)
        except client.exceptions.ThrottlingException:
            answered.append(False)
    print(json.dumps({"pid": os.getpid(), "name": open("/proc/self/comm").read().strip(), "answered": answered}))
    """)


def python_client(proxy, calls=1, model=MODEL, credentials=bedrock.CREDENTIALS):
    environment = clients.scrub(dict(os.environ))
    environment.update({"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}", "AWS_CA_BUNDLE": proxy.bundle,
                        "AWS_DATA_PATH": clients.MODELS, "AWS_ACCESS_KEY_ID": credentials.key,
                        "AWS_SECRET_ACCESS_KEY": credentials.secret})
    if credentials.token:
        environment["AWS_SESSION_TOKEN"] = credentials.token
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(calls), model], env=environment, capture_output=True,
                          timeout=120, check=False)
    check.equal(done.returncode, 0, f"the client's status: {done.stderr.decode()}")
    return json.loads(done.stdout)


def throttle(up, times):
    """The upstream throttles the first so many requests."""
    seen = []

    def handler(request, reply):
        seen.append(request)
        if len(seen) > times:
            return up.bedrock.answer(request, reply)
        request.read_body(reply)
        return up.bedrock.fail(reply, 429, "ThrottlingException", "Too many requests, please wait.")

    up.handler = handler


def stored(proxy, *filters):
    return [json.loads(line) for line in proxy.run("calls", "list", "-n", "1000", "--json", *filters).splitlines()]


def in_store(proxy, count):
    check.eventually(lambda: len(stored(proxy)) >= count, f"{count} calls in the store")


def rows(text):
    """The table's lines as {title: cell}; the titles that hold blanks are put together."""
    lines = text.replace("ALL MS", "ALL_MS").splitlines()
    titles = lines[0].split()
    return [dict(zip(titles, line.split())) for line in lines[1:]]


def sums(proxy, *arguments):
    lines = [json.loads(line) for line in proxy.run("calls", "stats", "--json", *arguments).splitlines()]
    return {line["key"]: line for line in lines[:-1]}, lines[-1]


@test
def attempts_of_one_invocation_are_one_row(t):
    up = t.upstream()
    throttle(up, 2)
    proxy = t.proxy(up)
    client = python_client(proxy)
    check.equal(client["answered"], [True], "the client was answered in the end")
    in_store(proxy, 3)
    records = stored(proxy)  # newest first, one a call
    check.equal([r["response"]["status"] for r in records], [200, 429, 429], "the records")
    check.equal([r["aws"]["attempt"] for r in records], [3, 2, 1], "their attempts")
    check.equal({r["aws"]["invocation_id"] for r in records}, {records[0]["aws"]["invocation_id"]}, "one invocation")

    [row] = rows(proxy.run("calls", "list"))
    check.equal((row["ID"], row["STATUS"], row["TRIES"]), (records[0]["id"], "200", "3"), "the last attempt's row")
    check.true(float(row["ALL_MS"]) > sum(r["timing_ms"]["total"] for r in records), f"with the pauses: {row}")
    each = rows(proxy.run("calls", "list", "--attempts"))
    check.equal([(r["STATUS"], r["TRY"]) for r in each], [("200", "3"), ("429", "2"), ("429", "1")], "each attempt")
    [throttled] = rows(proxy.run("calls", "list", "--status", "429"))
    check.equal((throttled["ID"], throttled["TRIES"]), (records[1]["id"], "3"), "the last that fits a filter")

    text = proxy.run("calls", "show", records[1]["id"])
    lines = [line.split() for line in text[text.index("\nattempts"):].splitlines()[2:5]]
    check.equal([(line[0], line[1]) for line in lines], [("1", "429"), ("2", "429"), ("3", "200")], "the attempts")
    for line, record in zip(lines, reversed(records)):
        check.contains(line, record["id"], "its id")
    check.equal(["(this" in line for line in lines], [False, True, False], "which one it is")
    check.contains(text, "after a pause of ", "the pauses")


@test
def retries_and_throttles_are_counted(t):
    up = t.upstream()
    throttle(up, 2)
    proxy = t.proxy(up)
    python_client(proxy, calls=2)
    up.bedrock.error = (429, "ThrottlingException", "Too many requests")
    check.equal(python_client(proxy, model="amazon.nova-pro-v1:0")["answered"], [False], "it gave up")
    in_store(proxy, 7)
    groups, total = sums(proxy)
    lite, pro = groups[MODEL], groups["amazon.nova-pro-v1:0"]
    check.equal((lite["calls"], lite["throttles"], lite["throttle_rate"]), (4, 2, 0.5), "of one model")
    check.equal((lite["retried"], lite["gave_up"]), (1, 0), "of two invocations one needed more")
    check.equal((pro["calls"], pro["throttle_rate"], pro["retried"], pro["gave_up"]), (3, 1.0, 1, 1), "of the other")
    check.equal((total["retried"], total["gave_up"]), (2, 1), "together")
    table = proxy.run("calls", "stats").splitlines()
    for title in ("THROTTLED %", "RETRIED", "GAVE UP", "TOKEN P50"):
        check.contains(table[0], title, "a title")
    check.equal([line.split()[-3:] for line in table[1:]],
                [["50.0", "1", "0"], ["100.0", "1", "1"], ["71.4", "2", "1"]], "rates")


@test
def the_client_is_known_by_process_and_user_agent(t):
    proxy = t.proxy(t.upstream())
    client = python_client(proxy)
    in_store(proxy, 1)
    [record] = stored(proxy)
    check.equal(record["client"]["process"], {"pid": client["pid"], "name": client["name"]}, "the process")
    check.equal((record["client"]["app_id"], record["client"]["framework"]), ("billing", "langchain-aws"), "user agent")
    check.contains(proxy.run("calls", "show", "last"), f"{client['name']} (process {client['pid']})", "on the page")
    check.contains(proxy.run("calls", "show", "last"), "application billing, framework langchain-aws", "on the page")
    for by, key in (("process", f"{client['name']}[{client['pid']}]"), ("app", "billing"),
                    ("framework", "langchain-aws"), ("region", "us-east-1"), ("operation", "Converse"),
                    ("model", MODEL), ("key", bedrock.CREDENTIALS.key), ("status", "200"), ("session", None)):
        groups, total = sums(proxy, "--by", by)
        check.equal((set(groups), total["calls"]), ({key}, 1), f"groups by {by}")
        check.true(groups[key]["total_ms"]["p99"] > 0, "the time")
    check.equal(set(groups[None]["first_token_ms"]), {"p50", "p95", "p99"}, "the first token's")


@test
def a_process_is_found_on_one_connection_for_all_its_calls(t):
    proxy = t.proxy(t.upstream())
    stream = ways.GATEWAY.open(proxy)
    for _ in range(3):
        head, body = bedrock.signed_request("invoke", target_of=ways.GATEWAY.target)
        stream.send(head + body)
        check.equal(wire.read_response(stream).status, 200, "an answer")
    in_store(proxy, 3)
    check.equal([r["client"]["process"]["pid"] for r in stored(proxy)], [os.getpid()] * 3, "this process")


@test
def keys_have_names(t):
    proxy = t.proxy(t.upstream(), config={"record": {"key_aliases": {bedrock.CREDENTIALS.key: "build server"}}})
    python_client(proxy)
    python_client(proxy, credentials=bedrock.SESSION)
    in_store(proxy, 2)
    check.contains(proxy.run("calls", "list").splitlines()[2], "build server", "in the list")
    check.contains(proxy.run("calls", "list").splitlines()[1], bedrock.SESSION.key, "a key without a name")
    for name in ("build server", "Build Server", bedrock.CREDENTIALS.key):
        [record] = stored(proxy, "--key", name)
        check.equal(record["aws"]["access_key_id"], bedrock.CREDENTIALS.key, f"--key {name}")
        check.contains(proxy.run("calls", "show", record["id"]),
                       f"access key {bedrock.CREDENTIALS.key} (build server)", "on the page")
    check.contains(proxy.run("calls", "stats", "--by", "key"), f"build server ({bedrock.CREDENTIALS.key})", "sums")
    check.equal(sums(proxy, "--by", "key")[0][bedrock.CREDENTIALS.key]["alias"], "build server", "sums as JSON")

    reload(proxy, lambda config: config["record"]["key_aliases"].update({bedrock.SESSION.key: "laptop"}))
    check.equal(len(stored(proxy, "--key", "laptop")), 1, "a name that came later")
    proxy.config["record"]["key_aliases"] = {"ABSKc2VjcmV0": "x"}
    proxy.write_config()
    done = subprocess.run([proxy.binary, "check", "--config", proxy.config_path], capture_output=True, timeout=60,
                          env=proxy.environment, check=False)
    check.equal(done.returncode, 2, "a secret is no key's name")
    said = (done.stdout + done.stderr).decode()
    check.contains(said, "record.key_aliases: a key here is a secret", "the sentence")
    check.lacks(said, "ABSKc2VjcmV0", "the secret")


@test
def a_refusal_names_the_session(t):
    up = t.upstream()
    up.bedrock.error = (403, "AccessDeniedException", f"User: {ROLE} is not authorized to perform: bedrock:InvokeModel")
    proxy = t.proxy(up)
    head, body = bedrock.signed_request("invoke", target_of=ways.GATEWAY.target)
    stream = ways.GATEWAY.open(proxy)
    stream.send(head + body)
    check.equal(wire.read_response(stream).status, 403, "refused")
    in_store(proxy, 1)
    [record] = stored(proxy)
    check.equal((record["aws"]["principal"], record["aws"]["session_name"]), (ROLE, "ci-run-7"), "who it was")
    check.contains(proxy.run("calls", "show", "last"), ROLE, "on the page")
