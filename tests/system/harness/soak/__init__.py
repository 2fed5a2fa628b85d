"""A mixed load with faults at random, in front of the real binary, and what must hold of it: see `run`.

Asyncio throughout, unlike the rest of the harness: thousands of connections, each of which mostly waits.
"""
