"""A network of a test's own: the test and what it starts live in a namespace, a far host lies behind a cable, and
firewall rules and a hosts file can be made without touching the machine's. Skips where the kernel does not permit it.
"""

import contextlib
import ctypes
import os
import queue
import subprocess
import threading

from .runner import Skip

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
NEAR, NEAR6 = "192.0.2.1", "2001:db8:1::1"
GATE, GATE6 = "192.0.2.2", "2001:db8:1::2"
FAR, FAR6 = "198.51.100.7", "2001:db8:2::7"
# What ip, mount and nft say where the kernel lacks the feature or forbids it; all else is the test's own fault.
REFUSED = ("not permitted", "denied", "not supported", "Unknown device type")

_libc = ctypes.CDLL(None, use_errno=True)


def _unshare(flags):
    if _libc.unshare(flags) != 0:
        raise Skip(f"this kernel does not let the test make a network of its own ({os.strerror(ctypes.get_errno())})")


def _command(*words, text=None):
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        if not any(word in done.stderr for word in REFUSED):
            raise AssertionError(f"{' '.join(words)}: {text or ''}\n{done.stderr}")
        raise Skip(f"this kernel does not let the test make a network of its own: {' '.join(words)}: "
                   f"{done.stderr.strip()}")


@contextlib.contextmanager
def socket_user(user):
    """Sockets that this thread makes meanwhile are that user's, as a firewall sees it."""
    before = _libc.setfsuid(user)
    try:
        yield
    finally:
        _libc.setfsuid(before)


class Network:
    """Made before the test starts any thread. What its process starts from now on lives near; `far(function)` runs a
    function far away, and gives what it gives: a socket that is made there stays there."""

    def __init__(self):
        _unshare(CLONE_NEWNS | CLONE_NEWNET)
        self._calls = queue.Queue()
        started = queue.Queue()
        threading.Thread(target=self._live_far, args=(started,), daemon=True).start()
        thread = started.get(timeout=30)
        if isinstance(thread, Skip):
            raise thread
        _command("mount", "--make-rprivate", "/")
        _command("ip", "link", "set", "lo", "up")
        _command("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(thread))
        _command("ip", "addr", "add", f"{NEAR}/24", "dev", "near")
        _command("ip", "addr", "add", f"{NEAR6}/64", "dev", "near", "nodad")
        _command("ip", "link", "set", "near", "up")
        self.far(self._set_far_up)
        _command("ip", "route", "add", "default", "via", GATE)
        _command("ip", "route", "add", "default", "via", GATE6)

    @staticmethod
    def _set_far_up():
        _command("ip", "link", "set", "lo", "up")
        for address in (f"{GATE}/24", f"{FAR}/32"):
            _command("ip", "addr", "add", address, "dev", "far")
        for address in (f"{GATE6}/64", f"{FAR6}/128"):
            _command("ip", "addr", "add", address, "dev", "far", "nodad")
        _command("ip", "link", "set", "far", "up")

    def _live_far(self, started):
        try:
            _unshare(CLONE_NEWNET)
        except Skip as reason:
            started.put(reason)
            return
        started.put(threading.get_native_id())
        while True:
            function, answer = self._calls.get()
            try:
                answer.put((function(), None))
            except BaseException as error:  # pylint: disable=broad-except
                answer.put((None, error))

    def far(self, function):
        answer = queue.Queue()
        self._calls.put((function, answer))
        got, error = answer.get(timeout=60)
        if error:
            raise error
        return got

    @staticmethod
    def firewall(rules):
        """Replaces all rules."""
        _command("nft", "-f", "-", text="flush ruleset\n" + rules)

    @staticmethod
    def hosts(t, names):
        """A hosts file that says where names are."""
        path = t.path("hosts")
        with open(path, "w", encoding="ascii") as file:
            file.write("127.0.0.1 localhost\n" + "".join(f"{ip} {name}\n" for name, ip in names.items()))
        _command("mount", "--bind", path, "/etc/hosts")
