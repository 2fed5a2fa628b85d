"""The ways into the proxy, as one table: how a raw client opens each, and what it puts in the request line."""

import ssl

from . import wire
from .proxy import HOST


def trusting(proxy_or_path, alpn=("http/1.1",), strict=True):
    """A verifying client context that trusts the proxy's root and nothing else."""
    path = proxy_or_path if isinstance(proxy_or_path, str) else proxy_or_path.ca
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(path)
    if strict:
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def spoken_to(proxy, over_tls, name="localhost"):
    """A stream to the proxy itself, over TLS or not."""
    stream = wire.connect(proxy.address)
    return wire.TlsStream(stream, trusting(proxy), server_name=name) if over_tls else stream


def send_connect(stream, authority, extra=b"", version="1.1", host=True):
    head = f"CONNECT {authority} HTTP/{version}\r\n".encode()
    if host:
        head += f"Host: {authority}\r\n".encode()
    stream.send(head + extra + b"\r\n")
    return wire.read_response(stream, "CONNECT")


class Way:
    def __init__(self, name, way_in, over_tls=False):
        self.name = name
        self.way_in = way_in      # as the record has it
        self.over_tls = over_tls  # is the proxy itself spoken to over TLS?

    def open(self, proxy, host=HOST, port=443):
        """A stream on which requests for `host` can be written."""
        if self.way_in == "direct":
            return wire.TlsStream(wire.connect(proxy.address), trusting(proxy), server_name=host)
        stream = spoken_to(proxy, self.over_tls)
        if self.way_in == "connect":
            answer = send_connect(stream, f"{host}:{port}")
            if answer.status != 200:
                raise AssertionError(f"CONNECT was answered with {answer!r}")
            return wire.TlsStream(stream, trusting(proxy), server_name=host)
        return stream

    def target(self, path, host=HOST):
        if self.way_in == "absolute":
            return f"https://{host}{path}"
        if self.way_in == "gateway":
            return "/service/standard" + path
        return path

    def __str__(self):
        return self.name


CONNECT = Way("connect", "connect")
CONNECT_TLS = Way("connect_over_tls", "connect", True)
ABSOLUTE = Way("absolute", "absolute")
ABSOLUTE_TLS = Way("absolute_over_tls", "absolute", True)
GATEWAY = Way("gateway", "gateway")
GATEWAY_TLS = Way("gateway_over_tls", "gateway", True)
DIRECT = Way("direct", "direct")

ALL = [CONNECT, CONNECT_TLS, ABSOLUTE, ABSOLUTE_TLS, GATEWAY, GATEWAY_TLS, DIRECT]
# One of each kind, where the outer TLS makes no difference.
KINDS = [CONNECT, ABSOLUTE, GATEWAY, DIRECT]

TAKEN_AWAY = {"proxy-connection", "proxy-authorization"}


def forwarded(head, path, taken=()):
    """What must arrive upstream of a request head: the origin-form target and all lines but those that CONTRACT
    section 4 takes away (and those that `taken` names)."""
    lines = head[:-4].split(b"\r\n")
    method, _, version = lines[0].split(b" ")
    gone = TAKEN_AWAY | {name.lower() for name in taken}
    kept = [line for line in lines[1:] if line.split(b":")[0].decode("latin-1").lower() not in gone]
    return b"\r\n".join([b" ".join([method, path.encode("latin-1"), version])] + kept) + b"\r\n\r\n"
