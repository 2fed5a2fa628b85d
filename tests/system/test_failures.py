"""What keeps the program from starting: one sentence that says what to do, exit status 1 (2: configuration), and nothing
on disk is touched."""

import datetime
import hashlib
import os
import re
import resource
import stat
import subprocess
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from harness import check, trust
from harness.proxy import SANITIZER, Proxy
from harness.runner import Skip, test

DAY = datetime.timedelta(days=1)
NOBODY = 65534
MEND = "restore the folder from a copy, or run `borehole ca rotate` for a new CA"


def tree(folder):
    """Every file and folder below: its mode, and a digest of what is in it."""
    found = {}
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(parent, name)
            digest = ""
            if name in files and name != "stderr.txt":
                with open(path, "rb") as file:
                    digest = hashlib.sha256(file.read()).hexdigest()
            found[os.path.relpath(path, folder)] = (oct(stat.S_IMODE(os.lstat(path).st_mode)), digest)
    return found


def serve(proxy, user=None, files=None):
    """`borehole serve`, which is to end by itself; as another user if one is named."""
    with open(proxy.binary, "rb") as binary:  # a path to it need not be open to that user
        return subprocess.run(
            [f"/proc/self/fd/{binary.fileno()}", "serve", "--config", proxy.config_path, *proxy.arguments],
            capture_output=True, text=True, timeout=60, check=False, env=proxy.environment, cwd="/",
            pass_fds=[binary.fileno()], user=user, group=user, extra_groups=None if user is None else [],
            preexec_fn=None if files is None else lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)))


def fails(proxy, sentence, status=1, folder=None, **how):
    """It ends with this sentence alone and leaves every file as it was."""
    folder = folder or proxy.folder
    before = tree(folder)
    done = serve(proxy, **how)
    check.true(not SANITIZER.search(done.stderr), done.stderr)
    if isinstance(sentence, re.Pattern):
        check.true(sentence.fullmatch(done.stderr.rstrip("\n")), f"the sentence: {done.stderr!r}")
    else:
        check.equal(done.stderr, sentence + "\n", "the sentence")
    check.equal((done.returncode, done.stdout), (status, ""), "exit status, and nothing on stdout")
    check.equal(tree(folder), before, "what is on disk")


def used(t, **options):
    """A proxy that ran once: its CA and its store are there."""
    proxy = t.proxy(**options)
    proxy.stop()
    return proxy


def as_nobody(t, proxy):
    """The proxy's files become another user's, and its folder can be reached by him."""
    if os.geteuid() != 0:
        raise Skip("only root can start it as another user")
    folder = t.folder
    while folder.startswith("/tmp/") or folder == t.folder:
        os.chmod(folder, 0o755)
        folder = os.path.dirname(folder)
        if folder in ("/", "/tmp"):
            break
    for parent, folders, files in os.walk(proxy.folder):
        for path in [parent] + [os.path.join(parent, n) for n in folders + files]:
            os.chown(path, NOBODY, NOBODY)
    return NOBODY


# -- the port

def listening_process(t):
    code = ("import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); "
            "sys.stdin.read()")
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    t.defer(process.kill)
    with open(f"/proc/{process.pid}/comm", encoding="utf-8") as file:
        name = file.read().strip()
    return process, name, int(process.stdout.readline())


@test
def a_port_in_use(t):
    process, _, port = listening_process(t)
    with open(f"/proc/{process.pid}/comm", encoding="utf-8") as file:
        name = file.read().strip()
    proxy = used(t)
    proxy.config["listen"] = f"127.0.0.1:{port}"
    proxy.write_config()
    fails(proxy, f"borehole: cannot listen on 127.0.0.1:{port}: it is already in use by {name} (process {process.pid}); "
                 "stop that, or listen on another port")
    proxy.config.update(listen="127.0.0.1:0", admin=f"127.0.0.1:{port}")
    proxy.write_config()
    fails(proxy, f"borehole: cannot listen on 127.0.0.1:{port}: it is already in use by {name} (process {process.pid}); "
                 "stop that, or listen on another port")


@test
def a_port_in_use_by_another_user(t):
    _, _, port = listening_process(t)
    proxy = used(t)
    proxy.config["listen"] = f"127.0.0.1:{port}"
    proxy.write_config()
    user = as_nobody(t, proxy)
    fails(proxy, f"borehole: cannot listen on 127.0.0.1:{port}: it is already in use by a process of user 0; stop that, or "
                 "listen on another port", user=user)


@test
def a_port_that_only_root_may_take(t):
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
        if int(file.read()) <= 1000:
            raise Skip("here every user may take every port")
    proxy = used(t)
    proxy.config["listen"] = "127.0.0.1:999"
    proxy.write_config()
    user = as_nobody(t, proxy)
    fails(proxy, "borehole: cannot listen on 127.0.0.1:999: this user may not take ports below 1024; choose a higher one",
          user=user)


@test
def an_address_of_another_machine(t):
    proxy = used(t)
    proxy.config.update(listen="192.0.2.1:0", auth={"allow_clients": ["192.0.2.0/24"]})
    proxy.write_config()
    fails(proxy, "borehole: cannot listen on 192.0.2.1:0: this machine has no such address; name one of its own, or "
                 "0.0.0.0 for all of them")


@test
def too_few_descriptors(t):
    proxy = used(t)
    fails(proxy, "borehole: this process may open only 40 files, which is too few to start: raise it with `ulimit -n "
                 "4096`, or LimitNOFILE=4096 in a systemd unit", files=40)


@test
def few_descriptors_are_warned_of(t):
    proxy = used(t)
    code = f"ulimit -n 1024; exec '{proxy.binary}' \"$@\""
    wrapper = t.path("wrapper")
    with open(wrapper, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n" + code + "\n")
    os.chmod(wrapper, 0o755)
    proxy.binary = wrapper
    proxy.start()
    check.contains(proxy.stderr(), "this process may open 1024 files, enough for about 472 of the 20000 connections of "
                                   "`limits.connections`: raise it with `ulimit -n 40080`, or LimitNOFILE=40080 in a "
                                   "systemd unit", "the warning")


# -- the configuration

@test
def no_configuration_file(t):
    proxy = Proxy(t.binary, t.path("p"), start=False)
    proxy.config_path = t.path("none.yaml")
    fails(proxy, f"{proxy.config_path}: cannot be read (No such file or directory): create it or mend the path", status=2)
    proxy.config_path = t.path("p")
    fails(proxy, f"{proxy.config_path}: is a folder: name the file in it", status=2)
    proxy = used(t)
    os.chmod(proxy.config_path, 0o600)
    user = as_nobody(t, proxy)
    os.chown(proxy.config_path, 0, 0)
    fails(proxy, f"{proxy.config_path}: cannot be read (Permission denied): create it or mend the path", status=2, user=user)


# -- the CA

@test
def a_key_that_cannot_be_read(t):
    proxy = used(t)
    user = as_nobody(t, proxy)
    os.chown(proxy.issuing_key, 0, 0)
    fails(proxy, f"borehole: {proxy.issuing_key} may not be read by this user: run borehole as root, or give it a ca.dir of "
                 "its own", user=user)


@test
def a_key_that_is_open_to_others(t):
    proxy = used(t)
    os.chmod(proxy.issuing_key, 0o640)
    fails(proxy, f"borehole: {proxy.issuing_key} is open to others (mode 0640): run `chmod 600 {proxy.issuing_key}`; if "
                 "others may have read it, run `borehole ca rotate`")


@test
def a_ca_folder_that_others_may_write(t):
    proxy = used(t)
    os.chmod(proxy.ca_folder, 0o777)
    fails(proxy, f"borehole: others may write into {proxy.ca_folder}, and so exchange the CA: run `chmod 700 "
                 f"{proxy.ca_folder}`")


@test
def a_ca_folder_that_cannot_be_written(t):
    proxy = Proxy(t.binary, t.path("p"), start=False)
    user = as_nobody(t, proxy)
    os.makedirs(t.path("theirs"), 0o755)
    proxy.config["ca"]["dir"] = t.path("theirs/certs")
    proxy.write_config()
    fails(proxy, f"borehole: {t.path('theirs/certs')} cannot be made: Permission denied; let this user write there, or name "
                 "another folder in ca.dir", user=user, folder=t.folder)


def certificate(subject, key, issuer, issuer_key, end, pathlen, constraints):
    name = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])  # noqa: E731
    usage = dict(digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
                 key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False)
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    return (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - 100 * DAY).not_valid_after(now + end)
            .add_extension(x509.BasicConstraints(True, pathlen), True).add_extension(x509.KeyUsage(**usage), True)
            .add_extension(constraints, True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False)
            .sign(issuer_key, hashes.SHA256()))


def exchange_ca(proxy, end, other_key=False):
    """A CA that ends after `end`, of which the proxy has the key (or another's)."""
    with open(proxy.ca, "rb") as file:
        constraints = x509.load_pem_x509_certificate(file.read()).extensions.get_extension_for_class(
            x509.NameConstraints).value
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    for name, made in (("ca.pem", certificate("root", root_key, "root", root_key, end, 1, constraints)),
                       ("issuing.pem", certificate("issuing", key, "root", root_key, end, 0, constraints))):
        with open(os.path.join(proxy.ca_folder, name), "wb") as file:
            file.write(made.public_bytes(serialization.Encoding.PEM))
    with open(proxy.issuing_key, "wb") as file:
        file.write(trust.key_pem(ec.generate_private_key(ec.SECP256R1()) if other_key else key))


@test
def a_ca_that_has_expired(t):
    proxy = used(t)
    exchange_ca(proxy, -3 * DAY)
    day = (datetime.datetime.now(datetime.timezone.utc) - 3 * DAY).date()
    path = os.path.join(proxy.ca_folder, "ca.pem")
    fails(proxy, f"borehole: {path} expired on {day}: run `borehole ca rotate`, then trust the new CA")
    proxy.run("ca", "rotate")
    proxy.start()


@test
def a_ca_that_will_expire_is_warned_of(t):
    proxy = used(t)
    exchange_ca(proxy, 20 * DAY)
    day = (datetime.datetime.now(datetime.timezone.utc) + 20 * DAY).date()
    sentence = (f"the CA in {proxy.ca_folder} ends on {day}: run `borehole ca rotate` before then, and trust the new "
                "ca.pem")
    proxy.start()
    check.contains(proxy.stderr(), sentence, "at start")
    done = proxy.run("check", status=None)
    check.equal((done.returncode, done.stderr), (0, f"borehole: warning: {sentence}\n"), "check")
    proxy.stop()
    exchange_ca(proxy, 40 * DAY)
    before = len(proxy.stderr())
    proxy.start()
    check.lacks(proxy.stderr()[before:], "ends on", "not yet")


@test
def a_key_of_another_certificate(t):
    proxy = used(t)
    exchange_ca(proxy, 90 * DAY, other_key=True)
    fails(proxy, f"borehole: {proxy.issuing_key} does not fit {os.path.join(proxy.ca_folder, 'issuing.pem')}; {MEND}")


# -- the records

@test
def a_store_that_is_damaged(t):
    proxy = used(t)
    with open(proxy.store, "r+b") as file:
        file.write(b"no database at all")
    fails(proxy, re.compile(r"borehole: cannot \w+ the call store " + re.escape(proxy.store) + r": it is damaged or no SQLite "
                            r"database \(file is not a database\); move it away, or name another file in record\.store"))


@test
def a_store_of_another_program(t):
    import sqlite3
    proxy = used(t)
    os.remove(proxy.store)
    with sqlite3.connect(proxy.store) as store:
        store.execute("CREATE TABLE theirs (a)")
    store.close()
    os.chmod(proxy.store, 0o600)
    fails(proxy, f"borehole: {proxy.store} is another program's SQLite database; name another file in record.store")


@test
def a_store_that_cannot_be_written(t):
    proxy = used(t)
    user = as_nobody(t, proxy)
    os.makedirs(t.path("theirs"), 0o755)
    proxy.config["record"]["store"] = t.path("theirs/data/calls.db")
    proxy.write_config()
    fails(proxy, f"borehole: cannot make the folder {t.path('theirs/data')}: Permission denied; make it, or name another "
                 "place", user=user, folder=t.folder)
    proxy.config["record"]["store"] = t.path("theirs/calls.db")
    proxy.write_config()
    fails(proxy, f"borehole: cannot open the call store {t.path('theirs/calls.db')}: Permission denied; check the "
                 "permissions, or name another file", user=user, folder=t.folder)


@test
def a_jsonl_that_cannot_be_written(t):
    proxy = used(t)
    user = as_nobody(t, proxy)
    os.makedirs(t.path("theirs"), 0o755)
    proxy.config["record"]["jsonl"] = t.path("theirs/calls.jsonl")
    proxy.write_config()
    fails(proxy, f"borehole: cannot open the file of records {t.path('theirs/calls.jsonl')}: Permission denied; check the "
                 "permissions, or name another file", user=user, folder=t.folder)
