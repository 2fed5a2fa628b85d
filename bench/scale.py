"""How the cost grows: with connections, sizes of bodies, rows in the store, hosts. Flat curves are what is wanted."""

import json
import pathlib
import resource
import statistics
import subprocess
import time
import urllib.request

from bench import plot, report
from bench.processes import MANY_HOSTS, TREE, Origin, memory_of
from bench.proxies import Borehole, servable
from bench.scenarios import Run, calls, signed_post

CONNECTIONS = (1, 10, 100, 1000, 10000)
BODIES = (1000, 10_000, 100_000, 1_000_000, 10_000_000)
ROWS = (0, 10_000, 100_000, 1_000_000, 10_000_000)
HOSTS = (1, 10, 100, 1000, 10_000, 100_000)
PATIENCE_MS = 100  # of who looks at the newest page


def over_connections(setting):
    """64 calls at a time at the most, each connection in its turn; the last line may be of fewer than CONNECTIONS says."""
    for count in sorted({min(count, servable()) for count in CONNECTIONS}):
        run = calls(setting, "borehole", connections=count, at_a_time=64)
        yield count, {name: run.figures.get(name, 0) for name in ("cpu_us", "workers_us", "p50_ms", "rss_mib")}, run.faults


def over_bodies(setting):
    for octets in BODIES:
        run = calls(setting, "borehole", connections=8, octets=octets)
        figures = {name: run.figures.get(name, 0) for name in ("cpu_us", "workers_us", "rss_mib", "dropped")}
        yield octets, {**figures, "cpu_s_per_gb": figures["cpu_us"] * 1e3 / octets}, run.faults


def over_hosts(setting, most):
    """Each host is called once, on a connection of its own; the cost is that of the hosts since the last line."""
    with Run(setting, "borehole", signed_post(), setting.answer, 0) as run:
        run.load.run("fresh 20")
        seen = 0
        for count in (count for count in HOSTS if count <= most):
            told, cpu, _ = run.measure(f"fresh {count - seen} {MANY_HOSTS}")
            yield count, {"cpu_us": cpu * 1e6 / (count - seen), "handshake_ms": told["handshakes"].get("p50_ms", 0),
                          "rss_mib": memory_of(run.proxy.pid, "VmRSS") / 1024}, run.faults
            seen = count


# --- the store --------------------------------------------------------------------------------------------------------------

# Calls as bench/grow.cpp makes them, a second apart.
FIRST_SECOND = 1_767_225_600
GROW = TREE / "build/bench/grow"


def moment(second):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(FIRST_SECOND + second))


TIMES = 5


def children_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def milliseconds(action):
    took = []
    for _ in range(TIMES):
        began = time.monotonic()
        action()
        took.append((time.monotonic() - began) * 1000)
    return statistics.median(took)


def questions(rows):
    """What a person asks a store of so many calls, the program's own start included: {figure: [words…]}. Of several, the
    slowest is the figure."""
    middle = ["--since", moment(rows // 3), "--until", moment(2 * rows // 3)]
    return {
        "list_ms": [["list"]],
        "list_by_filter_ms": [["list", *words] for words in (
            ["--model", "haiku"], ["--status", "503"], ["--key", "AKIAIOSFODNN7EXAMPLC"], ["--sdk", "cli"],
            ["--operation", "InvokeModel"], ["--session", f"chat-{rows // 10_000}"], middle, [*middle, "--status", "429"])],
        "list_rare_ms": [["list", "--model", "the-only-one"], ["list", "--model", "no-such-model"]],
        "stats_ms": [["stats"]],
        "stats_by_ms": [["stats", "--by", name] for name in ("key", "sdk", "process", "operation", "day")],
        "stats_by_filter_ms": [["stats", "--model", "haiku", "--by", "key"], ["stats", "--status", "429"],
                               ["stats", *middle]],
    }


def grow(store, rows):
    done = subprocess.run([GROW, store, str(rows)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def over_rows(setting, most):
    """What a person waits for, the newest page of the API, and what writing another call takes."""
    store = setting.work / "grown.db"
    for old in setting.work.glob("grown.db*"):
        old.unlink()
    with Origin(setting.work, setting.load_core) as origin:
        for rows in (rows for rows in ROWS if rows <= most):
            grown = grow(store, rows)
            with Borehole(setting.work, setting.proxy_core, origin, store=store, admin=True) as proxy:
                def command(words, proxy=proxy):
                    subprocess.run([Borehole.binary, "calls", *words, "--config", proxy.config], check=True,
                                   stdout=subprocess.DEVNULL)

                def page(proxy=proxy):
                    urllib.request.urlopen(f"http://127.0.0.1:{proxy.admin_port}/api/calls").read()

                command(["list"])
                figures, spent = {}, []
                for name, all_of_it in questions(rows).items():
                    took = []
                    for words in all_of_it:
                        before = children_seconds()
                        took.append(milliseconds(lambda words=words: command(words)))
                        spent.append((children_seconds() - before) * 1000 / TIMES)
                    figures[name] = max(took)
                figures["page_ms"] = milliseconds(page)
                figures["most_cpu_ms"] = max(spent)
            figures["write_us"] = grown["cpu_us"]
            figures["octets_per_call"] = store.stat().st_size / rows if rows else 0
            yield rows, figures, []
    for old in setting.work.glob("grown.db*"):
        old.unlink()


# --- all of it --------------------------------------------------------------------------------------------------------------

PARTS = {
    "connections": ("S1 over connections, 64 calls at a time", "connections", "CPU µs per call", over_connections,
                    ("cpu_us", "workers_us"), None),
    "bodies": ("over the request's size", "octets of the body", "CPU s per GB", over_bodies, ("cpu_s_per_gb",), None),
    "rows": ("reading a grown store", "calls in the store", "ms", over_rows,
             ("list_ms", "list_by_filter_ms", "stats_ms", "page_ms"), PATIENCE_MS),
    "hosts": ("first call to each host", "hosts seen", "CPU µs per call", over_hosts, ("cpu_us",), None),
}


def run(setting, parts, most_rows, most_hosts, say):
    """Answers {part: [(x, figures)…]}, and what went wrong."""
    results, faults = {}, []
    for name in parts:
        title, x_label, _, measure, _, _ = PARTS[name]
        limit = {"rows": (most_rows,), "hosts": (most_hosts,)}.get(name, ())
        results[name] = []
        say(f"\n{name}  {title}")
        for x, figures, wrong in measure(setting, *limit):
            results[name].append((x, figures))
            faults += [f"scale, {x:,} {x_label}: {fault}" for fault in wrong]
            say(f"{x:>12,}  " + "  ".join(f"{key} {report.number(value)}" for key, value in figures.items()))
    return results, faults


def picture(results):
    panels = []
    for name, points in results.items():
        title, x_label, y_label, _, curves, bound = PARTS[name]
        panels.append((title, x_label, y_label,
                       [(curve, [(x, figures[curve]) for x, figures in points if curve in figures]) for curve in curves],
                       bound))
    return plot.svg(panels)


def table(name, points):
    head = [PARTS[name][1], *points[0][1]]
    return report.as_markdown(head, [[f"{x:,}", *(report.number(value) for value in figures.values())] for x, figures in points])


def as_json(results):
    return {name: [{"x": x, **figures} for x, figures in points] for name, points in results.items()}


def keep(path, results):
    pathlib.Path(path).write_text(picture(results))

