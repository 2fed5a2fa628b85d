"""The upstream: an HTTP/1.1 server over TLS or plain TCP that keeps every raw octet it gets and does as it is told;
HTTP/2 where that was agreed on, or with `h2_plain` on plain TCP.

One thread a connection, so that a scripted behaviour is a plain function `handler(request, reply)`. Never an HTTP
library: what a test compares is what was on the wire.
"""

import contextlib
import socket
import ssl
import threading

from . import bedrock, h2, wire


_handshaking = threading.local()  # what the SNI callback of this thread's handshake saw


class Ended(Exception):
    """A handler says: this connection is over (it has closed or broken it itself)."""


class Connection:
    def __init__(self, number, address):
        self.number = number
        self.client = address
        self.requests = []
        self.handshake_error = None
        self.sni = None
        self.alpn = None
        self.tls_version = None
        self.resumed = None
        self.client_end = None   # how the other side ended: "clean", "truncated", "reset", or None while it lives
        self.stream = None


class Request:
    """One request. The body is read when a handler asks for it, or after the handler."""

    def __init__(self, head, connection):
        self.head = head
        self.connection = connection
        self.method, self.target, self.version = head.start.split(" ")
        self._body = None

    def read_body(self, reply=None):
        if self._body is None:
            if reply and (self.head.get("expect") or "").lower() == "100-continue":
                reply.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._body = wire.read_request_body(self.connection.stream, self.head)
        return self._body

    @property
    def raw_body(self):
        return self._body.raw

    @property
    def body(self):
        return self._body.content

    @property
    def trailers(self):
        return self._body.trailers

    @property
    def complete(self):
        return self._body is not None

    def get(self, name, default=None):
        return self.head.get(name, default)


class Reply:
    """What a handler answers with."""

    def __init__(self, connection):
        self.connection = connection
        self.stream = connection.stream
        self.close_after = False

    def send(self, data):
        self.stream.send(data)

    def respond(self, status=200, fields=(), body=b"", reason=None):
        head = f"HTTP/1.1 {status} {reason or 'Status'}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields)
        self.stream.send(head.encode("latin-1") + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def start_chunked(self, status=200, fields=()):
        head = f"HTTP/1.1 {status} Status\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields)
        self.stream.send(head.encode("latin-1") + b"Transfer-Encoding: chunked\r\n\r\n")

    def chunk(self, data):
        self.stream.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end_chunks(self):
        self.stream.send(b"0\r\n\r\n")

    # ends; each says to the connection's thread that it is over
    def finish(self):
        """A clean end: close_notify and FIN."""
        self.stream.finish()
        self._drain()
        raise Ended

    def cut(self):
        """TCP FIN; over TLS without close_notify."""
        self.stream.socket.shutdown(socket.SHUT_WR)
        self._drain()
        raise Ended

    def reset(self):
        self.stream.abort()
        raise Ended

    def _drain(self):
        with contextlib.suppress(OSError, ssl.SSLError):
            self.stream.settimeout(10)
            while self.stream.recv():
                pass
        self.stream.close()


class Upstream:
    """`handler` may be replaced at any time; it is looked up for each request."""

    def __init__(self, trust=None, tls=True, handler=None, kind="good", alpn=("http/1.1",), maximum=None,
                 backlog=512, address=("127.0.0.1", 0), h2_plain=False, h2_settings=None, consume=True,
                 family=socket.AF_INET):
        self._trust = trust
        self._tls = tls
        self._kind = kind
        self._alpn = alpn
        self._maximum = maximum
        self._h2_plain = h2_plain
        self._h2_settings = h2_settings
        self.consume = consume   # over HTTP/2: room for bodies is given anew as they come
        self.bedrock = bedrock.Bedrock()
        self.handler = handler or self.bedrock.answer
        self.on_accept = None    # called with the raw stream before TLS; True: the connection is dealt with
        self.connections = []
        self.requests = []
        self.problems = []       # what went wrong in a handler: a test's end looks at it
        self._changed = threading.Condition()
        self._live = set()
        self._listener = socket.create_server(address, family=family, backlog=backlog)
        self.port = self._listener.getsockname()[1]
        self.address = f"{address[0]}:{self.port}"
        self._closed = False
        self._context = self._listening_context()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._closed = True
        self._listener.close()
        with self._changed:
            live = list(self._live)
        for stream in live:
            with contextlib.suppress(OSError):
                stream.socket.shutdown(socket.SHUT_RDWR)

    # -- waiting: all by notification
    def wait(self, predicate, about, seconds=30.0):
        with self._changed:
            if not self._changed.wait_for(predicate, timeout=seconds):
                raise AssertionError(f"upstream, not within {seconds:g} s: {about} "
                                     f"({len(self.connections)} connections, {len(self.requests)} requests)")

    def wait_for_requests(self, count, seconds=30.0):
        self.wait(lambda: len(self.requests) >= count, f"{count} requests", seconds)
        return self.requests

    def changed(self):
        with self._changed:
            self._changed.notify_all()

    @property
    def open_connections(self):
        return [c for c in self.connections if c.client_end is None]

    # -- serving
    def _accept(self):
        while True:
            try:
                sock, address = self._listener.accept()
            except OSError:
                return
            if self._closed:
                sock.close()
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(sock, address), daemon=True).start()

    def _serve(self, sock, address):
        stream = wire.Stream(sock)
        with self._changed:
            connection = Connection(len(self.connections), address)
            self.connections.append(connection)
            self._live.add(stream)
            self._changed.notify_all()
        try:
            if self.on_accept and self.on_accept(stream):
                return
            if self._tls:
                opened = self._handshake(stream, connection)
                if opened is None:
                    return
                stream = opened
            connection.stream = stream
            if self._h2_plain or connection.alpn == "h2":
                h2.serve(self, connection, self._h2_settings)
            else:
                self._serve_requests(connection)
        except Ended:
            pass
        except wire.Truncated:
            connection.client_end = connection.client_end or "truncated"
        except (ConnectionError, TimeoutError):
            connection.client_end = connection.client_end or "reset"
        except ssl.SSLError as error:
            connection.client_end = connection.client_end or f"tls: {error}"
        except Exception as error:  # pylint: disable=broad-except
            if not self._closed:
                self.problems.append(f"connection {connection.number}: {type(error).__name__}: {error}")
            connection.client_end = connection.client_end or "problem"
        finally:
            connection.client_end = connection.client_end or "clean"
            with contextlib.suppress(OSError):
                stream.close()
            with self._changed:
                self._live = {s for s in self._live if s.socket is not sock}
                self._changed.notify_all()

    def _listening_context(self):
        """Made once: a context must not be changed while another thread shakes hands with it."""
        if not self._tls:
            return None
        context = self._trust.server_context("no-name.example", self._kind, self._alpn, self._maximum, shared=False)

        def choose(session, name, _context):
            _handshaking.sni = name
            if name:
                session.context = self._trust.server_context(name, self._kind, self._alpn, self._maximum)

        context.sni_callback = choose
        return context

    def _handshake(self, lower, connection):
        lower.settimeout(60)
        _handshaking.sni = None
        try:
            stream = wire.TlsStream(lower, self._context, server_side=True)
        except (ssl.SSLError, OSError) as error:
            connection.handshake_error = str(error)
            connection.client_end = "handshake"
            return None
        finally:
            connection.sni = _handshaking.sni
        connection.alpn = stream.session.selected_alpn_protocol()
        connection.tls_version = stream.session.version()
        connection.resumed = stream.session.session_reused
        lower.settimeout(None)
        return stream

    def _serve_requests(self, connection):
        while True:
            head = wire.read_head(connection.stream)
            if head is None:
                return
            request = Request(head, connection)
            with self._changed:
                connection.requests.append(request)
                self.requests.append(request)
                self._changed.notify_all()
            reply = Reply(connection)
            self.handler(request, reply)
            if not request.complete:
                request.read_body()
            self.changed()
            if reply.close_after or (head.get("connection") or "").lower() == "close":
                reply.finish()


class ForwardProxy:
    """A tiny corporate proxy: CONNECT only, with basic credentials if given. `resolve` names what it may reach."""

    def __init__(self, resolve, credentials=None, refuse=None):
        self._resolve = resolve
        self._credentials = credentials
        self._refuse = refuse
        self.heads = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(wire.Stream(sock),), daemon=True).start()

    def _serve(self, stream):
        with contextlib.suppress(OSError, ssl.SSLError):
            head = wire.read_head(stream)
            self.heads.append(head)
            method, target, _ = head.start.split(" ")
            if self._refuse:
                stream.send(self._refuse)
                stream.finish()
                return
            if self._credentials and head.get("proxy-authorization") != self._credentials:
                stream.send(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"t\"\r\n"
                            b"Content-Length: 0\r\n\r\n")
                stream.finish()
                return
            if method != "CONNECT" or target not in self._resolve:
                stream.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                stream.finish()
                return
            host, port = self._resolve[target].rsplit(":", 1)
            other = wire.connect((host, int(port)))
            stream.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=pump, args=(other, stream), daemon=True).start()
            pump(stream, other)


def pump(source, sink):
    with contextlib.suppress(OSError, ssl.SSLError):
        source.settimeout(None)
        while True:
            data = source.recv()
            if not data:
                sink.finish()
                return
            sink.send(data)


class EchoServer:
    """Plain TCP: answers everything it gets with the same octets; at the client's end says goodbye and ends."""

    def __init__(self, goodbye=b""):
        self._goodbye = goodbye
        self.accepted = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with contextlib.suppress(OSError):
            while True:
                data = sock.recv(65536)
                if not data:
                    break
                sock.sendall(data)
            sock.sendall(self._goodbye)
            sock.close()
