"""Upstreams that must not be trusted: certificates and TLS settings as arguments of `openssl s_server`, which serves them.

Each case is a name, what its record must say (the code, and words of the message that are its own) and a function that
makes the files. Shared with tools/compare-refusals.
"""

import datetime
import ipaddress
import os
import re
import subprocess
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .trust import certificate_pem, key_pem

DAY = datetime.timedelta(days=1)
WEAK = "DEFAULT@SECLEVEL=0"   # what OpenSSL itself would not serve


def _now():
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "borehole system tests"),
                      x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def curve_key():
    return ec.generate_private_key(ec.SECP256R1())


def rsa_key(bits):
    return rsa.generate_private_key(65537, bits)


class Authority:
    """Who signs: a name, a key, and the certificates that lead from it to the root (without the root)."""

    def __init__(self, certificate, key, chain=()):
        self.certificate = certificate
        self.key = key
        self.chain = list(chain)


def usage(**yes):
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: yes.get(name, False) for name in names})


def build(subject, key, issuer, begin=-1, end=5, extensions=(), names=None, eku=ExtendedKeyUsageOID.SERVER_AUTH,
          digest=hashes.SHA256()):
    """One certificate. `issuer` None: signed by itself. `names`: of subjectAltName; None for none."""
    builder = (x509.CertificateBuilder().subject_name(_name(subject))
               .issuer_name(issuer.certificate.subject if issuer else _name(subject)).public_key(key.public_key())
               .serial_number(x509.random_serial_number())
               .not_valid_before(_now() + begin * DAY).not_valid_after(_now() + end * DAY))
    if names:
        alternatives = []
        for name in names:
            try:
                alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
            except ValueError:
                alternatives.append(x509.DNSName(name))
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), False)
    if eku:
        builder = builder.add_extension(x509.ExtendedKeyUsage([eku]), False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer.key if issuer else key, digest)


LEAF = ((x509.BasicConstraints(False, None), True), (usage(digital_signature=True), True))
AUTHORITY = ((x509.BasicConstraints(True, 0), True), (usage(key_cert_sign=True, crl_sign=True), True))


def intermediate(root, extensions=AUTHORITY, begin=-10, end=20, key=None, digest=hashes.SHA256()):
    key = key or curve_key()
    certificate = build("Intermediate", key, root, begin, end, extensions, eku=None, digest=digest)
    return Authority(certificate, key, [certificate])


def new_root():
    key = curve_key()
    authority = ((x509.BasicConstraints(True, None), True), AUTHORITY[1])
    return Authority(build("Test root", key, None, -400, 30, authority, eku=None), key)


class Maker:
    """Writes a case's files into `folder`; `host` is the name that the client will ask for."""

    def __init__(self, folder, root, host):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.root = root
        self.host = host

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def serve(self, leaf, key, chain=(), more=()):
        """Arguments of s_server for a leaf and what is sent along."""
        arguments = ["-cert", self.write("leaf.pem", certificate_pem(leaf)), "-key", self.write("key.pem", key_pem(key))]
        if chain:
            arguments += ["-cert_chain", self.write("chain.pem", b"".join(certificate_pem(c) for c in chain))]
        return arguments + list(more)

    def leaf(self, issuer=None, key=None, more=(), **how):
        key = key or curve_key()
        issuer = issuer or self.root
        how.setdefault("names", [self.host])
        how.setdefault("extensions", LEAF)
        return self.serve(build(self.host, key, issuer, **how), key, issuer.chain, more)

    def signed_weakly(self, digest):
        """By the openssl command, since the library may not do it."""
        key = curve_key()
        issuer = intermediate(self.root, key=rsa_key(2048))   # ECDSA knows no MD5
        paths = {"leaf.pem": b"", "key.pem": key_pem(key), "ca.key": key_pem(issuer.key),
                 "ca.pem": certificate_pem(issuer.certificate)}
        paths = {name: self.write(name, content) for name, content in paths.items()}
        extensions = self.write("extensions", f"subjectAltName=DNS:{self.host}\nextendedKeyUsage=serverAuth\n".encode())
        request = os.path.join(self.folder, "request.pem")
        run = lambda *a: subprocess.run(["openssl", *a], check=True, capture_output=True)  # noqa: E731
        run("req", "-new", "-key", paths["key.pem"], "-subj", f"/CN={self.host[:60]}", "-out", request)
        run("x509", "-req", "-in", request, "-CA", paths["ca.pem"], "-CAkey", paths["ca.key"], f"-{digest}", "-days", "5",
            "-set_serial", "4711", "-extfile", extensions, "-out", paths["leaf.pem"])
        return ["-cert", paths["leaf.pem"], "-key", paths["key.pem"], "-cert_chain", paths["ca.pem"], "-cipher", WEAK]

    def with_staple(self, status, by=None, about=None, delegated=False):
        """A leaf of an intermediate, and an OCSP response about it."""
        issuer = intermediate(self.root)
        key = curve_key()
        leaf = build(self.host, key, issuer, names=[self.host], extensions=LEAF)
        responder = by or issuer
        if delegated:
            answering = curve_key()
            certificate = build("Responder", answering, issuer, extensions=LEAF, eku=ExtendedKeyUsageOID.OCSP_SIGNING)
            responder = Authority(certificate, answering)
        revoked = status == ocsp.OCSPCertStatus.REVOKED
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=about(issuer) if about else leaf, issuer=issuer.certificate, algorithm=hashes.SHA1(), cert_status=status,
            this_update=_now() - DAY, next_update=_now() + DAY, revocation_time=_now() - DAY if revoked else None,
            revocation_reason=x509.ReasonFlags.key_compromise if revoked else None
        ).responder_id(ocsp.OCSPResponderEncoding.HASH, responder.certificate)
        if delegated:
            builder = builder.certificates([responder.certificate])
        answer = builder.sign(responder.key, hashes.SHA256())
        from cryptography.hazmat.primitives import serialization
        staple = self.write("staple.der", answer.public_bytes(serialization.Encoding.DER))
        return self.serve(leaf, key, issuer.chain, ["-status_file", staple])

    def flipped(self):
        """A signature with one bit that is not its own."""
        arguments = self.leaf()
        der = bytearray(x509.load_pem_x509_certificate(open(arguments[1], "rb").read()).public_bytes(_der()))
        der[-1] ^= 1
        import base64
        text = base64.encodebytes(bytes(der))
        self.write("leaf.pem", b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n")
        return arguments


def _der():
    from cryptography.hazmat.primitives import serialization
    return serialization.Encoding.DER


def _self_signed(m):
    key = curve_key()
    return m.serve(build(m.host, key, None, names=[m.host], extensions=LEAF), key)


def _unknown_root(m):
    key = curve_key()
    certificate = build("Nobody's root", key, None, -10, 10, AUTHORITY, eku=None)
    return m.leaf(Authority(certificate, key, [certificate]))   # sent along, as proxies of companies do


def _incomplete(m):
    issuer = intermediate(m.root)
    issuer.chain = []
    where = x509.AccessDescription(x509.oid.AuthorityInformationAccessOID.CA_ISSUERS,
                                   x509.UniformResourceIdentifier("http://ca.example/intermediate.der"))
    return m.leaf(issuer, extensions=LEAF + ((x509.AuthorityInformationAccess([where]), False),))


def _constrained(**names):
    constraint = x509.NameConstraints(**{"permitted_subtrees": None, "excluded_subtrees": None, **names})
    return lambda m: m.leaf(intermediate(m.root, AUTHORITY + ((constraint, True),)))


def _too_long(m):
    first = intermediate(m.root)
    key = curve_key()
    second = build("Below", key, first, extensions=AUTHORITY, eku=None)
    return m.leaf(Authority(second, key, [second] + first.chain))


REJECTED, TLS = "certificate_rejected", "tls_failed"
_UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
GOOD = ocsp.OCSPCertStatus.GOOD
REVOKED = ocsp.OCSPCertStatus.REVOKED

# name → (code, words of the message, arguments)
CASES = {
    "expired": (REJECTED, "expired", lambda m: m.leaf(begin=-30, end=-1)),
    "not_yet_valid": (REJECTED, "not yet valid", lambda m: m.leaf(begin=2)),
    "wrong_host": (REJECTED, "it is for elsewhere.example", lambda m: m.leaf(names=["elsewhere.example"])),
    "wildcard_of_a_parent": (REJECTED, r"it is for \*\.amazonaws\.com", lambda m: m.leaf(names=["*.amazonaws.com"])),
    "partial_wildcard": (REJECTED, r"it is for bedrock\*", lambda m: m.leaf(names=["bedrock*" + m.host[m.host.index("."):]])),
    "only_another_address": (REJECTED, "it is for 192.0.2.1", lambda m: m.leaf(names=["192.0.2.1"])),
    "missing_san": (REJECTED, "it names no host in its subjectAltName", lambda m: m.leaf(names=None)),
    "self_signed": (REJECTED, "it is self-signed, so nobody", _self_signed),
    "unknown_root": (REJECTED, "its chain ends in a root that is not trusted here, .*Nobody's root", _unknown_root),
    "incomplete_chain": (REJECTED, "does not send its whole chain: the certificate of .*Intermediate is missing", _incomplete),
    "name_constraint_permits_others": (REJECTED, "permitted subtree",
                                       _constrained(permitted_subtrees=[x509.DNSName("example.org")])),
    "name_constraint_excludes": (REJECTED, "excluded subtree",
                                 _constrained(excluded_subtrees=[x509.DNSName("amazonaws.com")])),
    "wrong_eku": (REJECTED, "purpose", lambda m: m.leaf(eku=ExtendedKeyUsageOID.CLIENT_AUTH)),
    "eku_of_a_responder": (REJECTED, "purpose", lambda m: m.leaf(eku=ExtendedKeyUsageOID.OCSP_SIGNING)),
    "unknown_critical_extension": (REJECTED, "critical extension", lambda m: m.leaf(extensions=LEAF + ((_UNKNOWN, True),))),
    "rsa_1024": (REJECTED, "less than 2048 bits", lambda m: m.leaf(key=rsa_key(1024), more=["-cipher", WEAK])),
    "rsa_1024_above": (REJECTED, "less than 2048 bits",
                       lambda m: m.leaf(intermediate(m.root, key=rsa_key(1024)), more=["-cipher", WEAK])),
    "curve_224": (REJECTED, "less than 256 bits",
                  lambda m: m.leaf(intermediate(m.root, key=ec.generate_private_key(ec.SECP224R1())), more=["-cipher", WEAK])),
    "sha1_signature": (REJECTED, "SHA-1 or MD5", lambda m: m.signed_weakly("sha1")),
    "md5_signature": (REJECTED, "SHA-1 or MD5|unsupported|unknown|signature", lambda m: m.signed_weakly("md5")),
    "broken_signature": (REJECTED, "signature", lambda m: m.flipped()),
    "ca_without_basic_constraints": (REJECTED, "invalid CA certificate",
                                     lambda m: m.leaf(intermediate(m.root, AUTHORITY[1:]))),
    "ca_that_says_it_is_none": (REJECTED, "invalid CA certificate", lambda m: m.leaf(
        intermediate(m.root, ((x509.BasicConstraints(False, None), True), AUTHORITY[1])))),
    "ca_that_may_not_sign": (REJECTED, "a CA that may not sign certificates", lambda m: m.leaf(
        intermediate(m.root, (AUTHORITY[0], (usage(crl_sign=True), True))))),
    "ca_that_expired": (REJECTED, "expired", lambda m: m.leaf(intermediate(m.root, begin=-30, end=-1))),
    "chain_longer_than_allowed": (REJECTED, "path length", _too_long),
    "leaf_that_signs": (REJECTED, "signed with a certificate that is no CA's", lambda m: m.leaf(
        intermediate(m.root, LEAF))),
    "revoked_staple": (REJECTED, "revoked", lambda m: m.with_staple(REVOKED)),
    "revoked_staple_by_a_delegate": (REJECTED, "revoked", lambda m: m.with_staple(REVOKED, delegated=True)),
    "tls_1_0": (TLS, "TLS 1.2", lambda m: m.leaf(more=["-tls1", "-cipher", WEAK])),
    "tls_1_1": (TLS, "TLS 1.2", lambda m: m.leaf(more=["-tls1_1", "-cipher", WEAK])),
    "cbc_suites": (TLS, "cipher", lambda m: m.leaf(more=["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384"])),
    "rsa_key_exchange": (TLS, "cipher", lambda m: m.leaf(key=rsa_key(2048), more=["-tls1_2", "-cipher", "AES128-GCM-SHA256"])),
    "finite_field_dh": (TLS, "cipher", lambda m: m.leaf(key=rsa_key(2048), more=["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"])),
    "no_authentication": (TLS, "cipher", lambda m: m.leaf(more=["-tls1_2", "-cipher", "ADH-AES128-GCM-SHA256@SECLEVEL=0"])),
    "no_encryption": (TLS, "cipher", lambda m: m.leaf(more=["-tls1_2", "-cipher", "ECDHE-ECDSA-NULL-SHA@SECLEVEL=0"])),
    "weak_group": (TLS, "cipher|group|handshake", lambda m: m.leaf(more=["-tls1_2", "-groups", "secp224r1", "-cipher", WEAK])),
    "sha1_in_the_handshake": (TLS, "alert|signature", lambda m: m.leaf(
        key=rsa_key(2048), more=["-tls1_2", "-sigalgs", "RSA+SHA1", "-cipher", WEAK])),
}

# What looks suspicious and is sound: refused by none.
SOUND = {
    "plain": lambda m: m.leaf(),
    "by_an_intermediate": lambda m: m.leaf(intermediate(m.root)),
    "wildcard": lambda m: m.leaf(names=["*" + m.host[m.host.index("."):]]),
    "upper_case_name": lambda m: m.leaf(names=[m.host.upper()]),
    "rsa_2048": lambda m: m.leaf(key=rsa_key(2048)),
    "constraints_that_permit": _constrained(permitted_subtrees=[x509.DNSName("amazonaws.com")]),
    "only_tls_1_2": lambda m: m.leaf(more=["-tls1_2"]),
    "good_staple": lambda m: m.with_staple(GOOD),
    "revoked_staple_of_a_stranger": lambda m: m.with_staple(REVOKED, by=_stranger()),
    "revoked_staple_about_another": lambda m: m.with_staple(
        REVOKED, about=lambda issuer: build("other", curve_key(), issuer, names=["other.example"], extensions=LEAF)),
}


def _stranger():
    key = curve_key()
    return Authority(build("Stranger", key, None, -10, 10, AUTHORITY, eku=None), key)


class TlsServer:
    """`openssl s_server -www`, on a port of its own where none is given."""

    def __init__(self, arguments, address="127.0.0.1:0"):
        self._process = subprocess.Popen(
            ["openssl", "s_server", "-accept", address, "-www", *arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.output = []
        self.port = None
        for line in self._process.stdout:
            self.output.append(line)
            found = re.match(r"ACCEPT(?: .*:(\d+))?$", line.strip())   # without an address where one was given
            if found:
                self.port = int(found[1] or address.rsplit(":", 1)[1])
                break
        if self.port is None:
            raise AssertionError(f"openssl s_server {arguments}: {''.join(self.output)}")
        threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self):
        for line in self._process.stdout:
            self.output.append(line)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def close(self):
        self._process.kill()
        self._process.wait()
