"""Where borehole's instructions go in S1, counted by callgrind: nothing else on the machine changes the count."""

import pathlib
import subprocess

from bench.proxies import Borehole
from bench.scenarios import Run, signed_post

CALLS = 2000


def of_threads(folder):
    """(file, instructions) of each thread that did something."""
    for file in sorted(folder.glob("counts-*")):
        for line in file.read_text(errors="replace").splitlines():
            if line.startswith(("totals:", "summary:")) and int(line.split()[1]) > 0:
                yield file, int(line.split()[1])
                break


def annotated(file, *words):
    text = subprocess.run(["callgrind_annotate", *words, file], capture_output=True, text=True, check=True).stdout
    rows = []
    for line in text.splitlines():
        count, _, rest = line.strip().partition(" (")
        if not count.replace(",", "").isdigit() or "PROGRAM TOTALS" in rest:
            continue
        function = rest.partition(")")[2].strip().partition(":")[2].partition(" [")[0]
        rows.append((int(count.replace(",", "")), function))
    return rows


def run(setting, subject, lines=25):
    """Prints instructions per call, thread by thread, and the functions that take most of them, without and with what they
    call."""
    folder = setting.work / "profile"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("counts*"):
        old.unlink()
    binary = pathlib.Path(Borehole.binary)
    wrapper = folder / "borehole"
    wrapper.write_text("#!/bin/sh\n"
                       f"exec valgrind --tool=callgrind --instr-atstart=no --separate-threads=yes "
                       f"--callgrind-out-file={folder}/counts {binary} \"$@\"\n")
    wrapper.chmod(0o755)
    patience = Borehole.patience
    Borehole.binary, Borehole.patience = wrapper, 10 * patience  # valgrind is about so much slower
    try:
        with Run(setting, subject, signed_post(), setting.answer, 64) as measured:
            measured.load.run("requests 500")
            subprocess.run(["callgrind_control", "-i", "on", str(measured.proxy.pid)], check=True, capture_output=True)
            measured.measure(f"requests {CALLS}")
            subprocess.run(["callgrind_control", "-i", "off", str(measured.proxy.pid)], check=True, capture_output=True)
    finally:
        Borehole.binary, Borehole.patience = binary, patience
    for file, total in of_threads(folder):
        if total < CALLS * 100:
            continue
        print(f"\n{subject}, a thread of {total / CALLS:,.0f} instructions per call")
        for title, words in (("itself", ()), ("with what it calls", ("--inclusive=yes",))):
            print(f"  {title}:")
            for count, function in annotated(file, *words)[:lines]:
                print(f"    {count / CALLS:>10,.0f}  {100 * count / total:>5.1f} %  {function[:110]}")
