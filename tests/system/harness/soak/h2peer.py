"""One end of an HTTP/2 connection over asyncio streams, by python3-h2: just enough to send bodies as windows allow."""

import asyncio

import h2.config
import h2.connection
import h2.events
import h2.exceptions


class Peer:
    """`on_event(event)` is called for each event; `gone` is set once nothing more comes."""

    def __init__(self, reader, writer, client_side, on_event):
        self.reader, self.writer, self.on_event = reader, writer, on_event
        self.state = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=client_side, header_encoding="latin-1", validate_outbound_headers=False))
        self.gone = asyncio.Event()
        self._room = asyncio.Condition()
        self.ended = set()  # streams that were reset
        self.state.initiate_connection()
        self.flush()

    def flush(self):
        data = self.state.data_to_send()
        if data and not self.writer.is_closing():
            self.writer.write(data)

    async def run(self):
        """Reads until the end; never raises for what the other side does."""
        try:
            while data := await self.reader.read(65536):
                for event in self.state.receive_data(data):
                    if isinstance(event, h2.events.DataReceived) and event.flow_controlled_length:
                        self.state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    if isinstance(event, h2.events.StreamReset):
                        self.ended.add(event.stream_id)
                    self.on_event(event)
                self.flush()
                async with self._room:
                    self._room.notify_all()
        except (OSError, h2.exceptions.H2Error, asyncio.IncompleteReadError, KeyError):
            pass
        finally:
            self.gone.set()
            async with self._room:
                self._room.notify_all()

    def headers(self, stream, fields, end=False):
        self.state.send_headers(stream, fields, end_stream=end)
        self.flush()

    def reset(self, stream, code):
        self.ended.add(stream)
        self.state.reset_stream(stream, code)
        self.flush()

    async def body(self, stream, data, end=True):
        """False: the stream or the connection went meanwhile."""
        at = 0
        while at < len(data) or (end and not data):
            if self.gone.is_set() or stream in self.ended:
                return False
            room = min(self.state.local_flow_control_window(stream), self.state.max_outbound_frame_size, 16384)
            if room <= 0 and data:
                async with self._room:
                    await self._room.wait()
                continue
            piece = data[at:at + room]
            at += len(piece)
            self.state.send_data(stream, piece, end_stream=end and at >= len(data))
            self.flush()
            await self.writer.drain()
            if not data:
                break
        return True
