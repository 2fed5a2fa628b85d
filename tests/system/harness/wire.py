"""Byte streams (TCP, TLS over any stream) and HTTP/1.1 messages read from them with every raw octet kept.

Deliberately not an HTTP library: it sends exactly what it is given and shows exactly what arrived.
"""

import contextlib
import socket
import ssl
import struct
import threading

TIMEOUT = 45.0


class Truncated(ConnectionError):
    """The stream ended where more was due, or TLS ended without close_notify."""


class Stream:
    """A TCP connection. `recv` gives b'' at a clean end and raises ConnectionError at any other."""

    def __init__(self, sock):
        self._sock = sock
        self._held = bytearray()

    # -- octets
    def send(self, data):
        self._sock.sendall(data)

    def recv(self, limit=65536):
        if self._held:
            data = bytes(self._held[:limit])
            del self._held[:limit]
            return data
        return self._receive(limit)

    def _receive(self, limit):
        return self._sock.recv(limit)

    def push_back(self, data):
        self._held[:0] = data

    # -- ends
    def finish(self):
        """Ends our direction cleanly; the other one stays open."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    def close(self):
        """FIN and forget; for TLS this is an end without close_notify."""
        self._sock.close()

    def abort(self):
        """RST."""
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    # -- what is below
    @property
    def socket(self):
        return self._sock

    def settimeout(self, seconds):
        self._sock.settimeout(seconds)

    # -- reading by shape
    def read_exactly(self, count):
        while len(self._held) < count:
            more = self._receive(max(65536, min(count - len(self._held), 1 << 20)))
            if not more:
                raise Truncated(f"ended {count - len(self._held)} octets early, {bytes(self._held[-80:])!r}")
            self._held += more
        data = bytes(self._held[:count])
        del self._held[:count]
        return data

    def read_until(self, mark, limit=1 << 20):
        """Up to and with `mark`. b'' if the stream ends cleanly before any octet."""
        start = 0
        while True:
            at = self._held.find(mark, start)
            if at >= 0:
                return self.read_exactly(at + len(mark))
            start = max(0, len(self._held) - len(mark))
            if len(self._held) > limit:
                raise AssertionError(f"no {mark!r} within {limit} octets")
            more = self._receive(65536)
            if not more:
                if not self._held:
                    return b""
                raise Truncated(f"ended inside {bytes(self._held[:200])!r}")
            self._held += more

    def read_to_end(self, limit=1 << 31):
        parts = []
        size = 0
        while size < limit:
            data = self.recv(1 << 18)
            if not data:
                break
            parts.append(data)
            size += len(data)
        return b"".join(parts)


class TlsStream(Stream):
    """TLS over another Stream, also over TLS. `recv` gives b'' only after close_notify."""

    def __init__(self, lower, context, server_side=False, server_name=None, handshake=True):
        self._lower = lower
        self._held = bytearray()
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self.session = context.wrap_bio(self._in, self._out, server_side=server_side,
                                        server_hostname=None if server_side else server_name)
        if handshake:
            self.handshake()

    def handshake(self):
        self._drive(self.session.do_handshake)

    def _drive(self, step, *arguments):
        while True:
            wants = False
            try:
                with self._lock:
                    try:
                        return step(*arguments)
                    except ssl.SSLWantReadError:
                        wants = True
            except (ssl.SSLEOFError, ssl.SSLSyscallError) as error:
                raise Truncated(f"TLS ended without close_notify: {error}") from None
            except ssl.SSLError as error:
                if "UNEXPECTED_EOF" in str(error).upper():
                    raise Truncated(f"TLS ended without close_notify: {error}") from None
                raise
            finally:
                self._flush()
            if wants:
                data = self._lower.recv(1 << 17)
                with self._lock:
                    if data:
                        self._in.write(data)
                    else:
                        self._in.write_eof()

    def _flush(self):
        """Records leave in their order, though two threads may make them. Who cannot have the lock need not wait: its
        holder looks again before it goes. (Waiting for a writer that is held back could keep a reader from reading.)"""
        while self._sending.acquire(blocking=False):
            try:
                with self._lock:
                    data = self._out.read() if self._out.pending else b""
                if data:
                    self._lower.send(data)
            finally:
                self._sending.release()
            with self._lock:
                if not self._out.pending:
                    return

    def send(self, data):
        view = memoryview(data)
        while view:
            part = view[:1 << 20]
            self._drive(self.session.write, part)
            view = view[len(part):]

    def _receive(self, limit):
        try:
            return self._drive(self.session.read, limit)
        except ssl.SSLZeroReturnError:
            return b""

    def close_notify(self):
        with self._lock:
            with contextlib.suppress(ssl.SSLError):
                self.session.unwrap()
        with contextlib.suppress(OSError):
            self._flush()

    def finish(self):
        self.close_notify()
        self._lower.finish()

    def close(self):
        self._lower.close()

    def abort(self):
        self._lower.abort()

    @property
    def socket(self):
        return self._lower.socket

    def settimeout(self, seconds):
        self._lower.settimeout(seconds)


def connect(address, timeout=TIMEOUT):
    sock = socket.create_connection(address, timeout=timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Stream(sock)


# ---- messages


class Head:
    """Start line and fields, with the octets they came in."""

    def __init__(self, raw):
        self.raw = raw
        lines = raw[:-4].split(b"\r\n")
        self.start = lines[0].decode("latin-1")
        self.fields = []
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            if not colon:
                raise AssertionError(f"a field without a colon arrived: {line!r} in {raw!r}")
            self.fields.append((name.decode("latin-1"), value.strip(b" \t").decode("latin-1")))

    def get(self, name, default=None):
        return next((v for n, v in self.fields if n.lower() == name.lower()), default)

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]


def read_head(stream):
    """None at a clean end before the first octet."""
    raw = stream.read_until(b"\r\n\r\n")
    return Head(raw) if raw else None


class Body:
    def __init__(self, raw=b"", content=b"", trailers=b""):
        self.raw = raw          # with chunk framing
        self.content = content  # without
        self.trailers = trailers  # the trailer section's lines


def read_chunked(stream, each=None):
    raw, content = [], []
    while True:
        line = stream.read_until(b"\r\n")
        if not line:
            raise Truncated("ended between chunks")
        raw.append(line)
        size = int(line.split(b";")[0].strip(), 16)
        if size == 0:
            break
        data = stream.read_exactly(size + 2)
        if data[-2:] != b"\r\n":
            raise AssertionError(f"chunk of {size} does not end in CRLF: {data[-20:]!r}")
        raw.append(data)
        content.append(data[:-2])
        if each:
            each(data[:-2])
    trailers = []
    while True:
        line = stream.read_until(b"\r\n")
        if not line:
            raise Truncated("ended inside the trailer section")
        raw.append(line)
        if line == b"\r\n":
            return Body(b"".join(raw), b"".join(content), b"".join(trailers))
        trailers.append(line)


def read_request_body(stream, head):
    if "chunked" in (head.get("transfer-encoding") or "").lower():
        return read_chunked(stream)
    length = head.get("content-length")
    data = stream.read_exactly(int(length)) if length and int(length) else b""
    return Body(data, data)


class Response:
    def __init__(self, head, body, interim):
        self.head = head
        self.raw_body = body.raw
        self.body = body.content
        self.trailers = body.trailers
        self.interim = interim  # heads of 1xx answers before it
        self.status = int(head.start.split(" ")[1])

    def get(self, name, default=None):
        return self.head.get(name, default)

    def __repr__(self):
        return f"<Response {self.head.raw!r} {self.body[:300]!r}>"


def read_response_head(stream, interim=None):
    while True:
        head = read_head(stream)
        if head is None:
            raise Truncated("closed before a response")
        status = int(head.start.split(" ")[1])
        if status >= 200 or status == 101:
            return head, status
        if interim is not None:
            interim.append(head)


def read_response(stream, method="POST"):
    interim = []
    head, status = read_response_head(stream, interim)
    if method == "HEAD" or status in (101, 204, 304) or (method == "CONNECT" and status < 300):
        body = Body()
    elif "chunked" in (head.get("transfer-encoding") or "").lower():
        body = read_chunked(stream)
    elif head.get("content-length") is not None:
        data = stream.read_exactly(int(head.get("content-length")))
        body = Body(data, data)
    else:
        data = stream.read_to_end()
        body = Body(data, data)
    return Response(head, body, interim)


def chunked(*pieces, extensions=(), trailers=()):
    """A chunked body; `extensions[i]` stands behind the size of piece i."""
    out = []
    for i, piece in enumerate(pieces):
        extension = extensions[i] if i < len(extensions) else b""
        out.append(b"%x%s\r\n%s\r\n" % (len(piece), extension, piece))
    out.append(b"0\r\n" + b"".join(b"%s: %s\r\n" % t for t in trailers) + b"\r\n")
    return b"".join(out)
