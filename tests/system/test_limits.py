"""What one client, or many of one address, may take up; and that what is in memory stays there."""

import os
import re
import signal
import ssl
import subprocess

from harness import check, wire, ways
from harness.hello import Prepared
from harness.proxy import HOST
from harness.runner import test
from test_admin import Admin
from test_failures import as_nobody, used
from test_refusals import basic, is_refusal, with_users

H = f"Host: {HOST}\r\n"


def metric(proxy, name, **labels):
    return Admin(proxy).metrics().value(name, **labels)


@test(each=ways.KINDS)
def a_head_has_so_many_fields(t, way):
    up = t.upstream()
    proxy = t.proxy(up, config={"limits": {"header_fields": 20}})
    for count, status in ((19, 200), (20, 431)):   # with Host
        stream = way.open(proxy)
        up.handler = lambda request, reply: (request.read_body(), reply.respond(200, [], b"ok"))
        stream.send(f"GET {way.target('/x')} HTTP/1.1\r\n{H}{'X: y' + chr(13) + chr(10)}".encode() +
                    b"X: y\r\n" * (count - 1) + b"\r\n")
        answer = wire.read_response(stream)
        check.equal(answer.status, status, f"{count + 1} fields: {answer!r}")
    is_refusal(answer, 431, "ValidationException", "head_too_large")
    check.contains(answer.body, b"limits.header_fields", "the remedy")
    check.equal(len(up.requests), 1, "requests upstream")


@test(each=ways.KINDS)
def a_target_has_so_many_octets(t, way):
    up = t.upstream(handler=lambda request, reply: (request.read_body(), reply.respond(200, [], b"ok")))
    proxy = t.proxy(up, config={"limits": {"target_bytes": "1KiB"}})
    for path, status in (("/" + "x" * 900, 200), ("/" + "x" * 1100, 431), ("/x?" + "y" * 1100, 431)):
        stream = way.open(proxy)
        stream.send(f"GET {way.target(path)} HTTP/1.1\r\n{H}\r\n".encode())
        answer = wire.read_response(stream)
        check.equal(answer.status, status, f"{len(path)} octets: {answer!r}")
    check.contains(answer.body, b"limits.target_bytes", "the remedy")
    check.equal(len(up.requests), 1, "requests upstream")


@test
def connections_of_one_address(t):
    proxy = t.proxy(t.upstream(), config={"limits": {"connections_per_address": 2}})
    held = [wire.connect(proxy.address) for _ in range(2)]
    for stream in held:
        stream.send(b"GET ")
    is_refusal(ways.send_connect(wire.connect(proxy.address), f"{HOST}:443"), 503, "ServiceUnavailableException",
               "too_many_connections")
    check.equal(metric(proxy, "borehole_connections_refused_total", reason="address_limit"), 1, "counted")
    held[0].close()

    def again():
        return ways.send_connect(wire.connect(proxy.address), f"{HOST}:443").status == 200
    check.eventually(again, "room for one again")


@test
def new_connections_of_one_address(t):
    """Past the rate plain HTTP is answered, and no handshake is made."""
    proxy = t.proxy(t.upstream(), config={"limits": {"connections_per_second": 2}})
    streams = [wire.connect(proxy.address) for _ in range(20)]
    statuses = [ways.send_connect(stream, f"{HOST}:443").status for stream in streams]
    check.true(set(statuses) <= {200, 503} and statuses.count(503) >= 10, f"{statuses}")
    opened = 0
    for _ in range(20):
        stream = wire.connect(proxy.address)
        stream.send(Prepared(ways.trusting(proxy), HOST).hello)
        try:
            opened += bool(stream.recv())
        except ConnectionError:
            pass
    check.true(opened <= 10, f"{opened} of 20 handshakes were begun")
    refused = metric(proxy, "borehole_connections_refused_total", reason="address_rate")
    check.equal(refused, statuses.count(503) + 20 - opened, "counted")


@test(each=ways.KINDS)
def requests_of_one_connection(t, way):
    up = t.upstream(handler=lambda request, reply: (request.read_body(), reply.respond(200, [], b"ok")))
    proxy = t.proxy(up, config={"limits": {"requests_per_connection": 3}})
    stream = way.open(proxy)
    stream.send(f"GET {way.target('/x')} HTTP/1.1\r\n{H}\r\n".encode() * 5)
    for _ in range(3):
        check.equal(wire.read_response(stream).status, 200, "within the limit")
    try:
        rest = stream.read_to_end()
    except (ConnectionError, ssl.SSLError):
        rest = b""
    check.equal(rest, b"", "behind the last answer")
    check.equal(len(up.requests), 3, "requests upstream")


@test
def wrong_passwords_are_slowed_down(t):
    proxy = with_users(t, t.upstream())
    right = f"Proxy-Authorization: {basic('anna', 'right')}\r\n".encode()
    check.equal(ways.send_connect(wire.connect(proxy.address), f"{HOST}:443", right).status, 200, "the right one")
    codes = []
    for i in range(14):
        field = f"Proxy-Authorization: {basic('anna', f'wrong{i}')}\r\n".encode()
        answer = ways.send_connect(wire.connect(proxy.address), f"{HOST}:443", field)
        check.equal(answer.status, 407, f"guess {i}")
        codes.append(answer.get("borehole-error"))
    check.equal(codes[:10], ["proxy_auth_required"] * 10, "the first ones are judged")
    check.true("too_many_guesses" in codes[10:], f"the others are not: {codes}")
    check.equal(ways.send_connect(wire.connect(proxy.address), f"{HOST}:443", right).status, 200,
                "who is known stays welcome")
    proxy.calls(14)
    check.true(metric(proxy, "borehole_call_errors_total", code="too_many_guesses") == codes.count("too_many_guesses"), "counted")


def started(t, proxy, user, environment):
    process = subprocess.Popen([proxy.binary, "serve", "--config", proxy.config_path], stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.DEVNULL, user=user, group=user, extra_groups=[], cwd="/",
                               env=dict(proxy.environment, **environment))
    t.defer(process.kill)
    for line in process.stdout:
        found = re.match(r"listening proxy=127.0.0.1:(\d+) ", line)
        if found:
            return process, int(found[1])
    raise AssertionError("it did not become ready")


@test
def nobody_looks_into_its_memory(t):
    """No core file, no debugger; and who wants its port is told all the same whose that is."""
    proxy = used(t)
    user = as_nobody(t, proxy)
    for allowed in (False, True):
        environment = {"BOREHOLE_ALLOW_DEBUGGER": "1"} if allowed else {}
        proxy.environment.pop("BOREHOLE_ALLOW_DEBUGGER", None)
        process, port = started(t, proxy, user, environment)
        # The kernel gives such a process's files to root (proc(5), "/proc/pid").
        check.equal(os.stat(f"/proc/{process.pid}/environ").st_uid, user if allowed else 0, f"whose they are: {allowed}")
        if not allowed:
            with open(f"/proc/{process.pid}/limits", encoding="ascii") as file:
                check.true(re.search(r"Max core file size +0 +0 ", file.read()), "no core")
        done = subprocess.run([proxy.binary, "serve", "--config", proxy.config_path, "--listen", f"127.0.0.1:{port}"],
                              capture_output=True, text=True, check=False, timeout=60, user=user, group=user,
                              extra_groups=[], cwd="/", env=proxy.environment)
        check.contains(done.stderr, f"already in use by borehole (process {process.pid})", "who has the port")
        process.send_signal(signal.SIGTERM)
        check.equal(process.wait(30), 0, "its end")
