"""The harness against itself: an upstream that was wrong would prove nothing about the proxy."""

import glob
import json
import os

from harness import bedrock, check, eventstream, sigv4, wire
from harness.proxy import HOST
from harness.runner import Skip, test
from harness.ways import trusting

# Public vectors, used in place where they are at hand; the tests do not carry a copy.
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), *[".."] * 3, "shared", "reference", "data")



def _read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def _parse(text):
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    lines = head.split("\n")
    method, rest = lines[0].split(" ", 1)
    target = rest.rsplit(" ", 1)[0]
    fields = []
    for line in lines[1:]:
        if line[:1] in " \t":
            fields[-1] = (fields[-1][0], fields[-1][1] + " " + line.strip())
        else:
            name, _, value = line.partition(":")
            fields.append((name, value.strip()))
    return method, target, fields, body


@test
def sigv4_matches_public_bedrock_vectors(t):
    cases = sorted(glob.glob(os.path.join(DATA, "sigv4-bedrock", "*", "signed-request.txt")))
    if not cases:
        raise Skip("no public signature vectors beside this checkout; signatures of boto3 check the same code")
    for case in cases:
        method, target, fields, body = _parse(_read(case))
        want = _read(os.path.join(os.path.dirname(case), "canonical-request.txt"))
        authorization = next(v for n, v in fields if n == "Authorization")
        signed = authorization.split("SignedHeaders=")[1].split(",")[0].split(";")
        got = sigv4.canonical_request(method, target, fields, signed, want.rsplit("\n", 1)[1])
        check.equal(got, want, f"canonical request of {case}")
        import datetime
        key = sigv4.verify(method, target, fields, body.encode(),
                           {"AKIDEXAMPLE": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"},
                           now=datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc))
        check.equal(key, "AKIDEXAMPLE", case)


@test
def sigv4_matches_public_suite(t):
    cases = sorted(glob.glob(os.path.join(DATA, "sigv4", "*", "context.json")))
    if not cases:
        raise Skip("no public signature vectors beside this checkout; signatures of boto3 check the same code")
    for case in cases:
        folder = os.path.dirname(case)
        context = json.loads(_read(case))
        method, target, fields, body = _parse(_read(os.path.join(folder, "header-signed-request.txt")))
        want = _read(os.path.join(folder, "header-canonical-request.txt"))
        signed = want.split("\n")[-2].split(";")
        target = target.encode("utf-8").decode("latin-1")
        got = sigv4.canonical_request(method, target, fields, signed, want.rsplit("\n", 1)[1],
                                      normal=context["normalize"])
        check.equal(got, want, f"canonical request of {folder}")
        date = next(v for n, v in fields if n == "X-Amz-Date")
        scope = f"{date[:8]}/{context['region']}/{context['service']}/aws4_request"
        proof = sigv4.signature(context["credentials"]["secret_access_key"], scope,
                                sigv4.string_to_sign(got, date, scope))
        check.equal(proof, _read(os.path.join(folder, "header-signature.txt")), f"signature of {folder}")


@test
def event_stream_matches_public_vectors(t):
    # Amazon event stream specification, two of its worked messages.
    empty = bytes.fromhex("000000100000000005c248eb7d98c8ff")
    check.equal(eventstream.frame({}), empty, "the empty message")
    one = bytes.fromhex("0000003d0000002007fd83960c636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e"
                        "7b27666f6f273a27626172277d8d9c08b1")
    check.equal(eventstream.frame({"content-type": "application/json"}, b"{'foo':'bar'}"), one, "one string header")
    frames, rest = eventstream.split(one + empty + b"\0\0")
    check.equal(frames, [({"content-type": "application/json"}, b"{'foo':'bar'}"), ({}, b"")], "decoded")
    check.equal(rest, b"\0\0", "rest")


@test
def upstream_checks_signatures(t):
    up = t.upstream()
    stream = wire.TlsStream(wire.connect(("127.0.0.1", up.port)), trusting(t.trust.path), server_name=HOST)
    head, body = bedrock.signed_request("invoke")
    stream.send(head + body)
    answer = wire.read_response(stream)
    check.equal(answer.status, 200, f"a good signature: {answer!r}")
    stream.send(head + body.replace(b"hi", b"ho"))
    answer = wire.read_response(stream)
    check.equal(answer.status, 403, "a changed body")
    check.equal(answer.get("x-amzn-errortype"), "InvalidSignatureException", "its type")
    stream.send(head.replace(b"%3A0", b":0") + body)
    check.equal(wire.read_response(stream).status, 403, "a changed path")
    head, body = bedrock.signed_request("invoke", [b'{"a":', b"1}"], framing="chunked")
    stream.send(head + body)
    check.equal(wire.read_response(stream).status, 200, "chunked")
    check.equal(up.requests[-1].raw_body, b'5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n', "raw octets of a chunked body")
    check.equal(len(up.connections), 1, "connections")
    check.equal(up.connections[0].sni, HOST, "SNI")
    check.equal(up.connections[0].alpn, "http/1.1", "ALPN")


@test(each=["expired", "not_yet", "wrong_name", "self_signed"])
def bad_upstream_certificates_are_bad(t, kind):
    import ssl
    up = t.upstream(kind=kind)
    with check.raises(ssl.SSLCertVerificationError):
        wire.TlsStream(wire.connect(("127.0.0.1", up.port)), trusting(t.trust.path, strict=False), server_name=HOST)
