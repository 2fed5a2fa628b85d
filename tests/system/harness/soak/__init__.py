"""A mixed load with faults at random, in front of the real binary, and what must hold of it: see `run`.

Asyncio throughout, unlike the rest of the harness: thousands of connections, each of which mostly waits. The pauses are
the load's, to make it uneven; no judgement rests on one being long enough.
"""
