"""`requests`: a signed request sent to a gateway path, and its proxy settings."""

import os

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from harness import bedrock, check, clients
from harness.proxy import HOST
from harness.runner import test

MODEL = "amazon.titan-text-express-v1"


def signed(body, host_header=True, path=f"/model/{MODEL}/invoke", url=None, headers=()):
    """As in the usual example: botocore signs for Amazon's host."""
    fields = {"Content-Type": "application/json", **dict(headers)}
    if host_header:
        fields["Host"] = HOST
    request = AWSRequest("POST", url or f"https://{HOST}{path}", data=body, headers=fields)
    credentials = Credentials(bedrock.SESSION.key, bedrock.SESSION.secret, bedrock.SESSION.token)
    SigV4Auth(credentials, "bedrock", "us-east-1").add_auth(request)
    return request


def session():
    clients.scrub(os.environ)
    return requests.Session()


@test(each=["http", "https"])
def presigned_to_the_gateway(t, scheme):
    up = t.upstream()
    proxy = t.proxy(up)
    with session() as client:
        for model in (MODEL, "anthropic.claude-3-haiku-20240307-v1:0", "us.x%3A0"):
            request = signed('{"inputText": "hi"}', path=f"/model/{model}/invoke")
            answer = client.post(f"{scheme}://localhost:{proxy.port}/service/standard/model/{model}/invoke",
                                 headers=dict(request.headers), data=request.data, verify=proxy.ca)
            check.equal(answer.status_code, 200, answer.text)
            check.equal(answer.json()["stop_reason"], "end_turn", "the answer")
            check.equal(up.requests[-1].target, f"/model/{model}/invoke", "the path upstream")
            check.equal(up.requests[-1].get("host"), HOST, "Host upstream")
    check.equal(up.bedrock.refused, [], "refused signatures")
    check.equal({r["way_in"] for r in proxy.calls(3)}, {"gateway"}, "way_in")


@test
def presigned_without_host_field(t):
    """The HTTP library then sends Host: localhost:PORT, while Amazon's host was signed."""
    up = t.upstream()
    proxy = t.proxy(up)
    request = signed('{"inputText": "hi"}', host_header=False)
    for name in ("localhost", "127.0.0.1"):
        answer = session().post(f"http://{name}:{proxy.port}/service/standard/model/{MODEL}/invoke",
                                headers=dict(request.headers), data=request.data)
        check.equal(answer.status_code, 200, answer.text)
        check.equal(up.requests[-1].get("host"), HOST, "Host upstream")


@test
def signed_for_localhost_is_amazons_to_refuse_and_ours_to_explain(t):
    up = t.upstream()
    proxy = t.proxy(up)
    url = f"http://localhost:{proxy.port}/service/standard/model/{MODEL}/invoke"
    request = signed("{}", host_header=False, url=url)
    answer = session().post(url, headers=dict(request.headers), data=request.data)
    check.equal((answer.status_code, answer.headers["x-amzn-ErrorType"]), (403, "InvalidSignatureException"), answer.text)
    check.true("borehole-error" not in answer.headers, "it is Amazon's answer")
    record = proxy.call()
    check.true(any("host" in note.lower() for note in record.get("notes", [])), f"a note about Host: {record!r}")


@test
def other_regions_host_is_the_one_called(t):
    """A gateway call whose Host is another intercepted host goes there."""
    other = "bedrock-runtime.eu-west-1.amazonaws.com"
    up = t.upstream()
    elsewhere = t.upstream()
    proxy = t.proxy(up, resolve={f"{other}:443": elsewhere.address})
    request = signed("{}", url=f"https://{other}/model/{MODEL}/invoke", headers={"Host": other}, host_header=False)
    answer = session().post(f"http://localhost:{proxy.port}/service/standard/model/{MODEL}/invoke",
                            headers=dict(request.headers), data=request.data)
    check.equal(answer.status_code, 200, answer.text)
    check.equal((len(up.requests), len(elsewhere.requests)), (0, 1), "requests at each")
    check.equal(elsewhere.requests[0].get("host"), other, "Host upstream")


@test(each=["http", "https"])
def as_a_proxy(t, scheme):
    up = t.upstream()
    proxy = t.proxy(up)
    with session() as client:
        client.proxies = {"https": f"{scheme}://localhost:{proxy.port}"}
        client.verify = proxy.bundle
        request = signed('{"inputText": "hi"}')
        answer = client.post(request.url, headers=dict(request.headers), data=request.data)
        check.equal(answer.status_code, 200, answer.text)
        answer = client.post(request.url, headers=dict(request.headers), data=iter([b'{"inputText"', b': "hi"}']))
        check.equal(answer.status_code, 200, "a chunked body: " + answer.text)
    check.equal(up.bedrock.refused, [], "refused signatures")
    check.equal(up.requests[1].get("transfer-encoding"), "chunked", "framing upstream")


@test
def plain_http_through_the_proxy(t):
    up = t.upstream(tls=False, handler=lambda request, reply: (request.read_body(), reply.respond(200, [], b"plain")))
    proxy = t.proxy(resolve={"plain.example:80": up.address})
    answer = session().get("http://plain.example/some//path?q=%2F", proxies={"http": f"http://127.0.0.1:{proxy.port}"})
    check.equal((answer.status_code, answer.content), (200, b"plain"), "the answer")
    check.equal(up.requests[0].target, "/some//path?q=%2F", "the target upstream")
    check.equal(up.requests[0].get("host"), "plain.example", "Host upstream")
