"""Calls while they run: /api/calls/live, and `borehole calls tail` that shows answers as they come."""

import json
import os
import pty
import socket
import subprocess
import threading
import time

import test_calls_command as command
from harness import bedrock, check, compressed, eventstream, wire, ways
from harness.runner import test

WORDS = ["Bore", "holes", " are", " deep"]
HEADERS = [("Content-Type", "application/vnd.amazon.eventstream")]


def word(text):
    return eventstream.event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}})


class Held:
    """An upstream whose streamed answers go on, word by word, until they are let go."""

    def __init__(self, up, gzip=False):
        self.go = threading.Event()
        self.up = up
        self.gzip = gzip
        up.handler = self.answer

    def frames(self):
        yield eventstream.event("messageStart", {"role": "assistant"})
        yield word(WORDS[0])
        while not self.go.wait(0.05):
            yield word(" on")
        for text in WORDS[1:]:
            yield word(text)
        yield from list(self.up.bedrock.converse_events())[-2:]

    def answer(self, request, reply):
        if not request.target.endswith("-stream"):
            return self.up.bedrock.answer(request, reply)
        request.read_body(reply)
        coding = [("Content-Encoding", "gzip")] if self.gzip else []
        reply.start_chunked(200, self.up.bedrock.ids() + HEADERS + coding)
        for piece in compressed.gzip_pieces(self.frames()) if self.gzip else self.frames():
            reply.chunk(piece)
        reply.end_chunks()


def begin(proxy, model=command.MODELS["converse-stream"]):
    """A streamed call under way; gives what waits for its end."""
    head, body = bedrock.signed_request("converse-stream", target_of=ways.GATEWAY.target, model=model)
    stream = ways.GATEWAY.open(proxy)
    stream.send(head + body)
    return lambda: wire.read_response(stream)


def admin_of(proxy):
    return f"{proxy.admin[0]}:{proxy.admin[1]}"


class Live:
    """A client of /api/calls/live: its events as they come."""

    def __init__(self, proxy, host="localhost", fields=""):
        self.stream = wire.connect(proxy.admin)
        self.stream.send(f"GET /api/calls/live HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n".encode())
        self.head = wire.read_head(self.stream)
        self.status = int(self.head.start.split(" ")[1])
        self.events = []
        self.ended = False
        if self.status == 200:
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        text = b""
        while True:
            try:
                some = self.stream.recv()
            except OSError:
                some = b""
            if not some:
                self.ended = True
                return
            text += some
            while b"\n\n" in text:
                event, _, text = text.partition(b"\n\n")
                lines = dict(line.split(": ", 1) for line in event.decode().splitlines() if not line.startswith(":"))
                if lines:
                    self.events.append((lines["event"], json.loads(lines["data"])))

    def has(self, name, count=1):
        check.eventually(lambda: len(self.named(name)) >= count, f"{count} events {name} in {self.events}")

    def named(self, name):
        return [data for event, data in list(self.events) if event == name]

    def text(self):
        return "".join(data["text"] for data in self.named("delta"))


@test(each=["plain", "gzip"])
def words_are_told_before_the_answer_has_ended(t, coding):
    up = t.upstream()
    held = Held(up, gzip=coding == "gzip")
    proxy = t.proxy(up)
    early = begin(proxy)
    live = Live(proxy)
    check.equal(live.status, 200, "status")
    check.equal(live.head.get("content-type"), "text/event-stream", "type")
    for name in ("x-content-type-options", "content-security-policy", "cache-control", "x-frame-options"):
        check.true(live.head.get(name), f"a header {name}")
    live.has("call_started")  # of one that ran already
    check.eventually(lambda: live.text().startswith("Bore on"), "its words from the beginning")
    started = live.named("call_started")[0]
    check.equal((started["operation"], started["model_id"], started["text"]),
                ("ConverseStream", "amazon.nova-pro-v1:0", True), "which call")
    check.equal(live.named("call_ended"), [], "it has not ended")
    second = Live(proxy)  # whoever comes later is told from the beginning as well
    second.has("delta")
    check.true(second.text().startswith("Bore"), "the words before")
    held.go.set()
    early()
    live.has("call_ended")
    ended = live.named("call_ended")[0]
    record = proxy.call()
    check.equal((ended["id"], ended["status"], ended["outcome"], ended["output_tokens"]),
                (record["id"], 200, "complete", bedrock.OUTPUT_TOKENS), "its figures")
    check.equal(live.text(), record["response"]["answer"]["content"][0]["text"], "the whole text")
    told = json.dumps(live.events)
    for secret in (bedrock.CREDENTIALS.secret, "Signature", "uthorization"):
        check.lacks(told, secret, "secrets")


@test
def who_may_look_on(t):
    proxy = t.proxy(t.upstream())
    check.equal(Live(proxy, host="evil.example").status, 403, "a page that rebinds its name")
    check.equal(Live(proxy, fields="Origin: http://evil.example\r\n").status, 403, "another origin")
    many = [Live(proxy) for _ in range(8)]
    check.equal([one.status for one in many], [200] * 8, "eight")
    check.equal(Live(proxy).status, 503, "one too many")
    many.pop().stream.socket.shutdown(socket.SHUT_RDWR)
    check.eventually(lambda: Live(proxy).status == 200, "room again")
    proxy.stop()  # and it does not wait for who looks on
    for one in many:
        check.eventually(lambda one=one: one.ended, "the stream has ended")
        check.equal(one.events[-1][0], "draining", "why")


@test
def a_client_that_reads_nothing_costs_no_call(t):
    up = t.upstream()
    frames = [word("x" * 5000)] * 400

    def answer(request, reply):
        request.read_body(reply)
        reply.start_chunked(200, up.bedrock.ids() + HEADERS)
        for frame in frames:
            reply.chunk(frame)
        reply.end_chunks()
    up.handler = answer
    proxy = t.proxy(up)
    deaf = wire.connect(proxy.admin)
    deaf.send(b"GET /api/calls/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
    wire.read_head(deaf)
    for _ in range(5):
        check.equal(len(begin(proxy)().body), sum(len(frame) for frame in frames), "the answer is whole")
    check.equal([r["outcome"] for r in proxy.calls(5)], ["complete"] * 5, "and so is the call")
    deaf.close()


@test
def tail_shows_words_as_they_come(t):
    up = t.upstream()
    held = Held(up)
    proxy = t.proxy(up)
    tail = command.Follower(proxy, "calls", "tail", "--tokens", "--json", "--admin", admin_of(proxy))
    other = command.Follower(proxy, "calls", "tail", "--tokens", "--json", "--model", "nobody", "--admin", admin_of(proxy))
    lines = command.Follower(proxy, "calls", "tail", "--tokens", "--admin", admin_of(proxy))
    end = begin(proxy)

    def events(name):
        return [e for e in map(json.loads, list(tail.lines)) if e["event"] == name]
    check.eventually(lambda: "".join(e["text"] for e in events("delta")).startswith("Bore"), f"words {tail.errors}")
    check.eventually(lambda: any("| Bore" in line for line in lines.lines), f"words in lines {lines.lines}")
    check.equal(events("call_ended"), [], "before the end")
    held.go.set()
    end()
    check.eventually(lambda: events("call_ended"), "the end")
    record = events("call_ended")[0]["record"]
    check.equal(record, proxy.call(), "the whole record")
    check.equal("".join(e["text"] for e in events("delta")), record["response"]["answer"]["content"][0]["text"], "the text")
    check.equal([json.loads(line)["event"] for line in tail.lines][-1], "call_ended", "it comes last")
    check.eventually(lambda: "ConverseStream" in lines.lines[-1] and " 200 " in lines.lines[-1], f"its line {lines.lines}")
    check.true(lines.lines[0].startswith(f"> {record['id']} ConverseStream amazon.nova-pro-v1:0"), lines.lines[0])
    for one in (tail, other, lines):
        one.stop()
    check.equal(other.lines, [], "a filter")


@test
def tail_on_a_terminal_streams_one_call_and_tells_two_apart(t):
    up = t.upstream()
    held = Held(up)
    proxy = t.proxy(up)
    master, slave = pty.openpty()
    process = subprocess.Popen([proxy.binary, "calls", "tail", "--config", proxy.config_path, "--admin", admin_of(proxy)],
                               stdin=slave, stdout=slave, stderr=slave, env={**proxy.environment, "TERM": "xterm"},
                               start_new_session=True)
    os.close(slave)
    shown = []

    def read():
        while True:
            try:
                some = os.read(master, 65536)
            except OSError:
                return
            shown.append(some.decode("utf-8", "replace"))
    threading.Thread(target=read, daemon=True).start()
    text = lambda: command.plain("".join(shown)).replace("\r\n", "\n")  # noqa: E731
    def shows(holds, about):
        try:
            check.eventually(lambda: holds(text()), about)
        except AssertionError as error:
            raise AssertionError(f"{error}; on the terminal: {text()!r}") from None
    first = begin(proxy)
    shows(lambda now: "ConverseStream amazon.nova-pro-v1:0\nBore on" in now, "words")
    second = begin(proxy, model="other.model")
    shows(lambda now: "other.model\n" in now and now.count(" | ") >= 2, "lines")
    held.go.set()
    first()
    second()
    shows(lambda now: now.count("in 11 out 23") == 2, "two ends")
    process.send_signal(2)
    check.equal(process.wait(30), 0, "status")
    check.lacks(text(), "Sanitizer", "a report of a sanitizer")
    os.close(master)


@test
def tail_goes_on_without_and_after_a_proxy(t):
    proxy = t.proxy(t.upstream(), config={"record": {"bodies": {"max_bytes": 0}}})
    admin = admin_of(proxy)
    command.send(proxy, "converse")
    command.in_store(proxy, 1)
    proxy.stop()
    tail = command.Follower(proxy, "calls", "tail", "--tokens", "-n", "1", "--admin", admin)
    tail.has(1)
    check.eventually(lambda: b"no proxy answers" in tail.errors, "it says so")
    proxy.arguments = ["--admin", admin]
    proxy.start()
    # Found within two seconds, it says why no text will be shown.
    deadline = time.monotonic() + 30
    sent = 1
    while b"record.bodies.max_bytes is 0" not in tail.errors:
        check.true(time.monotonic() < deadline, f"connected again: {tail.errors}")
        command.send(proxy, "converse-stream")
        sent += 1
        tail.has(sent)
    check.equal(tail.errors.count(b"not shown while they come"), 1, "once")
    tail.stop()
    check.equal(len(tail.lines), sent, "each call once")
