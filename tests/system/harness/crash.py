"""Kills the proxy again and again while clients call, and looks for what was answered in what was kept.

Each call names itself in its Session-Id, which the store has as a column; a client writes the name down once it has the
whole response. What was written down and is not in the store was lost.
"""

import contextlib
import json
import random
import sqlite3
import threading
import time

from . import bedrock, check, h2, wire, ways
from .proxy import HOST

MARK = b"0" * 16
QUICK = 0.02  # seconds between the first answer and the kill, at least
SLOW = 0.4    # and at most


def request(way, action):
    head, body = bedrock.signed_request(action, target_of=way.target)
    return head[:-2] + b"Session-Id: " + MARK + b"\r\n\r\n" + body  # not signed: it changes


class Clients:
    """Threads that call until their connections break."""

    def __init__(self, proxy, number):
        self.answered = []  # (name, when its response was complete)
        self.first = threading.Event()
        self._proxy = proxy
        self._round = number
        self._threads = [threading.Thread(target=self._run, args=(work, i), daemon=True) for i, work in enumerate([
            lambda name: self._h1(name, ways.GATEWAY, "invoke"),
            lambda name: self._h1(name, ways.CONNECT, "converse-stream"),
            lambda name: self._h1(name, ways.DIRECT, "invoke-with-response-stream"),
            self._h2, self._refused])]
        for thread in self._threads:
            thread.start()

    def join(self):
        for thread in self._threads:
            thread.join(30)

    def _run(self, work, thread):
        count = iter(range(1, 1 << 30))
        # Whatever breaks was not answered; that is what is looked for here.
        with contextlib.suppress(Exception):
            work(lambda: f"{self._round:05d}{thread:02d}{next(count):09d}".encode())

    def _take(self, name):
        self.answered.append((name.decode(), time.monotonic()))
        self.first.set()

    def _h1(self, name, way, action):
        octets = request(way, action)
        stream = way.open(self._proxy)
        while True:
            mark = name()
            stream.send(octets.replace(MARK, mark))
            check.equal(wire.read_response(stream).status, 200, "an answer")
            self._take(mark)

    def _h2(self, name):
        inner = wire.TlsStream(wire.connect(self._proxy.address), ways.trusting(self._proxy, alpn=["h2"]),
                               server_name=HOST)
        client = h2.Client(inner)
        head, body = bedrock.signed_request("invoke")
        headers = h2.request_headers(head)
        while True:
            mark = name()
            call = client.request(headers + [("session-id", mark.decode())], body).wait()
            if call.ended:
                self._take(mark)

    def _refused(self, name):
        stream = wire.connect(self._proxy.address)
        while True:
            mark = name()
            stream.send(b"GET /nowhere HTTP/1.1\r\nHost: localhost:1\r\nSession-Id: " + mark + b"\r\n\r\n")
            answer = wire.read_response(stream)
            if answer.get("borehole-error"):
                self._take(mark)
            if (answer.get("connection") or "").lower() == "close":
                stream.close()
                stream = wire.connect(self._proxy.address)


def stored(proxy, number):
    """The names that the store has of a round; it must open, and be whole."""
    with contextlib.closing(sqlite3.connect(proxy.store)) as store:
        check.equal(store.execute("PRAGMA quick_check").fetchall(), [("ok",)], "the store's own check")
        rows = store.execute("SELECT session_id FROM calls WHERE session_id GLOB ?", (f"{number:05d}*",))
        return [name for name, in rows]


class Figures:
    def __init__(self):
        self.rounds = self.answered = self.stored = self.lost = 0
        self.oldest_lost = 0.0  # seconds between the end of a call that was lost and the kill

    def text(self):
        return (f"{self.rounds} kills, {self.answered} calls answered, {self.stored} records in the store, "
                f"{self.lost} answered calls lost, the oldest of them {self.oldest_lost * 1000:.0f} ms before the kill")


def rounds(proxy, count, seed=0, tell=lambda text: None):
    """`proxy`, not started, is started and killed `count` times. Gives the figures."""
    chance = random.Random(seed)
    figures = Figures()
    for number in range(count):
        proxy.start()
        clients = Clients(proxy, number)
        check.true(clients.first.wait(60), "a first answer")
        # Not to let something happen, but to end it anywhere.
        threading.Event().wait(chance.uniform(QUICK, SLOW))
        killed = time.monotonic()
        proxy.kill()
        clients.join()
        kept = stored(proxy, number)
        check.equal(len(kept), len(set(kept)), "each call has one record")
        lost = [when for name, when in clients.answered if name not in set(kept)]
        figures.rounds += 1
        figures.answered += len(clients.answered)
        figures.stored += len(kept)
        figures.lost += len(lost)
        figures.oldest_lost = max([figures.oldest_lost] + [killed - when for when in lost])
        tell(f"{number + 1}: {len(clients.answered)} answered, {len(kept)} kept, {len(lost)} lost")
    return figures


def whole_records(proxy):
    """Every record of the store and every line of the JSON lines, read: how many there are of each."""
    exported = [json.loads(line) for line in proxy.run("calls", "export", timeout=600).splitlines()]
    for record in exported:
        check.equal(len(record["id"]), 26, "an id")
        check.true(record["outcome"] and record["timing_ms"]["total"] is not None, f"a whole record: {record}")
    with open(proxy.jsonl, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    return len(exported), len(lines)
