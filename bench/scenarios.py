"""What the bench has the proxies do. Each scenario gives, for one proxy started anew, one round's figures."""

import contextlib
import hashlib
import json
import statistics
import subprocess
import time

from bench.processes import CIPHER, HOST, MANY_HOSTS, TREE, Load, Origin, cpu_exactly, memory_of, settled_cpu, workers_cpu
from bench.proxies import SUBJECTS, Borehole, servable

# --- requests ---------------------------------------------------------------------------------------------------------------


def signed_post(octets=1024, host=HOST):
    """A POST as an SDK sends it; the signature has the right shape, nobody checks it."""
    text = "Tell me about wells, springs and the water table; mention chalk, gravel and clay, and how each of them holds water. "
    frame = '{"anthropic_version":"bedrock-2023-05-31","max_tokens":512,"messages":[{"role":"user","content":"%s"}]}'
    size = octets - len(frame) + 2
    body = (frame % (text * (size // len(text) + 1))[:size]).encode()
    head = [
        "POST /model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/invoke HTTP/1.1",
        f"Host: {host}",
        "Accept-Encoding: identity",
        "Accept: application/json",
        "Content-Type: application/json",
        "User-Agent: Boto3/1.34.46 md/Botocore#1.34.46 ua/2.0 os/linux#6.1.0 md/arch#x86_64 lang/python#3.11.2 "
        "md/pyimpl#CPython cfg/retry-mode#standard Botocore/1.34.46",
        "X-Amz-Date: 20260302T101112Z",
        "X-Amz-Security-Token: " + "IQoJb3JpZ2luX2VjEJv" * 24,
        "Authorization: AWS4-HMAC-SHA256 Credential=ASIAIOSFODNN7EXAMPLE/20260302/us-east-1/bedrock/aws4_request, "
        "SignedHeaders=accept;content-type;host;x-amz-date;x-amz-security-token, Signature=" + hashlib.sha256(body).hexdigest(),
        "amz-sdk-invocation-id: 0f1c7f6e-52b4-4c0e-9a55-3a1d2f0b8c77",
        "amz-sdk-request: attempt=1",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def get(target):
    return f"GET {target} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n".encode()


# --- one round --------------------------------------------------------------------------------------------------------------


class Run:
    """One proxy between load and origin. `figures` collects what a scenario measured, `faults` what went wrong."""

    def __init__(self, setting, subject, request, answer, connections, at_start=True, **options):
        self.setting, self.subject = setting, subject
        self.figures, self.faults = {}, []
        self._load_of = (request, answer, connections)
        self.load = None
        with contextlib.ExitStack() as self._stack:
            self.origin = self._stack.enter_context(Origin(setting.work, setting.load_core))
            proxy_cores = options.pop("cores", setting.proxy_core)
            if subject == "borehole":
                options["admin"] = True  # asked for what it has dropped, when all is done
            self.proxy = self._stack.enter_context(SUBJECTS[subject](setting.work, proxy_cores, self.origin, **options))
            if at_start:
                self.open_load()
            self._stack = self._stack.pop_all()  # else, what was started is ended here

    def open_load(self):
        self.load = self._stack.enter_context(Load(self.setting.work, self.setting.load_core, self.proxy, *self._load_of))

    def __enter__(self):
        return self

    def __exit__(self, *words):
        return self._stack.__exit__(*words)

    def note(self, **figures):
        """What could not be measured, since nothing was done, is left out."""
        self.figures.update({name: value for name, value in figures.items() if value is not None})

    def measure(self, order):
        """Obeys the order and answers (what load told, CPU seconds of the proxy, those of its worker threads)."""
        direct = self.subject == "direct"
        before = (0, 0) if direct else settled_cpu(self.proxy.pid)
        workers = [] if direct else workers_cpu(self.proxy.pid)
        counted = self.origin.counters()
        told = self.load.run(order)
        now = self.origin.counters()
        records = self.recorded(now["requests"])
        after = (0, 0) if direct else settled_cpu(self.proxy.pid)
        if told["failed"]:
            self.faults.append(f"{told['failed']} requests failed, the first: {told['first_failure']}")
        if told["requests"] != now["requests"] - counted["requests"]:
            self.faults.append(f"the load counts {told['requests']} requests, the origin {now['requests'] - counted['requests']}")
        if told["requests"] == 0:
            self.faults.append("no request was done")
        if self.proxy.cipher_is_ours:
            for side, tls in (("client", self.load.ready["tls"] or told["tls"]), ("upstream", now["tls"])):
                if tls != CIPHER:
                    self.faults.append(f"TLS towards the {side} is {tls}, not {CIPHER}")
        self.figures["dropped"] = self.proxy.dropped()
        if records is not None and records + self.figures["dropped"] < now["requests"]:
            self.faults.append(f"{now['requests']} requests, but {records} records, and {self.figures['dropped']} dropped")
        user, system = (b - a for a, b in zip(before, after))
        if user + system > 0:
            self.figures["user_share"] = user / (user + system)
        spent = [] if direct else [b - a for a, b in zip(workers, workers_cpu(self.proxy.pid))]
        return told, user + system, spent

    def recorded(self, requests, patience=30.0):
        """How many records there are, once all have come but those dropped: a disk that is waited for takes no CPU time."""
        deadline = time.monotonic() + patience
        while (records := self.proxy.records()) is not None and records + self.proxy.dropped() < requests:
            if time.monotonic() > deadline:
                break
            time.sleep(0.2)
        return records


class Setting:
    """What all rounds share: the folder, the cores, how long."""

    def __init__(self, work, proxy_core, load_core, seconds):
        self.work, self.proxy_core, self.load_core, self.seconds = work, proxy_core, load_core, seconds
        self.answer = self._answer_octets()

    def _answer_octets(self):
        """The size of the origin's answer to a POST, asked of itself."""
        import socket  # noqa: PLC0415
        import ssl  # noqa: PLC0415
        with Origin(self.work, self.load_core) as origin:
            context = ssl.create_default_context(cafile=str(origin.ca))
            with socket.create_connection(("127.0.0.1", origin.port)) as raw, \
                    context.wrap_socket(raw, server_hostname=HOST) as connection:
                connection.sendall(signed_post())
                head, _, _ = connection.recv(65536).partition(b"\r\n\r\n")
        return int(head.lower().partition(b"content-length:")[2].split()[0])


# --- the scenarios ----------------------------------------------------------------------------------------------------------


def calls(setting, subject, connections=64, octets=1024, seconds=None, at_a_time=None):
    seconds = seconds or setting.seconds
    most = f" {at_a_time}" if at_a_time else ""
    with Run(setting, subject, signed_post(octets), setting.answer, connections) as run:
        run.load.run(f"seconds {min(0.3, seconds)}{most}")  # caches, files, sessions
        told, cpu, workers = run.measure(f"seconds {seconds}{most}")
        done = max(told["requests"], 1)
        run.note(cpu_us=cpu * 1e6 / done, calls_per_second=done / max(told["seconds"], 1e-9),
                           p50_ms=told["waits"].get("p50_ms"), p99_ms=told["waits"].get("p99_ms"),
                           rss_mib=memory_of(run.proxy.pid) / 1024)
        if workers:
            run.figures["workers_us"] = sum(workers) * 1e6 / done
        return run


def one_connection(setting, subject):
    return calls(setting, subject, connections=1, seconds=setting.seconds / 2)


def handshakes(setting, subject):
    """A connection for every call, while the upstream's is kept."""
    with Run(setting, subject, signed_post(), setting.answer, 0) as run:
        run.load.run("fresh 50")
        count = max(200, int(200 * setting.seconds))
        told, cpu, _ = run.measure(f"fresh {count}")
        run.note(cpu_us=cpu * 1e6 / max(told["requests"], 1), handshake_ms=told["handshakes"].get("p50_ms"),
                           p50_ms=told["waits"].get("p50_ms"))
        return run


def mint():
    """CPU time of a certificate alone, which a handshake with all else hides."""
    done = subprocess.run([TREE / "build/bench/mint"], capture_output=True, text=True, check=True)
    return {"mint_us": json.loads(done.stdout)["minted_us"]}


def unseen_hosts(setting, subject):
    """Hosts that the proxy has never seen, so that each costs a certificate and a connection upstream, opened beside the
    client's handshake; against as many connections to one that it has."""
    with Run(setting, subject, signed_post(), setting.answer, 0) as run:
        run.load.run("fresh 20")
        count = max(50, int(50 * setting.seconds))
        known, cpu_known, _ = run.measure(f"fresh {count}")
        told, cpu, _ = run.measure(f"fresh {count} {MANY_HOSTS}")
        run.note(handshake_ms=told["handshakes"].get("p50_ms"), handshake_p99_ms=told["handshakes"].get("p99_ms"),
                           known_ms=known["handshakes"].get("p50_ms"), cpu_us=cpu * 1e6 / count,
                           known_cpu_us=cpu_known * 1e6 / count, **mint())
        return run


def downloads(setting, subject, megabytes=100):
    count = max(1, int(setting.seconds))
    octets = megabytes * 10**6
    with Run(setting, subject, get(f"/octets/{octets}"), octets, 1) as run:
        run.load.run("requests 1")
        told, cpu, workers = run.measure(f"requests {count}")
        gigabytes = max(told["requests"], 1) * octets / 1e9
        run.note(cpu_s=cpu / gigabytes, mb_per_second=gigabytes * 1000 / max(told["seconds"], 1e-9),
                           rss_mib=memory_of(run.proxy.pid) / 1024)
        if workers:
            run.figures["workers_s"] = sum(workers) / gigabytes
        return run


def events(setting, subject):
    with Run(setting, subject, get(f"/events/{int(40 * setting.seconds)}/20"), "events", 1) as run:
        told, cpu, _ = run.measure("requests 1")
        delays = told["delays"]
        run.note(p50_ms=delays.get("p50_ms"), p99_ms=delays.get("p99_ms"), cpu_us=cpu * 1e6 / max(delays.get("count", 0), 1))
        return run


def idle(setting, subject, connections=1000):
    """Connections that are open, have had one answer, and wait."""
    with Run(setting, subject, signed_post(), setting.answer, connections, at_start=False) as run:
        with Load(setting.work, setting.load_core, run.proxy, signed_post(), setting.answer, 16):
            pass
        time.sleep(0.5)
        before = memory_of(run.proxy.pid, "VmRSS")
        run.open_load()
        settled_cpu(run.proxy.pid)
        after = memory_of(run.proxy.pid, "VmRSS")
        told, _, _ = run.measure(f"requests {connections}")  # and all of them are still served
        run.note(kib=(after - before) / connections, rest_kib=before, served=told["requests"])
        return run


def many_idle(setting, subject):
    return idle(setting, subject, min(9000 if subject == "nginx" else 10_000, servable()))


def workers(setting, subject):
    """Two workers against one, on both cores, which load and origin share: what counts is the CPU time that a call takes
    and how evenly the two share. Speed-up, had they two cores of their own: 2 · (one's cost / two's cost) · balance."""
    done = {}
    for number in (1, 2):
        with Run(setting, subject, signed_post(), setting.answer, 64, cores=f"{setting.load_core},{setting.proxy_core}",
                 workers=number) as run:
            run.load.run("seconds 0.3")
            told, cpu, each = run.measure(f"seconds {setting.seconds}")
            done[number] = (cpu / max(told["requests"], 1), each)
    shares = sorted(done[2][1])[-2:]  # threads that a worker starts bear its name
    balance = statistics.mean(shares) / max(shares)
    run.figures = {"speed_up": 2 * done[1][0] / done[2][0] * balance, "balance": balance,
                   "one_us": done[1][0] * 1e6, "two_us": done[2][0] * 1e6}
    return run


def start(setting, subject):
    """From its start to the first `listening` line, with a CA that is there; then at rest."""
    with Origin(setting.work, setting.load_core) as origin:
        with SUBJECTS[subject](setting.work, setting.proxy_core, origin):
            pass
        times, spent = [], []
        for _ in range(10):
            with SUBJECTS[subject](setting.work, setting.proxy_core, origin) as proxy:
                times.append(proxy.seconds_to_listen * 1000)
                spent.append(cpu_exactly(proxy.pid) * 1000)
                time.sleep(0.3)
                rest = memory_of(proxy.pid, "VmRSS")
        run = Run.__new__(Run)
        run.subject, run.faults = subject, []
        run.figures = {"listening_ms": statistics.median(times), "slowest_ms": max(times),
                       "cpu_ms": statistics.median(spent), "rest_kib": rest,
                       "binary_kib": Borehole.binary.stat().st_size / 1024}
        return run


class Scenario:
    """`main`: the figure that rounds and ratios are about. `goal`: of that figure, or of its ratio to nginx (`x`)."""

    def __init__(self, run, title, main, unit, subjects, goals=None, others=()):
        self.run, self.title, self.main, self.unit = run, title, main, unit
        self.subjects, self.goals, self.others = subjects, goals or {}, others


ALL = ("nginx", "haproxy", "squid", "mitmproxy", "borehole", "borehole-bare")
SCENARIOS = {
    "S1": Scenario(calls, "64 kept-alive connections, POST 1 KB, answer 0.6 KB", "cpu_us", "CPU µs per call", ALL,
                   {"borehole": ("x", 1.0), "borehole-bare": ("x", 0.85)},
                   ("workers_us", "user_share", "calls_per_second", "p50_ms", "p99_ms", "rss_mib")),
    "S1-one": Scenario(one_connection, "the same with one connection", "p50_ms", "p50 in ms", ("direct", *ALL),
                       {"borehole": ("x", 1.0)}, ("p99_ms", "cpu_us")),
    "S2": Scenario(handshakes, "a new connection and handshake for each call, upstream warm", "cpu_us", "CPU µs per call", ALL,
                   {"borehole": ("x", 0.8)}, ("handshake_ms", "p50_ms", "user_share")),
    "S3": Scenario(unseen_hosts, "first call to a host never seen", "handshake_ms", "handshake p50 in ms",
                   ("borehole", "borehole-bare"), {"borehole": ("", 1.5)},
                   ("handshake_p99_ms", "known_ms", "cpu_us", "known_cpu_us", "mint_us")),
    "S4": Scenario(downloads, "one connection, downloads of 100 MB", "cpu_s", "CPU s per GB", ALL,
                   {"borehole": ("x", 0.75)}, ("workers_s", "mb_per_second", "rss_mib")),
    "S5": Scenario(events, "an event of 200 octets each 20 ms", "p50_ms", "delay p50 in ms", ("direct", *ALL),
                   {"borehole": ("", 0.45)}, ("p99_ms", "cpu_us")),
    "S6": Scenario(idle, "1,000 idle opened connections", "kib", "KiB of RSS each",
                   ("nginx", "haproxy", "squid", "mitmproxy", "borehole"), {"borehole": ("", 14.65)}, ("rest_kib", "served")),
    "S6-many": Scenario(many_idle, "10,000 of them (nginx 9,000), or as many as there are descriptors for", "kib", "KiB of RSS each",
                        ("nginx", "borehole"), {},
                        ("rest_kib", "served")),
    "S7": Scenario(workers, "two workers against one", "speed_up", "times as fast", ("borehole",),
                   {"borehole": (">", 1.8)}, ("balance", "one_us", "two_us")),
    "start": Scenario(start, "from start to the first `listening` line, the CA being there", "listening_ms", "ms",
                      ("borehole",), {"borehole": ("", 50)}, ("slowest_ms", "cpu_ms", "rest_kib", "binary_kib")),
}
