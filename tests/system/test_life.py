"""Start, readiness, reload and end of the program; its usage and its configuration's mistakes."""

import os
import signal
import socket
import threading
import time

from harness import bedrock, check, wire, ways
from harness.proxy import HOST, Proxy
from harness.runner import test

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def admin(proxy, path):
    stream = wire.connect(proxy.admin)
    stream.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{proxy.admin[1]}\r\nConnection: close\r\n\r\n".encode())
    return wire.read_response(stream)


@test
def ready_line_and_admin(t):
    proxy = t.proxy()
    check.true(any(line.startswith("listening proxy=127.0.0.1:") for line in proxy.lines), f"stdout: {proxy.lines}")
    check.equal(admin(proxy, "/healthz").status, 200, "/healthz")
    check.equal(admin(proxy, "/readyz").status, 200, "/readyz")
    with open(proxy.ca, "rb") as file:
        check.equal(admin(proxy, "/ca.pem").body.strip(), file.read().strip(), "/ca.pem")



@test(each=ways.KINDS)
def sigterm_lets_calls_under_way_end(t, way):
    up = t.upstream()
    begun, go = threading.Event(), threading.Event()

    def handler(request, reply):
        request.read_body(reply)
        reply.start_chunked(200, [])
        reply.chunk(b"before")
        begun.set()
        go.wait(20)
        reply.chunk(b"after")
        reply.end_chunks()

    up.handler = handler
    proxy = t.proxy(up)
    idle = wire.connect(proxy.address)
    stream = way.open(proxy)
    stream.send(f"GET {way.target('/a')} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    check.true(begun.wait(10), "the call is under way")
    stream.push_back(stream.read_until(b"before\r\n"))
    proxy.process.send_signal(signal.SIGTERM)

    def refused():
        try:
            with_new = wire.connect(proxy.address, 5)
            with_new.send(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return wire.read_response(with_new).status == 503
        except (ConnectionError, TimeoutError, OSError):
            return True
    check.eventually(refused, "new connections are refused")
    try:
        check.equal(idle.recv(), b"", "an idle connection is ended")
    except ConnectionError:
        pass
    go.set()
    check.equal(wire.read_response(stream).body, b"beforeafter", "the whole answer")
    check.equal(proxy.process.wait(20), 0, f"exit status: {proxy.stderr()[-2000:]}")
    record = proxy.call(where=lambda r: r["request"]["target"].endswith("/a"))
    check.equal(record["outcome"], "complete", "its record")
    proxy.check_stderr()
    proxy.process = None


@test(each=["SIGTERM", "SIGINT"])
def signals_end_an_idle_proxy_at_once(t, name):
    proxy = t.proxy()
    held = [wire.connect(proxy.address) for _ in range(5)]
    start = time.monotonic()
    proxy.process.send_signal(getattr(signal, name))
    check.equal(proxy.process.wait(20), 0, "exit status")
    check.true(time.monotonic() - start < 10, "an idle proxy does not wait for its drain time")
    proxy.process = None
    del held


@test
def drain_ends_at_its_limit(t):
    up = t.upstream()
    never = threading.Event()
    t.defer(never.set)
    up.handler = lambda request, reply: (request.read_body(reply), never.wait(60))
    proxy = t.proxy(up, config={"limits": {"drain_timeout": "700ms"}})
    stream = ways.CONNECT.open(proxy)
    stream.send(f"GET /a HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    up.wait_for_requests(1)
    proxy.process.send_signal(signal.SIGTERM)
    check.equal(proxy.process.wait(20), 0, "exit status")
    proxy.check_stderr()
    proxy.process = None
    check.equal(len(proxy.records()), 1, "the call that was cut has a record")


@test(each=["SIGTERM", "SIGINT"])
def a_second_signal_ends_at_once(t, name):
    up = t.upstream()
    never = threading.Event()
    t.defer(never.set)
    up.handler = lambda request, reply: (request.read_body(reply), never.wait(60))
    proxy = t.proxy(up)
    stream = ways.CONNECT.open(proxy)
    stream.send(f"GET /a HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    up.wait_for_requests(1)
    start = time.monotonic()
    proxy.process.send_signal(getattr(signal, name))
    check.eventually(lambda: "a second signal ends at once" in proxy.stderr(), "it says that it waits")
    check.equal(proxy.process.poll(), None, "it waits for the call")
    proxy.process.send_signal(getattr(signal, name))
    check.equal(proxy.process.wait(20), 0, "exit status")
    check.true(time.monotonic() - start < 20, "the drain time is 30 s")
    proxy.check_stderr()
    proxy.process = None
    check.equal([r["error"]["code"] for r in proxy.records()], ["shutting_down"], "the call that was cut has a record")


@test
def a_service_manager_is_told(t):
    """sd_notify(3): ready, reloading, stopping."""
    path = t.path("notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(20)
        proxy = t.proxy(environment={"NOTIFY_SOCKET": path})
        check.equal(manager.recv(1000), b"READY=1", "at start")
        proxy.process.send_signal(signal.SIGHUP)
        told = manager.recv(1000).split(b"\n")
        check.equal(told[0], b"RELOADING=1", "at SIGHUP")
        check.true(told[1].startswith(b"MONOTONIC_USEC=") and int(told[1][15:]) <= time.monotonic_ns() // 1000, repr(told))
        check.equal(manager.recv(1000), b"READY=1", "when that is done")
        proxy.stop()
        check.equal(manager.recv(1000), b"STOPPING=1", "at the end")


@test(each=["/nowhere/notify", "relative", "@", "@abstract-and-nobody-there"])
def a_service_manager_that_is_not_there_is_no_matter(t, name):
    t.proxy(environment={"NOTIFY_SOCKET": name})


@test
def sighup_reloads(t):
    up = t.upstream()
    proxy = t.proxy(up)
    stream = wire.connect(proxy.address)
    stream.send(b"GET /new/x HTTP/1.1\r\nHost: localhost\r\n\r\n")
    check.equal(wire.read_response(stream).status, 404, "before")
    proxy.config["routers"].append({"path": "/new/", "upstream": f"https://{HOST}"})
    proxy.write_config()
    proxy.process.send_signal(signal.SIGHUP)

    def routed():
        head, body = bedrock.signed_request("invoke", target_of=lambda p: "/new" + p)
        one = wire.connect(proxy.address)
        one.send(head + body)
        return wire.read_response(one).status == 200
    check.eventually(routed, "the new router is used")
    # A configuration with a mistake leaves the old one in force.
    with open(proxy.config_path, "w", encoding="utf-8") as file:
        file.write("listen: [\n")
    proxy.process.send_signal(signal.SIGHUP)
    check.eventually(lambda: "borehole.yaml" in proxy.stderr(), "the mistake is logged")
    check.true(routed(), "the old configuration goes on")


@test
def a_port_in_use_is_told(t):
    first = t.proxy()
    second = Proxy(t.binary, t.path("second"), config={"listen": f"127.0.0.1:{first.port}"}, start=False)
    done = second.run("serve", status=None, timeout=20)
    check.equal(done.returncode, 1, f"exit status: {done.stderr}")
    check.contains(done.stderr, str(first.port), "the port is named")


@test
def several_listeners(t):
    up = t.upstream()
    proxy = t.proxy(up, config={"listen": ["127.0.0.1:0", "127.0.0.1:0"]})
    head, body = bedrock.signed_request("invoke", target_of=ways.ABSOLUTE.target)
    stream = wire.connect(proxy.address)
    stream.send(head + body)
    check.equal(wire.read_response(stream).status, 200, "a call")


@test
def ipv6(t):
    from harness.runner import Skip
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        raise Skip(f"this machine has no IPv6 loopback: {error}") from None
    up = t.upstream()
    proxy = t.proxy(up, config={"listen": "[::1]:0"})
    stream = ways.CONNECT.open(proxy)
    head, body = bedrock.signed_request("invoke")
    stream.send(head + body)
    check.equal(wire.read_response(stream).status, 200, "a call")
    check.true(proxy.call()["client"]["address"].startswith("[::1]:"), "the client's address in the record")


@test
def listening_elsewhere_needs_auth(t):
    made = Proxy(t.binary, t.path("p"), config={"listen": "0.0.0.0:0"}, start=False)
    done = made.run("check", status=None)
    check.equal(done.returncode, 2, f"check: {done.stdout}{done.stderr}")
    check.contains(done.stdout + done.stderr, "auth", "the remedy")


@test
def allow_clients(t):
    from harness.runner import Skip
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:   # a datagram socket sends nothing by connecting
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError as error:
            raise Skip(f"this machine has no address but loopback: {error}") from None
        own = probe.getsockname()[0]
    up = t.upstream()
    proxy = t.proxy(up, config={"listen": "0.0.0.0:0", "auth": {"allow_clients": ["203.0.113.0/24"]}})
    answer = ways.send_connect(wire.connect((own, proxy.port)), f"{HOST}:443")
    check.equal((answer.status, answer.get("x-amzn-errortype")), (403, "AccessDeniedException"), repr(answer))
    check.equal(ways.send_connect(wire.connect(("127.0.0.1", proxy.port)), f"{HOST}:443").status, 200, "loopback")
    proxy = t.proxy(up, config={"listen": "0.0.0.0:0", "auth": {"allow_clients": [f"{own}/32"]}})
    check.equal(ways.send_connect(wire.connect((own, proxy.port)), f"{HOST}:443").status, 200, "an allowed client")


@test
def mistakes_are_told_with_their_place(t):
    made = Proxy(t.binary, t.path("p"), start=False)
    with open(made.config_path, "w", encoding="utf-8") as file:
        file.write("listen: 127.0.0.1:0\nupstraem: {}\nlimits:\n  head_bytes: many\nrouters:\n  - path: nowhere\n")
    done = made.run("check", status=None)
    check.equal(done.returncode, 2, "exit status")
    text = done.stdout + done.stderr
    for place in ("borehole.yaml:2:", "borehole.yaml:4:", "borehole.yaml:6:"):
        check.contains(text, place, "every problem with its line")
    check.contains(text, "upstream", "a suggestion for the misspelled key")


@test
def the_repositorys_own_configuration_is_good(t):
    made = Proxy(t.binary, t.path("p"), start=False)
    config = os.path.join(REPOSITORY, "conf", "borehole.yaml")
    done = made.run("check", "--config", config, config=False, status=None)
    check.equal(done.returncode, 0, f"check: {done.stdout}{done.stderr}")


@test
def environment_variables_in_values(t):
    up = t.upstream()
    proxy = t.proxy(up, config={"ca": {"dir": t.path("c") + "-${BOREHOLE_TEST_NAME}"}},
                    environment={"BOREHOLE_TEST_NAME": "here"})
    check.true(os.path.exists(t.path("c") + "-here/ca.pem"), "the folder")
    made = Proxy(t.binary, t.path("p"), config={"ca": {"dir": "${BOREHOLE_TEST_UNSET}"}}, start=False)
    done = made.run("check", status=None)
    check.equal(done.returncode, 2, "an unset variable")
    check.contains(done.stdout + done.stderr, "BOREHOLE_TEST_UNSET", "its name")
    del proxy


@test
def usage(t):
    made = Proxy(t.binary, t.path("p"), start=False)
    check.contains(made.run("version", config=False), "borehole", "version")
    check.contains(made.run("help", config=False), "serve", "help")
    done = made.run("nonsense", config=False, status=None)
    check.equal(done.returncode, 2, f"a wrong command: {done.stderr}")
    done = made.run("serve", "--nonsense", status=None)
    check.equal(done.returncode, 2, f"a wrong option: {done.stderr}")


@test
def options_override_the_file(t):
    up = t.upstream()
    proxy = t.proxy(up, arguments=["--set", "limits.head_bytes=8KiB"])
    stream = wire.connect(proxy.address)
    stream.send(b"GET /x HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 9000 + b"\r\n\r\n")
    check.equal(wire.read_response(stream).status, 431, "--set")




@test
def many_restarts_keep_everything(t):
    up = t.upstream()
    proxy = t.proxy(up)
    for i in range(5):
        stream = ways.ABSOLUTE.open(proxy)
        head, body = bedrock.signed_request("invoke", target_of=ways.ABSOLUTE.target)
        stream.send(head + body)
        check.equal(wire.read_response(stream).status, 200, "a call")
        stream.close()
        proxy.stop()
        proxy.start()
        check.equal(len(proxy.run("calls", "list", "--json").splitlines()), i + 1, "records in the store")
