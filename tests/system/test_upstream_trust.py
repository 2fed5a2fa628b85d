"""Whom the proxy trusts upstream, and with which TLS: every certificate and setting that must be refused, and controls."""

import json
import os
import re
import subprocess

from harness import bad_certificates, check, wire, ways
from harness.proxy import HOST
from harness.runner import test
from harness.trust import certificate_pem


def serving(t, cases):
    """A proxy, and for each case the host that is served by it."""
    root = bad_certificates.new_root()
    root_path = t.path("root.pem")
    with open(root_path, "wb") as file:
        file.write(certificate_pem(root.certificate))
    hosts, resolve = {}, {}
    for number, (name, make) in enumerate(cases.items()):
        host = f"bedrock-runtime.case-{number}.amazonaws.com"
        server = bad_certificates.TlsServer(make(bad_certificates.Maker(t.path(f"case-{name}"), root, host)))
        t.defer(server.close)
        hosts[name] = host
        resolve[f"{host}:443"] = server.address
    return t.proxy(resolve=resolve, config={
        "upstream": {"ca_files": [root_path]}, "intercept": ["bedrock-runtime.*.amazonaws.com"]}), hosts


def ask(proxy, host, way):
    stream = way.open(proxy, host)
    stream.send(f"GET {way.target('/', host)} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    return wire.read_response(stream)


@test(each=[ways.CONNECT, ways.ABSOLUTE, ways.DIRECT], limit=180)
def each_is_refused_with_its_own_reason(t, way):
    proxy, hosts = serving(t, {name: case[2] for name, case in bad_certificates.CASES.items()})
    said, wrong = {}, []
    for name, (code, words, _) in bad_certificates.CASES.items():
        answer = ask(proxy, hosts[name], way)
        shape = (answer.status, answer.get("x-amzn-errortype"), answer.get("borehole-error"))
        said[name] = json.loads(answer.body)["message"] if shape[2] else ""
        if shape != (502, "ServiceUnavailableException", code) or not re.search(words, said[name], re.I):
            wrong.append((name, words, shape, said[name]))
    check.equal(wrong, [], "cases that were not refused, or with other words")
    records = {r["upstream"]["host"]: r for r in proxy.calls(len(said))}
    for name, (code, _, _) in bad_certificates.CASES.items():
        record = records[hosts[name]]
        check.equal((record["outcome"], record["error"]["code"], record["error"]["fault"]),
                    ("upstream_failed", code, "upstream"), f"{name}: the record")
        check.equal(record["error"]["message"], said[name], f"{name}: the record's words are the client's")


@test(limit=180)
def what_is_sound_is_not_refused(t):
    proxy, hosts = serving(t, bad_certificates.SOUND)
    for name, host in hosts.items():
        answer = ask(proxy, host, ways.CONNECT)
        check.equal(answer.status, 200, f"{name}: {answer!r}")


# What a client may not do towards the proxy: arguments of `openssl s_client`.
WEAK_CLIENTS = {
    "tls_1_0": ["-tls1", "-cipher", "DEFAULT@SECLEVEL=0"],
    "tls_1_1": ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"],
    "cbc_suites": ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES128-SHA"],
    "rsa_key_exchange": ["-tls1_2", "-cipher", "AES128-GCM-SHA256:AES256-GCM-SHA384"],
    "finite_field_dh": ["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"],
    "no_authentication": ["-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"],
    "no_encryption": ["-tls1_2", "-cipher", "ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0"],
    "weak_group": ["-tls1_2", "-groups", "secp224r1", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256:@SECLEVEL=0"],
    "sha1_in_the_handshake": ["-tls1_2", "-sigalgs", "ECDSA+SHA1", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256:@SECLEVEL=0"],
}


@test
def weak_clients_are_refused(t):
    proxy = t.proxy(t.upstream())
    for name, arguments in dict(WEAK_CLIENTS, control=["-tls1_2"]).items():
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{proxy.port}", "-servername", HOST,
                               "-CAfile", proxy.ca, *arguments], input=b"", capture_output=True, check=False, timeout=30)
        opened = b"Verify return code: 0 (ok)" in done.stdout and b"Cipher is (NONE)" not in done.stdout
        check.equal(opened, name == "control", f"{name}: {done.stdout.decode()[-600:]} {done.stderr.decode()[-300:]}")
