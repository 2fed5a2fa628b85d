"""A few seconds of what `tools/soak` does for minutes: connections of all kinds, faults at random, and what must hold."""

from harness.runner import test
from harness.soak.run import Soak


@test(limit=300, alone=True)
def a_mixed_load_with_faults(t):
    soak = Soak(t.binary, t.folder, seconds=3, connections=80, seed=20240229)
    soak.run()
    print(soak.report())
    if soak.problems:
        raise AssertionError(f"{len(soak.problems)} problems, the first: {soak.problems[0]}")
