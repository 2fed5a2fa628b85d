"""Finds, runs and reports the tests. Each runs in a process of its own, with a folder of its own and a time limit."""

import argparse
import contextlib
import fnmatch
import importlib
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback

from . import check, proxy, trust, upstream

TESTS = []
LIMIT = 120.0  # seconds; generous, for busy machines: what hangs is found all the same


class Skip(Exception):
    """The test cannot say anything here; the text says why."""


class Test:
    def __init__(self, name, function, arguments, limit, alone):
        self.name = name
        self.function = function
        self.arguments = arguments
        self.limit = limit
        self.alone = alone  # measures time or memory: nothing runs beside it


def test(function=None, *, each=None, limit=LIMIT, alone=False):
    """Marks a test. `each`: it is run once for each of these, which it gets as its second argument."""
    def mark(wanted):
        module = wanted.__module__.removeprefix("test_")
        for item in (each if each is not None else [None]):
            name = f"{module}.{wanted.__name__}" + ("" if item is None else f"[{item}]")
            TESTS.append(Test(name, wanted, () if item is None else (item,), limit, alone))
        return wanted
    return mark(function) if function else mark


class Context:
    """What a test gets: its folder and things that are ended with it."""

    def __init__(self, binary, folder):
        self.binary = binary
        self.folder = folder
        self._trust = None
        self._ends = []
        self.proxies = []
        self.upstreams = []

    @property
    def sanitizer(self):
        return proxy.sanitizer(self.binary)

    @property
    def trust(self):
        if self._trust is None:
            self._trust = trust.TestRoot(os.path.join(self.folder, "test-root"))
        return self._trust

    def defer(self, action):
        self._ends.append(action)

    def upstream(self, **options):
        options.setdefault("trust", self.trust)
        made = upstream.Upstream(**options)
        self.upstreams.append(made)
        self.defer(made.close)
        return made

    def proxy(self, *upstreams, hosts=(proxy.HOST,), resolve=None, config=None, **options):
        """A started proxy. `hosts` are served by the first upstream, on port 443."""
        table = {f"{host}:443": upstreams[0].address for host in hosts} if upstreams else {}
        table.update(resolve or {})
        started = proxy.Proxy(self.binary, os.path.join(self.folder, f"proxy{len(self.proxies)}"), table,
                              [self.trust.path], config, start=False, **options)
        self.proxies.append(started)
        self.defer(started.kill)
        started.start()
        return started

    def path(self, name):
        return os.path.join(self.folder, name)

    def end_well(self):
        """What must hold at the end of every test that passed."""
        for one in self.proxies:
            one.stop()
        for one in self.upstreams:
            check.equal(one.problems, [], "problems that the upstream met")

    def end(self):
        for action in reversed(self._ends):
            with contextlib.suppress(Exception):
                action()


# ---- one test, in its own process

PASSED, FAILED, SKIPPED = 0, 1, 2


def run_here(one, binary, folder):
    context = Context(binary, folder)
    status = FAILED
    try:
        one.function(context, *one.arguments)
        context.end_well()
        status = PASSED
    except Skip as reason:
        print(reason)
        status = SKIPPED
    except BaseException:  # pylint: disable=broad-except
        traceback.print_exc()
        for number, used in enumerate(context.proxies):
            text = used.stderr()
            print(f"--- log of proxy {number} (its end):\n{text[-6000:]}")
        for used in context.upstreams:
            for problem in used.problems:
                print(f"--- upstream: {problem}")
    finally:
        context.end()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # threads of upstreams and clients may still wait for something


class Running:
    def __init__(self, one, binary, root):
        self.test = one
        self.folder = os.path.join(root, one.name.replace("/", "_"))
        os.makedirs(self.folder)
        self.output = os.path.join(self.folder, "output.txt")
        self.started = time.monotonic()
        self.timed_out = False
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the runner is in the background
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            with open(self.output, "wb", buffering=0) as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            run_here(one, binary, self.folder)

    @property
    def seconds(self):
        return time.monotonic() - self.started

    def text(self):
        with open(self.output, encoding="utf-8", errors="replace") as file:
            return file.read()

    def proxy_logs(self):
        found = []
        for name in sorted(os.listdir(self.folder)):
            path = os.path.join(self.folder, name, "stderr.txt")
            with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
                found.append(f"--- {name}'s log (its end):\n{file.read()[-6000:]}")
        return "\n".join(found)

    def end_group(self):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def discover(folder):
    for name in sorted(os.listdir(folder)):
        if name.startswith("test_") and name.endswith(".py"):
            importlib.import_module(name[:-3])


def choose(filters):
    if not filters:
        return TESTS
    return [t for t in TESTS if any(f in t.name or fnmatch.fnmatch(t.name, f) for f in filters)]


def report(running, status, counts):
    label = {PASSED: "ok  ", SKIPPED: "skip"}.get(status, "FAIL")
    note = f"  ({running.text().strip()})" if status == SKIPPED else ""
    print(f"{label} {running.test.name}  {running.seconds:.2f} s{note}", flush=True)
    if status not in (PASSED, SKIPPED):
        if running.timed_out:
            print(f"    took more than its {running.test.limit:g} s")
        text = running.text() + (running.proxy_logs() if running.timed_out else "")
        print("\n".join("    " + line for line in text.rstrip().splitlines()), flush=True)
    counts[status if status in (PASSED, SKIPPED) else FAILED] += 1


def run_all(tests, binary, jobs, root, keep):
    waiting = [t for t in tests if not t.alone] + [t for t in tests if t.alone]
    live, counts, failed = {}, {PASSED: 0, FAILED: 0, SKIPPED: 0}, []
    while waiting or live:
        while waiting and len(live) < jobs and not (live and (waiting[0].alone or
                                                              any(r.test.alone for r in live.values()))):
            started = Running(waiting.pop(0), binary, root)
            live[started.pid] = started
        pid, state = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            for one in live.values():
                if not one.timed_out and one.seconds > one.test.limit:
                    one.timed_out = True
                    one.end_group()
            time.sleep(0.01)
            continue
        ended = live.pop(pid, None)
        if ended is None:
            continue
        ended.end_group()
        status = os.waitstatus_to_exitcode(state)
        if ended.timed_out:
            status = FAILED
        report(ended, status, counts)
        if status not in (PASSED, SKIPPED):
            failed.append(ended.test.name)
        elif not keep:
            shutil.rmtree(ended.folder, ignore_errors=True)
    if failed:
        print("failed: " + " ".join(failed))
        print(f"their folders are in {root}")
    print(f"{counts[PASSED]} passed, {counts[FAILED]} failed, {counts[SKIPPED]} skipped")
    return 1 if counts[FAILED] else 0


def within_reach(binary, root):
    """Where another user can run it, too: a copy in `root` if it lies in somebody's private folder, such as /root."""
    above = os.path.dirname(binary)
    while os.stat(above).st_mode & 0o001 and above != "/":
        above = os.path.dirname(above)
    return binary if above == "/" else shutil.copy(binary, root)


def main(folder):
    here = os.path.dirname(os.path.dirname(folder))
    parser = argparse.ArgumentParser(prog="tests/system/run", description="Black-box tests with the real binary.")
    parser.add_argument("filter", nargs="*", help="part of a test's name, or a pattern with * and ?")
    parser.add_argument("--binary", default=os.environ.get("BOREHOLE_BINARY", os.path.join(here, "build", "borehole")))
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("BOREHOLE_TEST_JOBS", "3")))
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep the folders of tests that passed")
    options = parser.parse_args()

    discover(folder)
    tests = choose(options.filter)
    if options.list:
        print("\n".join(t.name for t in tests))
        return 0
    binary = os.path.abspath(options.binary)
    if not os.access(binary, os.X_OK):
        print(f"no binary at {binary}: build it (tools/build) or name it with --binary", file=sys.stderr)
        return 1
    if proxy.sanitizer(binary) == "thread":
        for one in tests:
            one.limit *= 4
    root = tempfile.mkdtemp(prefix="borehole-system-")
    try:
        status = run_all(tests, within_reach(binary, root), max(1, options.jobs), root, options.keep)
    finally:
        if not options.keep:
            with contextlib.suppress(OSError):
                os.remove(os.path.join(root, os.path.basename(binary)))
            with contextlib.suppress(OSError):
                os.rmdir(root)
    return status
