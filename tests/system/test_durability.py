"""What is stored survives: SIGKILL, disks that are full, files that are locked, damaged, deleted or rotated away."""

import contextlib
import glob
import json
import os
import resource
import select
import sqlite3
import threading

from harness import bedrock, check, crash, h2, wire, ways
from harness.proxy import HOST
from harness.runner import test
from test_admin import Admin
from test_doctor import doctor, environment, prepared

STRICT = {"record": {"durability": "strict"}}


def call(proxy, way=ways.GATEWAY, stream=None, **options):
    head, body = bedrock.signed_request("invoke", target_of=way.target, **options)
    stream = stream or way.open(proxy)
    stream.send(head + body)
    return wire.read_response(stream)


def kept(proxy):
    """How many records the store has; None while it is being made."""
    with contextlib.closing(sqlite3.connect(proxy.store)) as store, contextlib.suppress(sqlite3.OperationalError):
        return store.execute("SELECT count(*) FROM calls").fetchone()[0]
    return None


@contextlib.contextmanager
def locked(proxy, how="IMMEDIATE"):
    with contextlib.closing(sqlite3.connect(proxy.store, isolation_level=None)) as store:
        store.execute(f"BEGIN {how}")
        yield
        store.execute("ROLLBACK")


@contextlib.contextmanager
def full_disk(proxy):
    """No file of the process may grow, or be written at all behind its first octet: as where a disk is full."""
    pid = proxy.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def nothing_has_come(stream):
    return not select.select([stream.socket], [], [], 0)[0]


def delivered(admin, count):
    check.eventually(lambda: admin.metrics().value("borehole_records_delivered_total") == count,
                     f"{count} records are on their way")


# ---- SIGKILL


@test(each=["strict", "batch"])
def killed_under_load(t, durability):
    up = t.upstream(alpn=("h2", "http/1.1"))
    proxy = t.proxy(up, config={"workers": 2, "record": {"durability": durability}})
    proxy.stop()
    figures = crash.rounds(proxy, 5)
    check.equal(figures.rounds, 5, "rounds")
    if durability == "strict":
        check.equal(figures.lost, 0, f"answered calls that are not in the store: {figures.text()}")
    else:  # 100 ms on a machine that has time; this one may have none
        check.true(figures.oldest_lost < 2, figures.text())
    proxy.start()
    proxy.stop()
    exported, lines = crash.whole_records(proxy)
    check.equal(exported, figures.stored, "records of the store")
    check.true(lines > 0, "JSON lines")


# ---- strict


@test(each=ways.KINDS)
def a_response_waits_for_its_record(t, way):
    go_on = threading.Event()

    def handler(request, reply):
        request.read_body(reply)
        reply.start_chunked(200, [("Content-Type", "application/json")])
        reply.chunk(b"first")
        go_on.wait(20)
        reply.chunk(b"last")
        reply.end_chunks()

    up = t.upstream(handler=handler)
    proxy = t.proxy(up, config=STRICT)
    admin = Admin(proxy)
    stream = way.open(proxy)
    head, body = bedrock.signed_request("invoke", target_of=way.target)
    stream.send(head + body)
    stream.push_back(stream.read_until(b"first\r\n"))  # passes at once
    with locked(proxy):
        go_on.set()
        delivered(admin, 1)
        rest = b""
        while not nothing_has_come(stream):
            rest += stream.recv()
        check.lacks(rest, b"0\r\n\r\n", "the end, before the record is on disk")
        stream.push_back(rest)
        check.equal(kept(proxy), 0, "records")
    answer = wire.read_response(stream)
    check.equal((answer.status, answer.body), (200, b"firstlast"), "the whole answer")
    check.equal(kept(proxy), 1, "records, once it is here")


@test(each=["answer", "refusal"])
def a_whole_response_waits_for_its_record(t, kind):
    up = t.upstream(alpn=("h2", "http/1.1"))
    proxy = t.proxy(up, config=STRICT)
    admin = Admin(proxy)
    stream = ways.GATEWAY.open(proxy)
    inner = wire.TlsStream(wire.connect(proxy.address), ways.trusting(proxy, alpn=["h2"]), server_name=HOST)
    client = h2.Client(inner)
    head, body = bedrock.signed_request("invoke", target_of=ways.GATEWAY.target)
    if kind == "refusal":
        head, body = b"GET /nowhere HTTP/1.1\r\nHost: localhost:1\r\n\r\n", b""
    h2_head, h2_body = bedrock.signed_request("invoke")
    with locked(proxy):
        stream.send(head + body)
        streamed = client.request(h2.request_headers(h2_head), h2_body)
        delivered(admin, 2)
        check.true(nothing_has_come(stream), "nothing of the response has come")
        check.equal(streamed.ended, False, "nor has the one over HTTP/2 ended")
    answer = wire.read_response(stream)
    check.equal(answer.status, 404 if kind == "refusal" else 200, "the answer")
    check.equal(streamed.wait().status, 200, "the answer over HTTP/2")
    check.equal(kept(proxy), 2, "records, once they are here")


@test
def calls_fail_while_strict_records_cannot_be_kept(t):
    go_on = threading.Event()

    def handler(request, reply):
        if request.get("x-slow"):
            request.read_body(reply)
            reply.start_chunked(200)
            reply.chunk(b"first")
            go_on.wait(20)
            reply.end_chunks()
        else:
            up.bedrock.answer(request, reply)

    up = t.upstream(alpn=("h2", "http/1.1"))
    up.handler = handler
    proxy = t.proxy(up, config=STRICT)
    admin = Admin(proxy)
    check.equal(call(proxy).status, 200, "a call")
    begun = ways.GATEWAY.open(proxy)
    head, body = bedrock.signed_request("invoke", target_of=ways.GATEWAY.target, extra=[("X-Slow", "1")])
    begun.send(head + body)
    begun.push_back(begun.read_until(b"first\r\n"))
    with full_disk(proxy):
        answer = call(proxy)
        check.equal((answer.status, answer.get("borehole-error")), (503, "store_failed"), "an answer that had not begun")
        check.equal(answer.get("x-amzn-errortype"), "ServiceUnavailableException", "its type")
        check.contains(json.loads(answer.body)["message"], "record.durability: strict", "what it says")
        asked = len(up.requests)
        answer = call(proxy)
        check.equal((answer.status, answer.get("borehole-error")), (503, "store_failed"), "the next one")
        check.equal(len(up.requests), asked, "it was not sent: nobody pays for an answer that would be thrown away")
        go_on.set()
        with check.raises(ConnectionError, about="an answer that had begun"):
            wire.read_response(begun)
        check.equal(admin.get("/readyz").status, 503, "/readyz")
    check.eventually(lambda: call(proxy).status == 200, "calls succeed again")
    check.equal(admin.get("/readyz").status, 200, "/readyz, then")


# ---- batch: what cannot be written never fails a call, and is counted


@test
def a_full_disk(t):
    proxy = prepared(t, t.upstream(), started=True)
    admin = Admin(proxy)
    stream = ways.GATEWAY.open(proxy)
    check.equal(call(proxy, stream=stream).status, 200, "before")
    proxy.calls(1)
    with full_disk(proxy):
        for _ in range(3):
            check.equal(call(proxy, stream=stream).status, 200, "a call")
        check.eventually(lambda: admin.metrics().value("borehole_records_failed_total") == 3, "they are counted")
        answer = admin.get("/readyz")
        check.equal(answer.status, 503, "/readyz")
        check.contains(answer.body, b"records of calls could not be written: ", "what it says")
        check.contains(answer.body, b"File too large", "and why")
        found = doctor(proxy, environment(t), status=1)
        check.contains(found["proxy"]["detail"], "could not be written", "what doctor says")
    check.equal(call(proxy, stream=stream).status, 200, "after")
    check.eventually(lambda: admin.get("/readyz").status == 200, "/readyz, with room again")
    metrics = admin.metrics()
    check.equal([metrics.value(f"borehole_records_{name}_total") for name in ("delivered", "written", "failed", "dropped")],
                [5, 2, 3, 0], "delivered, written, failed, dropped")
    check.equal(kept(proxy), 2, "records in the store")
    check.equal(len(proxy.records()), 2, "whole JSON lines")


@test
def a_store_that_another_program_keeps_locked(t):
    """For longer than borehole waits for it (5 s)."""
    proxy = prepared(t, t.upstream(), started=True)
    admin = Admin(proxy)
    stream = ways.GATEWAY.open(proxy)
    check.equal(call(proxy, stream=stream).status, 200, "before")
    proxy.calls(1)
    with locked(proxy, "EXCLUSIVE"):
        for _ in range(3):
            check.equal(call(proxy, stream=stream).status, 200, "a call")
        check.eventually(lambda: admin.metrics().value("borehole_records_failed_total") > 0, "one is given up", seconds=60)
        answer = admin.get("/readyz")
        check.equal(answer.status, 503, "/readyz")
        check.contains(answer.body, b"another program keeps it locked", "what it says")
        found = doctor(proxy, environment(t), status=1)
        check.contains(found["proxy"]["detail"], "another program keeps it locked", "what doctor says")
    check.equal(call(proxy, stream=stream).status, 200, "after")

    def counted():
        metrics = admin.metrics()
        return [metrics.value(f"borehole_records_{name}_total") for name in ("delivered", "written", "failed", "dropped")]

    check.eventually(lambda: sum(counted()[1:3]) == 5, "each is written or given up")
    delivered_now, written, failed, dropped = counted()
    check.equal((delivered_now, dropped), (5, 0), "delivered, dropped")
    check.equal(kept(proxy), written, "records in the store are those that were written")
    check.equal(len(proxy.records()), 5, "JSON lines, which are written all the same")
    check.true(failed >= 1, "what was given up")
    check.eventually(lambda: admin.get("/readyz").status == 200, "/readyz, then")


@test
def a_full_mailbox(t):
    """The writer is held up, and more comes than the mailbox takes: what is dropped is counted, one by one."""
    def handler(request, reply):
        request.read_body(reply)
        reply.respond(200, [("Content-Type", "application/octet-stream")], b"z" * (8 << 20))

    proxy = t.proxy(t.upstream(handler=handler), config={"record": {"bodies": {"max_bytes": "16MiB"}, "jsonl": None}})
    admin = Admin(proxy)
    stream = ways.GATEWAY.open(proxy)
    head, body = bedrock.signed_request("invoke", body=b"y" * (8 << 20), target_of=ways.GATEWAY.target)
    sent = 0
    with locked(proxy):
        while sent < 20 or admin.metrics().value("borehole_records_dropped_total") == 0:
            stream.send(head + body)
            check.equal(wire.read_response(stream).status, 200, "a call")
            sent += 1
            check.true(sent < 60, "the mailbox is bounded")
        metrics = admin.metrics()
        dropped = metrics.value("borehole_records_dropped_total")
        check.equal(metrics.value("borehole_records_delivered_total") + dropped, sent, "every call is counted")
        check.true(metrics.value("borehole_mailbox_bytes") <= 64 << 20, "what waits")
        answer = admin.get("/readyz")
        check.equal(answer.status, 503, "/readyz")
        check.contains(answer.body, b"records of calls were dropped within the last minute", "what it says")

    def settled():
        now = admin.metrics()
        return (now.value("borehole_records_written_total") + now.value("borehole_records_failed_total") ==
                now.value("borehole_records_delivered_total"))

    check.eventually(settled, "what waited was dealt with", seconds=60)
    metrics = admin.metrics()
    check.equal(metrics.value("borehole_records_dropped_total"), dropped, "no more were dropped")
    check.equal(kept(proxy), metrics.value("borehole_records_written_total"), "records in the store")
    before = kept(proxy)
    stream.send(head + body)
    check.equal(wire.read_response(stream).status, 200, "another call")
    check.eventually(lambda: kept(proxy) == before + 1, "recording goes on")


@test(each=["deleted", "moved", "folder_moved"])
def a_store_that_goes_while_it_is_written(t, how):
    proxy = t.proxy(t.upstream())
    admin = Admin(proxy)
    stream = ways.GATEWAY.open(proxy)
    check.equal(call(proxy, stream=stream).status, 200, "before")
    proxy.calls(1)
    check.equal(kept(proxy), 1, "records before")
    folder = os.path.dirname(proxy.store)
    if how == "deleted":
        for file in glob.glob(glob.escape(proxy.store) + "*"):
            os.remove(file)
    elif how == "moved":
        os.rename(proxy.store, proxy.store + ".old")
    else:
        os.rename(folder, folder + ".away")
    check.equal(call(proxy, stream=stream).status, 200, "a call")
    if how == "folder_moved":
        check.eventually(lambda: admin.metrics().value("borehole_records_failed_total") == 1, "it is counted")
        check.equal(admin.get("/readyz").status, 503, "/readyz")
        os.rename(folder + ".away", folder)
        check.equal(call(proxy, stream=stream).status, 200, "a call")
        check.eventually(lambda: kept(proxy) == 2, "recording goes on")
    else:
        check.eventually(lambda: os.path.exists(proxy.store) and kept(proxy) == 1, "a new store has it")
        check.contains(proxy.stderr(), "was moved or deleted", "the log")
    check.eventually(lambda: admin.get("/readyz").status == 200, "/readyz, then")


@test
def a_store_that_is_damaged_while_it_is_written(t):
    proxy = t.proxy(t.upstream())
    admin = Admin(proxy)
    stream = ways.GATEWAY.open(proxy)
    check.equal(call(proxy, stream=stream).status, 200, "before")
    proxy.calls(1)
    with contextlib.closing(sqlite3.connect(proxy.store)) as store:
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with open(proxy.store, "r+b") as file:
        size = os.path.getsize(proxy.store)
        file.write(b"this is no database " * (size // 20))
    for _ in range(5):
        check.equal(call(proxy, stream=stream).status, 200, "a call")
    check.eventually(lambda: admin.metrics().value("borehole_records_failed_total") > 0, "it is counted")
    check.contains(admin.get("/readyz").body, b"move it away", "/readyz")
    os.rename(proxy.store, proxy.store + ".damaged")
    check.equal(call(proxy, stream=stream).status, 200, "a call")
    check.eventually(lambda: admin.get("/readyz").status == 200, "/readyz, once it was moved away")
    check.true(kept(proxy) > 0, "a new store has it")


# ---- JSON lines


@test
def json_lines_are_rotated_by_size(t):
    proxy = t.proxy(t.upstream(), config={"record": {"jsonl_max_bytes": "32KiB", "jsonl_files": 50}})
    stream = ways.GATEWAY.open(proxy)
    for _ in range(40):
        check.equal(call(proxy, stream=stream).status, 200, "a call")
    proxy.stop()
    files = glob.glob(glob.escape(proxy.jsonl) + "*")
    ids = []
    for path in files:
        check.true(os.path.getsize(path) <= 32 << 10, f"the size of {path}")
        check.equal(os.stat(path).st_mode & 0o077, 0, f"access by others to {path}")
        with open(path, encoding="utf-8") as file:
            ids += [json.loads(line)["id"] for line in file]
    check.true(len(files) > 2, f"there are several: {files}")
    check.equal((len(ids), len(set(ids))), (40, 40), "each record is there once")


@test
def a_torn_line_is_mended_at_start(t):
    proxy = t.proxy(t.upstream())
    check.equal(call(proxy).status, 200, "a call")
    proxy.calls(1)
    proxy.stop()
    with open(proxy.jsonl, "r+b") as file:
        whole = file.read()
        file.write(whole[:100])
    proxy.start()
    with open(proxy.jsonl, "rb") as file:
        check.equal(file.read(), whole, "the piece is taken away")
    check.contains(proxy.stderr(), f"{proxy.jsonl} ended inside a record", "the log")
    check.contains(proxy.stderr(), "100 octets were taken away", "how much")
    check.equal(Admin(proxy).metrics().value("borehole_jsonl_torn_lines_total"), 1, "the metrics")
    check.equal(call(proxy).status, 200, "a call")
    check.equal(len(proxy.calls(2)), 2, "records")


@test
def json_lines_that_cannot_be_written_for_a_while(t):
    proxy = t.proxy(t.upstream())
    admin = Admin(proxy)
    stream = ways.GATEWAY.open(proxy)
    check.equal(call(proxy, stream=stream).status, 200, "before")
    proxy.calls(1)
    os.rename(proxy.jsonl, proxy.jsonl + ".away")
    os.mkdir(proxy.jsonl)  # nobody can write there, not even root
    check.equal(call(proxy, stream=stream).status, 200, "a call")
    check.eventually(lambda: admin.metrics().value("borehole_records_failed_total") == 1, "it is counted")
    check.equal(admin.get("/readyz").status, 503, "/readyz")
    check.contains(admin.get("/readyz").body, proxy.jsonl.encode(), "which file")
    check.eventually(lambda: kept(proxy) == 2, "the store has it all the same")
    os.rmdir(proxy.jsonl)
    check.equal(call(proxy, stream=stream).status, 200, "a call")
    check.equal(len(proxy.calls(1)), 1, "recording goes on")
    check.eventually(lambda: admin.get("/readyz").status == 200, "/readyz, then")
