"""Gateway paths: which router takes a request, what is cut, which Host goes on."""

import json

from harness import bedrock, check, wire
from harness.proxy import HOST
from harness.runner import test

OTHER = "bedrock-runtime.eu-west-1.amazonaws.com"


def send(proxy, head, body=b""):
    stream = wire.connect(proxy.address)
    stream.send(head + body)
    return wire.read_response(stream)


@test
def the_longest_prefix_wins(t):
    up, other = t.upstream(), t.upstream()
    proxy = t.proxy(up, resolve={f"{OTHER}:443": other.address}, config={"routers": [
        {"path": "/"},
        {"path": "/service/", "upstream": f"https://{HOST}"},
        {"path": "/service/eu/", "upstream": f"https://{OTHER}"}]})
    head, body = bedrock.signed_request("invoke", target_of=lambda p: "/service" + p)
    check.equal(send(proxy, head, body).status, 200, "the shorter prefix")
    head, body = bedrock.signed_request("invoke", host=OTHER, target_of=lambda p: "/service/eu" + p)
    check.equal(send(proxy, head, body).status, 200, "the longer prefix")
    check.equal((len(up.requests), len(other.requests)), (1, 1), "requests at each")
    check.equal(other.requests[0].target.split("/")[1], "model", "the longer prefix is cut")


@test
def no_route_is_404_and_names_the_routes(t):
    proxy = t.proxy(t.upstream())
    answer = send(proxy, b"POST /nowhere/model/x/invoke HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
    check.equal((answer.status, answer.get("x-amzn-errortype")), (404, "ResourceNotFoundException"), repr(answer))
    check.equal(answer.get("borehole-error"), "no_route", "our code")
    check.contains(json.loads(answer.body)["message"], "/service/standard/", "the message")
    # What only looks like the prefix is not it.
    for path in ("/service/standardx/model/x/invoke", "/service/%73tandard/model/x/invoke", "/Service/standard/x",
                 "/service//standard/x"):
        answer = send(proxy, f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
        check.equal(answer.status, 404, path)


@test
def require_headers(t):
    up = t.upstream()
    proxy = t.proxy(up, config={"routers": [
        {"path": "/"}, {"path": "/service/standard/", "upstream": f"https://{HOST}",
                        "require_headers": {"content-type": "application/json"}}]})
    head, body = bedrock.signed_request("invoke", target_of=lambda p: "/service/standard" + p)
    check.equal(send(proxy, head, body).status, 200, "with the field")
    answer = send(proxy, head.replace(b"Content-Type: application/json\r\n", b""), body)
    check.true(400 <= answer.status < 500, f"without the field: {answer!r}")
    check.equal(answer.get("borehole-error"), "header_required", "our code")
    answer = send(proxy, head.replace(b"application/json", b"text/plain"), body)
    check.equal(answer.get("borehole-error"), "header_required", "another value")
    check.equal(len(up.requests), 1, "requests upstream")


@test
def the_proxys_own_host_is_replaced(t):
    up = t.upstream()
    proxy = t.proxy(up)
    for own in (f"localhost:{proxy.port}", f"127.0.0.1:{proxy.port}", f"LOCALHOST:{proxy.port}"):
        head, body = bedrock.signed_request("invoke", target_of=lambda p: "/service/standard" + p, send_host=own)
        answer = send(proxy, head, body)
        check.equal(answer.status, 200, f"{own}: {answer!r}")
        want = head.replace(f"Host: {own}".encode(), f"Host: {HOST}".encode()).replace(b"/service/standard", b"", 1)
        check.equal(up.requests[-1].head.raw, want, "the head upstream, but for Host as sent")


@test
def a_strangers_host_is_refused(t):
    up = t.upstream()
    proxy = t.proxy(up)
    for host in ("evil.example", "evil.example:443", "bedrock-runtime.us-east-1.amazonaws.com.evil.example"):
        head, body = bedrock.signed_request("invoke", target_of=lambda p: "/service/standard" + p, send_host=host)
        answer = send(proxy, head, body)
        check.equal((answer.status, answer.get("borehole-error")), (403, "host_not_allowed"), f"{host}: {answer!r}")
    check.equal(up.requests, [], "requests upstream")


@test
def http_1_0_without_host(t):
    up = t.upstream(handler=lambda request, reply: (request.read_body(), reply.respond(200, [], b"ok")))
    proxy = t.proxy(up)
    stream = wire.connect(proxy.address)
    stream.send(b"GET /service/standard/model/x HTTP/1.0\r\n\r\n")
    answer = wire.read_response(stream)
    check.equal((answer.status, answer.body), (200, b"ok"), "the answer")
    check.equal(stream.read_to_end(), b"", "the end: HTTP/1.0 closes")


@test
def a_plain_upstream(t):
    up = t.upstream(tls=False)
    proxy = t.proxy(resolve={"plain.example:8080": up.address}, config={"routers": [
        {"path": "/"}, {"path": "/plain/", "upstream": "http://plain.example:8080"}]})
    head, body = bedrock.signed_request("converse", host="plain.example:8080", target_of=lambda p: "/plain" + p)
    check.equal(send(proxy, head, body).status, 200, "the answer")


@test
def several_calls_to_several_routers_on_one_connection(t):
    up, other = t.upstream(), t.upstream()
    proxy = t.proxy(up, resolve={f"{OTHER}:443": other.address}, config={"routers": [
        {"path": "/"}, {"path": "/us/", "upstream": f"https://{HOST}"}, {"path": "/eu/", "upstream": f"https://{OTHER}"}]})
    stream = wire.connect(proxy.address)
    for i in range(10):
        host, prefix = ((HOST, "/us"), (OTHER, "/eu"))[i % 2]
        head, body = bedrock.signed_request("invoke", host=host, target_of=lambda p, prefix=prefix: prefix + p)
        stream.send(head + body)
        check.equal(wire.read_response(stream).status, 200, f"call {i}")
    check.equal((len(up.requests), len(other.requests)), (5, 5), "requests at each")
    check.equal(len({c["router"] for c in proxy.calls(10)}), 2, "routers in the records")
