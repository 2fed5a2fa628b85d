"""CONNECT: its spellings, tunnels that are left alone, ClientHellos in pieces, ALPN, and TLS straight to the port."""

import ssl

from harness import bedrock, check, hello, wire, ways
from harness.proxy import HOST
from harness.runner import test
from harness.upstream import EchoServer
from harness.ways import send_connect, trusting


def call(stream, target="/model/anthropic.claude-3-haiku-20240307-v1%3A0/invoke"):
    head, body = bedrock.signed_request("invoke", path=target)
    stream.send(head + body)
    answer = wire.read_response(stream)
    check.equal(answer.status, 200, f"a call: {answer!r}")


def opened(proxy, stream):
    return wire.TlsStream(stream, trusting(proxy), server_name=HOST)


SPELLINGS = {
    "http_1_0_without_host": f"CONNECT {HOST}:443 HTTP/1.0\r\n\r\n",
    "http_1_0_with_host": f"CONNECT {HOST}:443 HTTP/1.0\r\nHost: {HOST}:443\r\n\r\n",
    "without_host": f"CONNECT {HOST}:443 HTTP/1.1\r\n\r\n",
    "host_without_port": f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}\r\nProxy-Connection: keep-alive\r\n\r\n",
    "upper_case_name": f"CONNECT {HOST.upper()}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n",
    "name_with_a_dot": f"CONNECT {HOST}.:443 HTTP/1.1\r\nHost: {HOST}.:443\r\n\r\n",
    "many_fields": f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\nUser-Agent: x\r\nProxy-Connection: Keep-Alive\r\n"
                   "Proxy-Authorization: Basic eDp5\r\nContent-Length: 0\r\n\r\n",
    "connection_close": f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\nConnection: close\r\n\r\n",
    "empty_line_before": f"\r\nCONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n",
}


@test(each=list(SPELLINGS))
def spelled(t, spelling):
    up = t.upstream()
    proxy = t.proxy(up)
    stream = wire.connect(proxy.address)
    stream.send(SPELLINGS[spelling].encode())
    answer = wire.read_response(stream, "CONNECT")
    check.equal(answer.status, 200, repr(answer))
    check.equal((answer.get("content-length"), answer.get("transfer-encoding")), (None, None), "no body's length")
    inner = opened(proxy, stream)
    call(inner)
    call(inner)


@test
def head_octet_by_octet(t):
    up = t.upstream()
    proxy = t.proxy(up)
    stream = wire.connect(proxy.address)
    for octet in SPELLINGS["many_fields"].encode():
        stream.send(bytes([octet]))
    check.equal(wire.read_response(stream, "CONNECT").status, 200, "status")
    call(opened(proxy, stream))


@test
def client_hello_behind_the_head(t):
    up = t.upstream()
    proxy = t.proxy(up)
    for cut in (0, 1, 5, 40, None):
        stream = wire.connect(proxy.address)
        client = hello.Prepared(trusting(proxy), HOST)
        early = client.hello[:cut]
        stream.send(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode() + early)
        check.equal(wire.read_response(stream, "CONNECT").status, 200, f"status, {len(early)} octets early")
        stream.send(client.hello[len(early):])
        call(client.go_on(stream))


def way_to_hello(proxy, direct):
    stream = wire.connect(proxy.address)
    if not direct:
        check.equal(send_connect(stream, f"{HOST}:443").status, 200, "CONNECT")
    return stream


@test(each=["connect", "direct"])
def client_hello_cut_anywhere(t, way):
    up = t.upstream()
    proxy = t.proxy(up)
    whole = len(hello.Prepared(trusting(proxy), HOST).hello)
    # Every place is the unit tests' business; here it is the reading from a socket.
    for cut in list(range(1, 12)) + list(range(12, whole, 23)):
        stream = way_to_hello(proxy, way == "direct")
        client = hello.Prepared(trusting(proxy), HOST)
        stream.send(client.hello[:cut])
        if cut % 2:      # and once in a while as two reads for certain
            proxy_has_read(stream)
        stream.send(client.hello[cut:])
        client.go_on(stream).close()
    stream = way_to_hello(proxy, way == "direct")
    client = hello.Prepared(trusting(proxy), HOST)
    for octet in client.hello:
        stream.send(bytes([octet]))
    call(client.go_on(stream))


def proxy_has_read(stream):
    """Waits until the kernel has handed over all that we sent (SIOCOUTQ: acknowledged, so delivered)."""
    import fcntl
    import struct
    import termios
    check.eventually(lambda: struct.unpack("i", fcntl.ioctl(stream.socket, termios.TIOCOUTQ, b"\0\0\0\0"))[0] == 0,
                     "our octets were acknowledged")


@test(each=["connect", "direct"])
def large_client_hello(t, way):
    """12 KB of ALPN offers, in one record and in many small ones; in both cases one segment after the other."""
    up = t.upstream()
    proxy = t.proxy(up)
    for size in (None, 1000, 100, 16):
        context = trusting(proxy, alpn=["http/1.1"] + [f"made-up-protocol-{i:04}" + "x" * 100 for i in range(95)])
        client = hello.Prepared(context, HOST)
        check.true(len(client.hello) > 11000, f"its size: {len(client.hello)}")
        octets = hello.in_records(client.hello, size) if size else client.hello
        stream = way_to_hello(proxy, way == "direct")
        for at in range(0, len(octets), 1400):
            stream.send(octets[at:at + 1400])
        inner = client.go_on(stream)
        check.equal(inner.session.selected_alpn_protocol(), "http/1.1", "ALPN")
        call(inner)


@test(each=["connect", "direct"])
def only_h2_is_refused_by_alert(t, way):
    """… where the upstream speaks HTTP/1.1 only: neither is translated."""
    up = t.upstream()
    proxy = t.proxy(up)
    stream = way_to_hello(proxy, way != "connect")
    name = HOST
    with check.raises(ssl.SSLError) as seen:
        wire.TlsStream(stream, trusting(proxy, alpn=["h2"]), server_name=name)
    check.contains(str(seen.error).upper().replace(" ", "_"), "NO_APPLICATION_PROTOCOL", "the alert")
    record = proxy.call()
    check.equal((record["outcome"], record["error"]["code"]), ("refused", "unsupported_protocol"), "the record")
    check.equal(up.requests, [], "requests upstream")


@test(each=["connect", "direct", "outer"])
def http_1_1_is_chosen_among_offers(t, way):
    up = t.upstream()
    proxy = t.proxy(up)
    name = "localhost" if way == "outer" else HOST
    for offer, want in ((["h2", "http/1.1"], "http/1.1"), (["http/1.1"], "http/1.1"), ([], None)):
        stream = way_to_hello(proxy, way != "connect")
        inner = wire.TlsStream(stream, trusting(proxy, alpn=offer), server_name=name)
        check.equal(inner.session.selected_alpn_protocol(), want, f"ALPN for {offer}")
        inner.close()


@test(each=["TLSv1_2", "TLSv1_3"])
def tls_versions(t, version):
    up = t.upstream()
    proxy = t.proxy(up)
    context = trusting(proxy)
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    stream = way_to_hello(proxy, False)
    inner = wire.TlsStream(stream, context, server_name=HOST)
    check.equal(inner.session.version(), version.replace("_", "."), "version")
    call(inner)


@test
def old_tls_is_refused(t):
    up = t.upstream()
    proxy = t.proxy(up)
    import warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    context = trusting(proxy)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with check.raises(ssl.SSLError, wire.Truncated):
        wire.TlsStream(way_to_hello(proxy, False), context, server_name=HOST)
    check.equal(up.requests, [], "requests upstream")


@test
def resumed_sessions_work(t):
    up = t.upstream()
    proxy = t.proxy(up)
    context = trusting(proxy)
    for _ in range(5):
        inner = wire.TlsStream(way_to_hello(proxy, False), context, server_name=HOST)
        call(inner)
        inner.finish()


@test
def any_other_name_gets_the_proxys_own_certificate(t):
    proxy = t.proxy(t.upstream())
    for name in ("localhost", "127.0.0.1"):
        inner = wire.TlsStream(wire.connect(proxy.address), trusting(proxy), server_name=name)
        names = {v for _, v in inner.session.getpeercert()["subjectAltName"]}
        check.contains(names, name, "its names")
        inner.close()
    with check.raises(ssl.SSLCertVerificationError):
        wire.TlsStream(wire.connect(proxy.address), trusting(proxy), server_name="www.example.com")


@test
def direct_goes_to_port_443_of_the_name(t):
    up = t.upstream()
    other = t.upstream()
    name = "bedrock-runtime.eu-west-1.amazonaws.com"
    proxy = t.proxy(up, resolve={f"{name}:443": other.address})
    inner = wire.TlsStream(wire.connect(proxy.address), trusting(proxy), server_name=name)
    head, body = bedrock.signed_request("invoke", host=name)
    inner.send(head + body)
    check.equal(wire.read_response(inner).status, 200, "the answer")
    check.equal((len(up.requests), len(other.requests)), (0, 1), "requests at each")


@test
def connect_inside_an_opened_tunnel_is_refused(t):
    proxy = t.proxy(t.upstream())
    inner = ways.CONNECT.open(proxy)
    answer = send_connect(inner, f"{HOST}:443")
    check.one_of(answer.status, (400, 403), repr(answer))


@test
def name_in_sni_that_is_not_the_authority_is_refused(t):
    other = "bedrock-runtime.eu-west-1.amazonaws.com"
    up = t.upstream()
    proxy = t.proxy(up, resolve={f"{other}:443": up.address})
    stream = wire.connect(proxy.address)
    check.equal(send_connect(stream, f"{HOST}:443").status, 200, "CONNECT")
    try:
        inner = wire.TlsStream(stream, trusting(proxy), server_name=other)
        head, body = bedrock.signed_request("invoke", host=other)
        inner.send(head + body)
        check.equal(wire.read_response(inner).status, 400, "status")
    except (ssl.SSLError, ConnectionError):
        pass  # an alert says the same
    check.equal(up.requests, [], "requests upstream")
    check.equal(proxy.call()["error"]["code"], "host_mismatch", "the record's error")


# ---- tunnels


@test
def tunnel_is_left_alone(t):
    echo = EchoServer(goodbye=b"bye")
    t.defer(echo.close)
    proxy = t.proxy(resolve={"tunnel.example:7777": echo.address})
    stream = wire.connect(proxy.address)
    check.equal(send_connect(stream, "tunnel.example:7777").status, 200, "CONNECT")
    for data in (b"\x00\xff not TLS, not HTTP", b"\x16\x03\x01 looks like TLS", b"GET / HTTP/1.1\r\n\r\n"):
        stream.send(data)
        check.equal(stream.read_exactly(len(data)), data, "the echo")
    big = bytes(range(256)) * 8192
    import threading
    threading.Thread(target=stream.send, args=(big,), daemon=True).start()
    check.equal(stream.read_exactly(len(big)), big, "2 MiB")
    stream.socket.shutdown(1)  # our half ends; the other still speaks
    check.equal(stream.read_to_end(), b"bye", "what comes behind our end")


@test
def tunnel_half_closed_by_the_server(t):
    import socket
    import threading
    listener = socket.create_server(("127.0.0.1", 0))
    t.defer(listener.close)
    got = []

    def serve():
        sock, _ = listener.accept()
        sock.sendall(b"I am done")
        sock.shutdown(socket.SHUT_WR)
        while data := sock.recv(100):
            got.append(data)
        sock.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    proxy = t.proxy(resolve={"tunnel.example:7777": f"127.0.0.1:{listener.getsockname()[1]}"})
    stream = wire.connect(proxy.address)
    check.equal(send_connect(stream, "tunnel.example:7777").status, 200, "CONNECT")
    check.equal(stream.read_to_end(), b"I am done", "the server's half")
    stream.send(b"still here")
    stream.finish()
    thread.join(10)
    check.equal(b"".join(got), b"still here", "what the server got behind its own end")


@test
def tunnel_through_tls_to_the_proxy(t):
    echo = EchoServer(goodbye=b"bye")
    t.defer(echo.close)
    proxy = t.proxy(resolve={"tunnel.example:7777": echo.address})
    stream = ways.spoken_to(proxy, True)
    check.equal(send_connect(stream, "tunnel.example:7777").status, 200, "CONNECT")
    stream.send(b"through TLS")
    check.equal(stream.read_exactly(11), b"through TLS", "the echo")
    stream.finish()
    check.equal(stream.read_to_end(), b"bye", "what comes behind our end")


@test
def tunnel_carries_the_servers_own_certificate(t):
    """A host that is not intercepted keeps its TLS: the client sees the server's certificate, not ours."""
    up = t.upstream(handler=lambda request, reply: (request.read_body(), reply.respond(200, [], b"untouched")))
    proxy = t.proxy(resolve={"www.example.com:443": up.address})
    stream = wire.connect(proxy.address)
    check.equal(send_connect(stream, "www.example.com:443").status, 200, "CONNECT")
    inner = wire.TlsStream(stream, trusting(t.trust.path, alpn=["h2", "http/1.1"], strict=False),
                           server_name="www.example.com")
    inner.send(b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
    check.equal(wire.read_response(inner).body, b"untouched", "the answer")


@test
def octets_behind_connect_reach_the_tunnel(t):
    echo = EchoServer()
    t.defer(echo.close)
    proxy = t.proxy(resolve={"tunnel.example:7777": echo.address})
    stream = wire.connect(proxy.address)
    stream.send(b"CONNECT tunnel.example:7777 HTTP/1.1\r\nHost: tunnel.example:7777\r\n\r\nearly octets")
    check.equal(wire.read_response(stream, "CONNECT").status, 200, "CONNECT")
    check.equal(stream.read_exactly(12), b"early octets", "the echo")


@test
def tunnel_reset_reaches_the_client(t):
    import socket
    import struct
    listener = socket.create_server(("127.0.0.1", 0))
    t.defer(listener.close)
    proxy = t.proxy(resolve={"tunnel.example:7777": f"127.0.0.1:{listener.getsockname()[1]}"})
    stream = wire.connect(proxy.address)
    check.equal(send_connect(stream, "tunnel.example:7777").status, 200, "CONNECT")
    sock, _ = listener.accept()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
    with check.raises(ConnectionResetError, about="a reset for a reset"):
        if stream.recv() == b"":
            raise AssertionError("a reset upstream became a clean end")
