"""A test root and what it signs: the upstream's certificates, good and bad. Never touches the proxy's own CA."""

import datetime
import ipaddress
import os
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


def _now():
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "borehole system tests"),
                      x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def certificate_pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def issue_leaf(issuer, issuer_key, key, names, not_before=None, not_after=None):
    """A server certificate of the usual profile, signed by any CA."""
    usage = dict(digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
                 key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False)
    return (x509.CertificateBuilder()
            .subject_name(_name(names[0])).issuer_name(issuer.subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(not_before or _now() - DAY).not_valid_after(not_after or _now() + 5 * DAY)
            .add_extension(x509.SubjectAlternativeName([_alternative(n) for n in names]), False)
            .add_extension(x509.BasicConstraints(False, None), True)
            .add_extension(x509.KeyUsage(**usage), True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), False)
            .sign(issuer_key, hashes.SHA256()))


class TestRoot:
    """`folder` receives root.pem and, per certificate, a PEM of key and chain."""

    def __init__(self, folder, name="Test root"):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self._lock = threading.Lock()
        self._contexts = {}
        self.key = ec.generate_private_key(ec.SECP256R1())
        usage = dict(digital_signature=False, content_commitment=False, key_encipherment=False,
                     data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
                     encipher_only=False, decipher_only=False)
        self.certificate = (
            x509.CertificateBuilder().subject_name(_name(name)).issuer_name(_name(name))
            .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(_now() - 400 * DAY).not_valid_after(_now() + 30 * DAY)
            .add_extension(x509.BasicConstraints(True, 0), True)
            .add_extension(x509.KeyUsage(**usage), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False)
            .sign(self.key, hashes.SHA256()))
        self.path = os.path.join(folder, "root.pem")
        with open(self.path, "wb") as file:
            file.write(certificate_pem(self.certificate))

    def server_context(self, name, kind="good", alpn=("http/1.1",), maximum=None, shared=True):
        """`kind`: good, expired, not_yet, wrong_name, self_signed. (An unknown root is a second TestRoot.)"""
        with self._lock:
            if not shared:
                return self._make_context(name, kind, alpn, maximum)
            wanted = (name, kind, tuple(alpn or ()), maximum)
            if wanted not in self._contexts:
                self._contexts[wanted] = self._make_context(name, kind, alpn, maximum)
            return self._contexts[wanted]

    def _make_context(self, name, kind, alpn, maximum):
        key = ec.generate_private_key(ec.SECP256R1())
        issuer, issuer_key, names, dates = self.certificate, self.key, [name], {}
        if kind == "expired":
            dates = dict(not_before=_now() - 30 * DAY, not_after=_now() - DAY)
        elif kind == "not_yet":
            dates = dict(not_before=_now() + 2 * DAY)
        elif kind == "wrong_name":
            names = ["elsewhere.example"]
        elif kind == "self_signed":
            issuer_key = key
            issuer = (x509.CertificateBuilder().subject_name(_name(name)).issuer_name(_name(name))
                      .public_key(key.public_key()).serial_number(x509.random_serial_number())
                      .not_valid_before(_now() - DAY).not_valid_after(_now() + DAY).sign(key, hashes.SHA256()))
        elif kind != "good":
            raise ValueError(kind)
        leaf = issue_leaf(issuer, issuer_key, key, names, **dates)
        path = os.path.join(self.folder, f"{kind}-{leaf.serial_number:x}.pem")
        with open(path, "wb") as file:
            file.write(key_pem(key) + certificate_pem(leaf))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if maximum:
            context.maximum_version = maximum
        return context
