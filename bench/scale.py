"""How the cost grows: with connections, sizes of bodies, rows in the store, hosts. Flat curves are what is wanted."""

import pathlib
import sqlite3
import statistics
import subprocess
import time
import urllib.request

from bench import plot, report
from bench.processes import MANY_HOSTS, Failure, Origin, memory_of
from bench.proxies import Borehole
from bench.scenarios import Run, calls, signed_post

CONNECTIONS = (1, 10, 100, 1000, 10000)
BODIES = (1000, 10_000, 100_000, 1_000_000, 10_000_000)
ROWS = (0, 10_000, 100_000, 1_000_000, 10_000_000)
HOSTS = (1, 10, 100, 1000, 10_000, 100_000)
PATIENCE_MS = 100  # of who looks at the newest page


def over_connections(setting):
    for count in CONNECTIONS:
        run = calls(setting, "borehole", connections=count)
        yield count, {name: run.figures.get(name, 0) for name in ("cpu_us", "workers_us", "p50_ms", "rss_mib")}, run.faults


def over_bodies(setting):
    for octets in BODIES:
        run = calls(setting, "borehole", connections=8, octets=octets)
        figures = {name: run.figures.get(name, 0) for name in ("cpu_us", "workers_us", "rss_mib")}
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


def fill(path, rows):
    """Copies the calls that are there, under other ids and one second apart, until there are so many."""
    base = sqlite3.connect(path)
    base.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA cache_size=-200000")
    columns = [row[1] for row in base.execute("PRAGMA table_info(calls)")]
    have, last = base.execute("SELECT count(*), max(seq) FROM calls").fetchone()
    if have == 0:
        raise Failure("there is no call to make many of")
    new = {"seq": "seq + :by", "started_us": "started_us + :by * 1000000",
           "id": "substr(id, 1, 14) || printf('%012d', seq + :by)"}
    select = ", ".join(new.get(column, column) for column in columns)
    while have < rows:
        count = min(have, rows - have)
        with base:
            base.execute(f"INSERT INTO calls ({', '.join(columns)}) SELECT {select} FROM calls ORDER BY seq LIMIT :count",
                         {"by": last, "count": count})
        have += count
        last *= 2
    base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    base.close()


def milliseconds(action, times=5):
    took = []
    for _ in range(times):
        began = time.monotonic()
        action()
        took.append((time.monotonic() - began) * 1000)
    return statistics.median(took)


def over_rows(setting, most):
    """What a person waits for, the program's own start included, and the newest page of the API."""
    store = setting.work / "grown.db"
    for old in setting.work.glob("grown.db*"):
        old.unlink()
    with Origin(setting.work, setting.load_core) as origin:
        for rows in (rows for rows in ROWS if rows <= most):
            if rows > 0:
                if rows == ROWS[1]:
                    first_calls(setting, store)
                fill(store, rows)
            with Borehole(setting.work, setting.proxy_core, origin, store=store, admin=True) as proxy:
                def command(*words, proxy=proxy):
                    subprocess.run([Borehole.binary, *words, "--config", proxy.config], check=True,
                                   stdout=subprocess.DEVNULL)

                def page(proxy=proxy):
                    urllib.request.urlopen(f"http://127.0.0.1:{proxy.admin_port}/api/calls").read()

                command("calls", "list")
                yield rows, {"list_ms": milliseconds(lambda: command("calls", "list")),
                             "stats_ms": milliseconds(lambda: command("calls", "stats")),
                             "page_ms": milliseconds(page),
                             "store_mib": store.stat().st_size / 2**20 if store.exists() else 0}, []
    for old in setting.work.glob("grown.db*"):
        old.unlink()


def first_calls(setting, store):
    for old in setting.work.glob("grown.db*"):
        old.unlink()
    with Run(setting, "borehole", signed_post(), setting.answer, 16, store=store) as run:
        run.load.run("requests 5000")


# --- all of it --------------------------------------------------------------------------------------------------------------

PARTS = {
    "connections": ("S1 over connections", "connections", "CPU µs per call", over_connections, ("cpu_us", "workers_us"), None),
    "bodies": ("over the request's size", "octets of the body", "CPU s per GB", over_bodies, ("cpu_s_per_gb",), None),
    "rows": ("reading a grown store", "calls in the store", "ms", over_rows, ("list_ms", "stats_ms", "page_ms"), PATIENCE_MS),
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


def tables(results):
    out = []
    for name, points in results.items():
        title, x_label = PARTS[name][:2]
        head = [x_label, *points[0][1]]
        rows = [[f"{x:,}", *(report.number(value) for value in figures.values())] for x, figures in points]
        out.append(f"{title[0].upper()}{title[1:]}:\n\n" + report.as_markdown(head, rows))
    return "\n\n".join(out)


def as_json(results):
    return {name: [{"x": x, **figures} for x, figures in points] for name, points in results.items()}


def keep(path, results):
    pathlib.Path(path).write_text(picture(results))

