"""curl: through http and https proxies, and with DNS pointed at us (direct)."""

import json

from harness import bedrock, check, clients
from harness.proxy import HOST
from harness.runner import test


def signed_arguments(action="invoke", body=b'{"inputText":"hi"}'):
    head, body = bedrock.signed_request(action, body)
    fields = [line for line in head.decode("latin-1").split("\r\n")[1:] if line]
    arguments = ["--data-binary", "@-"] if len(body) > 100000 else ["--data-binary", body.decode()]
    for field in fields:
        if not field.lower().startswith(("content-length", "host")):
            arguments += ["-H", field]
    return arguments + [f"https://{HOST}/model/anthropic.claude-3-haiku-20240307-v1%3A0/{action}"], body


def ways(proxy):
    return {
        "http_proxy": ["--proxy", f"http://127.0.0.1:{proxy.port}", "--cacert", proxy.ca],
        "https_proxy": ["--proxy", f"https://localhost:{proxy.port}", "--cacert", proxy.ca, "--proxy-cacert", proxy.ca],
        "https_proxy_by_address": ["--proxy", f"https://127.0.0.1:{proxy.port}", "--cacert", proxy.ca,
                                   "--proxy-cacert", proxy.ca],
        "direct": ["--connect-to", f"{HOST}:443:127.0.0.1:{proxy.port}", "--cacert", proxy.ca],
    }


@test(each=["http_proxy", "https_proxy", "https_proxy_by_address", "direct"])
def invoke_and_stream(t, name):
    up = t.upstream()
    proxy = t.proxy(up)
    for action in ("invoke", "converse-stream"):
        arguments, _ = signed_arguments(action)
        done = clients.curl("--suppress-connect-headers", *ways(proxy)[name], *arguments)
        check.equal(done.returncode, 0, f"curl: {done.stderr.decode()}")
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        check.contains(head, b" 200 ", "status")
        if action == "invoke":
            check.equal(json.loads(body)["stop_reason"], "end_turn", "the answer")
    check.equal(up.bedrock.refused, [], "refused signatures")
    records = proxy.calls(2)
    check.equal({r["way_in"] for r in records}, {"direct" if name == "direct" else "connect"}, "way_in")


@test(each=["http_proxy", "https_proxy", "direct"])
def a_big_body_with_expect(t, name):
    """curl sends Expect: 100-continue by itself for big bodies."""
    up = t.upstream()
    proxy = t.proxy(up)
    arguments, body = signed_arguments("invoke", b"x" * (3 << 20))
    done = clients.execute(["curl", "--silent", "--show-error", "--max-time", "60", "--expect100-timeout", "30",
                            "--write-out", "%{http_code}", "-o", t.path("out"), *ways(proxy)[name],
                            "-H", "Expect: 100-continue", *arguments], input_bytes=body)
    check.equal((done.returncode, done.stdout), (0, b"200"), f"curl: {done.stderr.decode()}")
    check.equal(up.requests[0].get("expect"), "100-continue", "Expect upstream")
    check.equal(up.requests[0].body, body, "the body upstream")


@test
def without_trust_curl_refuses(t):
    up = t.upstream()
    proxy = t.proxy(up)
    arguments, _ = signed_arguments()
    done = clients.curl("--proxy", f"http://127.0.0.1:{proxy.port}", *arguments)
    check.equal(done.returncode, 60, f"curl's status for an untrusted certificate: {done.stderr.decode()}")
    check.equal(up.requests, [], "requests upstream")


@test
def refusals_can_be_read(t):
    proxy = t.proxy(resolve={f"{HOST}:443": "127.0.0.1:9"})
    arguments, _ = signed_arguments()
    done = clients.curl(*ways(proxy)["http_proxy"], *arguments)
    text = done.stdout.decode("latin-1")
    check.contains(text, " 502 ", "status")
    check.contains(text.lower(), "borehole-error: connect_failed", "our code")


@test
def plain_http_and_its_proxy_fields(t):
    up = t.upstream(tls=False, handler=lambda request, reply: (request.read_body(), reply.respond(200, [], b"plain")))
    proxy = t.proxy(resolve={"plain.example:80": up.address})
    done = clients.curl("--proxy", f"http://127.0.0.1:{proxy.port}", "http://plain.example/a?b")
    check.true(done.stdout.endswith(b"plain"), f"the answer: {done.stdout!r} {done.stderr!r}")
    got = up.requests[0].head
    check.equal(got.start, "GET /a?b HTTP/1.1", "the request line")
    check.equal(got.get("proxy-connection"), None, "Proxy-Connection")
