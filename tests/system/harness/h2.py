"""HTTP/2 by python3-h2: what the upstream serves where h2 was agreed on, and a client that shows every event.

A handler is the same function `handler(request, reply)` as for HTTP/1.1, in a thread of its own for each stream.
"""

import contextlib
import ssl
import threading
import types

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings


# python3-h2 takes a GOAWAY for the end of everything; streams that are not behind its last one go on (RFC 9113 section
# 6.8).
_machine = h2.connection.H2ConnectionStateMachine
for _state in (h2.connection.ConnectionState.CLIENT_OPEN, h2.connection.ConnectionState.SERVER_OPEN):
    for _input in (h2.connection.ConnectionInputs.RECV_GOAWAY, h2.connection.ConnectionInputs.SEND_GOAWAY):
        _machine._transitions[(_state, _input)] = (None, _state)  # pylint: disable=protected-access


class Reset(ConnectionError):
    """The other side reset the stream, or the connection went."""


class Peer:
    """One end of an HTTP/2 connection over a wire.Stream. `lock` guards the state machine; `changed` tells of events."""

    def __init__(self, stream, client_side, settings=None):
        self.stream = stream
        self.changed = threading.Condition()
        self._sending = threading.Lock()
        self.state = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=client_side, header_encoding="latin-1", validate_inbound_headers=True,
            validate_outbound_headers=False, normalize_outbound_headers=False))
        if settings:
            self.state.local_settings = h2.settings.Settings(client=client_side, initial_values=settings)
        self.state.initiate_connection()
        self.flush()

    def flush(self):
        with self._sending:
            with self.changed:
                data = self.state.data_to_send()
            if data:
                self.stream.send(data)

    def do(self, action, *arguments, **options):
        """One call on the state machine, and what it wants to send."""
        with self.changed:
            result = getattr(self.state, action)(*arguments, **options)
        self.flush()
        return result

    def receive(self):
        """The events of the next octets; None at the end."""
        data = self.stream.recv()
        if not data:
            return None
        with self.changed:
            events = self.state.receive_data(data)
        self.flush()
        return events

    def send_body(self, stream_id, data, end=False, gone=lambda: False):
        """As the window allows; waits for room."""
        view = memoryview(data)
        while True:
            with self.changed:
                while True:
                    if gone():
                        raise Reset(f"stream {stream_id} is gone")
                    room = min(self.state.local_flow_control_window(stream_id), self.state.max_outbound_frame_size)
                    if room > 0 or not view:
                        break
                    if not self.changed.wait(60):
                        raise AssertionError(f"no room on stream {stream_id} for 60 s")
                piece = view[:room]
                view = view[len(piece):]
                self.state.send_data(stream_id, bytes(piece), end_stream=end and not view)
            self.flush()
            if not view:
                return


class Request:
    def __init__(self, connection, peer, stream_id, headers):
        self.connection = connection
        self.peer = peer
        self.stream_id = stream_id
        self.headers = list(headers)  # pseudo-header fields too, in order
        pseudo = dict(h for h in self.headers if h[0].startswith(":"))
        self.pseudo = pseudo
        self.method = pseudo[":method"]
        self.target = pseudo.get(":path", "")
        self.version = "HTTP/2"
        fields = [h for h in self.headers if not h[0].startswith(":")]
        if ":authority" in pseudo:
            fields[:0] = [("host", pseudo[":authority"]), (":authority", pseudo[":authority"])]  # either may be signed
        self.head = types.SimpleNamespace(fields=fields, get=self.get, start=f"{self.method} {self.target} HTTP/2")
        self.pieces = []
        self.trailers = []
        self.ended = False
        self.reset = None  # the code
        self.complete = True
        self._taken = 0

    def get(self, name, default=None):
        return next((v for n, v in self.head.fields if n == name.lower()), default)

    @property
    def body(self):
        return b"".join(self.pieces)

    def read_body(self, reply=None):  # pylint: disable=unused-argument
        with self.peer.changed:
            if not self.peer.changed.wait_for(lambda: self.ended or self.reset is not None, 60):
                raise AssertionError("the request did not end within 60 s")
        if not self.ended:
            raise Reset(f"the request was reset: {self.reset}")
        return types.SimpleNamespace(content=self.body, raw=self.body, trailers=self.trailers)

    def next_piece(self):
        """The next octets of the body; None behind the last."""
        with self.peer.changed:
            if not self.peer.changed.wait_for(
                    lambda: len(self.pieces) > self._taken or self.ended or self.reset is not None, 60):
                raise AssertionError("nothing came within 60 s")
            if len(self.pieces) > self._taken:
                self._taken += 1
                return self.pieces[self._taken - 1]
        if not self.ended:
            raise Reset(f"the request was reset: {self.reset}")
        return None


class Reply:
    def __init__(self, request):
        self.request = request
        self.connection = request.connection
        self.close_after = False
        self._peer = request.peer
        self._id = request.stream_id

    def head(self, status, fields=(), end=False):
        self._peer.do("send_headers", self._id, [(":status", str(status))] + [(n.lower(), str(v)) for n, v in fields],
                      end_stream=end)

    def body(self, data, end=False):
        self._peer.send_body(self._id, data, end, lambda: self.request.reset is not None)

    def trailers(self, fields):
        self._peer.do("send_headers", self._id, list(fields), end_stream=True)

    def reset(self, code):
        self._peer.do("reset_stream", self._id, code)

    # as for HTTP/1.1
    def respond(self, status=200, fields=(), body=b"", reason=None):  # pylint: disable=unused-argument
        self.head(status, list(fields) + [("content-length", len(body))], end=not body)
        if body:
            self.body(body, True)

    def start_chunked(self, status=200, fields=()):
        self.head(status, fields)

    def chunk(self, data):
        self.body(data)

    def end_chunks(self):
        self.body(b"", True)


def serve(upstream, connection, settings=None):
    """One connection, until it ends. `consume=False` on the upstream: bodies' room is not given anew."""
    peer = Peer(connection.stream, False, settings)
    connection.peer = peer
    connection.goaway = None
    connection.pings = 0
    streams = {}

    def run(request):
        try:
            upstream.handler(request, Reply(request))
        except (Reset, ConnectionError, h2.exceptions.ProtocolError, OSError, ssl.SSLError):
            pass
        except Exception as error:  # pylint: disable=broad-except
            upstream.problems.append(f"connection {connection.number}: {type(error).__name__}: {error}")
        upstream.changed()

    def took(event):
        if isinstance(event, h2.events.RequestReceived):
            request = streams[event.stream_id] = Request(connection, peer, event.stream_id, event.headers)
            connection.requests.append(request)
            upstream.requests.append(request)
            threading.Thread(target=run, args=(request,), daemon=True).start()
        elif isinstance(event, h2.events.DataReceived):
            streams[event.stream_id].pieces.append(event.data)
            if upstream.consume:
                peer.state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            streams[event.stream_id].trailers = event.headers
        elif isinstance(event, h2.events.StreamEnded):
            streams[event.stream_id].ended = True
        elif isinstance(event, h2.events.StreamReset):
            streams[event.stream_id].reset = int(event.error_code)
        elif isinstance(event, h2.events.ConnectionTerminated):
            connection.goaway = int(event.error_code)
        elif isinstance(event, h2.events.PingReceived):
            connection.pings += 1
        elif isinstance(event, h2.events.UnknownFrameReceived):
            connection.unknown_frames = getattr(connection, "unknown_frames", []) + [event.frame]

    try:
        while True:
            events = peer.receive()
            if events is None:
                return
            with peer.changed:
                for event in events:
                    with contextlib.suppress(h2.exceptions.StreamClosedError):
                        took(event)
                peer.changed.notify_all()
            peer.flush()
            upstream.changed()
    finally:
        with peer.changed:
            for request in streams.values():
                if not request.ended and request.reset is None:
                    request.reset = -1
            peer.changed.notify_all()


class Call:
    """A client's stream and what came on it."""

    def __init__(self, client, stream_id):
        self.client = client
        self.stream_id = stream_id
        self.heads = []  # each a list of fields; 1xx too
        self.pieces = []
        self.trailers = None
        self.ended = False
        self.reset = None

    @property
    def status(self):
        return int(dict(self.heads[-1])[":status"])

    @property
    def body(self):
        return b"".join(self.pieces)

    def field(self, name):
        return next((v for n, v in self.heads[-1] if n == name), None)

    def wait(self, predicate=None, seconds=60):
        """Until it is over (or `predicate` holds)."""
        done = predicate or (lambda: self.ended or self.reset is not None)
        with self.client.peer.changed:
            if not self.client.peer.changed.wait_for(lambda: done() or self.client.over, seconds) or not done():
                raise AssertionError(f"stream {self.stream_id}: heads {self.heads}, {len(self.body)} octets, "
                                     f"reset {self.reset}, goaway {self.client.goaway}, over {self.client.over}")
        return self

    def send(self, data, end=False):
        self.client.peer.send_body(self.stream_id, data, end, lambda: self.reset is not None or self.client.over)

    def cancel(self, code=h2.errors.ErrorCodes.CANCEL):
        self.client.peer.do("reset_stream", self.stream_id, code)


class Client:
    """Over a wire.Stream that has agreed on h2, or with prior knowledge. `consume(stream_id)`: is room given anew?"""

    def __init__(self, stream, settings=None, consume=lambda stream_id: True):
        self.calls = {}
        self.goaway = None  # (last stream id, code, debug data)
        self.over = False
        self.pings = []
        self.settings = {}
        self._consume = consume
        self.peer = Peer(stream, True, settings)
        threading.Thread(target=self._read, daemon=True).start()

    def request(self, headers, body=None, end=True):
        """Sends a head (and a body); gives the Call."""
        with self.peer.changed:
            stream_id = self.peer.state.get_next_available_stream_id()
            call = self.calls[stream_id] = Call(self, stream_id)
            self.peer.state.send_headers(stream_id, headers, end_stream=end and body is None)
        self.peer.flush()
        if body is not None:
            call.send(body, end)
        return call

    def wait(self, predicate, about, seconds=60):
        with self.peer.changed:
            if not self.peer.changed.wait_for(predicate, seconds):
                raise AssertionError(f"client, not within {seconds} s: {about}")

    def close(self):
        with contextlib.suppress(OSError, ssl.SSLError):
            self.peer.do("close_connection")
            self.peer.stream.finish()

    def _took(self, event):
        call = self.calls.get(getattr(event, "stream_id", None))
        if isinstance(event, (h2.events.ResponseReceived, h2.events.InformationalResponseReceived)):
            call.heads.append(list(event.headers))
        elif isinstance(event, h2.events.DataReceived):
            call.pieces.append(event.data)
            if self._consume(event.stream_id):
                self.peer.state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            else:  # the stream alone is slow, not the connection
                self.peer.state.increment_flow_control_window(max(event.flow_controlled_length, 1))
        elif isinstance(event, h2.events.TrailersReceived):
            call.trailers = list(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            call.ended = True
        elif isinstance(event, h2.events.StreamReset):
            call.reset = int(event.error_code)
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = (event.last_stream_id, int(event.error_code), event.additional_data)
        elif isinstance(event, h2.events.PingAckReceived):
            self.pings.append(event.ping_data)
        elif isinstance(event, h2.events.RemoteSettingsChanged):
            self.settings.update({int(k): v.new_value for k, v in event.changed_settings.items()})

    def _read(self):
        try:
            while True:
                events = self.peer.receive()
                if events is None:
                    return
                with self.peer.changed:
                    for event in events:
                        with contextlib.suppress(h2.exceptions.StreamClosedError):
                            self._took(event)
                    self.peer.changed.notify_all()
                self.peer.flush()
        except (OSError, ssl.SSLError, h2.exceptions.ProtocolError):
            pass
        finally:
            with self.peer.changed:
                self.over = True
                self.peer.changed.notify_all()


def request_headers(head, scheme="https", authority=None):
    """A request head as octets, as bedrock.signed_request makes it, in HTTP/2's fields."""
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ")
    fields = [line.split(": ", 1) for line in lines[1:] if line]
    host = next(v for n, v in fields if n.lower() == "host")
    return [(":method", method), (":scheme", scheme), (":authority", authority or host), (":path", target)] + [
        (n.lower(), v) for n, v in fields if n.lower() not in ("host", "transfer-encoding")]
