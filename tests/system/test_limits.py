"""What one client, or many of one address, may take up; and that what is in memory stays there."""

import contextlib
import os
import re
import select
import signal
import socket
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


@test(each=ways.KINDS)
def a_field_of_a_head_has_so_many_octets(t, way):
    up = t.upstream(handler=lambda request, reply: (request.read_body(), reply.respond(200, [], b"ok")))
    proxy = t.proxy(up, config={"limits": {"header_line_bytes": "1KiB"}})
    for size, status in ((1023, 200), (1024, 431)):   # and a name of one
        stream = way.open(proxy)
        stream.send(f"GET {way.target('/x')} HTTP/1.1\r\n{H}X: {'y' * size}\r\n\r\n".encode())
        answer = wire.read_response(stream)
        check.equal(answer.status, status, f"{size + 1} octets: {answer!r}")
    is_refusal(answer, 431, "ValidationException", "head_too_large")
    check.contains(answer.body, b"limits.header_line_bytes", "the remedy")
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


@test
def a_check_of_a_password_holds_nobody_up(t):
    """bob's hash takes long, and is checked on a thread of its own; anna is known, and one worker serves both."""
    hashes = {"anna": ["right"], "bob": ["-salt", "rounds=400000$abcdefgh", "right"]}
    with open(t.path("users"), "w", encoding="ascii") as file:
        for name, arguments in hashes.items():
            file.write(f"{name}:" + subprocess.run(["openssl", "passwd", "-6", *arguments], capture_output=True, text=True,
                                                   check=True).stdout)
    os.chmod(t.path("users"), 0o600)
    proxy = t.proxy(t.upstream(), config={"auth": {"users_file": t.path("users")}})
    ask = lambda name, password, stream: ways.send_connect(  # noqa: E731
        stream, f"{HOST}:443", f"Proxy-Authorization: {basic(name, password)}\r\n".encode())
    check.equal(ask("anna", "right", wire.connect(proxy.address)).status, 200, "anna, for the first time")
    waiting = [wire.connect(proxy.address) for _ in range(4)]
    for number, stream in enumerate(waiting):
        field = f"Proxy-Authorization: {basic('bob', 'right' if number == 3 else f'wrong{number}')}\r\n"
        stream.send(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n{field}\r\n".encode())
    check.equal(ask("anna", "right", wire.connect(proxy.address)).status, 200, "anna, while bob waits")
    check.equal(select.select([waiting[3].socket], [], [], 0)[0], [], "bob's answer, before his check is done")
    check.equal([wire.read_response(stream, "CONNECT").status for stream in waiting], [407, 407, 407, 200], "bob")


@test
def descriptors_are_kept_for_calls_under_way(t):
    """Who was accepted reaches its upstream; others are told, or turned away, before there is none left for that."""
    up = t.upstream(handler=lambda request, reply: (request.read_body(), reply.respond(200, [], b"ok")))
    proxy = t.proxy(up)
    proxy.stop()
    wrapper = t.path("wrapper")
    with open(wrapper, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\nulimit -n 120; exec '{proxy.binary}' \"$@\"\n")
    os.chmod(wrapper, 0o755)
    proxy.binary = wrapper
    proxy.start()
    streams = [wire.connect(proxy.address) for _ in range(60)]
    served, told, ended = [], 0, 0
    for stream in streams:
        stream.settimeout(20)
        try:
            answer = ways.send_connect(stream, f"{HOST}:443")
        except (ConnectionError, EOFError):
            ended += 1
            continue
        if answer.status == 200:
            served.append(stream)
            continue
        is_refusal(answer, 503, "ServiceUnavailableException", "too_many_connections")
        check.contains(answer.body, b"ulimit -n", "the remedy")
        told += 1
    check.true(len(served) >= 10 and told >= 1 and len(served) + told + ended == 60, f"{len(served)}, {told}, {ended}")
    for stream in served:   # all of them have their upstream at the same time
        tls = wire.TlsStream(stream, ways.trusting(proxy), server_name=HOST)
        tls.send(f"GET /x HTTP/1.1\r\n{H}\r\n".encode())
        check.equal(wire.read_response(tls).status, 200, "a call under way")
    check.equal(metric(proxy, "borehole_connections_refused_total", reason="descriptors"), told + ended, "counted")
    check.equal(metric(proxy, "borehole_upstream_dials_failed_total"), 0, "dials that failed")
    for stream in streams:
        stream.close()

    def again():
        with contextlib.suppress(ConnectionError, EOFError):
            return ways.send_connect(wire.connect(proxy.address), f"{HOST}:443").status == 200
        return False
    check.eventually(again, "room again")


@test
def what_is_held_in_all_is_bounded(t):
    """Readers that stop make all others' queues short, and new connections are refused; whoever reads gets everything."""
    size, readers = 16 << 20, 10   # a sender's buffer in the kernel grows to 4 MiB and more
    up = t.upstream(handler=lambda request, reply: (request.read_body(), reply.respond(200, [], b"b" * size)))
    proxy = t.proxy(up, config={"limits": {"buffered_bytes": "1MiB"}})
    held = lambda: metric(proxy, "borehole_buffered_bytes")  # noqa: E731
    streams = []
    for _ in range(readers):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)   # so that the kernel does not take it all
        sock.settimeout(wire.TIMEOUT)
        sock.connect(proxy.address)
        streams.append(wire.Stream(sock))
        streams[-1].send(f"GET /service/standard/x HTTP/1.1\r\n{H}\r\n".encode())
    check.eventually(lambda: held() > 1 << 20, "more than the budget is held")
    refused = wire.connect(proxy.address)
    is_refusal(ways.send_connect(refused, f"{HOST}:443"), 503, "ServiceUnavailableException", "out_of_memory")
    check.true(metric(proxy, "borehole_connections_refused_total", reason="buffers") >= 1, "counted")
    check.true(held() < (1 << 20) + readers * 120_000, f"{held()} octets are held; each may have had 262144")
    answers = [wire.read_response(stream) for stream in streams[:2]]
    check.equal([(answer.status, len(answer.body)) for answer in answers], [(200, size)] * 2, "to who reads")
    for stream in streams:
        stream.close()
    check.eventually(lambda: held() == 0, "nothing is held")
    check.equal(ways.send_connect(wire.connect(proxy.address), f"{HOST}:443").status, 200, "room again")


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
