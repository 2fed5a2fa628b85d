"""Every line of the table of refusals (CONTRACT section 5), as a raw client and as an SDK sees it."""

import base64
import json
import socket
import subprocess
import threading

import botocore.exceptions

from harness import bedrock, check, clients, wire, ways
from harness.proxy import HOST
from harness.runner import test
from harness.ways import send_connect

CLOSED = "127.0.0.1:9"   # nothing listens on the discard port


def is_refusal(answer, status, kind, *codes):
    check.equal(answer.status, status, repr(answer))
    check.equal(answer.get("x-amzn-errortype"), kind, f"x-amzn-ErrorType: {answer!r}")
    check.equal(answer.get("content-type"), "application/json", f"content-type: {answer!r}")
    body = json.loads(answer.body)
    check.equal(list(body), ["message"], "members of the body")
    check.true(len(body["message"]) > 10, f"a message that helps: {body!r}")
    if codes:
        check.one_of(answer.get("borehole-error"), codes, "borehole-error")
    check.true(answer.get("borehole-error"), "borehole-error")
    check.equal(answer.get("content-length"), str(len(answer.body)), "content-length")


def ask(stream, target="/model/x/invoke", host=HOST, body=b"{}"):
    stream.send(f"POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    return wire.read_response(stream)


# ---- 403


LOOPBACK = ["127.0.0.1:8080", "127.1.2.3:8080", "[::1]:8080", "0.0.0.0:8080", "localhost:8080", "169.254.169.254:80",
            "169.254.170.2:80", "[fe80::1]:8080", "[::ffff:127.0.0.1]:8080", "[::ffff:169.254.169.254]:80", "[::]:8080",
            "127.0.0.1.:8080", "localhost.:8080", "127.255.255.254:8080", "[::127.0.0.1]:8080", "[::ffff:0:127.0.0.1]:8080",
            "[64:ff9b::7f00:1]:8080", "[64:ff9b:1::7f00:1]:8080", "[64:ff9b::a9fe:a9fe]:80", "[2002:7f00:1::1]:8080",
            "[2002:a9fe:a9fe::]:80", "[fd00:ec2::254]:80", "[fd00:ec2::23]:80", "[febf::1]:8080", "224.0.0.1:8080",
            "239.255.255.255:8080", "[ff02::1]:8080", "[ff0e::1]:8080", "0.1.2.3:8080", "240.0.0.1:8080",
            "255.255.255.255:8080"]
# What some resolvers read as an address, and others as a name.
NUMBERS = ["0", "127.1", "127.0.1", "0x7f.0.0.1", "0x7f000001", "0177.0.0.1", "017700000001", "2130706433", "127.0.0.0x1",
           "127.0.0.01", "127.0.0.1.1", "1.0x7f000001", "0xa9fea9fe", "2852039166", "169.254.43518"]


@test
def addresses_not_allowed(t):
    proxy = t.proxy()
    for authority in LOOPBACK:
        stream = wire.connect(proxy.address)
        is_refusal(send_connect(stream, authority), 403, "AccessDeniedException", "address_not_allowed")
        host, port = authority.rsplit(":", 1)
        where = host if port == "80" else authority
        stream = wire.connect(proxy.address)
        is_refusal(ask(stream, f"http://{where}/latest/meta-data/", where), 403, "AccessDeniedException",
                   "address_not_allowed")
    for number in NUMBERS:
        answer = send_connect(wire.connect(proxy.address), f"{number}:8080")
        is_refusal(answer, 400, "ValidationException", "malformed_request")
        answer = ask(wire.connect(proxy.address), f"http://{number}:8080/latest/meta-data/", f"{number}:8080")
        is_refusal(answer, 400, "ValidationException", "malformed_request")


@test
def the_proxys_own_port(t):
    proxy = t.proxy(config={"upstream": {"allow_loopback": True}})
    for name in ("127.0.0.1", "localhost", "127.0.0.2"):
        answer = send_connect(wire.connect(proxy.address), f"{name}:{proxy.port}")
        is_refusal(answer, 403, "AccessDeniedException", "proxy_loop")
    answer = ask(wire.connect(proxy.address), f"http://127.0.0.1:{proxy.port}/x", f"127.0.0.1:{proxy.port}")
    is_refusal(answer, 403, "AccessDeniedException", "proxy_loop")


@test
def loopback_if_allowed(t):
    up = t.upstream(tls=False, handler=lambda request, reply: (request.read_body(), reply.respond(200, [], b"local")))
    proxy = t.proxy(config={"upstream": {"allow_loopback": True}})
    check.equal(ask(wire.connect(proxy.address), f"http://127.0.0.1:{up.port}/x", f"127.0.0.1:{up.port}").body, b"local",
                "the answer")


@test
def ports_not_allowed(t):
    proxy = t.proxy(t.upstream())
    for port in (22, 25, 1023):
        is_refusal(send_connect(wire.connect(proxy.address), f"{HOST}:{port}"), 403, "AccessDeniedException",
                   "port_not_allowed")
        is_refusal(ask(wire.connect(proxy.address), f"https://{HOST}:{port}/x", f"{HOST}:{port}"), 403,
                   "AccessDeniedException", "port_not_allowed")


# ---- 407


def with_users(t, up):
    hashed = subprocess.run(["openssl", "passwd", "-6", "right"], capture_output=True, text=True, check=True).stdout
    with open(t.path("users"), "w", encoding="ascii") as file:
        file.write("anna:" + hashed)
    return t.proxy(up, config={"auth": {"users_file": t.path("users")}})


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@test
def credentials(t):
    up = t.upstream()
    proxy = with_users(t, up)
    for given in (None, basic("anna", "wrong"), basic("nobody", "right"), "Basic !!!", "Bearer x", basic("anna", "")):
        field = f"Proxy-Authorization: {given}\r\n" if given else ""
        answer = send_connect(wire.connect(proxy.address), f"{HOST}:443", field.encode())
        is_refusal(answer, 407, None, "proxy_auth_required")
        check.true((answer.get("proxy-authenticate") or "").startswith("Basic "), "Proxy-Authenticate")
        stream = wire.connect(proxy.address)
        stream.send(f"GET https://{HOST}/x HTTP/1.1\r\nHost: {HOST}\r\n{field}\r\n".encode())
        is_refusal(wire.read_response(stream), 407, None, "proxy_auth_required")
    right = basic("anna", "right")
    stream = wire.connect(proxy.address)
    check.equal(send_connect(stream, f"{HOST}:443", f"Proxy-Authorization: {right}\r\n".encode()).status, 200, "CONNECT")
    head, body = bedrock.signed_request("invoke", extra=[("Proxy-Authorization", right)],
                                        target_of=ways.ABSOLUTE.target)
    stream = wire.connect(proxy.address)
    stream.send(head + body)
    check.equal(wire.read_response(stream).status, 200, "absolute form with credentials")
    check.equal(up.requests[0].get("proxy-authorization"), None, "credentials upstream")
    # A second try on the same connection, as clients do after a 407.
    stream = wire.connect(proxy.address)
    if send_connect(stream, f"{HOST}:443").get("connection") != "close":
        check.equal(send_connect(stream, f"{HOST}:443", f"Proxy-Authorization: {right}\r\n".encode()).status, 200,
                    "the second try")
    for path, content in proxy.files_written().items():
        for secret in (right.split()[1].encode(), b"anna:right"):
            check.lacks(content, secret, f"proxy credentials in {path}")


@test
def credentials_of_boto3_and_curl(t):
    up = t.upstream()
    proxy = with_users(t, up)
    client = clients.bedrock_client(ca=proxy.ca, proxies={"https": f"http://anna:right@127.0.0.1:{proxy.port}"})
    check.equal(client.count_tokens(modelId="x", input={})["inputTokens"], 42, "with credentials")
    client = clients.bedrock_client(ca=proxy.ca, proxies={"https": f"http://anna:wrong@127.0.0.1:{proxy.port}"})
    with check.raises(botocore.exceptions.ProxyConnectionError):
        client.count_tokens(modelId="x", input={})
    done = clients.curl("--proxy", f"http://127.0.0.1:{proxy.port}", "--proxy-user", "anna:right", "--cacert", proxy.ca,
                        f"https://{HOST}/x")
    check.contains(done.stdout, b"MissingAuthenticationToken", "curl's answer, from Amazon")


# ---- 404, 431


@test
def no_router(t):
    proxy = t.proxy(t.upstream())
    is_refusal(ask(wire.connect(proxy.address), "/model/x/invoke", "localhost"), 404, "ResourceNotFoundException",
               "no_route")


@test(each=ways.KINDS)
def head_too_large(t, way):
    up = t.upstream()
    proxy = t.proxy(up, config={"limits": {"head_bytes": "16KiB"}})
    stream = way.open(proxy)
    head, body = bedrock.signed_request("invoke", extra=[("X-Big", "x" * 15000)], target_of=way.target)
    stream.send(head + body)
    check.equal(wire.read_response(stream).status, 200, "a head below the limit")
    for octets in (f"GET {way.target('/x')} HTTP/1.1\r\nHost: {HOST}\r\nX-Big: {'x' * 17000}\r\n\r\n",
                   f"GET {way.target('/x')} HTTP/1.1\r\nHost: {HOST}\r\n" + "X: y\r\n" * 4000 + "\r\n",
                   f"GET {way.target('/' + 'x' * 17000)} HTTP/1.1\r\nHost: {HOST}\r\n\r\n",
                   f"GET {way.target('/' + 'x' * 17000)}"):
        stream = way.open(proxy)
        stream.send(octets.encode())
        is_refusal(wire.read_response(stream), 431, "ValidationException", "head_too_large")
    check.equal(len(up.requests), 1, "requests upstream")


@test
def head_too_large_for_connect(t):
    proxy = t.proxy(t.upstream())
    is_refusal(send_connect(wire.connect(proxy.address), f"{HOST}:443", b"X: " + b"x" * 70000 + b"\r\n"), 431,
               "ValidationException", "head_too_large")


# ---- 502, 504


@test(each=ways.KINDS)
def dial_failure(t, way):
    proxy = t.proxy(resolve={f"{HOST}:443": CLOSED})
    if way.way_in == "connect":   # on the CONNECT itself
        is_refusal(send_connect(wire.connect(proxy.address), f"{HOST}:443"), 502, "ServiceUnavailableException",
                   "connect_failed")
    else:
        stream = way.open(proxy)
        is_refusal(ask(stream, way.target("/model/x/invoke")), 502, "ServiceUnavailableException", "connect_failed")
    record = proxy.call()
    check.equal((record["outcome"], record["error"]["fault"]), ("upstream_failed", "upstream"), f"record: {record!r}")


@test
def name_failure(t):
    proxy = t.proxy()
    name = "no-such-host.invalid"    # RFC 2606: never resolves
    is_refusal(send_connect(wire.connect(proxy.address), f"{name}:443"), 502, "ServiceUnavailableException", "dns_failed")
    is_refusal(ask(wire.connect(proxy.address), f"http://{name}/x", name), 502, "ServiceUnavailableException",
               "dns_failed")


BAD = ["expired", "not_yet", "wrong_name", "self_signed", "unknown_root"]


@test(each=BAD)
def bad_upstream_certificate(t, kind):
    """Answered inside the opened TLS, so that the client shows the reason."""
    if kind == "unknown_root":
        from harness.trust import TestRoot
        up = t.upstream(trust=TestRoot(t.path("other-root"), "Nobody's root"))
    else:
        up = t.upstream(kind=kind)
    proxy = t.proxy(up)
    for way in ways.ALL:
        stream = way.open(proxy)
        answer = ask(stream, way.target("/model/x/invoke"))
        is_refusal(answer, 502, "ServiceUnavailableException", "certificate_rejected")
        check.contains(json.loads(answer.body)["message"].lower(), "certificate", "the message")
    check.equal(up.requests, [], "requests upstream")
    for record in proxy.calls(len(ways.ALL)):
        check.equal((record["outcome"], record["error"]["code"]), ("upstream_failed", "certificate_rejected"), "record")


@test
def upstream_that_does_not_speak_tls(t):
    up = t.upstream(tls=False)
    up.on_accept = lambda stream: (stream.send(b"HTTP/1.0 400 Bad Request\r\n\r\n"), stream.close(), True)[-1]
    proxy = t.proxy(up)
    for way in ways.KINDS:
        is_refusal(ask(way.open(proxy), way.target("/x")), 502, "ServiceUnavailableException", "tls_failed",
                   "upstream_closed", "upstream_broke")


@test
def upstream_with_only_old_tls(t):
    import ssl
    import warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    up = t.upstream(maximum=ssl.TLSVersion.TLSv1_1)
    proxy = t.proxy(up)
    is_refusal(ask(ways.ABSOLUTE.open(proxy), ways.ABSOLUTE.target("/x")), 502, "ServiceUnavailableException",
               "tls_failed")


@test(each=ways.KINDS)
def upstream_too_slow(t, way):
    up = t.upstream()
    wait = threading.Event()
    t.defer(wait.set)
    up.handler = lambda request, reply: (request.read_body(reply), wait.wait(30))
    proxy = t.proxy(up, config={"upstream": {"response_timeout": "400ms"}})
    stream = way.open(proxy)
    is_refusal(ask(stream, way.target("/model/x/invoke")), 504, "ModelTimeoutException", "response_timeout")
    check.equal(proxy.call()["error"]["code"], "response_timeout", "record")
    up.wait(lambda: up.connections[0].requests, "the request")
    wait.set()


@test
def upstream_that_never_accepts(t):
    """A full backlog: the kernel leaves our SYN unanswered."""
    listener = socket.socket()
    t.defer(listener.close)
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    held = []
    for _ in range(4):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        held.append(sock)
    proxy = t.proxy(resolve={f"{HOST}:443": f"127.0.0.1:{listener.getsockname()[1]}"},
                    config={"upstream": {"connect_timeout": "500ms"}})
    is_refusal(ask(ways.ABSOLUTE.open(proxy), ways.ABSOLUTE.target("/x")), 504, "ModelTimeoutException", "connect_timeout")
    is_refusal(send_connect(wire.connect(proxy.address), f"{HOST}:443"), 504, "ModelTimeoutException", "connect_timeout")
    del held


@test
def upstream_that_accepts_and_says_nothing(t):
    """The TLS handshake belongs to making the connection."""
    wait = threading.Event()
    t.defer(wait.set)
    up = t.upstream()
    up.on_accept = lambda stream: wait.wait(30)
    proxy = t.proxy(up, config={"upstream": {"connect_timeout": "500ms"}})
    is_refusal(ask(ways.ABSOLUTE.open(proxy), ways.ABSOLUTE.target("/x")), 504, "ModelTimeoutException", "connect_timeout")


@test(each=ways.KINDS)
def upstream_closes_before_a_response(t, way):
    up = t.upstream()
    proxy = t.proxy(up)
    for end in ("finish", "cut", "reset"):
        up.handler = lambda request, reply, end=end: (request.read_body(reply), getattr(reply, end)())
        stream = way.open(proxy)
        is_refusal(ask(stream, way.target("/x")), 502, "ServiceUnavailableException", "upstream_closed", "upstream_broke")
    check.equal(len(up.requests), 3, "requests upstream: none is sent twice")


# ---- 503


@test
def too_many_connections(t):
    proxy = t.proxy(t.upstream(), config={"limits": {"connections": 4}})
    held = [wire.connect(proxy.address) for _ in range(4)]
    for stream in held:     # they are accepted in their order, so before the next
        stream.send(b"GET ")
    stream = wire.connect(proxy.address)
    is_refusal(ask(stream, "https://" + HOST + "/x"), 503, "ServiceUnavailableException", "too_many_connections")
    check.equal(stream.read_to_end(), b"", "a refused connection is ended: a limit that holds it open is none")
    held[0].close()

    def again():
        try:
            return ask(wire.connect(proxy.address), "/nowhere", "localhost").status == 404
        except ConnectionError:
            return False
    check.eventually(again, "room for one again")


# ---- what SDKs make of them


def forwarding(proxy, **options):
    return clients.BOTO_FORWARDING.client(proxy, **options)


@test
def boto3_raises_modelled_exceptions(t):
    def raised(client, name):
        with check.raises(getattr(client.exceptions, name)) as seen:
            client.converse(modelId="amazon.nova-lite-v1:0", messages=[])
        error = seen.error.response
        check.true(len(error["Error"]["Message"]) > 10, f"its message: {error!r}")
        check.true(error["ResponseMetadata"]["HTTPHeaders"].get("borehole-error"), "borehole-error")

    up = t.upstream()
    raised(forwarding(t.proxy(resolve={f"{HOST}:443": CLOSED})), "ServiceUnavailableException")
    proxy = t.proxy(up)
    raised(forwarding(proxy, endpoint_url=f"https://{HOST}:22"), "AccessDeniedException")
    raised(clients.bedrock_client(endpoint_url=f"http://localhost:{proxy.port}/nowhere"), "ResourceNotFoundException")
    big = forwarding(proxy)
    big.meta.events.register("before-sign", lambda request, **_: request.headers.add_header("X-Big", "x" * 70000))
    raised(big, "ValidationException")
    silent = threading.Event()
    t.defer(silent.set)
    up.handler = lambda request, reply: (request.read_body(reply), silent.wait(60))
    slow = t.proxy(up, config={"upstream": {"response_timeout": "300ms"}})
    raised(forwarding(slow), "ModelTimeoutException")
    silent.set()


@test(each=clients.BOTO)
def boto3_shows_a_bad_certificate_upstream(t, boto):
    proxy = t.proxy(t.upstream(kind="expired"))
    client = boto.client(proxy)
    with check.raises(client.exceptions.ServiceUnavailableException) as seen:
        client.converse(modelId="amazon.nova-lite-v1:0", messages=[])
    check.contains(str(seen.error).lower(), "expired", "the reason, in the client's exception")


@test
def refusals_keep_the_connection_where_they_can(t):
    """After a refusal that read the whole request, the next one on the connection is served."""
    up = t.upstream()
    proxy = t.proxy(up)
    stream = wire.connect(proxy.address)
    answer = ask(stream, "/nowhere", "localhost")
    check.equal(answer.status, 404, "a refusal")
    if (answer.get("connection") or "").lower() != "close":
        head, body = bedrock.signed_request("invoke", target_of=ways.ABSOLUTE.target)
        stream.send(head + body)
        check.equal(wire.read_response(stream).status, 200, "the next call")


@test
def head_has_no_body_in_refusals(t):
    proxy = t.proxy(t.upstream())
    stream = wire.connect(proxy.address)
    stream.send(b"HEAD /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = wire.read_response(stream, "HEAD")
    check.equal((answer.status, stream.read_to_end()), (404, b""), "the answer and what follows")


# ---- upstream.proxy


@test
def chained_through_another_proxy(t):
    from harness.upstream import ForwardProxy
    up = t.upstream()
    for user in ("", "corp:s3cret%40word@"):
        want = "Basic " + base64.b64encode(b"corp:s3cret@word").decode() if user else None
        corporate = ForwardProxy({f"{HOST}:443": up.address}, want)
        t.defer(corporate.close)
        proxy = t.proxy(config={"upstream": {"proxy": f"http://{user}127.0.0.1:{corporate.port}"}})
        for way in ways.KINDS:
            head, body = bedrock.signed_request("invoke", target_of=way.target)
            stream = way.open(proxy)
            stream.send(head + body)
            check.equal(wire.read_response(stream).status, 200, f"{way}, credentials {user!r}")
        check.equal(corporate.heads[0].start.split(" ")[:2], ["CONNECT", f"{HOST}:443"], "the CONNECT")
        for path, content in proxy.files_written().items():
            check.lacks(content, b"s3cret", f"the other proxy's password in {path}")


@test
def the_other_proxy_refuses(t):
    from harness.upstream import ForwardProxy
    corporate = ForwardProxy({}, refuse=b"HTTP/1.1 407 No\r\nContent-Length: 3\r\n\r\nno!")
    t.defer(corporate.close)
    proxy = t.proxy(config={"upstream": {"proxy": f"http://127.0.0.1:{corporate.port}"}})
    is_refusal(ask(ways.ABSOLUTE.open(proxy), ways.ABSOLUTE.target("/x")), 502, "ServiceUnavailableException",
               "upstream_proxy_refused")
