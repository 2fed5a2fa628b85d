"""The machine, the medians and how they are shown."""

import os
import pathlib
import statistics
import subprocess

from bench.processes import TREE


def machine():
    model = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    release = os.uname()
    system = next((line.partition("=")[2].strip('"') for line in pathlib.Path("/etc/os-release").read_text().splitlines()
                   if line.startswith("PRETTY_NAME=")), "unknown system")
    with open("/etc/debian_version") as file:
        system += f" ({file.read().strip()})"
    return {"cpu": model, "cores": os.cpu_count(), "kernel": release.release, "arch": release.machine, "system": system,
            "load_average": round(os.getloadavg()[0], 1)}


def text_of(*words):
    try:
        done = subprocess.run(words, capture_output=True, text=True, cwd=TREE)
    except OSError:
        return "missing"
    return (done.stdout + done.stderr).strip()


def revision():
    dirty = text_of("git", "status", "--porcelain", "--untracked-files=no")
    return text_of("git", "rev-parse", "--short", "HEAD") + ("+changes" if dirty else "")


def versions(binary):
    return {"borehole": text_of(binary, "version").splitlines()[0], "nginx": text_of("nginx", "-v").partition(": ")[2],
            "haproxy": text_of("haproxy", "-v").partition("\n")[0], "squid": text_of("squid", "-v").partition("\n")[0],
            "mitmproxy": text_of("mitmdump", "--version").partition("\n")[0]}


def summary(scenario, rounds):
    """Subject to its median figures; `ratio`: the median of the rounds' ratios to nginx in the same round."""
    subjects = dict.fromkeys(done["subject"] for done in rounds)
    peers = {done["round"]: done["figures"].get(scenario.main) for done in rounds if done["subject"] == "nginx"}
    result = {}
    for subject in subjects:
        mine = [done for done in rounds if done["subject"] == subject]
        names = dict.fromkeys(name for done in mine for name in done["figures"])
        median = {name: statistics.median(done["figures"][name] for done in mine if name in done["figures"]) for name in names}
        ratios = [done["figures"][scenario.main] / peers[done["round"]] for done in mine
                  if peers.get(done["round"]) and scenario.main in done["figures"]]
        result[subject] = {**median, "ratio": statistics.median(ratios) if ratios else None}
        result[subject]["goal"] = reached(scenario, subject, result[subject])
    return result


def reached(scenario, subject, figures):
    """"<= 1 x nginx: reached", or None where there is no goal."""
    if subject not in scenario.goals:
        return None
    kind, bound = scenario.goals[subject]
    value = figures["ratio"] if kind == "x" else figures.get(scenario.main)
    if value is None:
        return None
    fine = value >= bound if kind == ">" else value <= bound
    text = f">= {bound:g}" if kind == ">" else f"<= {bound:g}" + (" x nginx" if kind == "x" else "")
    return f"{text}: {'reached' if fine else 'missed'}"


def number(value):
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def rows_of(scenario, result):
    """The table: a head, and a row for each subject."""
    others = [name for name in scenario.others if any(name in figures for figures in result.values())]
    with_ratio = any(figures["ratio"] is not None for figures in result.values())
    head = ["", scenario.unit] + (["/ nginx"] if with_ratio else []) + list(others) + ["goal"]
    rows = [[subject, number(figures.get(scenario.main))]
            + ([number(figures["ratio"])] if with_ratio else [])
            + [number(figures.get(name)) for name in others] + [figures["goal"] or ""]
            for subject, figures in result.items()]
    return head, rows


def as_text(head, rows):
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in [head, *rows])


def as_markdown(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)
