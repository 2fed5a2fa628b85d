"""`borehole ca`: what it shows, exports, and puts into trust stores; never this machine's own."""

import json
import os
import pwd
import re
import shutil
import stat
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import pkcs12

from harness import check
from harness.proxy import HOST, Proxy
from harness.runner import test

HERE = os.path.dirname(os.path.abspath(__file__))
SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
NOBODY = "nobody"

# Debian's command as far as it matters here: the bundle is the distribution's roots and what lies in the folder.
UPDATE = """#!/bin/sh
echo "update $@" >> {log}
[ -e {folder}/refuse ] && {{ echo "the disk is full" >&2; exit 1; }}
cat {distribution} > {bundle}.new
find {anchors} -name '*{extension}' -exec cat {{}} + >> {bundle}.new
mv {bundle}.new {bundle}
"""
SUDO = """#!/bin/sh
echo "sudo $@" >> {log}
[ -e {folder}/no-sudo ] && {{ echo "sudo: a terminal is required to read the password" >&2; exit 1; }}
exec "$@"
"""
DEBIAN = ("usr/local/share/ca-certificates", ".crt", "etc/ssl/certs/ca-certificates.crt", "update-ca-certificates")
FEDORA = ("etc/pki/ca-trust/source/anchors", ".pem", "etc/pki/tls/certs/ca-bundle.crt", "update-ca-trust")
ARCH = ("etc/ca-certificates/trust-source/anchors", ".crt", "etc/ca-certificates/extracted/tls-ca-bundle.pem", "trust")
SUSE = ("etc/pki/trust/anchors", ".pem", "var/lib/ca-certificates/ca-bundle.pem", "update-ca-certificates")


class Machine:
    """Stores of its own, commands of its own on PATH, a home of its own, and a CA."""

    def __init__(self, t, layout=DEBIAN, certutil=True):
        self.t = t
        self.folder = t.path("machine")
        self.home = os.path.join(self.folder, "home")
        self.root = os.path.join(self.folder, "root")
        self.log = os.path.join(self.folder, "log")
        self.tools = os.path.join(self.folder, "tools")
        for folder in (self.home, self.root, self.tools):
            os.makedirs(folder)
        self.anchors, self.extension, self.bundle, command = layout
        self.anchors = os.path.join(self.root, self.anchors)
        self.bundle = os.path.join(self.root, self.bundle)
        distribution = os.path.join(self.folder, "distribution.pem")
        with open(SYSTEM_BUNDLE, encoding="ascii") as file:
            some = re.findall("-----BEGIN.+?-----END CERTIFICATE-----\n", file.read(), re.S)[:3]
        with open(distribution, "w", encoding="ascii") as file:
            file.writelines(some)
        for path in (self.anchors, os.path.dirname(self.bundle)):
            os.makedirs(path, exist_ok=True)
        shutil.copy(distribution, self.bundle)
        names = dict(log=self.log, folder=self.folder, distribution=distribution, bundle=self.bundle,
                     anchors=self.anchors, extension=self.extension)
        self.tool(command, UPDATE.format(**names))
        self.tool("sudo", SUDO.format(**names))
        for name in ("sh", "cat", "find", "mv", "rm", "install", "keytool", "java") + (("certutil",) if certutil else ()):
            os.symlink(shutil.which(name), os.path.join(self.tools, name))
        self.proxy = Proxy(t.binary, os.path.join(self.folder, "proxy"), start=False, environment={
            "HOME": self.home, "BOREHOLE_STORES_ROOT": self.root, "PATH": self.tools, "XDG_DATA_HOME": "",
            "JAVA_HOME": ""})
        self.user = None

    def tool(self, name, script):
        path = os.path.join(self.tools, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(script)
        os.chmod(path, 0o755)

    def run(self, *arguments, status=0, environment=None):
        """`borehole ca ARGUMENTS`: (stdout, stderr)."""
        command = [self.t.binary, "ca", *arguments, "--config", self.proxy.config_path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, stdin=subprocess.DEVNULL,
                              env=dict(self.proxy.environment, **(environment or {})), user=self.user, cwd="/")
        check.lacks(done.stderr, "Sanitizer", str(arguments))
        check.equal(done.returncode, status, f"exit status of {arguments}; stdout {done.stdout}\nstderr {done.stderr}")
        return done.stdout, done.stderr

    def made(self):
        self.run("rotate")
        return self

    def database(self, *path, password=None):
        """An NSS database in the home, as a browser makes it."""
        folder = os.path.join(self.home, *path)
        os.makedirs(folder)
        extra = ["--empty-password"]
        if password:
            with open(os.path.join(self.folder, "password"), "w", encoding="ascii") as file:
                file.write(password + "\n")
            extra = ["-f", file.name]
        subprocess.run(["certutil", "-N", "-d", f"sql:{folder}", *extra], check=True, capture_output=True, timeout=60)
        return folder

    def as_nobody(self):
        """From here on another user runs it; where the tests are not root's, that is so anyway."""
        if os.geteuid() == 0:
            self.user = NOBODY
            entry = pwd.getpwnam(NOBODY)
            for folder, folders, files in os.walk(self.folder):
                for name in [folder] + [os.path.join(folder, f) for f in folders + files]:
                    os.chown(name, entry.pw_uid, entry.pw_gid, follow_symlinks=False)
            above = self.folder
            while above != "/":  # the runner keeps its folders private
                os.chmod(above, os.stat(above).st_mode | 0o011)
                above = os.path.dirname(above)
        return self

    def said(self):
        """What the commands were told so far."""
        try:
            with open(self.log, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    @property
    def pem(self):
        with open(self.proxy.ca, encoding="ascii") as file:
            return file.read()

    @property
    def label(self):
        return "borehole-" + fingerprint(self.pem)[:16]

    @property
    def anchor(self):
        return os.path.join(self.anchors, self.label + self.extension)

    def bundled(self):
        with open(self.bundle, encoding="ascii") as file:
            return file.read()

    def states(self):
        """Per path of a store, its state as `ca show --json` has it."""
        return {store["path"]: store["state"] for store in json.loads(self.run("show", "--json")[0])["stores"]}


def fingerprint(pem):
    return x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256()).hex()


def nicknames(database):
    """nickname → trust, without what NSS brings itself."""
    text = subprocess.run(["certutil", "-L", "-d", f"sql:{database}"], check=True, capture_output=True, text=True,
                          timeout=60).stdout
    return dict(re.findall(r"^(\S.*?)\s+(\S*,\S*,\S*)\s*$", text.split("JAR/XPI", 1)[1], re.M))


# -- show, path


@test
def show_says_it_all(t):
    machine = Machine(t).made()
    database = machine.database(".pki", "nssdb")
    facts = json.loads(machine.run("show", "--json")[0])
    with open(machine.proxy.ca, "rb") as file:
        root = x509.load_pem_x509_certificate(file.read())
    with open(machine.proxy.issuing, "rb") as file:
        issuing = x509.load_pem_x509_certificate(file.read())
    check.equal(facts["root"]["sha256"], root.fingerprint(hashes.SHA256()).hex(), "the root's SHA-256")
    check.equal(facts["root"]["sha1"], root.fingerprint(hashes.SHA1()).hex(), "the root's SHA-1")
    check.equal(facts["issuing"]["sha256"], issuing.fingerprint(hashes.SHA256()).hex(), "the issuing CA's SHA-256")
    check.equal(facts["root"]["subject"], root.subject.rfc4514_string(), "the root's subject")
    check.true(728 <= facts["days_left"] <= 730, f"days left: {facts['days_left']}")
    check.contains(facts["permits"]["dns"], "amazonaws.com", "permitted names")
    check.contains(facts["permits"]["ip"], "127.0.0.0/8", "permitted addresses")
    for name, path in facts["files"].items():
        check.true(os.path.exists(path), f"{name}: {path}")
    check.equal(sorted(facts["files"]), ["bundle", "issuing", "issuing_key", "java_trust_store", "root", "root_der"], "files")
    check.equal([(s["kind"], s["path"], s["state"]) for s in facts["stores"]],
                [("system", machine.anchors, "not_trusted"), ("nss", database, "not_trusted")], "stores")
    text, errors = machine.run("show")
    check.equal(errors, "", "nothing to warn of")
    for part in (":".join(re.findall("..", facts["root"]["sha256"])).upper(), "days left", "amazonaws.com", machine.anchors,
                 database, machine.proxy.bundle, "borehole ca trust --store system", "borehole ca trust --store nss"):
        check.contains(text, part, "ca show")


@test
def without_a_ca_every_command_says_how_to_make_one(t):
    machine = Machine(t)
    for command in (["show"], ["path"], ["export"], ["trust"]):
        out, errors = machine.run(*command, status=1)
        check.equal(out, "", f"{command}: stdout")
        check.contains(errors, "borehole serve", f"{command}")
        check.contains(errors, machine.proxy.ca_folder, f"{command}")
    check.contains(machine.run("untrust", status=1)[1], "borehole ca untrust --all", "untrust")
    check.true(not os.path.exists(machine.proxy.ca_folder), "nothing was made")


@test
def path_prints_each_file(t):
    machine = Machine(t).made()
    folder = machine.proxy.ca_folder
    check.equal(machine.run("path")[0], f"{folder}/ca.pem\n", "path")
    for which, path in (("root", "/ca.pem"), ("der", "/ca.der"), ("bundle", "/bundle.pem"), ("p12", "/trust.p12"), ("folder", "")):
        check.equal(machine.run("path", which)[0], folder + path + "\n", which)
    machine.run("path", "nonsense", status=2)
    os.remove(f"{folder}/trust.p12")
    check.contains(machine.run("path", "p12", status=1)[1], "borehole serve", "a file that is not there")


def set_dates(machine, days):
    """The CA as it looks `days` before its end: signed anew with keys of the test's own."""
    import datetime
    from cryptography.hazmat.primitives.asymmetric import ec
    from harness.trust import certificate_pem, key_pem
    end = datetime.datetime.utcnow() + datetime.timedelta(days=days, hours=1)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    made = []
    for at, name in enumerate((machine.proxy.ca, machine.proxy.issuing)):
        with open(name, "rb") as file:
            old = x509.load_pem_x509_certificate(file.read())
        builder = (x509.CertificateBuilder().subject_name(old.subject).issuer_name(old.issuer)
                   .public_key(keys[at].public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(end - datetime.timedelta(days=800)).not_valid_after(end))
        for extension in old.extensions:
            value = extension.value
            if isinstance(value, x509.SubjectKeyIdentifier):
                value = x509.SubjectKeyIdentifier.from_public_key(keys[at].public_key())
            if isinstance(value, x509.AuthorityKeyIdentifier):
                value = x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key())
            builder = builder.add_extension(value, extension.critical)
        made.append(builder.sign(keys[0], hashes.SHA256()))
    for name, certificate in zip((machine.proxy.ca, machine.proxy.issuing), made):
        with open(name, "wb") as file:
            file.write(certificate_pem(certificate))
    with open(machine.proxy.issuing_key, "wb") as file:
        file.write(key_pem(keys[1]))


@test
def an_end_that_is_near_is_warned_of_and_one_that_is_past_refused(t):
    machine = Machine(t).made()
    set_dates(machine, 30)
    check.equal(machine.run("show")[1], "", "30 days")
    set_dates(machine, 12)
    text, errors = machine.run("show")
    check.contains(text, "12 days left", "ca show")
    check.contains(errors, "borehole ca rotate", "the warning")
    check.contains(errors, "12 days", "the warning")
    check.contains(machine.run("trust")[1], "borehole ca rotate", "the warning of ca trust")
    check.equal(json.loads(machine.run("show", "--json")[0])["days_left"], 12, "days_left")
    machine.proxy.start()
    check.contains(machine.proxy.stderr(), "ends in 12 days", "the log of serve")
    machine.proxy.stop()
    set_dates(machine, -2)
    for command in (["show"], ["trust"], ["export"]):
        errors = machine.run(*command, status=1)[1]
        check.contains(errors, "expired on", f"{command}")
        check.contains(errors, "borehole ca rotate", f"{command}")
    machine.run("untrust")  # what has expired can still be taken out


@test
def modes_and_keys_that_are_wrong_are_named_with_the_remedy(t):
    machine = Machine(t).made()
    os.chmod(machine.proxy.issuing_key, 0o640)
    check.contains(machine.run("show", status=1)[1], f"chmod 600 {machine.proxy.issuing_key}", "a key open to others")
    os.chmod(machine.proxy.issuing_key, 0o600)
    os.chmod(machine.proxy.ca_folder, 0o770)
    check.contains(machine.run("show", status=1)[1], f"chmod 700 {machine.proxy.ca_folder}", "a folder open to others")
    os.chmod(machine.proxy.ca_folder, 0o700)
    with open(machine.proxy.issuing_key, "w", encoding="ascii") as file:
        file.write("no key")
    check.contains(machine.run("show", status=1)[1], "borehole ca rotate", "no key")
    machine.run("rotate")
    machine.run("show")


@test
def anothers_ca_is_not_taken_for_none(t):
    if os.geteuid() != 0:  # nothing else can have another's files
        machine = Machine(t).made()
        os.chmod(machine.proxy.ca_folder, 0)
        t.defer(lambda: os.chmod(machine.proxy.ca_folder, 0o700))
        owner = pwd.getpwuid(os.geteuid()).pw_name
    else:
        machine = Machine(t).made().as_nobody()
        os.chown(machine.proxy.ca_folder, 0, 0)
        owner = "root"
    for command in (["show"], ["path"], ["export"], ["trust"], ["untrust"], ["rotate"]):
        errors = machine.run(*command, status=1)[1]
        check.contains(errors, f"as {owner}", f"{command}: whose it is")
        check.lacks(errors, "no CA in", f"{command}")


# -- export


@test
def export_pem_and_der(t):
    machine = Machine(t).made()
    check.equal(machine.run("export")[0], machine.pem, "PEM on stdout")
    check.equal(machine.run("export", "--format", "pem")[0], machine.pem, "PEM on stdout, asked for")
    out = t.path("out.der")
    for _ in range(2):  # an old file is replaced
        machine.run("export", "--format", "der", "--out", out)
        with open(out, "rb") as file:
            check.equal(x509.load_der_x509_certificate(file.read()).fingerprint(hashes.SHA256()).hex(),
                        fingerprint(machine.pem), "DER")
    check.equal(stat.S_IMODE(os.stat(out).st_mode), 0o644, "its mode")
    link = t.path("link")
    os.symlink(out, link)
    machine.run("export", "--out", link)
    check.true(os.path.islink(link), "a link is followed, not replaced")
    with open(out, encoding="ascii") as file:
        check.equal(file.read(), machine.pem, "through a link")
    check.contains(machine.run("export", "--out", t.path("nowhere/out"), status=1)[1], t.path("nowhere/out"), "no folder")
    check.contains(machine.run("export", "--only-ours", status=2)[1], "--format p12", "--only-ours")
    machine.run("export", "--format", "jks", status=2)
    stdout = t.path("stdout")  # as /dev/stdout is; that one is this machine's
    os.symlink("/proc/self/fd/1", stdout)
    check.equal(machine.run("export", "--out", stdout)[0], machine.pem, "a link to stdout")
    check.true(os.path.islink(stdout), "that link too is followed, not replaced")
    pipe = t.path("pipe")
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE)
    machine.run("export", "--out", pipe)
    check.equal(reader.communicate(timeout=60)[0].decode(), machine.pem, "a named pipe")
    check.true(stat.S_ISFIFO(os.stat(pipe).st_mode), "a pipe is written to, not replaced")


@test
def export_shows_no_terminal_what_it_cannot_show(t):
    import pty
    machine = Machine(t).made()
    for form, status in (("der", 2), ("p12", 2), ("pem", 0)):
        ours, theirs = pty.openpty()
        done = subprocess.run([t.binary, "ca", "export", "--format", form, "--config", machine.proxy.config_path],
                              stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE, timeout=60, check=False,
                              env=machine.proxy.environment)
        os.close(theirs)
        os.close(ours)
        check.equal(done.returncode, status, f"{form}: {done.stderr}")
        if status:
            check.contains(done.stderr, b"--out FILE", form)


def listed(path, password):
    done = subprocess.run(["keytool", "-list", "-keystore", path, "-storepass", password], capture_output=True, text=True,
                          timeout=100, check=False)
    check.equal(done.returncode, 0, f"keytool: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    return done.stdout


@test(limit=200)
def export_p12_for_java(t):
    machine = Machine(t).made()
    with open(SYSTEM_BUNDLE, encoding="ascii") as file:
        roots = len(set(re.findall("-----BEGIN.+?-----END CERTIFICATE-----", file.read(), re.S)))
    ours = ":".join(re.findall("..", fingerprint(machine.pem))).upper()
    for arguments, password, count in (([], "changeit", roots + 1), (["--only-ours"], "changeit", 1),
                                       (["--only-ours", "--password", "more than six"], "more than six", 1)):
        path = t.path(f"{len(arguments)}.p12")
        machine.run("export", "--format", "p12", "--out", path, *arguments)
        text = listed(path, password)
        check.equal(text.count("trustedCertEntry"), count, f"{arguments}: trusted entries")
        check.contains(text, ours, f"{arguments}: our fingerprint")
        with open(path, "rb") as file:
            found = pkcs12.load_pkcs12(file.read(), password.encode())
        check.equal((found.key, len(found.additional_certs)), (None, count), f"{arguments}: read by OpenSSL")
        check.contains([c.certificate.fingerprint(hashes.SHA256()).hex() for c in found.additional_certs],
                       fingerprint(machine.pem), f"{arguments}: our root, read by OpenSSL")
        info = subprocess.run(["openssl", "pkcs12", "-info", "-nokeys", "-nocerts", "-in", path, "-passin",
                               f"pass:{password}"], capture_output=True, text=True, check=True, timeout=60).stderr
        check.contains(info, "PBES2, PBKDF2, AES-256-CBC", f"{arguments}: the cipher")
        check.contains(info, "MAC: sha256", f"{arguments}: the MAC")
    check.contains(machine.run("export", "--format", "p12", "--password", "short", status=2)[1], "6 characters", "too short")


@test(limit=300)
def java_trusts_the_proxy_with_each_p12(t):
    up = t.upstream(handler=lambda request, reply: (request.read_body(), reply.respond(200, [], b"ok")))
    proxy = t.proxy(up)
    subprocess.run(["javac", "-d", t.folder, os.path.join(HERE, "java", "Ask.java")], check=True, capture_output=True,
                   timeout=120)
    exported = t.path("ours.p12")
    proxy.run("ca", "export", "--format", "p12", "--only-ours", "--password", "another one", "--out", exported)

    def ask(*options):
        done = subprocess.run(["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", t.folder, *options,
                               "-Dhttps.proxyHost=127.0.0.1", f"-Dhttps.proxyPort={proxy.port}", "Ask", f"https://{HOST}/x"],
                              capture_output=True, text=True, check=False, timeout=120)
        check.equal(len(done.stdout.splitlines()), 2, f"java: {done.stdout}{done.stderr[-800:]}")
        return done.stdout.splitlines()

    beside = os.path.join(proxy.ca_folder, "trust.p12")
    usual = ask()
    check.true(usual[1].startswith("refused"), f"Java's own roots: {usual}")
    with_all = ask(f"-Djavax.net.ssl.trustStore={beside}", "-Djavax.net.ssl.trustStorePassword=changeit")
    check.equal(with_all[1], "answered 200", "with trust.p12")
    check.true(int(with_all[0].split()[1]) > 50, f"the system's roots are in trust.p12: {with_all}")
    check.equal(ask(f"-Djavax.net.ssl.trustStore={exported}", "-Djavax.net.ssl.trustStorePassword=another one"),
                ["roots 1", "answered 200"], "with the exported one")


@test
def client_files_follow_the_systems_roots(t):
    roots = t.path("roots.pem")
    with open(SYSTEM_BUNDLE, encoding="ascii") as file:
        some = re.findall("-----BEGIN.+?-----END CERTIFICATE-----\n", file.read(), re.S)[:3]

    def write(count):
        with open(roots, "w", encoding="ascii") as file:
            file.writelines(some[:count])

    write(2)
    proxy = t.proxy(environment={"SSL_CERT_FILE": roots})
    p12 = os.path.join(proxy.ca_folder, "trust.p12")

    def counts():
        with open(proxy.bundle, encoding="ascii") as file:
            bundled = file.read().count("BEGIN CERTIFICATE")
        with open(p12, "rb") as file:
            return bundled, len(pkcs12.load_pkcs12(file.read(), b"changeit").additional_certs)

    check.equal(counts(), (3, 3), "at first")
    for change in (lambda: write(3), lambda: os.remove(p12), lambda: os.remove(proxy.bundle)):
        proxy.stop()
        with open(proxy.ca, "rb") as file:
            before = file.read()
        change()
        proxy.start()
        check.equal(counts(), (4, 4), "after a new start")
        with open(proxy.ca, "rb") as file:
            check.equal(file.read(), before, "the root")
    check.equal([name for name in os.listdir(proxy.ca_folder) if name.endswith(".new")], [], "left-overs")


# -- trust, untrust: the system's store


@test(each=["debian", "fedora", "arch", "suse"])
def system_store(t, kind):
    layout = {"debian": DEBIAN, "fedora": FEDORA, "arch": ARCH, "suse": SUSE}[kind]
    machine = Machine(t, layout).made()
    before = machine.bundled()
    out, _ = machine.run("trust", "--store", "system")
    check.contains(out.splitlines()[0], ": trusted", "trust")
    with open(machine.anchor, encoding="ascii") as file:
        check.equal(file.read(), machine.pem, machine.anchor)
    check.equal(stat.S_IMODE(os.stat(machine.anchor).st_mode), 0o644, "its mode")
    check.contains(machine.bundled(), machine.pem, "the bundle")
    check.equal(machine.states()[machine.anchors], "trusted", "ca show")
    for part in ("NODE_EXTRA_CA_CERTS=", "AWS_CA_BUNDLE=", "REQUESTS_CA_BUNDLE=", "javax.net.ssl.trustStore=", "keytool -importcert"):
        check.contains(out, part, "what it says of other programs")

    updates = machine.said().count("update")
    check.contains(machine.run("trust", "--store", "system")[0].splitlines()[0], ": was trusted already", "trust, again")
    check.equal(machine.said().count("update"), updates, "nothing is done twice")

    check.contains(machine.run("untrust", "--store", "system")[0], ": no longer trusted", "untrust")
    check.equal(os.listdir(machine.anchors), [], "the folder")
    check.equal(machine.bundled(), before, "the bundle")
    check.contains(machine.run("untrust", "--store", "system")[0], ": was not trusted", "untrust, again")
    if os.geteuid() == 0:
        check.lacks(machine.said(), "sudo", "root needs none")


@test
def debians_own_command(t):
    """The real update-ca-certificates, in folders of the test's own."""
    real = shutil.which("update-ca-certificates", path="/usr/sbin:/sbin")
    machine = Machine(t).made()
    etc = os.path.dirname(machine.bundle)
    machine.tool("update-ca-certificates", f"#!/bin/sh\nexport PATH=/usr/sbin:/usr/bin:/sbin:/bin\nexec {real} --localcertsdir "
                 f"{machine.anchors} --etccertsdir {etc} --hooksdir {machine.folder}/none\n")
    machine.run("trust", "--store", "system")
    check.contains(machine.bundled(), machine.pem, "the bundle")
    check.equal(os.readlink(os.path.join(etc, machine.label + ".pem")), machine.anchor, "its link")
    done = subprocess.run(["openssl", "verify", "-CApath", etc, "-no-CAfile", "-no-CAstore", machine.proxy.issuing],
                          capture_output=True, text=True, check=False, timeout=60)
    check.equal(done.returncode, 0, f"openssl with the folder: {done.stdout}{done.stderr}")
    check.contains(machine.run("untrust", "--store", "system")[0], ": no longer trusted", "untrust")
    check.lacks(machine.bundled(), machine.pem, "the bundle after untrust")
    done = subprocess.run(["openssl", "verify", "-CApath", etc, "-no-CAfile", "-no-CAstore", machine.proxy.issuing],
                          capture_output=True, text=True, check=False, timeout=60)
    check.true(done.returncode != 0, "openssl with the folder after untrust")


@test
def untrust_is_exact(t):
    """Ours and those it replaced go; another copy's CA, and whatever else lies there, stay."""
    machine = Machine(t).made()
    other = Machine.__new__(Machine)
    other.__dict__.update(machine.__dict__)
    other.proxy = Proxy(t.binary, t.path("other"), start=False, environment=dict(machine.proxy.environment))
    other.run("rotate")
    other.run("trust", "--store", "system")
    foreign = os.path.join(machine.anchors, "company.crt")
    with open(SYSTEM_BUNDLE, encoding="ascii") as file:
        content = re.search("-----BEGIN.+?-----END CERTIFICATE-----\n", file.read(), re.S)[0]
    with open(foreign, "w", encoding="ascii") as file:
        file.write(content)
    check.equal(machine.states()[machine.anchors], "other_borehole_ca", "another copy's is there")
    check.contains(machine.run("show")[0], "another copy of borehole", "ca show")

    first = machine.anchor
    machine.run("trust", "--store", "system")
    check.true(os.path.exists(first), first)
    machine.run("rotate")
    out = machine.run("trust", "--store", "system")[0]
    check.contains(out, "rotated away is out", "trust after rotate")
    check.true(not os.path.exists(first) and os.path.exists(machine.anchor), "the new one in place of the old one")
    # A retired one that somebody put back by hand, under a name of their own.
    machine.run("rotate")
    os.rename(os.path.join(machine.anchors, next(n for n in os.listdir(machine.anchors) if n not in
                                                 ("company.crt", os.path.basename(other.anchor)))),
              os.path.join(machine.anchors, "mine.crt"))
    check.contains(machine.run("untrust", "--store", "system")[0], ": no longer trusted", "untrust")
    check.equal(sorted(os.listdir(machine.anchors)), sorted([os.path.basename(other.anchor), "company.crt"]), "what stays")
    check.contains(machine.bundled(), other.pem, "the other's CA in the bundle")

    shutil.rmtree(machine.proxy.ca_folder)
    check.contains(machine.run("untrust", "--all", "--store", "system")[0], ": no longer trusted", "untrust --all")
    check.equal(os.listdir(machine.anchors), ["company.crt"], "what stays after --all")


@test
def a_file_with_others_beside_ours_is_not_removed(t):
    machine = Machine(t).made()
    mixed = os.path.join(machine.anchors, "mixed.crt")
    with open(SYSTEM_BUNDLE, encoding="ascii") as file:
        foreign = re.search("-----BEGIN.+?-----END CERTIFICATE-----\n", file.read(), re.S)[0]
    with open(mixed, "w", encoding="ascii") as file:
        file.write(foreign + machine.pem)
    out = machine.run("untrust", "--store", "system", status=1)[0]
    check.contains(out, mixed, "the file is named")
    check.true(os.path.exists(mixed), "it stays")


@test
def a_store_that_fails_says_why_and_what_to_do(t):
    machine = Machine(t).made()
    with open(os.path.join(machine.folder, "refuse"), "w", encoding="ascii"):
        pass
    out = machine.run("trust", "--store", "system", status=1)[0].splitlines()[0]
    check.contains(out, "failed because", "trust")
    check.contains(out, "the disk is full", "trust: the reason")
    check.contains(out, "update-ca-certificates", "trust: what to run")
    check.equal(machine.states()[machine.anchors], "not_trusted", "the file alone is no trust")
    check.contains(machine.run("show")[0], "not in", "ca show")
    os.remove(os.path.join(machine.folder, "refuse"))
    check.contains(machine.run("trust", "--store", "system")[0], ": trusted", "again")
    os.remove(os.path.join(machine.tools, "update-ca-certificates"))
    machine.proxy.environment["PATH"] = machine.tools  # the program adds sbin folders itself
    machine.tool("update-ca-certificates", "#!/bin/sh\nexit 0\n")
    out = machine.run("untrust", "--store", "system", status=1)[0]
    check.contains(out, "still holds", "a command that does nothing is noticed")
    shutil.rmtree(machine.anchors)
    check.contains(machine.run("trust", "--store", "system", status=1)[1], "no system store", "none is here")


@test
def as_a_user_through_sudo(t):
    machine = Machine(t).as_nobody().made()
    out, errors = machine.run("trust", "--store", "system")
    check.contains(out.splitlines()[0], ": trusted", "trust")
    announced = errors.splitlines()[0]
    check.contains(announced, f"sudo install -m 0644 /dev/stdin {machine.anchor} < {machine.proxy.ca}", "said before")
    check.contains(announced, "&& sudo ", "said before")
    said = machine.said().splitlines()
    check.equal([line.split()[:2] for line in said if line.startswith("sudo")],
                [["sudo", "install"], ["sudo", os.path.join(machine.tools, "update-ca-certificates")]], "what ran")
    machine.run("untrust", "--store", "system")
    check.contains(machine.said(), f"sudo rm -f {machine.anchor}", "untrust")

    with open(os.path.join(machine.folder, "no-sudo"), "w", encoding="ascii"):
        pass
    out = machine.run("trust", "--store", "system", status=1)[0].splitlines()[0]
    check.contains(out, "a terminal is required", "the reason")
    remedy = out.split("; run ", 1)[1]
    os.remove(os.path.join(machine.folder, "no-sudo"))
    subprocess.run(["sh", "-c", remedy], check=True, timeout=60, env=machine.proxy.environment, user=machine.user, cwd="/")
    check.equal(machine.states()[machine.anchors], "trusted", "the remedy, copied to a shell")
    machine.run("untrust", "--store", "system")
    os.remove(os.path.join(machine.tools, "sudo"))
    check.contains(machine.run("trust", "--store", "system", status=1)[0], "sudo is not here", "without sudo")


@test(limit=200)
def debians_java_is_cleaned_too(t):
    machine = Machine(t).made()
    store = os.path.join(machine.root, "etc/ssl/certs/java/cacerts")
    os.makedirs(os.path.dirname(store))
    subprocess.run(["keytool", "-importcert", "-noprompt", "-storetype", "JKS", "-alias", f"debian:{machine.label}.pem",
                    "-file", machine.proxy.ca, "-keystore", store, "-storepass", "changeit"], check=True,
                   capture_output=True, timeout=100)
    machine.run("trust", "--store", "system")
    check.contains(machine.run("untrust", "--store", "system")[0], ": no longer trusted", "untrust")
    check.contains(listed(store, "changeit"), "0 entries", "Java's store")
    check.contains(machine.run("untrust", "--store", "system")[0], ": was not trusted", "untrust, again")


# -- trust, untrust: browsers


@test
def browsers(t):
    machine = Machine(t).made()
    databases = [machine.database(*path) for path in (
        (".pki", "nssdb"), (".mozilla", "firefox", "a1.default-release"), (".mozilla", "firefox", "b2.other"),
        ("snap", "chromium", "current", ".pki", "nssdb"), ("snap", "firefox", "common", ".mozilla", "firefox", "c3.default"),
        (".var", "app", "org.mozilla.firefox", ".mozilla", "firefox", "d4.default"),
        (".var", "app", "org.chromium.Chromium", ".pki", "nssdb"))]
    os.makedirs(os.path.join(machine.home, ".mozilla", "firefox", "no-profile"))
    out = machine.run("trust", "--store", "nss")[0]
    check.equal(out.count(": trusted\n"), len(databases), out)
    for name in ("Chromium, ", "Firefox (a1.default-release), ", "chromium (snap), ", "org.chromium.Chromium (flatpak), "):
        check.contains(out, name, "names of stores")
    check.equal(machine.said(), "", "the system's store is left alone")
    for database in databases:
        check.equal(nicknames(database), {machine.label: "C,,"}, database)
    check.equal({machine.states()[database] for database in databases}, {"trusted"}, "ca show")
    check.equal(machine.run("trust", "--store", "nss")[0].count(": was trusted already\n"), len(databases), "again")

    # Trust taken away in the browser's settings is no trust, and comes back.
    subprocess.run(["certutil", "-M", "-d", f"sql:{databases[0]}", "-n", machine.label, "-t", ",,"], check=True, timeout=60)
    check.equal(machine.states()[databases[0]], "not_trusted", "ca show without the mark of trust")
    machine.run("trust", "--store", "nss")
    check.equal(nicknames(databases[0]), {machine.label: "C,,"}, "trusted again")

    old = machine.label
    out = machine.run("rotate")[0]
    check.contains(out, "borehole ca trust", "rotate says what is next")
    check.contains(out, "restart the proxy, if it runs, or send it SIGHUP", "rotate says what is next")
    check.contains(out, "Chromium", "rotate says where the old one is trusted")
    check.equal({machine.states()[database] for database in databases}, {"other_borehole_ca"}, "ca show after rotate")
    machine.run("trust", "--store", "nss")
    check.true(machine.label != old, "a new one")
    for database in databases:
        check.equal(nicknames(database), {machine.label: "C,,"}, f"{database}: the old one is out")
    check.equal(machine.run("untrust", "--store", "nss")[0].count(": no longer trusted\n"), len(databases), "untrust")
    for database in databases:
        check.equal(nicknames(database), {}, database)
    check.equal(machine.run("untrust", "--store", "nss")[0].count(": was not trusted\n"), len(databases), "untrust, again")


@test
def what_a_browser_imported_itself_is_ours_too_and_others_are_left_alone(t):
    machine = Machine(t).made()
    database = machine.database(".pki", "nssdb")
    foreign = os.path.join(machine.folder, "distribution.pem")
    for name, path in (("borehole development CA - borehole", machine.proxy.ca), ("borehole's best friend", foreign)):
        subprocess.run(["certutil", "-A", "-d", f"sql:{database}", "-n", name, "-t", "C,,", "-i", path, "-a"], check=True,
                       timeout=60)
    check.equal(machine.states()[database], "trusted", "ca show")
    check.contains(machine.run("trust", "--store", "nss")[0], ": was trusted already", "trust")
    check.contains(machine.run("untrust", "--store", "nss")[0], ": no longer trusted", "untrust")
    check.equal(nicknames(database), {"borehole's best friend": "C,,"}, "what stays")


@test
def a_browser_that_fails_does_not_stop_the_others(t):
    machine = Machine(t).made()
    good = machine.database(".pki", "nssdb")
    locked = machine.database(".mozilla", "firefox", "locked.default", password="primary password")
    out = machine.run("trust", status=1)[0].splitlines()
    check.contains(out[0], "system store", "the first line")
    check.contains(out[0], ": trusted", "the first line")
    check.contains(out[1], f"Chromium, {good}: trusted", "the second line")
    check.contains(out[2], "failed because", "the third line")
    check.contains(out[2], "primary password", "the third line")
    command = re.search("run `(.*?)`", out[2])[1]
    subprocess.run(["sh", "-c", command + " -f " + os.path.join(machine.folder, "password")], check=True, timeout=60,
                   capture_output=True)
    check.equal(machine.states()[locked], "trusted", "the remedy, copied to a shell")


@test
def without_certutil_it_says_how_to_get_it(t):
    machine = Machine(t, certutil=False).made()
    database = machine.database(".pki", "nssdb")
    machine.tool("apt-get", "#!/bin/sh\nexit 1\n")
    check.equal(machine.states()[database], "unknown", "ca show")
    check.contains(machine.run("show")[0], "apt-get install -y libnss3-tools", "ca show")
    out = machine.run("trust", "--store", "nss", status=1)[0].splitlines()[0]
    check.contains(out, "certutil is not here", "trust")
    check.contains(out, "apt-get install -y libnss3-tools", "trust")
    machine.run("untrust", "--store", "nss", status=1)
    shutil.rmtree(machine.home)
    check.contains(machine.run("trust", "--store", "nss", status=1)[1], "no database of a browser", "no browser at all")


@test
def rotate_says_what_to_do(t):
    machine = Machine(t)
    out = machine.run("rotate")[0]
    check.contains(out, "borehole ca trust", "the first CA")
    check.lacks(out, "old one", "the first CA")
    proxy = machine.proxy.start()
    t.defer(proxy.stop)
    first = machine.pem
    with open(proxy.bundle, encoding="ascii") as file:
        check.contains(file.read(), first, "bundle.pem")
    out = machine.run("rotate")[0]
    for part in ("restart the proxy", "borehole ca trust", machine.proxy.ca, "AWS_CA_BUNDLE"):
        check.contains(out, part, "rotate")
    check.true(machine.pem != first, "a new CA")
    with open(proxy.bundle, encoding="ascii") as file:
        content = file.read()
    check.contains(content, machine.pem, "bundle.pem follows")
    check.lacks(content, first, "bundle.pem follows")
