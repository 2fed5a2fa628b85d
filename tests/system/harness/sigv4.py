"""AWS Signature Version 4: signs our own requests and checks what arrived, from the wire's octets.

Written from the specification ("Create a signed AWS API request", IAM User Guide); the self-test runs it against the
public vectors where they are at hand. Paths are normalised and encoded once more, as every service but S3 does.
"""

import datetime
import hashlib
import hmac
import struct

ALGORITHM = "AWS4-HMAC-SHA256"
EVENTS = "STREAMING-AWS4-HMAC-SHA256-EVENTS"  # x-amz-content-sha256 of a request whose events are signed one by one
UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def encode(data, keep=b""):
    return "".join(chr(b) if b in UNRESERVED or b in keep else f"%{b:02X}" for b in data)


def _decode(text):
    out = bytearray()
    data = text.encode("latin-1")
    i = 0
    while i < len(data):
        if data[i] == 0x25 and i + 2 < len(data) + 0 and data[i + 1:i + 3].isalnum() and len(data[i + 1:i + 3]) == 2:
            try:
                out.append(int(data[i + 1:i + 3], 16))
                i += 3
                continue
            except ValueError:
                pass
        out.append(data[i])
        i += 1
    return bytes(out)


def normalise(path):
    """RFC 3986 section 5.2.4, and duplicate slashes folded."""
    kept = []
    for part in path.split("/"):
        if part == "..":
            if kept:
                kept.pop()
        elif part not in ("", "."):
            kept.append(part)
    text = "/" + "/".join(kept)
    if kept and path.rsplit("/", 1)[-1] in ("", ".", ".."):
        text += "/"
    return text


def canonical_query(query, leave_out=()):
    pairs = []
    for piece in filter(None, query.split("&")):
        name, _, value = piece.partition("=")
        if name not in leave_out:
            pairs.append((encode(_decode(name)), encode(_decode(value))))
    return "&".join(f"{n}={v}" for n, v in sorted(pairs))


def canonical_headers(fields, signed):
    lines = []
    for name in signed:
        values = [" ".join(v.split()) for n, v in fields if n.lower() == name]
        lines.append(f"{name}:{','.join(values)}\n")
    return "".join(lines)


def canonical_request(method, target, fields, signed, payload_hash, normal=True, leave_out=()):
    path, _, query = target.partition("?")
    path = normalise(path) if normal else (path or "/")
    return "\n".join([method, encode(path.encode("latin-1"), keep=b"/"), canonical_query(query, leave_out),
                      canonical_headers(fields, signed), ";".join(signed), payload_hash])


def string_to_sign(canonical, date, scope):
    return "\n".join([ALGORITHM, date, scope, hashlib.sha256(canonical.encode("latin-1")).hexdigest()])


def signature(secret, scope, text):
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode("latin-1"), hashlib.sha256).hexdigest()


class Credentials:
    def __init__(self, key="AKIDSYSTEMTEST00", secret="s3cr3t/never+seen/by/anyone/EXAMPLEKEY01", token=None):
        self.key = key
        self.secret = secret
        self.token = token


def sign(method, target, fields, body, credentials, region="us-east-1", service="bedrock", when=None, canonical=None,
         unsigned=("user-agent", "connection", "expect", "transfer-encoding", "content-length", "amz-sdk-request",
                   "amz-sdk-invocation-id", "proxy-connection", "proxy-authorization")):
    """`fields` plus X-Amz-Date, X-Amz-Security-Token and Authorization. A Host field must be among them. `canonical`
    turns the canonical request into what a client takes for it by mistake."""
    when = when or datetime.datetime.now(datetime.timezone.utc)
    date = when.strftime("%Y%m%dT%H%M%SZ")
    fields = list(fields) + [("X-Amz-Date", date)]
    if credentials.token:
        fields.append(("X-Amz-Security-Token", credentials.token))
    signed = sorted({n.lower() for n, _ in fields} - set(unsigned))
    scope = f"{date[:8]}/{region}/{service}/aws4_request"
    request = canonical_request(method, target, fields, signed, hashlib.sha256(body).hexdigest())
    request = canonical(request) if canonical else request
    proof = signature(credentials.secret, scope, string_to_sign(request, date, scope))
    fields.append(("Authorization", f"{ALGORITHM} Credential={credentials.key}/{scope}, "
                                    f"SignedHeaders={';'.join(signed)}, Signature={proof}"))
    return fields


class Refused(Exception):
    def __init__(self, name, message):
        super().__init__(message)
        self.name = name


def _told(canonical, text):
    """The canonical request and the string to sign as Amazon's answer quotes them."""
    return (f"\n\nThe Canonical String for this request should have been\n'{canonical}'\n\n"
            f"The String-to-Sign should have been\n'{text}'\n")


def _moment(moment):
    return moment.strftime("%Y%m%dT%H%M%SZ")


def verify(method, target, fields, body, secrets, now=None, scoped=None, tell=False, tokens=None):
    """What Amazon does with a request: returns the access key id or raises Refused. `scoped`: region and service that a
    scope must have; `tell`: quote the canonical request; `tokens`: the session token of each temporary key."""
    value = next((v for n, v in fields if n.lower() == "authorization"), None)
    if value is None:
        raise Refused("MissingAuthenticationTokenException", "Missing Authentication Token")
    if value.startswith("Bearer "):
        if value[7:] in secrets:
            return None
        if scoped:
            raise Refused("AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.")
        raise Refused("UnrecognizedClientException", "The security token included in the request is invalid.")
    try:
        kind, rest = value.split(" ", 1)
        parts = dict(p.strip().split("=", 1) for p in rest.split(","))
        key, scope = parts["Credential"].split("/", 1)
        signed = parts["SignedHeaders"].split(";")
        proof = parts["Signature"]
    except (ValueError, KeyError):
        raise Refused("IncompleteSignatureException", f"Authorization header is malformed: {value[:20]}…") from None
    if kind != ALGORITHM:
        raise Refused("IncompleteSignatureException", f"Unsupported algorithm {kind}")
    secret = secrets.get(key)
    if secret is None:
        raise Refused("UnrecognizedClientException", "The security token included in the request is invalid.")
    date = next((v for n, v in fields if n.lower() == "x-amz-date"), "")
    moment = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    now = now or datetime.datetime.now(datetime.timezone.utc)
    window = datetime.timedelta(minutes=5)
    if moment < now - window:
        raise Refused("InvalidSignatureException", f"Signature expired: {date} is now earlier than "
                                                   f"{_moment(now - window)} ({_moment(now)} - 5 min.)")
    if moment > now + window:
        raise Refused("InvalidSignatureException", f"Signature not yet current: {date} is still later than "
                                                   f"{_moment(now + window)} ({_moment(now)} + 5 min.)")
    if scoped:
        parts_of_scope = scope.split("/")
        if parts_of_scope[1] != scoped[0]:
            raise Refused("InvalidSignatureException",
                          f"Credential should be scoped to a valid region, not '{parts_of_scope[1]}'. ")
        if parts_of_scope[2] != scoped[1]:
            raise Refused("InvalidSignatureException", f"Credential should be scoped to correct service: '{scoped[1]}'. ")
    if tokens is not None:
        token = next((v for n, v in fields if n.lower() == "x-amz-security-token"), None)
        if token != tokens.get(key):
            raise Refused("UnrecognizedClientException", "The security token included in the request is invalid.")
    # Over HTTP/2 the AWS SDK for JavaScript signs the pseudo-header field in Host's place.
    if "host" not in signed and ":authority" not in signed:
        raise Refused("IncompleteSignatureException", "'Host' must be signed")
    payload = next((v for n, v in fields if n.lower() == "x-amz-content-sha256"), None)
    actual = hashlib.sha256(body).hexdigest()
    if payload in (None, actual):
        payload = actual
    elif payload in ("UNSIGNED-PAYLOAD", EVENTS):
        pass
    elif tell:
        payload = actual  # what Amazon signs is what came
    else:
        raise Refused("InvalidSignatureException", "x-amz-content-sha256 does not match the body")
    canonical = canonical_request(method, target, fields, signed, payload)
    text = string_to_sign(canonical, date, scope)
    want = signature(secret, scope, text)
    if not hmac.compare_digest(want, proof):
        raise Refused("InvalidSignatureException",
                      "The request signature we calculated does not match the signature you provided. Check your AWS "
                      "Secret Access Key and signing method. Consult the service documentation for details."
                      + (_told(canonical, text) if tell else ""))
    return key


class EventChain:
    """Checks the events of a request with EVENTS as its payload's hash: each is signed together with the signature
    before it, the first with the request's own ("Signature calculation for event streams")."""

    def __init__(self, fields, secrets):
        value = next(v for n, v in fields if n.lower() == "authorization")
        parts = dict(p.strip().split("=", 1) for p in value.split(" ", 1)[1].split(","))
        key, self._scope = parts["Credential"].split("/", 1)
        self._secret = secrets[key]
        self._before = parts["Signature"]
        self.checked = 0

    def check(self, headers, payload):
        """A frame as eventstream.split gives it; what is in it is `payload`."""
        if set(headers) != {":date", ":chunk-signature"}:
            raise Refused("InvalidSignatureException", f"event {self.checked + 1} has the headers {sorted(headers)}")
        moment = datetime.datetime.fromtimestamp(headers[":date"] / 1000, datetime.timezone.utc)
        date = b"\x05:date\x08" + struct.pack("!q", headers[":date"])
        text = "\n".join([ALGORITHM + "-PAYLOAD", _moment(moment), self._scope, self._before,
                          hashlib.sha256(date).hexdigest(), hashlib.sha256(payload).hexdigest()])
        want = signature(self._secret, self._scope, text)
        if not hmac.compare_digest(bytes.fromhex(want), headers[":chunk-signature"]):
            raise Refused("InvalidSignatureException", f"event {self.checked + 1} does not follow the one before it")
        self._before = want
        self.checked += 1
