"""Runs the soak and judges it: no finding of a sanitizer, every answered body right, every call's record there exactly
once, nothing sent upstream twice, memory flat, descriptors given back."""

import asyncio
import contextlib
import json
import logging
import multiprocessing
import os
import re
import resource
import sqlite3
import statistics
import time
import urllib.request

from .. import check, wire
from .. import proxy as proxies
from .. import trust as trusts
from ..ways import trusting
from . import clients, upstream

SETTLE = 60.0            # seconds in which descriptors and records must be there after the load
SHORT = 60.0             # seconds; shorter runs are not judged by their memory, which still fills caches then
# How much larger the last quarter's memory may be than the one before. ThreadSanitizer never gives back the shadow of
# what was touched, and remembers what threads did: there it shows gross leaks alone.
GROWTH = {None: 1.05, "address": 1.05, "thread": 1.2}
SLACK = 8 << 20          # octets, beside that


class Soak:
    def __init__(self, binary, folder, seconds, connections, seed, workers=2):
        self.binary, self.folder = binary, folder
        self.seconds, self.connections, self.seed, self.workers = seconds, connections, seed, workers
        self.ledger = clients.Ledger(seed)
        self.memory = []
        self.problems = self.ledger.problems
        self.figures = {}

    # ---- what it needs

    def start_upstream(self):
        trust = trusts.TestRoot(os.path.join(self.folder, "test-root"))
        context = trust.server_context(clients.HOST, "good", ("h2", "http/1.1"), None, shared=False)
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("fork").Process(target=upstream.main, args=(context, theirs), daemon=True)
        process.start()
        theirs.close()
        return trust, process, ours

    def start_proxy(self, trust, ports):
        at = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        resolve = {f"{clients.HOST}:443": at["tls"], "plain.soak:80": at["plain"], "tunnel.soak:7777": at["echo"],
                   f"{clients.BAD['refused']}:443": "127.0.0.1:1", f"{clients.BAD['broken']}:443": at["broken"],
                   f"{clients.BAD['babbling']}:443": at["babbling"]}
        config = {"workers": self.workers, "record": {"bodies": {"max_bytes": 0}},
                  "upstream": {"connect_timeout": "100s", "response_timeout": "100s", "idle_timeout": "5s"},
                  "limits": {"head_timeout": "100s", "idle_timeout": "100s"}, "log": {"level": "error"}}
        return proxies.Proxy(self.binary, os.path.join(self.folder, "proxy"), resolve, [trust.path], config,
                             environment={"ASAN_OPTIONS": "quarantine_size_mb=16"})

    def metric(self, proxy, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{proxy.admin[1]}/metrics", timeout=60) as answer:
            text = answer.read().decode()
        return sum(float(v) for v in re.findall(rf"(?m)^{name}(?:{{[^}}]*}})? (\S+)$", text))

    # ---- the load

    async def load(self, proxy):
        contexts = {name: trusting(proxy, alpn=alpn) for name, alpn in (("h1", ("http/1.1",)), ("h2", ("h2", "http/1.1")))}
        load = clients.Load(self.ledger, proxy.address, contexts)
        # asyncio tells of connections that went while TLS was being opened: which is what is done here.
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _what: None)
        actors = [asyncio.ensure_future(load.actor()) for _ in range(self.connections)]
        began = time.monotonic()
        while time.monotonic() - began < self.seconds and proxy.process.poll() is None:
            await asyncio.sleep(min(1.0, self.seconds / 8))
            self.memory.append(proxy.resident())
        load.ending = True
        for result in await asyncio.gather(*actors, return_exceptions=True):
            if isinstance(result, BaseException):
                self.problems.append(f"a client failed: {result!r}")

    def run(self):
        logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of what is written to those that left
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
        trust, process, pipe = self.start_upstream()
        proxy = self.start_proxy(trust, pipe.recv())
        try:
            self.warm_up(proxy)
            before = self.descriptors(proxy)
            asyncio.run(self.load(proxy))
            if proxy.process.poll() is not None:
                self.problems.append(f"borehole ended with status {proxy.process.poll()}:\n{proxy.stderr()[-12000:]}")
                return
            self.settle(proxy, before)
            pipe.send("end")
            seen = pipe.recv()
            dropped = self.metric(proxy, "borehole_records_dropped_total")
            failed = self.metric(proxy, "borehole_records_failed_total")
            proxy.stop()
            self.judge_records(proxy, seen, int(dropped), int(failed))
            self.judge_memory()
        except AssertionError as error:
            self.problems.append(str(error))
        finally:
            proxy.kill()
            process.kill()

    def warm_up(self, proxy):
        """So that what is opened once is open, and counted: the store's readers, the search for clients' processes."""
        with urllib.request.urlopen(f"http://127.0.0.1:{proxy.admin[1]}/api/calls", timeout=60) as answer:
            answer.read()
        for _ in range(self.workers * 4):  # each of them
            stream = wire.connect(proxy.address)
            stream.send(b"GET /nothing HTTP/1.1\r\nHost: nobody\r\nConnection: close\r\n\r\n")
            wire.read_response(stream)
            stream.close()
        check.eventually(lambda: not self.live_sockets(proxy), "the last of them is over", SETTLE)

    @staticmethod
    def live_sockets(proxy):
        """The inodes of sockets that do not merely listen, the admin port's and those that take leave included."""
        with open(f"/proc/{proxy.process.pid}/net/tcp", encoding="ascii") as file:
            rows = [line.split() for line in file.readlines()[1:]]
        live = {row[9] for row in rows if row[3] != "0A"}
        return live & {one.removeprefix("socket:[").rstrip("]") for one in Soak.descriptors(proxy)}

    @staticmethod
    def descriptors(proxy):
        """What is open, by what it is."""
        found = []
        for descriptor in os.listdir(f"/proc/{proxy.process.pid}/fd"):
            with contextlib.suppress(OSError):
                found.append(os.readlink(f"/proc/{proxy.process.pid}/fd/{descriptor}"))
        return found

    def settle(self, proxy, before):
        with contextlib.suppress(AssertionError):  # told below, with what is open
            check.eventually(lambda: len(self.descriptors(proxy)) <= len(before), "descriptors are given back", SETTLE)
        now = self.descriptors(proxy)
        self.figures["descriptors"] = f"{len(before)} before, {len(now)} after"
        if len(now) > len(before):
            self.problems.append(f"{SETTLE:g} s after the load more descriptors are open than before: "
                                 f"{sorted(set(now) - set(before))}")

    # ---- judging

    def judge_records(self, proxy, seen, dropped, failed):
        found, nameless = {}, 0
        with open(proxy.jsonl, encoding="utf-8") as file:
            for line in file:
                record = json.loads(line)
                named = upstream.PATH.search((record.get("request") or {}).get("target") or "")
                if not named:
                    nameless += 1
                    continue
                if named[1] in found:
                    self.problems.append(f"{named[1]} has two records")
                found[named[1]] = record
        total = len(found) + nameless
        calls = self.ledger.calls
        twice = [identity for identity, count in seen.items() if count > 1]
        if twice:
            self.problems.append(f"{len(twice)} requests reached the upstream twice: {twice[:5]}")
        read = [identity for identity in self.ledger.raced if identity in seen]
        if read:
            self.problems.append(f"{len(read)} requests were read by the upstream, and refused as if they had not been: {read[:5]}")
        self.figures["met an upstream that was closing"] = len(self.ledger.raced)
        unknown = set(found) - set(calls)
        if unknown:
            self.problems.append(f"{len(unknown)} records are of calls that nobody made: {sorted(unknown)[:5]}")
        must = {i for i, (_, _, what) in calls.items() if what in ("answered", "refused", "torn", "closed")} | set(seen)
        missing = must - set(found)
        if len(missing) > dropped:
            self.problems.append(f"{len(missing)} calls have no record, {dropped} were dropped: "
                                 f"{[(i, calls[i]) for i in sorted(missing)[:5]]}")
        for identity, record in found.items():
            kind, act, what = calls.get(identity, (None, None, None))
            wanted = "complete" if what == "answered" else "upstream_failed" if what == "refused" else None
            if wanted and record["outcome"] != wanted:
                self.problems.append(f"{kind} {act} of {identity} was {what}, its record says {record['outcome']}, "
                                     f"{record.get('error')}")
        with contextlib.closing(sqlite3.connect(proxy.store)) as store:
            stored = store.execute("SELECT count(*) FROM calls").fetchone()[0]
        if stored != total or failed:
            self.problems.append(f"{stored} records are in the store, {total} in the file; {failed} could not be written")
        self.figures["records"] = f"{total} ({nameless} of malformed requests), {dropped} dropped, {stored} in the store"
        self.figures["requests upstream"] = sum(seen.values())

    def judge_memory(self):
        if not self.memory:
            return
        quarter = max(1, len(self.memory) // 4)
        third = statistics.median(self.memory[-2 * quarter:-quarter] or self.memory)
        last = statistics.median(self.memory[-quarter:])
        mib = lambda octets: f"{octets / (1 << 20):.0f} MiB"  # noqa: E731
        self.figures["memory"] = (f"{mib(self.memory[0])} at the beginning, {mib(max(self.memory))} at most, {mib(third)} in "
                                  f"the third quarter, {mib(last)} in the last")
        if self.seconds >= SHORT and last > third * GROWTH[proxies.sanitizer(self.binary)] + SLACK:
            self.problems.append(f"memory grows: {self.figures['memory']}")

    def report(self):
        outcomes = {}
        for _, _, what in self.ledger.calls.values():
            outcomes[what] = outcomes.get(what, 0) + 1
        lines = [f"{self.seconds:g} s, {self.connections} clients, seed {self.seed}",
                 f"connections: {sum(self.ledger.kinds.values())}, {self.ledger.most_open} at once at most "
                 f"({', '.join(f'{k} {n}' for k, n in sorted(self.ledger.kinds.items()))})",
                 f"calls: {len(self.ledger.calls)} ({', '.join(f'{k} {n}' for k, n in sorted(outcomes.items()))})"]
        lines += [f"{name}: {value}" for name, value in self.figures.items()]
        lines += [f"PROBLEM: {one}" for one in self.problems[:40]]
        if len(self.problems) > 40:
            lines.append(f"… and {len(self.problems) - 40} problems more")
        return "\n".join(lines)
