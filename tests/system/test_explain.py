"""`borehole calls explain`: clients that make the very mistake, an upstream that answers as Amazon does, and the cause."""

import datetime
import hashlib
import json

from harness import bedrock, check, clients, eventstream, wire, ways
from harness.proxy import HOST
from harness.runner import test
from harness.sigv4 import Credentials

PLAIN = "amazon.titan-text-express-v1"       # nothing in it needs encoding
COLON = "amazon.nova-lite-v1%3A0"
BODY = b'{"inputText":"hi"}'
SECRET = {"AWS_SECRET_ACCESS_KEY": bedrock.CREDENTIALS.secret, "AWS_ACCESS_KEY_ID": bedrock.CREDENTIALS.key}


def ago(minutes):
    return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=minutes)


def strict(t, **options):
    up = t.upstream()
    up.bedrock.strict = True
    return up, t.proxy(up, **options)


def send(proxy, way=ways.CONNECT, **options):
    options.setdefault("model", PLAIN)
    head, body = bedrock.signed_request("invoke", target_of=way.target, **options)
    stream = way.open(proxy)
    stream.send(head + body)
    return wire.read_response(stream)


def send_with(proxy, *fields, way=ways.CONNECT, target=f"/model/{PLAIN}/invoke"):
    """A request with these fields instead of a signature."""
    lines = [f"POST {target} HTTP/1.1", f"Host: {HOST}", "Content-Type: application/json", *fields,
             f"Content-Length: {len(BODY)}", "", ""]
    stream = way.open(proxy)
    stream.send("\r\n".join(lines).encode() + BODY)
    return wire.read_response(stream)


def in_store(proxy):
    """The id of the one recorded call, once the store has it."""
    record = proxy.call()
    check.eventually(lambda: record["id"] in proxy.run("calls", "list", status=None).stdout, "the call in the store")
    return record["id"]


def explain(proxy, environment=None):
    return json.loads(proxy.run("calls", "explain", in_store(proxy), "--json",
                                environment={"AWS_SECRET_ACCESS_KEY": "", **(environment or {})}))


def codes(diagnosis):
    return [finding["code"] for finding in diagnosis["findings"]]


# ---- signatures that Amazon refuses

def not_encoded_again(canonical):
    return canonical.replace("%253A", "%3A")


MISTAKES = {  # what the client does wrong: what explain says first, without a secret
    "clock_behind": dict(when=22),
    "clock_ahead": dict(when=-22),
    "wrong_region": dict(region="eu-west-1"),
    "wrong_service": dict(service="bedrock-runtime"),
    "signed_header_missing": dict(extra=[("X-Trace", "1")], without=("x-trace",)),
    "body_changed": dict(extra=[("X-Amz-Content-Sha256", hashlib.sha256(BODY).hexdigest())], send_body=b'{"inputText": "hi"}'),
    "wrong_secret": dict(credentials=Credentials(bedrock.CREDENTIALS.key, "a/secret/of/another/key")),
    "path_encoding": dict(model=COLON, canonical=not_encoded_again),
}


@test(each=list(MISTAKES))
def a_mistake_in_signing_is_the_first_finding(t, mistake):
    options = dict(MISTAKES[mistake])
    if "when" in options:
        options["when"] = ago(options["when"])
    _, proxy = strict(t)
    answer = send(proxy, body=BODY, **options)
    check.equal((answer.status, answer.get("x-amzn-errortype")), (403, "InvalidSignatureException"), "Amazon's answer")
    diagnosis = explain(proxy)
    check.equal(codes(diagnosis)[0], mistake, f"the first finding of {diagnosis!r}")
    check.equal(diagnosis["failed"], True, "failed")
    check.true("signature" not in diagnosis, "nothing is recomputed without a secret")
    certain = mistake not in ("wrong_secret", "path_encoding")
    check.equal("wrong_secret" in codes(diagnosis), not certain, f"the secret is suspected only where nothing is seen: {codes(diagnosis)}")


@test(each=list(MISTAKES))
def the_secret_proves_which_side_is_right(t, mistake):
    options = dict(MISTAKES[mistake])
    if "when" in options:
        options["when"] = ago(options["when"])
    _, proxy = strict(t)
    send(proxy, body=BODY, **options)
    diagnosis = explain(proxy, SECRET)
    check.equal(codes(diagnosis)[0], mistake, f"the first finding of {diagnosis!r}")
    proof = {"wrong_secret": "does_not_fit", "path_encoding": "fits_otherwise", "signed_header_missing": "impossible",
             "body_changed": "fits"}.get(mistake, "fits")
    check.equal(diagnosis["signature"]["proof"], proof, f"the proof in {diagnosis!r}")
    for path, content in proxy.files_written().items():
        check.true(SECRET["AWS_SECRET_ACCESS_KEY"].encode() not in content, f"{path} holds no secret")
    check.lacks(json.dumps(diagnosis), SECRET["AWS_SECRET_ACCESS_KEY"], "the secret")


@test
def a_host_that_was_signed_and_not_called(t):
    _, proxy = strict(t)
    answer = send(proxy, host="bedrock.us-east-1.amazonaws.com", send_host=HOST)
    check.equal(answer.status, 403, "Amazon's answer")
    diagnosis = explain(proxy, SECRET)
    check.equal((codes(diagnosis)[0], diagnosis["signature"]["proof"]), ("host_signed_differs", "fits_otherwise"), f"{diagnosis!r}")
    check.contains(diagnosis["findings"][0]["remedy"], HOST, "the host to sign")


@test
def a_gateways_client_that_signed_our_address(t):
    _, proxy = strict(t)
    check.equal(send(proxy, ways.GATEWAY, host=f"localhost:{proxy.port}").status, 403, "Amazon's answer")
    guess = explain(proxy)
    check.equal(codes(guess)[0], "host_signed_differs", f"{guess!r}")
    canonical = guess["canonical"]
    check.equal((canonical["our_line"], canonical["amazons_line"]), (f"host:localhost:{proxy.port}", f"host:{HOST}"), "lines")
    proved = explain(proxy, SECRET)
    check.equal((codes(proved), proved["signature"]["proof"]), (["host_signed_differs"], "fits_otherwise"), f"{proved!r}")


@test
def a_gateways_client_that_signed_the_path_with_the_prefix(t):
    _, proxy = strict(t)
    path = f"/service/standard/model/{PLAIN}/invoke"
    check.equal(send(proxy, host=f"localhost:{proxy.port}", path=path).status, 400, "no host of ours in a CONNECT")
    head, body = bedrock.signed_request("invoke", path=path, host=f"localhost:{proxy.port}")
    stream = wire.connect(proxy.address)
    stream.send(head + body)
    check.equal(wire.read_response(stream).status, 403, "Amazon's answer")
    record = next(r for r in proxy.calls(2) if r["way_in"] == "gateway")
    check.eventually(lambda: record["id"] in proxy.run("calls", "list"), "the call in the store")
    proved = json.loads(proxy.run("calls", "explain", record["id"], "--json", environment=SECRET))
    check.equal(set(codes(proved)[:2]), {"host_signed_differs", "prefix_signed"}, f"{proved!r}")


@test
def amazons_canonical_request_stands_beside_ours(t):
    _, proxy = strict(t)
    send(proxy, credentials=Credentials(bedrock.CREDENTIALS.key, "a/secret/of/another/key"))
    canonical = explain(proxy)["canonical"]
    check.equal((canonical["same"], canonical["ours"]), (True, canonical["amazons"]), "the same")
    check.contains(canonical["ours"], f"POST\n/model/{PLAIN}/invoke\n\ncontent-type:application/json\nhost:{HOST}\n", "the request")
    check.contains(proxy.run("calls", "explain", "last"), "Amazon's canonical request is the same as ours:\n  POST\n", "the page")


@test
def a_right_signature_with_a_secret_that_amazon_does_not_have(t):
    up, proxy = strict(t)
    up.bedrock.secrets[bedrock.CREDENTIALS.key] = "what/Amazon/has"
    send(proxy)
    diagnosis = explain(proxy, SECRET)
    check.equal((codes(diagnosis), diagnosis["signature"]["proof"]), (["signature_right"], "fits"), f"{diagnosis!r}")


@test
def a_session_token_is_taken_from_the_environment_too(t):
    up, proxy = strict(t)
    up.bedrock.secrets[bedrock.SESSION.key] = "what/Amazon/has"
    send(proxy, credentials=bedrock.SESSION)
    secret = {"AWS_SECRET_ACCESS_KEY": bedrock.SESSION.secret}
    without = explain(proxy, {**secret, "AWS_SESSION_TOKEN": ""})
    check.equal(without["signature"]["proof"], "impossible", f"{without!r}")
    check.contains(without["signature"]["sentence"], "AWS_SESSION_TOKEN", "what is missing")
    diagnosis = explain(proxy, {**secret, "AWS_SESSION_TOKEN": bedrock.SESSION.token})
    check.equal(diagnosis["signature"]["proof"], "fits", f"{diagnosis!r}")
    check.equal(diagnosis["canonical"]["same"], True, "the token is masked on both sides")
    check.lacks(json.dumps(diagnosis), bedrock.SESSION.token, "the token")


@test(each=clients.BOTO[:1])
def an_sdk_with_a_wrong_secret(t, boto):
    _, proxy = strict(t)
    client = boto.client(proxy, credentials=Credentials(bedrock.CREDENTIALS.key, "a wrong secret"))
    with check.raises(Exception):
        client.converse(modelId="amazon.nova-lite-v1:0", messages=[{"role": "user", "content": [{"text": "hi"}]}])
    check.equal(codes(explain(proxy))[0], "wrong_secret", "an SDK encodes paths rightly")
    check.equal(explain(proxy, SECRET)["signature"]["proof"], "does_not_fit", "the proof")


# ---- credentials

@test
def an_access_key_that_amazon_does_not_know(t):
    _, proxy = strict(t)
    send(proxy, credentials=Credentials("AKIAUNKNOWN000000000", "s"))
    check.equal(codes(explain(proxy))[0], "access_key_unknown", "finding")


@test
def a_temporary_key_without_its_token(t):
    _, proxy = strict(t)
    check.equal(send(proxy, credentials=Credentials(bedrock.SESSION.key, bedrock.SESSION.secret)).get("x-amzn-errortype"),
                "UnrecognizedClientException", "Amazon's answer")
    check.equal(codes(explain(proxy))[0], "session_token_missing", "finding")


@test
def a_long_term_key_with_a_token_that_is_left_over(t):
    _, proxy = strict(t)
    up_key = Credentials("AKIAIOSFODNN7EXAMPLE", "s", bedrock.SESSION.token)
    send(proxy, credentials=up_key)
    check.equal(codes(explain(proxy))[0], "session_token_left_over", "finding")


@test
def no_credentials(t):
    _, proxy = strict(t)
    check.equal(send_with(proxy).get("x-amzn-errortype"), "MissingAuthenticationTokenException", "Amazon's answer")
    check.equal(codes(explain(proxy)), ["credentials_missing"], "findings")


@test(each=["not_base64", "bearer_twice", "not_expanded", "access_key"])
def a_malformed_api_key(t, fault):
    key = {"not_base64": "ABSK***", "bearer_twice": "Bearer " + bedrock.API_KEY, "not_expanded": "${AWS_BEARER_TOKEN_BEDROCK}",
           "access_key": "AKIAIOSFODNN7EXAMPLE"}[fault]
    _, proxy = strict(t)
    check.equal(send_with(proxy, f"Authorization: Bearer {key}").status, 403, "Amazon's answer")
    check.equal(proxy.call()["aws"]["signing"]["api_key_fault"], fault, "the record")
    check.equal(codes(explain(proxy))[0], "api_key_malformed", "finding")
    for path, content in proxy.files_written().items():
        check.true(key.encode() not in content or fault == "not_expanded", f"{path} holds no key")


@test
def an_api_key_that_ran_out(t):
    import base64
    made = ago(24 * 60).strftime("%Y%m%dT%H%M%SZ")
    url = ("bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIASYSTEMTEST0001"
           f"%2F{made[:8]}%2Fus-east-1%2Fbedrock%2Faws4_request&X-Amz-Date={made}&X-Amz-Expires=43200&X-Amz-Signature={'ab' * 32}")
    _, proxy = strict(t)
    send_with(proxy, "Authorization: Bearer bedrock-api-key-" + base64.b64encode(url.encode()).decode())
    diagnosis = explain(proxy)
    check.equal(codes(diagnosis)[0], "api_key_expired", "finding")
    check.contains(diagnosis["findings"][0]["sentence"], "12 hours before the call", "how long ago")


# ---- what Amazon refuses of a call that is signed well

ANSWERS = {
    "iam_not_allowed": (403, "AccessDeniedException",
                        "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: bedrock:InvokeModel on resource: "
                        "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-text-express-v1 because no identity-based policy "
                        "allows the bedrock:InvokeModel action"),
    "model_access": (403, "AccessDeniedException", "You don't have access to the model with the specified model ID."),
    "session_expired": (403, "ExpiredTokenException", "The security token included in the request is expired"),
    "throttled": (429, "ThrottlingException", "Too many requests, please wait before trying again."),
    "throttled_by_tokens": (429, "ThrottlingException", "Too many tokens, please wait before trying again."),
    "model_id_invalid": (400, "ValidationException", "The provided model identifier is invalid."),
    "inference_profile_needed": (400, "ValidationException",
                                 f"Invocation of model ID {PLAIN} with on-demand throughput isn’t supported. Retry your request with "
                                 "the ID or ARN of an inference profile that contains this model."),
    "body_of_another_shape": (400, "ValidationException", "Malformed input request: extraneous key [inputText] is not permitted, "
                                                          "please reformat your input and try again."),
    "model_failed": (424, "ModelErrorException", "The model returned an error."),
}


@test(each=list(ANSWERS))
def an_answer_of_amazons_is_explained(t, code):
    up, proxy = strict(t)
    up.bedrock.error = ANSWERS[code]
    check.equal(send(proxy).status, ANSWERS[code][0], "the answer")
    diagnosis = explain(proxy, SECRET)
    check.equal(codes(diagnosis)[0], code, f"{diagnosis!r}")
    check.contains(" ".join(diagnosis["findings"][0]["evidence"]), "Amazon says: " + ANSWERS[code][2][:40], "Amazon's own words")


@test
def a_path_that_was_encoded_twice(t):
    up, proxy = strict(t)
    up.bedrock.error = ANSWERS["model_id_invalid"]
    send(proxy, model="amazon.nova-lite-v1%253A0")
    check.equal(codes(explain(proxy))[0], "path_encoded_twice", "finding")


@test
def a_body_that_is_no_json(t):
    up, proxy = strict(t)
    up.bedrock.error = (400, "ValidationException", "Failed to parse the request")
    send(proxy, body=b'{"inputText":')
    check.equal(codes(explain(proxy))[0], "body_not_json", "finding")


# ---- what failed elsewhere, or not at all

@test
def a_call_that_never_came_to_amazon(t):
    proxy = t.proxy(t.upstream(), config={"upstream": {"ca_files": []}})
    check.equal(send(proxy).status, 502, "the answer")
    diagnosis = explain(proxy)
    check.equal(codes(diagnosis), ["certificate_rejected"], f"{diagnosis!r}")
    check.contains(diagnosis["findings"][0]["remedy"], "upstream.ca_files", "remedy")


@test
def an_exception_inside_a_stream(t):
    up = t.upstream()
    up.handler = lambda request, reply: (request.read_body(reply), up.bedrock._stream(
        reply, [eventstream.event("messageStart", {"role": "assistant"}), eventstream.exception("throttlingException", "Too many tokens")], []))
    proxy = t.proxy(up)
    check.equal(send(proxy, path=f"/model/{PLAIN}/converse-stream").status, 200, "the answer")
    diagnosis = explain(proxy)
    check.equal(codes(diagnosis), ["throttled_by_tokens"], f"{diagnosis!r}")
    check.contains(diagnosis["findings"][0]["evidence"][-1], "inside the stream", "where")


@test
def a_client_that_left(t):
    up = t.upstream()
    proxy = t.proxy(up)
    stream = ways.CONNECT.open(proxy)
    stream.send(f"POST /model/{PLAIN}/invoke HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 100000\r\n\r\n".encode() + b"x" * 10)
    up.wait_for_requests(1)
    stream.abort()
    up.wait(lambda: up.connections[0].client_end, "the upstream connection is ended")
    check.equal(codes(explain(proxy)), ["client_left"], "findings")


@test
def a_call_that_succeeded(t):
    _, proxy = strict(t)
    check.equal(send(proxy).status, 200, "the answer")
    check.equal({k: v for k, v in explain(proxy, SECRET).items() if k != "id"}, {"failed": False, "findings": []}, "the diagnosis")
    check.contains(proxy.run("calls", "explain", "last"), "nothing failed", "the page")
    check.lacks(proxy.run("calls", "show", "last"), "mend", "a remedy")
    check.true("signing" not in proxy.call()["aws"], "how it was signed is kept of refused calls alone")


# ---- the ways to ask

@test
def the_page_and_the_api_say_the_same(t):
    _, proxy = strict(t)
    send(proxy, when=ago(22))
    call = in_store(proxy)
    page = proxy.run("calls", "explain", call[:12], environment={"AWS_SECRET_ACCESS_KEY": ""})
    check.equal(page, proxy.run("calls", "explain", "last", environment={"AWS_SECRET_ACCESS_KEY": ""}), "by prefix, and the last")
    check.contains(page, "\nwhy       the time that was signed is 22 minutes behind Amazon's clock", "why")
    check.contains(page, "\nmend      ", "what mends it")
    check.contains(page, "\nseen      X-Amz-Date ", "what was seen")
    check.contains(proxy.run("calls", "show", "last"),
                   "\nwhy       the time that was signed is 22 minutes behind Amazon's clock, and Amazon takes 5 minutes at most; mend: ",
                   "the page of the call")

    def get(path):
        stream = wire.connect(proxy.admin)
        stream.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{proxy.admin[1]}\r\n\r\n".encode())
        return wire.read_response(stream)

    answer = get(f"/api/calls/{call}/explain")
    check.equal((answer.status, answer.get("content-type")), (200, "application/json"), "the API")
    check.equal(json.loads(answer.body), explain(proxy), "the same as the command")
    check.equal(get("/api/calls/01AAAA/explain").status, 404, "of no call")
    check.equal(get(f"/api/calls/{call}/explain?secret=x").status, 400, "no parameters")
    check.equal(get("/api/calls//explain").status, 400, "no id")


@test
def an_id_that_no_call_has(t):
    _, proxy = strict(t)
    send(proxy)
    in_store(proxy)
    done = proxy.run("calls", "explain", "01AAAA", status=None)
    check.equal((done.returncode, done.stdout), (1, ""), "status")
    check.contains(done.stderr, "01AAAA", "the sentence")
    check.equal(proxy.run("calls", "explain", status=None).returncode, 2, "without an id")
