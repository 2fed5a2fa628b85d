"""WebSockets through the proxy, behind a 101 and over HTTP/2: what passes, and what the record says of it."""

import h2.settings

from harness import check, clients, websocket
from harness.proxy import HOST
from harness.runner import test

MESSAGES = ["hello", "x" * 300, "y" * 70000, "bye"]  # lengths of each size; text and binary in turn


def conversation(lines):
    check.equal([line for line in lines if "error" in line], [], "errors")
    check.equal([line["came"] for line in lines if "came" in line], MESSAGES, "what came back")
    check.equal([line["binary"] for line in lines if "came" in line], [False, True, False, True], "kinds")
    check.equal([line["pong"] for line in lines if "pong" in line], ["p"], "pongs")
    check.equal(lines[-1], {"closed": 1000, "reason": "done"}, "the end")


def recorded(record, echo):
    check.equal((record["outcome"], record["request"]["target"].endswith("/chat")), ("complete", True), "the record")
    octets = sum(len(message) for message in MESSAGES)
    check.equal(record["request"]["websocket"],
                {"frames": 6, "text": 2, "binary": 2, "ping": 1, "close": 1, "payload_bytes": octets + 1 + 6,
                 "close_code": 1000}, "the client's frames")
    check.equal(record["response"]["websocket"],
                {"frames": 10, "text": 2, "binary": 2, "continuation": 4, "pong": 1, "close": 1,
                 "payload_bytes": octets + 1 + 6, "close_code": 1000}, "the upstream's frames")
    check.equal([payload.decode() for opcode, payload in echo.frames if opcode in (1, 2)], MESSAGES,
                "what the upstream got")


def told(proxy, record):
    page = proxy.run("calls", "show", record["id"])
    check.contains(page, "websocket the client sent 2 text, 2 binary, 1 ping, 1 close, close code 1000", "calls show")
    check.contains(page, "the upstream sent 2 text, 2 binary, 4 continuation, 1 pong, 1 close, close code 1000",
                   "calls show")
    check.contains(page, "WebSocket frames, ", "calls show")


def client(ca, **options):
    lines, done = clients.node("websocket.mjs", {"NODE_EXTRA_CA_CERTS": ca}, host=HOST, messages=MESSAGES,
                               **options)
    check.equal(done.returncode, 0, f"node: {done.stderr.decode()[-2000:]}")
    return lines


@test
def behind_an_upgrade(t):
    echo = websocket.Echo()
    up = t.upstream(handler=echo)
    proxy = t.proxy(up)
    conversation(client(proxy.ca, proxy=f"http://127.0.0.1:{proxy.port}"))
    record = proxy.call()
    check.equal((record["request"]["method"], record["response"]["status"]), ("GET", 101), "the upgrade")
    recorded(record, echo)
    told(proxy, record)


@test
def over_http_2(t):
    """An extended CONNECT (RFC 8441): offered to the client since the upstream offers it."""
    echo = websocket.Echo()
    up = t.upstream(alpn=("h2",), handler=echo,
                    h2_settings={h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL: 1})
    proxy = t.proxy(up)
    lines = client(proxy.ca, port=proxy.port)
    check.equal(lines[0], {"status": 200}, "the answer")
    conversation(lines[1:])
    check.equal({k: v for k, v in up.requests[0].pseudo.items() if k in (":method", ":protocol", ":path")},
                {":method": "CONNECT", ":protocol": "websocket", ":path": "/chat"}, "what arrived")
    record = proxy.call()
    check.equal((record["request"]["method"], record["upstream"]["alpn"]), ("CONNECT", "h2"), "the request")
    recorded(record, echo)
    told(proxy, record)


@test
def redaction_keeps_no_frame(t):
    """A client masks what it sends: nothing can be looked for in it, so nothing of it is kept."""
    up = t.upstream(handler=websocket.Echo())
    proxy = t.proxy(up, config={"record": {"redact": {"builtin": ["email"]}}})
    conversation(client(proxy.ca, proxy=f"http://127.0.0.1:{proxy.port}"))
    record = proxy.call()
    for side in ("request", "response"):
        check.equal((record[side].get("body"), record[side]["body_withheld"]),
                    (None, "the frames of a WebSocket cannot be looked into"), side)
        check.true(record[side]["websocket"]["frames"] > 0, f"frames of the {side} are counted")
