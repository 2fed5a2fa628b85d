"""Processes that the bench starts, what they cost, and the two programs of its own: origin and load."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

TREE = pathlib.Path(__file__).resolve().parent.parent
HOST = "bedrock-runtime.us-east-1.amazonaws.com"
# Hosts of which there are as many as anyone likes: an interface endpoint (VPC) of its own for each.
MANY_HOSTS = "vpce-#.bedrock-runtime.us-east-1.vpce.amazonaws.com"
CIPHER = "TLSv1.3 TLS_AES_128_GCM_SHA256"


class Failure(Exception):
    """One sentence for the user."""


# --- what /proc tells -------------------------------------------------------------------------------------------------------


def stat_fields(path):
    return path.read_text().rpartition(")")[2].split()


def tree_of(pid):
    """`pid` and all that it has started."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                children.setdefault(int(stat_fields(pathlib.Path("/proc", entry, "stat"))[1]), []).append(int(entry))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def cpu_of(pid):
    """(user, system) seconds of the tree."""
    user = system = 0
    for one in tree_of(pid):
        with contextlib.suppress(OSError):
            fields = stat_fields(pathlib.Path("/proc", str(one), "stat"))
            user += int(fields[11])
            system += int(fields[12])
    tick = os.sysconf("SC_CLK_TCK")
    return user / tick, system / tick


def cpu_exactly(pid):
    """Seconds of all threads that run now, to the nanosecond; those that ended are missing."""
    total = 0
    for task in pathlib.Path("/proc", str(pid), "task").iterdir():
        with contextlib.suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def workers_cpu(pid):
    """Seconds of each of borehole's worker threads: what recording costs the calls themselves. Empty: it has none."""
    found = []
    for task in sorted(pathlib.Path("/proc", str(pid), "task").iterdir()):
        with contextlib.suppress(OSError):
            if (task / "comm").read_text().strip() == "worker":
                fields = stat_fields(task / "stat")
                found.append((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
    return found


def settled_cpu(pid, patience=30.0):
    """The CPU time once it has stopped growing: records are written behind the calls."""
    before = cpu_of(pid)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        time.sleep(0.4)
        now = cpu_of(pid)
        if sum(now) - sum(before) < 0.015:
            return now
        before = now
    return before


def memory_of(pid, field="VmHWM"):
    """KiB, the sum over the tree: VmHWM is the high-water mark, VmRSS what is there now."""
    kib = 0
    for one in tree_of(pid):
        with contextlib.suppress(OSError):
            for line in pathlib.Path("/proc", str(one), "status").read_text().splitlines():
                if line.startswith(field + ":"):
                    kib += int(line.split()[1])
    return kib


# --- children ---------------------------------------------------------------------------------------------------------------


class Process:
    """A child on some cores; ended with SIGTERM on leaving."""

    def __init__(self, words, cores, log, **options):
        prefix = [] if cores is None else ["taskset", "-c", str(cores)]
        self._log = open(log, "ab")  # noqa: SIM115
        self.name = pathlib.Path(words[0]).name
        self.log = log
        self.child = subprocess.Popen(prefix + [str(word) for word in words], stderr=self._log, **options)
        self.pid = self.child.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(45)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self._log.close()

    def failure(self, what):
        tail = pathlib.Path(self.log).read_text(errors="replace").strip().splitlines()[-3:]
        return Failure(f"{self.name} {what}: " + " / ".join(tail or ["it said nothing"]))

    def line(self, want):
        line = self.child.stdout.readline().decode()
        if want not in line:
            raise self.failure("did not go on")
        return line


class Origin(Process):
    def __init__(self, work, cores):
        folder = work / "origin"
        domains = [HOST, MANY_HOSTS.replace("vpce-#.", "", 1)]
        super().__init__([TREE / "build/bench/origin", folder, *domains], cores, work / "origin.log", stdout=subprocess.PIPE)
        fields = dict(word.split("=") for word in self.line("listening").split() if "=" in word)
        self.port = int(fields["tls"].rpartition(":")[2])
        self.counters_at = int(fields["counters"].rpartition(":")[2])
        self.ca = folder / "ca.pem"

    def counters(self):
        with socket.create_connection(("127.0.0.1", self.counters_at)) as connection:
            return json.loads(connection.makefile().read())


class Load(Process):
    """`at`: a proxy, or the origin itself."""

    def __init__(self, work, cores, at, request, answer, connections):
        file = work / "request"
        words = [f"to=127.0.0.1:{at.port}", f"name={HOST}", f"ca={at.ca}", f"request={file}", f"answer={answer}",
                 f"connections={connections}"]
        if at.connect_port:
            words.append(f"connect={at.connect_port}")
            request = request.replace(f"Host: {HOST}\r\n".encode(), f"Host: {HOST}:{at.connect_port}\r\n".encode())
        file.write_bytes(request)
        super().__init__([TREE / "build/bench/load", *words], cores, work / "load.log", stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE)
        self.ready = json.loads(self.line("ready"))

    def run(self, order):
        self.child.stdin.write(order.encode() + b"\n")
        self.child.stdin.flush()
        return json.loads(self.line("requests"))

    def __exit__(self, *words):
        self.child.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(10)
        super().__exit__(*words)
