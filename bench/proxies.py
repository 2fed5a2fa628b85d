"""The proxies side by side, each started from a configuration of its own in the bench's folder."""

import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import socket
import sqlite3
import subprocess
import time
import urllib.request

from bench.processes import CIPHER, HOST, MANY_HOSTS, TREE, Failure, Process

IS_ROOT = os.geteuid() == 0


# --- what several need ------------------------------------------------------------------------------------------------------


def openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"openssl {words[0]} failed: {done.stderr.strip()}")


def make_certificates(folder):
    """Root, issuing CA and leaf, all P-256: the same chain as borehole shows."""
    for name in ("root", "issuing", "leaf"):
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", folder / f"{name}.key")
    openssl("req", "-x509", "-new", "-key", folder / "root.key", "-subj", "/CN=bench root", "-days", 30,
            "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", folder / "root.pem")
    extensions = {
        "issuing": "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n"
                   "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n",
        "leaf": "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
                f"subjectAltName=DNS:{HOST}\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n",
    }
    for name, signer in (("issuing", "root"), ("leaf", "issuing")):
        (folder / f"{name}.ext").write_text(extensions[name])
        openssl("req", "-new", "-key", folder / f"{name}.key", "-subj", f"/CN=bench {name}", "-out", folder / f"{name}.csr")
        openssl("x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / f"{signer}.pem",
                "-CAkey", folder / f"{signer}.key", "-CAcreateserial", "-days", 7, "-extfile", folder / f"{name}.ext",
                "-out", folder / f"{name}.pem")
    (folder / "chain.pem").write_text((folder / "leaf.pem").read_text() + (folder / "issuing.pem").read_text())
    (folder / "chain+key.pem").write_text((folder / "chain.pem").read_text() + (folder / "leaf.key").read_text())
    (folder / "root+key.pem").write_text((folder / "root.pem").read_text() + (folder / "root.key").read_text())


def certificates(work):
    """The folder with what `make_certificates` makes, made once."""
    folder = work / "certificates"
    if not (folder / "chain.pem").exists():
        folder.mkdir()
        make_certificates(folder)
    return folder


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(process, patience=20):
    deadline = time.monotonic() + patience
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", process.port)):
            return
        if time.monotonic() > deadline or process.child.poll() is not None:
            raise process.failure("did not start")
        time.sleep(0.02)


def fresh_folder(work, name):
    folder = work / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


class Proxy(Process):
    """What scenarios ask of each: `port`, `ca` (the file to trust), `records()`: calls in its store, or None."""

    connect_port = None  # set where it has to be asked by CONNECT
    cipher_is_ours = True  # False: it cannot be told to use CIPHER

    def records(self):
        return None

    def dropped(self):
        return 0


# --- each of them -----------------------------------------------------------------------------------------------------------


class Nginx(Proxy):
    package = "nginx"

    def __init__(self, work, cores, origin, workers=1):
        folder = fresh_folder(work, "nginx")
        made = certificates(work)
        self.ca = made / "root.pem"
        self.port = free_port()
        config = folder / "nginx.conf"
        user = "user root;" if IS_ROOT else ""  # its worker must reach the folder
        config.write_text(f"""
{user}
daemon off;
worker_processes {workers};
worker_rlimit_nofile 20000;
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 19000; }}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/bodies;
  proxy_temp_path {folder}/answers;
  fastcgi_temp_path {folder}/unused;
  uwsgi_temp_path {folder}/unused;
  scgi_temp_path {folder}/unused;
  keepalive_requests 1000000000;
  keepalive_timeout 900s;
  client_max_body_size 0;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_conf_command Ciphersuites {CIPHER.split()[1]};
  ssl_session_cache shared:sessions:10m;
  upstream bedrock {{
    server 127.0.0.1:{origin.port};
    keepalive 256;
    keepalive_requests 1000000000;
  }}
  server {{
    listen 127.0.0.1:{self.port} ssl backlog=4096;
    server_name {HOST};
    ssl_certificate {made}/chain.pem;
    ssl_certificate_key {made}/leaf.key;
    location / {{
      proxy_pass https://bedrock;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_ssl_server_name on;
      proxy_ssl_name {HOST};
      proxy_ssl_verify on;
      proxy_ssl_verify_depth 3;
      proxy_ssl_trusted_certificate {origin.ca};
      proxy_ssl_protocols TLSv1.2 TLSv1.3;
      proxy_ssl_conf_command Ciphersuites {CIPHER.split()[1]};
      proxy_ssl_session_reuse on;
      proxy_buffering off;  # as answers that stream want it, and no file between
      proxy_buffer_size 16k;
      proxy_buffers 8 16k;
      proxy_read_timeout 900s;
    }}
  }}
}}
""")
        super().__init__(["nginx", "-p", folder, "-c", config, "-e", folder / "error.log"], cores, work / "nginx.log",
                         stdout=subprocess.DEVNULL)
        wait_for_port(self)


class Haproxy(Proxy):
    package = "haproxy"

    def __init__(self, work, cores, origin):
        folder = fresh_folder(work, "haproxy")
        made = certificates(work)
        self.ca = made / "root.pem"
        self.port = free_port()
        suite = CIPHER.split()[1]
        config = folder / "haproxy.cfg"
        # One line a call goes to its standard output, which is a file.
        config.write_text(f"""
global
  nbthread 1
  maxconn 9000
  log stdout format raw daemon
  ssl-default-bind-ciphersuites {suite}
  ssl-default-server-ciphersuites {suite}
defaults
  mode http
  log global
  option httplog
  option http-keep-alive
  http-reuse always
  timeout client 900s
  timeout server 900s
  timeout connect 10s
  timeout http-keep-alive 900s
frontend in
  bind 127.0.0.1:{self.port} ssl crt {made}/chain+key.pem backlog 4096
  default_backend bedrock
backend bedrock
  server origin 127.0.0.1:{origin.port} ssl verify required ca-file {origin.ca} sni str({HOST}) verifyhost {HOST} pool-max-conn 256 pool-purge-delay 900s
""")
        self.out = open(folder / "calls.log", "wb")  # noqa: SIM115
        super().__init__(["haproxy", "-db", "-f", config], cores, work / "haproxy.log", stdout=self.out)
        wait_for_port(self)

    def __exit__(self, *words):
        super().__exit__(*words)
        self.out.close()


class Squid(Proxy):
    package = "squid-openssl"
    cipher_is_ours = False

    def __init__(self, work, cores, origin):
        folder = fresh_folder(work, "squid")
        made = certificates(work)
        self.ca = made / "root.pem"
        self.port = free_port()
        self.connect_port = origin.port  # it goes where the client names, and nowhere else
        hosts = folder / "hosts"
        hosts.write_text(f"127.0.0.1 {HOST}\n")
        config = folder / "squid.conf"
        config.write_text(f"""
http_port 127.0.0.1:{self.port} ssl-bump tls-cert={made}/root+key.pem generate-host-certificates=on dynamic_cert_mem_cache_size=16MB tls-dh=prime256v1
sslcrtd_program /usr/lib/squid/security_file_certgen -s {folder}/minted -M 16MB
sslcrtd_children 2 startup=1
tls_outgoing_options cafile={origin.ca}
acl step1 at_step SslBump1
ssl_bump peek step1
ssl_bump bump all
hosts_file {hosts}
http_access allow all
cache deny all
workers 1
access_log stdio:{folder}/access.log
cache_log {folder}/cache.log
cache_effective_user {"proxy" if IS_ROOT else os.environ.get("USER", "nobody")}
pid_filename {folder}/pid
coredump_dir {folder}
shutdown_lifetime 1 seconds
netdb_filename none
pinger_enable off
""")
        subprocess.run(["/usr/lib/squid/security_file_certgen", "-c", "-s", folder / "minted", "-M", "16MB"], check=True,
                       capture_output=True)
        if IS_ROOT:  # it gives up its rights before it opens these
            subprocess.run(["chown", "-R", "proxy", folder, made], check=True)
            subprocess.run(["chmod", "a+rx", work, origin.ca.parent], check=True)
            subprocess.run(["chmod", "a+r", origin.ca], check=True)
        super().__init__(["squid", "-N", "-f", config], cores, work / "squid.log", stdout=subprocess.DEVNULL)
        wait_for_port(self)


class Mitmproxy(Proxy):
    package = "mitmproxy"
    cipher_is_ours = False

    def __init__(self, work, cores, origin):
        folder = fresh_folder(work, "mitmproxy")
        made = certificates(work)
        shutil.copy(made / "root+key.pem", folder / "mitmproxy-ca.pem")
        self.ca = made / "root.pem"
        self.port = free_port()
        self.out = open(folder / "calls.log", "wb")  # noqa: SIM115
        options = {"confdir": folder, "listen_host": "127.0.0.1", "listen_port": self.port,
                   "mode": f"reverse:https://127.0.0.1:{origin.port}", "keep_host_header": "true",
                   "ssl_insecure": "true",  # it is sent to an address, which the certificate does not name
                   "stream_large_bodies": "1", "http2": "false", "flow_detail": "1"}
        words = ["mitmdump"]
        for name, value in options.items():
            words += ["--set", f"{name}={value}"]
        super().__init__(words, cores, work / "mitmproxy.log", stdout=self.out)
        wait_for_port(self, 60)

    def __exit__(self, *words):
        super().__exit__(*words)
        self.out.close()


class Borehole(Proxy):
    binary = TREE / "build/borehole"
    patience = 20  # seconds until it listens

    def __init__(self, work, cores, origin, bare=False, workers=1, store=None, admin=False):
        folder = work / ("borehole-bare" if bare else "borehole")
        folder.mkdir(exist_ok=True)
        self.ca = folder / "certs/ca.pem"
        self.store = None if bare else store or folder / "calls.db"
        if store is None:
            for old in folder.glob("calls.db*"):
                old.unlink()
        record = ({"store": None, "jsonl": None, "bodies": {"max_bytes": 0}} if bare
                  else {"store": str(self.store), "jsonl": None, "keep": {"max_bytes": "100GiB", "days": 3650}})
        self.config = folder / "borehole.yaml"
        self.config.write_text(json.dumps({  # JSON is YAML
            "listen": "127.0.0.1:0",
            "admin": "127.0.0.1:0" if admin else None,
            "workers": workers,
            "ca": {"dir": str(folder / "certs")},
            "limits": {"idle_timeout": "900s"},
            "upstream": {"ca_files": [str(origin.ca)],
                         "resolve": {f"{name}:443": f"127.0.0.1:{origin.port}"
                                     for name in (HOST, MANY_HOSTS.replace("vpce-#", "*", 1))}},
            "record": record,
        }))
        out = folder / "stdout"
        began = time.monotonic()
        with open(out, "wb") as stdout:
            super().__init__([self.binary, "--config", self.config], cores, work / "borehole.log", stdout=stdout)
        while b"listening proxy=" not in (text := out.read_bytes()):
            if time.monotonic() > began + self.patience or self.child.poll() is not None:
                raise self.failure("did not start")
            time.sleep(0.001)
        self.seconds_to_listen = time.monotonic() - began
        self.port = int(text.split(b"proxy=")[1].split()[0].rpartition(b":")[2])
        self.admin_port = int(text.split(b"admin=")[1].split()[0].rpartition(b":")[2]) if admin else None

    def records(self):
        if self.store is None:
            return None
        connection = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)
        try:
            return connection.execute("SELECT count(*) FROM calls").fetchone()[0]
        finally:
            connection.close()

    def dropped(self):
        """Records of calls that came faster than the recorder writes, on the core that it shares with all else."""
        if self.admin_port is None:
            return 0
        told = urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics").read().decode()
        return int(re.search(r"^borehole_records_dropped_total (\d+)", told, re.MULTILINE)[1])


def servable():
    """Connections that borehole serves with the descriptors there are: it keeps two for each, a sixteenth and some for itself."""
    return (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 100) * 15 // 32 // 100 * 100


class Nothing:
    """No proxy at all: the origin is spoken to."""

    connect_port = None
    cipher_is_ours = True

    def __init__(self, _work, _cores, origin):
        self.port, self.ca, self.pid = origin.port, origin.ca, origin.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def records(self):
        return None

    def dropped(self):
        return 0


SUBJECTS = {
    "direct": Nothing,
    "nginx": Nginx,
    "haproxy": Haproxy,
    "squid": Squid,
    "mitmproxy": Mitmproxy,
    "borehole": Borehole,
    "borehole-bare": lambda work, cores, origin, **more: Borehole(work, cores, origin, bare=True, **more),
}
PEERS = ("haproxy", "squid", "mitmproxy")


def missing(name):
    """The Debian package of a peer that is not on this machine; None: it is there, or none is needed."""
    command = {"nginx": "nginx", "haproxy": "haproxy", "squid": "squid", "mitmproxy": "mitmdump"}.get(name)
    there = command is None or shutil.which(command, path=os.environ.get("PATH", "") + ":/usr/sbin")
    return None if there else SUBJECTS[name].package
