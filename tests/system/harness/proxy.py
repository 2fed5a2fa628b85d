"""Starts the real binary with a configuration of its own, and reads what it says, writes and uses."""

import contextlib
import glob
import json
import os
import queue
import re
import signal
import subprocess
import threading
import time

from . import check

HOST = "bedrock-runtime.us-east-1.amazonaws.com"
SANITIZER_OPTIONS = {"ASAN_OPTIONS": "halt_on_error=1:detect_leaks=1", "TSAN_OPTIONS": "halt_on_error=1",
                     "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
START_SECONDS = 30
STOP_SECONDS = 30
SANITIZER = re.compile(r"ERROR: (Address|Leak|Thread|Memory)Sanitizer|runtime error:|SUMMARY: \w+Sanitizer")


def merge(base, more):
    """`more` over `base`, mappings merged, everything else replaced."""
    result = dict(base)
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merge(result[key], value)
        else:
            result[key] = value
    return result


class Proxy:
    def __init__(self, binary, folder, resolve=None, ca_files=(), config=None, arguments=(), environment=None,
                 start=True):
        self.binary = binary
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.ca_folder = os.path.join(folder, "certs")
        self.store = os.path.join(folder, "data", "calls.db")
        self.jsonl = os.path.join(folder, "calls.jsonl")
        self.config_path = os.path.join(folder, "borehole.yaml")
        self.config = merge({
            "listen": "127.0.0.1:0",
            "admin": "127.0.0.1:0",
            "workers": 1,
            "ca": {"dir": self.ca_folder},
            "routers": [{"path": "/"},
                        {"path": "/service/standard/", "upstream": f"https://{HOST}"}],
            "upstream": {"ca_files": list(ca_files), "resolve": dict(resolve or {})},
            "record": {"store": self.store, "jsonl": self.jsonl},
        }, config or {})
        self.write_config()
        self.arguments = list(arguments)
        self.environment = dict(os.environ)
        for name, value in SANITIZER_OPTIONS.items():
            self.environment.setdefault(name, value)
        self.environment.setdefault("BOREHOLE_ALLOW_DEBUGGER", "1")   # tests count its descriptors
        for name, value in (environment or {}).items():
            if name in SANITIZER_OPTIONS:  # the last one of an option counts
                value = f"{self.environment[name]}:{value}"
            self.environment[name] = value
        self.process = None
        self.address = None
        self.admin = None
        self.lines = []
        self._stderr_path = os.path.join(folder, "stderr.txt")
        if start:
            self.start()

    def write_config(self):
        # JSON is YAML; nothing here depends on a writer's style.
        with open(self.config_path, "w", encoding="utf-8") as file:
            json.dump(self.config, file, indent=1)

    # -- life
    def start(self):
        ready = queue.Queue()
        with open(self._stderr_path, "ab") as stderr:
            self.process = subprocess.Popen(
                [self.binary, "serve", "--config", self.config_path, *self.arguments], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=stderr, env=self.environment, cwd=self.folder)

        def read(pipe):
            for line in pipe:
                text = line.decode("utf-8", "replace").rstrip("\n")
                self.lines.append(text)
                found = re.match(r"listening proxy=(\S+) admin=(\S+)", text)
                if found:
                    ready.put(found.groups())
            ready.put(None)

        threading.Thread(target=read, args=(self.process.stdout,), daemon=True).start()
        try:
            answer = ready.get(timeout=START_SECONDS)
        except queue.Empty:
            answer = None
        if answer is None:
            self.kill()
            raise AssertionError(f"borehole did not become ready; stdout {self.lines!r}, stderr:\n{self.stderr()}")
        self.address = self._split(answer[0])
        self.admin = self._split(answer[1])
        return self

    @staticmethod
    def _split(text):
        host, port = text.rsplit(":", 1)
        return host.strip("[]"), int(port)

    @property
    def port(self):
        return self.address[1]

    def stop(self, status=0):
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            got = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"borehole did not end within {STOP_SECONDS} s of SIGTERM:\n{self.stderr()}") from None
        self.process = None
        self.check_stderr()
        check.equal(got, status, f"exit status after SIGTERM; stderr:\n{self.stderr()[-4000:]}")

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None

    # -- what it tells
    def stderr(self):
        with contextlib.suppress(OSError), open(self._stderr_path, encoding="utf-8", errors="replace") as file:
            return file.read()
        return ""

    def check_stderr(self):
        text = self.stderr()
        if SANITIZER.search(text):
            raise AssertionError(f"a sanitizer reported:\n{text[-12000:]}")

    def resident(self):
        """Bytes of memory in use (VmRSS)."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def records(self):
        """What the JSON-lines file holds now; an unfinished last line is left for later."""
        try:
            with open(self.jsonl, encoding="utf-8") as file:
                text = file.read()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines() if line]

    def calls(self, count=1, seconds=30.0, where=None):
        """Waits for `count` records (that fulfil `where`) and gives all of them."""
        kept = lambda: [r for r in self.records() if where is None or where(r)]  # noqa: E731
        deadline = time.monotonic() + seconds
        while True:
            got = kept()
            if len(got) >= count:
                return got
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(got)} records of {count} within {seconds:g} s; all: {self.records()!r}")
            time.sleep(0.02)

    def call(self, seconds=30.0, where=None):
        got = self.calls(1, seconds, where)
        check.equal(len(got), 1, f"number of records: {got!r}")
        return got[0]

    def files_written(self):
        """Everything the proxy wrote about calls, as octets by path: store with WAL, JSON lines, its log."""
        self.records()
        paths = glob.glob(glob.escape(self.store) + "*") + [self.jsonl, self._stderr_path]
        content = {}
        for path in paths:
            with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
                content[path] = file.read()
        return content

    # -- its CA
    @property
    def ca(self):
        return os.path.join(self.ca_folder, "ca.pem")

    @property
    def issuing(self):
        return os.path.join(self.ca_folder, "issuing.pem")

    @property
    def issuing_key(self):
        return os.path.join(self.ca_folder, "issuing.key")

    @property
    def bundle(self):
        return os.path.join(self.ca_folder, "bundle.pem")

    # -- other commands of the binary
    def run(self, *arguments, status=0, config=True, environment=None, timeout=60, input_text=None):
        """`borehole ARGUMENTS --config …`: gives stdout; the status is checked unless it is None."""
        command = [self.binary, *arguments]
        if config:
            at = command.index("--") if "--" in command else len(command)
            command[at:at] = ["--config", self.config_path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False,
                              env=dict(self.environment, **(environment or {})), cwd=self.folder, input=input_text)
        if SANITIZER.search(done.stderr):
            raise AssertionError(f"a sanitizer reported in {arguments}:\n{done.stderr[-8000:]}")
        if status is not None:
            check.equal(done.returncode, status, f"exit status of {arguments}; stdout {done.stdout[-2000:]!r}, "
                                                 f"stderr {done.stderr[-2000:]!r}")
            return done.stdout
        return done


def sanitizer(binary):
    """Which one it was built with: "address", "thread" or None. Memory bounds and times differ."""
    with contextlib.suppress(OSError), open(binary, "rb") as file:
        content = file.read()
        return "address" if b"__asan_init" in content else "thread" if b"__tsan_init" in content else None
    return None
