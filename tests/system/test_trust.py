"""The CA and its certificates, judged by the verifiers that users have."""

import os
import re
import socket
import ssl
import stat
import subprocess
import threading

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID

from harness import check, clients, wire, ways
from harness.proxy import HOST
from harness.runner import test
from harness.trust import certificate_pem, issue_leaf, key_pem
from test_admin import Admin

OUTSIDE = "www.example.com"
HERE = os.path.dirname(os.path.abspath(__file__))


def load(path):
    with open(path, "rb") as file:
        return x509.load_pem_x509_certificate(file.read())


def extension(certificate, oid):
    found = certificate.extensions.get_extension_for_oid(oid)
    return found.value, found.critical


@test
def files_and_modes(t):
    proxy = t.proxy()
    check.equal(stat.S_IMODE(os.stat(proxy.ca_folder).st_mode), 0o700, "the folder's mode")
    check.equal(stat.S_IMODE(os.stat(proxy.issuing_key).st_mode), 0o600, "issuing.key's mode")
    keys = {}
    for name in os.listdir(proxy.ca_folder):
        with open(os.path.join(proxy.ca_folder, name), "rb") as file:
            content = file.read()
        if b"PRIVATE KEY" in content:
            keys[name] = content
    check.equal(list(keys), ["issuing.key"], "files with a private key")
    key = serialization.load_pem_private_key(keys["issuing.key"], None)
    public = lambda c: c.public_key().public_numbers()  # noqa: E731
    check.equal(key.public_key().public_numbers(), public(load(proxy.issuing)), "issuing.key is the issuing CA's")
    check.true(public(load(proxy.ca)) != public(load(proxy.issuing)), "the root has another key")
    # The root's private key must not be in any file, whatever its form: its public point would betray a SEC1 or PKCS#8 copy.
    with open(proxy.bundle, "rb") as file:
        bundle = file.read()
    with open(proxy.ca, "rb") as file:
        check.contains(bundle, file.read().strip(), "the root in bundle.pem")
    with open("/etc/ssl/certs/ca-certificates.crt", "rb") as file:
        check.equal(bundle.count(b"BEGIN CERTIFICATE"), file.read().count(b"BEGIN CERTIFICATE") + 1, "roots in bundle.pem")


@test
def two_tiers_and_their_profile(t):
    proxy = t.proxy()
    root, issuing = load(proxy.ca), load(proxy.issuing)
    check.equal(root.issuer, root.subject, "the root is its own issuer")
    check.equal(issuing.issuer, root.subject, "the issuing CA's issuer")
    for name, certificate, path_length in (("root", root, 1), ("issuing", issuing, 0)):
        value, critical = extension(certificate, ExtensionOID.BASIC_CONSTRAINTS)
        check.equal((value.ca, critical), (True, True), f"{name}: basicConstraints")
        check.true(value.path_length is None and name == "root" or value.path_length <= path_length, f"{name}: pathlen")
        value, critical = extension(certificate, ExtensionOID.KEY_USAGE)
        check.equal((value.key_cert_sign, critical), (True, True), f"{name}: keyUsage")
        value, critical = extension(certificate, ExtensionOID.NAME_CONSTRAINTS)
        check.true(critical, f"{name}: name constraints are critical")
        permitted = {str(p.value) for p in value.permitted_subtrees}
        check.true({"localhost", "amazonaws.com"} <= permitted, f"{name}: permitted names: {permitted}")
        check.true(any(p.startswith("127.0.0.") for p in permitted), f"{name}: permitted addresses: {permitted}")
        check.true(not {"com", "", "0.0.0.0/0"} & permitted, f"{name}: permitted names: {permitted}")
        extension(certificate, ExtensionOID.SUBJECT_KEY_IDENTIFIER)
        check.equal(certificate.public_key().curve.name, "secp256r1", f"{name}: curve")
        check.true(0 < certificate.serial_number < 1 << 160, f"{name}: serial")
    extension(issuing, ExtensionOID.AUTHORITY_KEY_IDENTIFIER)


def served(proxy, name):
    """The chain that the proxy sends, as PEM texts."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{proxy.port}", "-servername", name,
                           "-showcerts"], input=b"", capture_output=True, check=False, timeout=30)
    return re.findall(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", done.stdout, re.S)


@test
def leaf_profile(t):
    import datetime
    proxy = t.proxy(t.upstream())
    chain = [x509.load_pem_x509_certificate(pem) for pem in served(proxy, HOST)]
    check.true(len(chain) >= 2, "the issuing certificate is sent too")
    check.equal(chain[1], load(proxy.issuing), "the second one sent")
    leaf = chain[0]
    names = extension(leaf, ExtensionOID.SUBJECT_ALTERNATIVE_NAME)[0].get_values_for_type(x509.DNSName)
    check.contains(names, HOST, "its names")
    value, critical = extension(leaf, ExtensionOID.BASIC_CONSTRAINTS)
    check.equal((value.ca, critical), (False, True), "basicConstraints")
    value, critical = extension(leaf, ExtensionOID.KEY_USAGE)
    check.equal((value.digital_signature, value.key_cert_sign, critical), (True, False, True), "keyUsage")
    check.equal([u.dotted_string for u in extension(leaf, ExtensionOID.EXTENDED_KEY_USAGE)[0]], ["1.3.6.1.5.5.7.3.1"], "EKU")
    extension(leaf, ExtensionOID.SUBJECT_KEY_IDENTIFIER)
    extension(leaf, ExtensionOID.AUTHORITY_KEY_IDENTIFIER)
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    check.true(leaf.not_valid_before < now - datetime.timedelta(hours=23), "back-dated a day")
    check.true(leaf.not_valid_after - now <= datetime.timedelta(days=7), "at most 7 days")
    numbers = leaf.public_key().public_numbers()
    check.true(numbers != load(proxy.issuing).public_key().public_numbers(), "its own key")
    proxy.stop()
    proxy.start()
    again = x509.load_pem_x509_certificate(served(proxy, HOST)[0])
    check.true(again.public_key().public_numbers() != numbers, "a new key after a new start")
    check.equal(again.issuer, leaf.issuer, "the same CA after a new start")


@test
def openssl_verifies_strictly(t):
    proxy = t.proxy(t.upstream())
    for name in (HOST, "localhost", "bedrock-agent-runtime.eu-central-1.amazonaws.com"):
        chain = served(proxy, name)
        with open(t.path("leaf.pem"), "wb") as file:
            file.write(chain[0])
        done = subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", name,
                               "-CAfile", proxy.ca, "-untrusted", proxy.issuing, t.path("leaf.pem")],
                              capture_output=True, text=True, check=False)
        check.equal(done.returncode, 0, f"{name}: {done.stdout} {done.stderr}")


class WrongCertificate:
    """A TLS server whose leaf is signed with the real issuing key: for a name inside or outside the constraints."""

    def __init__(self, t, proxy, name):
        issuing = load(proxy.issuing)
        with open(proxy.issuing_key, "rb") as file:
            issuing_key = serialization.load_pem_private_key(file.read(), None)
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = issue_leaf(issuing, issuing_key, key, [name])
        path = t.path(f"{name}.pem")
        with open(path, "wb") as file:
            file.write(key_pem(key) + certificate_pem(leaf) + certificate_pem(issuing))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(path)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        t.defer(self._listener.close)

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(wire.Stream(sock),), daemon=True).start()

    def _serve(self, lower):
        try:
            stream = wire.TlsStream(lower, self._context, server_side=True)
            if stream.recv():
                stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            stream.finish()
            stream.read_to_end()
        except (OSError, ssl.SSLError):
            pass
        finally:
            lower.close()


# Each verifier: (proxy, [(name, port)]) → [accepted?, …]


def by_python(proxy, pairs):
    def one(name, port):
        try:
            wire.TlsStream(wire.connect(("127.0.0.1", port)), ways.trusting(proxy, strict=True), server_name=name).close()
            return True
        except ssl.SSLCertVerificationError:
            return False
    return [one(*pair) for pair in pairs]


def by_openssl(proxy, pairs):
    def one(name, port):
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, "-CAfile",
                               proxy.ca, "-no-CApath", "-no-CAstore", "-x509_strict", "-verify_hostname", name,
                               "-verify_return_error"], input=b"", capture_output=True, check=False, timeout=30)
        return b"Verify return code: 0 (ok)" in done.stdout
    return [one(*pair) for pair in pairs]


def by_curl(proxy, pairs):
    def one(name, port):
        done = clients.curl("--cacert", proxy.ca, "--connect-to", f"{name}:443:127.0.0.1:{port}", f"https://{name}/x")
        check.one_of(done.returncode, (0, 60), f"curl: {done.stderr.decode()}")
        return done.returncode == 0
    return [one(*pair) for pair in pairs]


def by_node(proxy, pairs):
    def one(name, port):
        lines, done = clients.node("verify.mjs", port=port, name=name, ca=proxy.ca)
        check.equal(len(lines), 1, f"node: {done.stderr.decode()}")
        return lines[0]["accepted"]
    return [one(*pair) for pair in pairs]


def words(output, pairs, about):
    lines = output.splitlines()
    check.equal([line.split(" ")[1] for line in lines], [name for name, _ in pairs], f"{about}: {output}")
    return [line.startswith("accepted ") for line in lines]


def by_java(proxy, pairs):
    folder = proxy.folder
    subprocess.run(["keytool", "-importcert", "-noprompt", "-alias", "borehole", "-file", proxy.ca, "-keystore",
                    os.path.join(folder, "trust.p12"), "-storetype", "PKCS12", "-storepass", "changeit"],
                   check=True, capture_output=True, timeout=120)
    subprocess.run(["javac", "-d", folder, os.path.join(HERE, "java", "Verify.java")], check=True, capture_output=True,
                   timeout=120)
    done = subprocess.run(["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", folder, "Verify", "0",
                           ",".join(f"{name}={port}" for name, port in pairs), os.path.join(folder, "trust.p12"),
                           "changeit"], capture_output=True, text=True, check=False, timeout=120)
    return words(done.stdout, pairs, f"java {done.stderr[-500:]}")


def by_go(proxy, pairs):
    program = os.path.join(proxy.folder, "verify")
    clients.build_go("verify.go", program)
    done = subprocess.run([program, proxy.ca] + [f"{name}={port}" for name, port in pairs], capture_output=True,
                          text=True, check=False, timeout=60)
    return words(done.stdout, pairs, f"go {done.stderr}")


VERIFIERS = {"python": by_python, "openssl": by_openssl, "curl": by_curl, "node": by_node, "java": by_java, "go": by_go}


@test(each=list(VERIFIERS), limit=200)
def accepted_inside_and_refused_outside_the_constraints(t, verifier):
    """The control beside each refusal: the same server, the same key, a permitted name."""
    up = t.upstream(handler=lambda request, reply: (request.read_body(), reply.respond(200, [], b"ok")))
    proxy = t.proxy(up)
    inside = WrongCertificate(t, proxy, "bedrock-runtime.eu-west-1.amazonaws.com")
    outside = WrongCertificate(t, proxy, OUTSIDE)
    pairs = [(HOST, proxy.port), ("bedrock-runtime.eu-west-1.amazonaws.com", inside.port), (OUTSIDE, outside.port)]
    check.equal(VERIFIERS[verifier](proxy, pairs), [True, True, False], f"accepted by {verifier}, of {pairs}")


@test
def addresses_are_accepted_as_names_of_the_proxy(t):
    proxy = t.proxy(t.upstream())
    for url in (f"https://127.0.0.1:{proxy.port}/nowhere", f"https://localhost:{proxy.port}/nowhere"):
        done = clients.curl("--cacert", proxy.ca, url)
        check.equal(done.returncode, 0, f"{url}: {done.stderr.decode()}")
        check.contains(done.stdout, b" 404 ", url)


@test
def the_ca_stays_the_same(t):
    proxy = t.proxy()
    before = {name: open(os.path.join(proxy.ca_folder, name), "rb").read() for name in ("ca.pem", "issuing.pem", "issuing.key")}
    proxy.stop()
    proxy.start()
    for name, content in before.items():
        with open(os.path.join(proxy.ca_folder, name), "rb") as file:
            check.equal(file.read(), content, name)


@test
def a_key_that_others_can_read_is_refused(t):
    proxy = t.proxy()
    proxy.stop()
    os.chmod(proxy.issuing_key, 0o644)
    with check.raises(AssertionError) as seen:
        proxy.start()
    check.contains(str(seen.error), "issuing.key", "the message names the file")
    os.chmod(proxy.issuing_key, 0o600)


@test
def ca_commands(t):
    proxy = t.proxy()
    check.equal(proxy.run("ca", "path").strip(), proxy.ca, "ca path")
    check.contains(proxy.run("ca", "show"), "amazonaws.com", "ca show")


@test
def an_intercepted_host_outside_the_constraints_is_refused(t):
    proxy = t.proxy()
    proxy.stop()
    proxy.config["intercept"] = ["bedrock-runtime.*.amazonaws.com", "api.openai.com"]
    proxy.write_config()
    done = proxy.run("check", status=None)
    check.equal(done.returncode, 2, f"check: {done.stdout} {done.stderr}")
    check.contains(done.stdout + done.stderr, "ca.pem", "the remedy")


@test(each=["TLSv1_2", "TLSv1_3"])
def a_client_s_session_is_resumed_whichever_worker_its_connection_comes_to(t, version):
    proxy = t.proxy(config={"workers": 2})
    context = ways.trusting(proxy)
    context.maximum_version = ssl.TLSVersion[version]
    streams, session = [], None

    def busy_workers():
        metrics = Admin(proxy).metrics()
        return {worker for worker in "01" if metrics.value("borehole_worker_connections_open", worker=worker) > 0}

    while len(streams) < 100 and (len(streams) < 4 or len(busy_workers()) < 2):
        stream = wire.TlsStream(wire.connect(proxy.address), context, server_name="localhost", handshake=False)
        if session:
            stream.session.session = session
        stream.handshake()
        stream.send(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
        check.equal(wire.read_response(stream).status, 404, "an answer, and the session's ticket before it")
        check.equal(stream.session.session_reused, bool(session), f"resumed, connection {len(streams)}")
        session = session or stream.session.session
        streams.append(stream)
    check.equal(busy_workers(), {"0", "1"}, "workers that the connections came to")
