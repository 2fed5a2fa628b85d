"""`borehole calls`: what was recorded, listed, shown, followed, summed up, exported and removed."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import sqlite3
import struct
import subprocess
import termios
import threading
import time

from harness import bedrock, check, wire, ways
from harness.proxy import SANITIZER
from harness.runner import test

CONVERSE = json.dumps({"system": [{"text": "be brief"}], "messages": [
    {"role": "user", "content": [{"text": "how deep?"},
                                 {"image": {"format": "png", "source": {"bytes": "QUJD" * 4000}}}]}]}).encode()
MODELS = {"invoke": "us.anthropic.claude-3-haiku-20240307-v1%3A0", "converse": "amazon.nova-lite-v1%3A0",
          "count-tokens": "mistral.mistral-large-2402-v1%3A0", "converse-stream": "amazon.nova-pro-v1%3A0"}


def send(proxy, action="invoke", way=ways.GATEWAY, stream=None, **options):
    options.setdefault("model", MODELS[action])
    head, body = bedrock.signed_request(action, target_of=way.target, **options)
    stream = stream or way.open(proxy)
    stream.send(head + body)
    return wire.read_response(stream)


def stored(proxy, *filters):
    return [json.loads(line) for line in proxy.run("calls", "list", "-n", "100000", "--json", *filters).splitlines()]


def in_store(proxy, count):
    check.eventually(lambda: len(stored(proxy)) >= count, f"{count} calls in the store")


class Follower:
    """A command that goes on: its lines as they come."""

    def __init__(self, proxy, *arguments, stdout=subprocess.PIPE):
        self.process = subprocess.Popen([proxy.binary, *arguments, "--config", proxy.config_path],
                                        stdout=stdout, stderr=subprocess.PIPE, env=proxy.environment)
        self.lines = []
        self.errors = b""
        self.reader = threading.Thread(target=self._read, daemon=True)
        if stdout == subprocess.PIPE:
            self.reader.start()
        self.error_reader = threading.Thread(target=self._read_errors, daemon=True)
        self.error_reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.decode())

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors += line

    def has(self, count, seconds=30):
        check.eventually(lambda: len(self.lines) >= count, f"{count} lines of {self.lines} {self.errors}", seconds)

    def stop(self, status=0):
        self.process.send_signal(signal.SIGINT)
        check.equal(self.process.wait(30), status, f"the status at SIGINT; {self.errors!r}")
        self.error_reader.join(10)
        check.true(not SANITIZER.search(self.errors.decode()), f"no report of a sanitizer: {self.errors!r}")


def on_terminal(proxy, *arguments, columns=80, environment=None, typed=None):
    """What the command prints on a terminal of that width, and its status."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen([proxy.binary, *arguments, "--config", proxy.config_path], stdin=slave, stdout=slave,
                               stderr=slave, env={**proxy.environment, "TERM": "xterm", **(environment or {})},
                               start_new_session=True)
    os.close(slave)
    if typed:
        os.write(master, typed.encode())
    content = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([master], [], [], 1)[0]:
            try:
                some = os.read(master, 65536)
            except OSError:  # the terminal's other end is closed
                break
            if not some:
                break
            content += some
    status = process.wait(30)
    os.close(master)
    text = content.decode().replace("\r\n", "\n")
    check.true(not SANITIZER.search(text), f"no report of a sanitizer: {text}")
    return text, status


ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def plain(text):
    return ESCAPE.sub("", text)


# ---- list

@test
def a_table_for_pipes_is_the_same_everywhere(t):
    proxy = t.proxy(t.upstream())
    for action in ("invoke", "converse"):
        send(proxy, action)
    in_store(proxy, 2)
    text = proxy.run("calls")
    check.equal(text, proxy.run("calls", "list", environment={"COLUMNS": "20"}), "`calls` is `calls list`")
    lines = text.splitlines()
    check.equal(lines[0].split(), ["ID", "STARTED", "STATUS", "OPERATION", "MODEL", "IN", "OUT", "MS", "USD", "SDK",
                                         "KEY", "TRIES", "ALL", "MS", "ERROR"],
                "titles")
    check.equal(len(lines), 3, "a line a call")
    check.lacks(text, "\x1b", "an escape sequence")
    check.contains(lines[1], "Converse", "the newest first")
    check.contains(lines[2], "us.anthropic.claude-3-haiku-20240307-v1:0", "the whole model")
    newest = stored(proxy)[0]
    check.true(lines[1].startswith(newest["id"] + "  " + newest["started_at"][:19] + "Z"), "id and time in UTC")
    at = lines[0].index("MODEL")
    check.equal((lines[1][at - 2:at], lines[2][at - 2:at]), ("  ", "  "), "columns stand under each other")


@test
def a_table_fits_the_terminal(t):
    up = t.upstream()
    proxy = t.proxy(up)
    send(proxy, "invoke")
    up.bedrock.error = (429, "ThrottlingException", "Too many requests")
    send(proxy, "converse")
    in_store(proxy, 2)
    for columns in (200, 120, 80, 60, 40, 20, 10):
        text, status = on_terminal(proxy, "calls", columns=columns)
        check.equal(status, 0, "status")
        lines = plain(text).splitlines()
        check.equal(len(lines), 3, f"lines at {columns}: {text}")
        check.true(all(len(line) <= columns for line in lines), f"no line is longer than {columns}: {lines}")
        check.contains(lines[0], "ID", "the id stays")
    wide, _ = on_terminal(proxy, "calls", columns=200)
    check.contains(wide, "ThrottlingException", "the error")
    check.contains(wide, "us.anthropic.claude-3-haiku-20240307-v1:0", "the whole model where there is room")
    check.contains(wide, "\x1b[31m429", "an error is red")
    check.contains(wide, "\x1b[32m200", "a success is green")
    narrow, _ = on_terminal(proxy, "calls", columns=60)
    check.true(re.search(r"us\.\S*…\S+", narrow), f"a model is shortened in the middle: {narrow}")
    identifier = plain(narrow).splitlines()[1].split()[0]
    check.contains(proxy.run("calls", "show", identifier), "Converse", "what the narrow list shows is an id")
    check.true(re.search(r"(?m) \d\d:\d\d:\d\d ", plain(wide)), f"local time without a date today: {wide}")
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        text, _ = on_terminal(proxy, "calls", columns=120, environment=environment)
        check.lacks(text, "\x1b", f"colours with {environment}")


@test
def filters_choose(t):
    up = t.upstream()
    proxy = t.proxy(up)
    send(proxy, "invoke")
    send(proxy, "converse", ways.CONNECT, body=b'{"messages":[],"marker":"n33dle"}')
    up.bedrock.error = (503, "ServiceUnavailableException", "later")
    send(proxy, "count-tokens", credentials=bedrock.SESSION)
    in_store(proxy, 3)
    chosen = lambda *f: [r["aws"]["operation"] for r in stored(proxy, *f)]  # noqa: E731
    for filters, wanted in [
            (["--model", "haiku"], ["InvokeModel"]), (["--operation", "converse"], ["Converse"]),
            (["--status", "503"], ["CountTokens"]), (["--status", "5xx"], ["CountTokens"]),
            (["--status", "2xx"], ["Converse", "InvokeModel"]), (["--status", "error"], ["CountTokens"]),
            (["--way-in", "connect"], ["Converse"]), (["--way-in", "gateway"], ["CountTokens", "InvokeModel"]),
            (["--access-key", bedrock.SESSION.key], ["CountTokens"]), (["--text", "N33DLE"], ["Converse"]),
            (["--region", "us-east-1", "--model", "nova"], ["Converse"]), (["--region", "eu-west-1"], []),
            (["--host", "bedrock-runtime"], ["CountTokens", "Converse", "InvokeModel"]),
            (["--since", "1h"], ["CountTokens", "Converse", "InvokeModel"]), (["--until", "1h"], []),
            (["--since", "2020-01-01", "--until", "2020-01-02"], []), (["--session", "none"], []),
            (["--since", "2020-01-01T00:00:00Z", "--outcome", "complete", "--text", "haiku"], ["InvokeModel"])]:
        check.equal(chosen(*filters), wanted, f"the calls of {filters}")
    oldest = stored(proxy)[-1]
    check.equal(chosen("--before", stored(proxy)[1]["id"]), [oldest["aws"]["operation"]], "what stands behind a call")
    check.contains(proxy.run("calls", "list", "--model", "nobody"), "no calls match", "an empty choice")
    for wrong in (["--status", "x"], ["--since", "soon"], ["--outcome", "good"], ["--way-in", "x"], ["-n", "-1"]):
        done = proxy.run("calls", "list", *wrong, status=2)
        check.equal(done, "", "nothing on stdout")


@test
def a_session_is_chosen_by_every_command(t):
    proxy = t.proxy(t.upstream())
    send(proxy, "invoke", extra=[("session-id", "chat 7")])
    in_store(proxy, 1)
    tail = Follower(proxy, "calls", "tail", "--json", "--session", "chat 7", "-n", "5")
    tail.has(1)
    send(proxy, "converse", extra=[("Session-Id", "chat 77")])
    send(proxy, "count-tokens")
    send(proxy, "converse", extra=[("Session-Id", "chat 7")])
    in_store(proxy, 4)
    sessions = lambda text: [json.loads(line)["session_id"] for line in text.splitlines()]  # noqa: E731
    check.equal(sessions(proxy.run("calls", "list", "--session", "chat 7", "--json")), ["chat 7"] * 2, "list")
    check.equal(len(proxy.run("calls", "list", "--session", "chat 7").splitlines()), 3, "the table: titles and two calls")
    check.contains(proxy.run("calls", "show", "last"), "session chat 7, ", "the page tells the session")
    check.equal(sessions(proxy.run("calls", "export", "--session", "chat 77")), ["chat 77"], "export")
    total = json.loads(proxy.run("calls", "stats", "--session", "chat 7", "--json").splitlines()[-1])
    check.equal(total["calls"], 2, "stats")
    tail.has(2)
    tail.stop()
    check.equal(sessions("".join(tail.lines)), ["chat 7"] * 2, "tail")
    check.contains(proxy.run("calls", "prune", "--session", "chat 7", "--dry-run"), "would remove 2 calls", "prune")
    proxy.run("calls", "prune", "--session", "chat 7")
    check.equal([r.get("session_id") for r in stored(proxy)], [None, "chat 77"], "what prune left")


@test
def nothing_yet_says_how_to_begin(t):
    proxy = t.proxy(t.upstream())
    for command in (["calls"], ["calls", "stats"]):
        text = proxy.run(*command)
        check.contains(text, "no calls yet", f"{command}")
        check.contains(text, "borehole env", f"{command} says how to send one")
    check.equal(proxy.run("calls", "list", "--json"), "", "no text among JSON lines")
    check.equal(proxy.run("calls", "export"), "", "no text in an export")
    missing = proxy.run("calls", "list", "--set", f"record.store={t.path('none.db')}", status=None)
    check.equal(missing.returncode, 1, "a store that is not there")
    check.contains(missing.stderr, "borehole env", "how one is made")
    check.true(not os.path.exists(t.path("none.db")), "looking makes no file")


@test
def nothing_from_the_wire_reaches_the_terminal_raw(t):
    proxy = t.proxy(t.upstream())
    evil = "%1B%5B2J%C2%9B31m%E2%80%AE%E6%BC%A2%F0%9F%98%80" + "%E6%BC%A2" * 40
    send(proxy, model=evil, body=json.dumps({"prompt": "\x1b]0;title\x07 \u202e"}).encode())
    in_store(proxy, 1)
    for command in (["calls"], ["calls", "show", "last"], ["calls", "stats"], ["calls", "stats", "--by", "host"]):
        for columns in (200, 60):
            text, status = on_terminal(proxy, *command, columns=columns)
            check.equal(status, 0, "status")
            rest = plain(text).replace("\n", "")
            check.true(not re.search("[\x00-\x1f\x7f-\x9f\u202e]", rest), f"a control character from {command}: {rest!r}")
    text, _ = on_terminal(proxy, "calls", columns=60)
    width = lambda line: sum(2 if ord(c) > 0x2E80 else 1 for c in line)  # noqa: E731
    check.true(all(width(line) <= 60 for line in plain(text).splitlines()), f"wide characters count twice: {text}")


# ---- show

@test
def a_call_as_a_page(t):
    proxy = t.proxy(t.upstream())
    send(proxy, "invoke")
    answer = send(proxy, "converse", body=CONVERSE)
    in_store(proxy, 2)
    text = proxy.run("calls", "show", "last")
    for part in ("Converse  amazon.nova-lite-v1:0", "200  complete", "access key " + bedrock.CREDENTIALS.key,
                 "region us-east-1", "  system\n    be brief\n", "  user\n    how deep?\n    [image png 12 kB]\n",
                 "  assistant\n    Boreholes are deep.\n", f"in {bedrock.INPUT_TOKENS}, out {bedrock.OUTPUT_TOKENS}",
                 f"read from cache {bedrock.CACHE_READ}", "stopped   end_turn", "cost      ", "time      total ",
                 "request headers\n", "response headers\n", answer.get("x-amzn-requestid")):
        check.contains(text, part, "the page")
    identifier = stored(proxy)[1]["id"]
    check.contains(proxy.run("calls", "show", identifier[:20].lower()), "InvokeModel", "a unique beginning of an id")
    record = json.loads(proxy.run("calls", "show", "last", "--json"))
    check.equal(record, stored(proxy)[0], "--json is the whole record")
    for which, content in (("request", CONVERSE), ("response", answer.body)):
        raw = subprocess.run([proxy.binary, "calls", "show", "last", "--raw-body", which, "--config", proxy.config_path],
                             capture_output=True, check=True, env=proxy.environment).stdout
        check.equal(raw, content, f"the {which} body, octet for octet")
    check.equal(proxy.run("calls", "show", "last", "--raw-body", "both", status=2), "", "another body")
    check.equal(proxy.run("calls", "show", "last", "--raw-body", "request", "--json", status=2), "", "both at once")
    coloured, _ = on_terminal(proxy, "calls", "show", "last")
    check.contains(coloured, "\x1b[1m", "headings on a terminal")


@test
def pages_of_errors_and_streams(t):
    up = t.upstream()
    proxy = t.proxy(up)
    answer = send(proxy, "converse-stream")
    in_store(proxy, 1)
    raw = subprocess.run([proxy.binary, "calls", "show", "last", "--raw-body", "response", "--config",
                          proxy.config_path], capture_output=True, check=True, env=proxy.environment).stdout
    check.equal(raw, answer.body, "the frames of a stream, octet for octet")
    text = proxy.run("calls", "show", "last")
    check.contains(text, "ConverseStream  amazon.nova-pro-v1:0", "the page of a stream")
    check.contains(text, "  assistant\n    Boreholes are deep.\n", "the answer of a stream")
    up.bedrock.error = (429, "ThrottlingException", "Too many requests")
    send(proxy)
    in_store(proxy, 2)
    text = proxy.run("calls", "show", "last")
    check.contains(text, "error     ThrottlingException: Too many requests", "Amazon's error")
    check.contains(text, "slow down", "what to do")


# ---- tail

@test
def tail_follows_across_a_restart(t):
    proxy = t.proxy(t.upstream())
    send(proxy, "invoke")
    in_store(proxy, 1)
    tail = Follower(proxy, "calls", "tail", "-n", "1")
    narrow = Follower(proxy, "calls", "tail", "--json", "--operation", "Converse", "-n", "5")
    tail.has(1)
    check.contains(tail.lines[0], "InvokeModel", "the last one first")
    send(proxy, "converse")
    tail.has(2)
    check.true(re.match(r"\d\d:\d\d:\d\d 200 Converse amazon\.nova-lite-v1:0 in 11 out 23 ", tail.lines[1]), tail.lines[1])
    own = [line for line in proxy.lines if " Converse " in line]
    if own:  # what the proxy printed itself
        check.equal(tail.lines[1].rstrip("\n"), ESCAPE.sub("", own[0]), "the line of the serving proxy")
    proxy.stop()
    proxy.start()
    send(proxy, "count-tokens")
    send(proxy, "converse")
    tail.has(4)
    narrow.has(2)
    check.equal([json.loads(line)["aws"]["operation"] for line in narrow.lines], ["Converse"] * 2, "filtered, whole records")
    proxy.run("calls", "prune", "--all", "--yes")
    send(proxy, "invoke")
    tail.has(5)
    check.contains(tail.lines[4], "InvokeModel", "after a prune of everything")
    tail.stop()
    narrow.stop()
    check.equal((len(tail.lines), len(narrow.lines)), (5, 2), "each call once")


@test
def tail_waits_for_a_store_and_ends_with_its_reader(t):
    proxy = t.proxy(t.upstream())
    proxy.stop()
    shutil.rmtree(os.path.dirname(proxy.store))
    tail = Follower(proxy, "calls", "tail")
    check.eventually(lambda: b"waiting" in tail.errors, "it says that it waits")
    proxy.start()
    send(proxy, "converse")
    tail.has(1)
    tail.stop()
    read, write = os.pipe()
    quiet = Follower(proxy, "calls", "tail", stdout=write)
    os.close(write)
    os.close(read)
    check.equal(quiet.process.wait(30), 0, "the status after the reader closed the pipe")
    quiet.error_reader.join(10)
    check.equal(quiet.errors, b"", "nothing is said about it")


# ---- stats

@test
def sums_by_everything(t):
    up = t.upstream()
    proxy = t.proxy(up)
    for _ in range(3):
        send(proxy, "invoke")
    send(proxy, "converse")
    up.bedrock.error = (429, "ThrottlingException", "Too many requests")
    send(proxy, "converse")
    in_store(proxy, 5)
    records = stored(proxy)

    def sums(*arguments):
        lines = [json.loads(line) for line in proxy.run("calls", "stats", "--json", *arguments).splitlines()]
        check.equal(lines[-1]["by"], "total", "the total stands last")
        return {line["key"]: line for line in lines[:-1]}, lines[-1]

    groups, total = sums()
    haiku, nova = groups["us.anthropic.claude-3-haiku-20240307-v1:0"], groups["amazon.nova-lite-v1:0"]
    check.equal((haiku["calls"], haiku["errors"], nova["calls"], nova["errors"], nova["throttles"]), (3, 0, 2, 1, 1), "counts")
    check.equal((haiku["input_tokens"], haiku["cache_read_tokens"]), (3 * bedrock.INPUT_TOKENS, 3 * bedrock.CACHE_READ), "tokens")
    check.equal((total["calls"], total["errors"], total["output_tokens"]), (5, 1, 4 * bedrock.OUTPUT_TOKENS), "total")
    times = sorted(r["timing_ms"]["total"] for r in records)
    check.true(abs(total["total_ms"]["p50"] - times[2]) < 0.002, f"the median of {times}: {total}")
    check.true(abs(total["total_ms"]["p99"] - times[4]) < 0.002, f"the 99th percentile of {times}: {total}")
    for by, keys in (("operation", {"InvokeModel", "Converse"}), ("status", {"200", "429"}), ("outcome", {"complete"}),
                     ("key", {bedrock.CREDENTIALS.key}), ("host", {records[0]["upstream"]["host"]})):
        check.equal(set(sums("--by", by)[0]), keys, f"groups by {by}")
    check.equal(len(sums("--by", "sdk")[0]), 1, "groups by sdk")
    for by in ("day", "hour"):
        check.true(all(re.match(r"\d{4}-\d\d-\d\dT\d\d:00:00[+-]\d\d:\d\d$", key) for key in sums("--by", by)[0]), by)
    check.equal(sums("--status", "error")[1]["calls"], 1, "with a filter")
    text = proxy.run("calls", "stats")
    check.equal(len(text.splitlines()), 4, "a table with titles and a total")
    check.true(text.splitlines()[-1].startswith("total"), text)
    check.contains(proxy.run("calls", "stats", "--model", "nobody"), "no calls match", "nothing")
    check.equal(proxy.run("calls", "stats", "--by", "colour", status=2), "", "an unknown group")
    narrow, _ = on_terminal(proxy, "calls", "stats", columns=60)
    check.true(all(len(line) <= 60 for line in plain(narrow).splitlines()), narrow)


@test
def sums_of_many_are_those_of_each(t):
    """Calls that are in the totals are counted as they were one by one."""
    up = t.upstream()
    proxy = t.proxy(up, config={"record": {"keep": {"days": 36500}}})
    with contextlib.closing(sqlite3.connect(proxy.store)) as store, store:
        store.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) INSERT INTO calls (seq, id, "
                      "started_us, way_in, outcome, status, model_id, access_key_id, operation, input_tokens, cost_usd, total_ms, "
                      "request_bytes, response_bytes, record) SELECT i, printf('%026d', i), 1767225600000000 + i * 7000000, "
                      "'connect', 'complete', iif(i % 40 = 0, 429, 200), 'm' || (i % 3), 'AKIA' || (i % 4), 'Converse', i, "
                      "'0.000001', i % 997 + 1, 0, 0, zeroblob(9) FROM n")
        store.execute("INSERT INTO call_origins (of_call, invocation_id, attempt) SELECT seq, 'i' || seq / 2, 1 + seq % 2 FROM calls "
                      "WHERE seq % 40 < 2")
    then = ["--until", "2026-06-01"]
    questions = (then, [*then, "--by", "key"], [*then, "--by", "day"], [*then, "--by", "process"], [*then, "--model", "m1"],
                 [*then, "--status", "4xx", "--by", "operation"],
                 ["--since", "2026-01-01T05:00:01Z", "--until", "2026-01-03T04:59:00Z"])

    def answers():
        return [[json.loads(line) for line in proxy.run("calls", "stats", "--json", *words).splitlines()] for words in questions]

    def counted():
        with contextlib.closing(sqlite3.connect(proxy.store)) as store:
            return store.execute("SELECT seq FROM totals_done").fetchone()[0]

    one_by_one = answers()
    check.equal((counted(), one_by_one[0][-1]["calls"], one_by_one[0][-1]["retried"]), (0, 30000, 750), "nothing is counted yet")
    send(proxy)
    check.eventually(lambda: counted() >= 24000, "the totals of most of them")
    for words, before, after in zip(questions, one_by_one, answers()):
        check.equal(len(before), len(after), f"groups of {words}")
        for one, other in zip(before, after):
            for times in ("total_ms", "first_token_ms"):
                for name, exact in one.pop(times).items():
                    told = other[times][name]
                    check.true(told == exact or abs(told - exact) <= 0.0051 * exact, f"{words}, {times} {name}: {exact} is told as {told}")
                other.pop(times)
            check.equal(other, one, f"calls stats {words}")


# ---- export

@test
def exports_are_whole_private_and_atomic(t):
    proxy = t.proxy(t.upstream())
    stream = ways.GATEWAY.open(proxy)
    for _ in range(300):
        send(proxy, stream=stream)
    in_store(proxy, 300)
    lines = proxy.run("calls", "export").splitlines()
    check.equal([json.loads(line) for line in lines], stored(proxy)[::-1], "all records, oldest first")
    check.equal(len(proxy.run("calls", "export", "-n", "7").splitlines()), 7, "a limit")
    check.equal(proxy.run("calls", "export", "--model", "nobody"), "", "a filter")
    out = t.path("calls.jsonl")
    with open(out, "w", encoding="ascii") as file:
        file.write("before")
    proxy.run("calls", "export", "--out", out)
    with open(out, encoding="utf-8") as file:
        check.equal(file.read().splitlines(), lines, "the file")
    check.equal(os.stat(out).st_mode & 0o777, 0o600, "its mode")
    check.equal([n for n in os.listdir(t.path(".")) if n.startswith("calls.jsonl.")], [], "nothing is left beside it")
    done = proxy.run("calls", "export", "--out", t.path("no/such/folder"), status=None)
    check.equal(done.returncode, 1, "a file that cannot be made")
    check.contains(done.stderr, "no/such/folder", "is named")
    done = proxy.run("calls", "export", "--out", t.path("."), status=None)
    check.equal(done.returncode, 1, "a folder")
    # A reader that has enough: the command ends, and says nothing.
    done = subprocess.run(["bash", "-c", 'set -o pipefail; "$0" calls export --config "$1" | head -n 1 >/dev/null',
                           proxy.binary, proxy.config_path], capture_output=True, check=False, env=proxy.environment)
    check.equal((done.returncode, done.stderr), (0, b""), "a closed pipe")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([proxy.binary, "calls", "export", "--config", proxy.config_path], stdout=full,
                              stderr=subprocess.PIPE, check=False, env=proxy.environment)
    check.equal(done.returncode, 1, "no room on stdout")
    check.contains(done.stderr, b"stdout", "said so")


@test
def a_damaged_record_costs_itself_alone(t):
    proxy = t.proxy(t.upstream())
    for action in ("invoke", "converse", "count-tokens"):
        send(proxy, action)
    in_store(proxy, 3)
    proxy.stop()
    whole = stored(proxy)
    with contextlib.closing(sqlite3.connect(proxy.store)) as store:
        store.execute("UPDATE calls SET record = x'00' WHERE id = ?", (whole[1]["id"],))
        store.commit()
    for command in (["calls", "export"], ["calls", "list", "--json"], ["calls", "export", "--out", t.path("out")]):
        done = proxy.run(*command, status=None)
        check.equal(done.returncode, 1, f"{command}")
        check.contains(done.stderr, "1 of the records is damaged", f"{command}")
    check.equal(len(proxy.run("calls", "export", status=None).stdout.splitlines()), 2, "the others are written")
    with open(t.path("out"), encoding="utf-8") as file:
        check.equal(len(file.read().splitlines()), 2, "also to the file")
    check.contains(proxy.run("calls", "list"), whole[1]["id"], "the list still tells of it")
    for command in (["calls", "list", "--text", "POST"], ["calls", "stats", "--text", "POST"]):
        done = proxy.run(*command, status=None)
        check.equal(done.returncode, 1, f"{command}: {done.stdout}")
        check.contains(done.stderr, "1 of the records is damaged and could not be searched", f"{command}")


# ---- prune

@test
def prunes_while_the_proxy_writes(t):
    up = t.upstream()
    proxy = t.proxy(up)
    stream = ways.GATEWAY.open(proxy)
    for _ in range(20):
        send(proxy, stream=stream)
    up.bedrock.error = (500, "InternalServerException", "oh")
    for _ in range(3):
        send(proxy, "converse", stream=stream)
    up.bedrock.error = None
    in_store(proxy, 23)
    check.equal(proxy.run("calls", "prune", status=2), "", "nothing chosen")
    check.equal(proxy.run("calls", "prune", "--all", status=2), "", "--all without --yes and without a terminal")
    check.equal(proxy.run("calls", "prune", "--all", "--model", "x", status=2), "", "all, and some")
    check.equal(proxy.run("calls", "prune", "--older-than", "soon", status=2), "", "no age")
    check.contains(proxy.run("calls", "prune", "--all", "--dry-run"), "would remove 23 calls, ", "a dry run")
    check.contains(proxy.run("calls", "prune", "--older-than", "1d"), "removed 0 calls", "none is so old")
    check.contains(proxy.run("calls", "prune", "--status", "5xx"), "removed 3 calls", "a filter")
    check.equal(len(stored(proxy)), 20, "the others are there")
    text, status = on_terminal(proxy, "calls", "prune", "--all", typed="n\n")
    check.contains(text, "remove 20 calls", "it asks")
    check.equal((status, len(stored(proxy))), (0, 20), "no is no")
    text, status = on_terminal(proxy, "calls", "prune", "--all", typed="y\n")
    check.contains(text, "removed 20 calls", "yes is yes")
    send(proxy, stream=stream)
    in_store(proxy, 1)
    check.contains(proxy.run("calls", "prune", "--all", "-y"), "removed 1 call, ", "without being asked")
    check.equal(stored(proxy), [], "none is left")
    check.lacks(proxy.stderr(), "store", "the proxy noticed nothing")


# ---- stores as they may be found

@test
def stores_that_cannot_be_read_say_why(t):
    proxy = t.proxy(t.upstream())
    send(proxy)
    in_store(proxy, 1)
    proxy.stop()
    commands = (["calls"], ["calls", "show", "last"], ["calls", "stats"], ["calls", "export"], ["calls", "tail"],
                ["calls", "prune", "--all", "--yes"])

    def all_say(word, path):
        for command in commands:
            done = proxy.run(*command, "--set", f"record.store={path}", status=None, timeout=30)
            check.equal(done.returncode, 1, f"{command} of a store that is {word}: {done.stderr}")
            check.contains(done.stderr, word, f"{command}")
            check.equal(len(done.stderr.strip().splitlines()), 1, f"one sentence: {done.stderr}")

    newer = t.path("newer.db")
    shutil.copy(proxy.store, newer)
    with contextlib.closing(sqlite3.connect(newer)) as store:
        store.execute("PRAGMA user_version = 99")
    all_say("newer borehole", newer)
    other = t.path("other.db")
    with contextlib.closing(sqlite3.connect(other)) as store:
        store.execute("CREATE TABLE notes (text)")
    all_say("another program's", other)
    noise = t.path("noise.db")
    with open(noise, "wb") as file:
        file.write(b"no database at all " * 1000)
    all_say("damaged or no SQLite database", noise)
    for command in commands:
        done = proxy.run(*command, "--set", "record.store=null", status=None)
        check.equal(done.returncode, 1, f"{command} without a store")
        check.contains(done.stderr, "record.store", f"{command}")


@test
def a_store_is_read_where_nothing_can_be_written(t):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        from harness.runner import Skip
        raise Skip("this needs to give up root's rights over files")
    proxy = t.proxy(t.upstream())
    send(proxy)
    in_store(proxy, 1)
    proxy.stop()
    folder = t.path("archive")
    os.makedirs(folder)
    archived = os.path.join(folder, "calls ?%.db")
    shutil.copy(proxy.store, archived)
    os.chmod(archived, 0o444)
    os.chmod(folder, 0o555)
    place = os.path.abspath(folder)
    while place != "/":  # others may pass
        os.chmod(place, os.stat(place).st_mode | 0o011 | (0o044 if place == os.path.abspath(folder) else 0))
        place = os.path.dirname(place)
    config = t.path("readonly.yaml")
    with open(config, "w", encoding="utf-8") as file:
        json.dump({"record": {"store": archived}}, file)
    os.chmod(config, 0o644)

    def run(*arguments):
        return subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", proxy.binary,
                               *arguments, "--config", config], capture_output=True, text=True, check=False,
                              env=proxy.environment)

    for command in (["calls"], ["calls", "show", "last"], ["calls", "stats"], ["calls", "export"]):
        done = run(*command)
        check.equal(done.returncode, 0, f"{command}: {done.stderr}")
        check.contains(done.stdout, "claude-3-haiku", f"{command}")
    done = run("calls", "prune", "--all", "--yes")
    check.equal(done.returncode, 1, "nothing can be removed")
    check.contains(done.stderr, "permissions", "and it says why")


@test
def a_locked_store_is_waited_for_and_then_told(t):
    proxy = t.proxy(t.upstream())
    send(proxy)
    in_store(proxy, 1)
    proxy.stop()
    with contextlib.closing(sqlite3.connect(proxy.store, isolation_level=None)) as store:
        store.execute("BEGIN IMMEDIATE")
        check.contains(proxy.run("calls"), "InvokeModel", "a writer keeps no reader out")
        done = proxy.run("calls", "prune", "--all", "--yes", status=None)
        check.equal(done.returncode, 1, "but another writer")
        check.contains(done.stderr, "locked", "and it says so")
        store.execute("ROLLBACK")
    check.contains(proxy.run("calls", "prune", "--all", "--yes"), "removed 1 call", "afterwards it works")
