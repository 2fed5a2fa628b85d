"""ClientHellos made by a real TLS library and cut up by hand."""

import ssl
import struct
import threading

from . import wire


def start(context, server_name):
    """A TLS client that has written its ClientHello but sent nothing: (session, incoming BIO, outgoing BIO)."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname=server_name)
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return session, incoming, outgoing


class Prepared(wire.TlsStream):
    """A TLS client whose ClientHello the caller sends, in whatever pieces."""

    def __init__(self, context, server_name):  # pylint: disable=super-init-not-called
        self._held = bytearray()
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self.session, self._in, self._out = start(context, server_name)
        self.hello = self._out.read()
        self._lower = None

    def go_on(self, lower):
        self._lower = lower
        self.handshake()
        return self


def in_records(hello, size):
    """The same handshake message spread over records of `size` octets (RFC 8446 section 5.1)."""
    payload = b""
    at = 0
    while at < len(hello):
        kind, major, minor, length = struct.unpack("!BBBH", hello[at:at + 5])
        payload += hello[at + 5:at + 5 + length]
        at += 5 + length
    return b"".join(struct.pack("!BBBH", kind, major, minor, len(payload[i:i + size])) + payload[i:i + size]
                    for i in range(0, len(payload), size))
