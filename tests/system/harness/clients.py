"""Real clients and how each is pointed at the proxy. Never patched: what they send is what their users send."""

import json
import os
import subprocess

import boto3
from botocore.config import Config

from . import check
from .bedrock import CREDENTIALS

MODELS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "models")
JS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "js")
GO = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "go")
REGION = "us-east-1"
SCRUBBED = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE",
            "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "AWS_PROFILE", "AWS_CONFIG_FILE")


def scrub(environment):
    """Nothing of this machine's own settings may decide a test."""
    for name in SCRUBBED:
        environment.pop(name, None)
        environment.pop(name.upper(), None)
    environment["AWS_EC2_METADATA_DISABLED"] = "true"
    return environment


def bedrock_client(ca=None, proxies=None, proxies_config=None, endpoint_url=None, credentials=CREDENTIALS, attempts=1,
                   read_timeout=60, pool=10):
    """A boto3 client with our reduced model of bedrock-runtime (the packaged botocore may know none)."""
    scrub(os.environ)
    os.environ["AWS_DATA_PATH"] = MODELS
    session = boto3.session.Session(credentials.key, credentials.secret, credentials.token, region_name=REGION)
    config = Config(proxies=proxies, proxies_config=proxies_config, read_timeout=read_timeout, connect_timeout=20,
                    retries={"total_max_attempts": attempts, "mode": "standard"}, max_pool_connections=pool)
    return session.client("bedrock-runtime", config=config, verify=ca, endpoint_url=endpoint_url)


class Boto:
    """The ways that boto3 is sent through a proxy."""

    def __init__(self, name, way_in, make):
        self.name = name
        self.way_in = way_in
        self._make = make

    def client(self, proxy, **options):
        return self._make(proxy, **options)

    def __str__(self):
        return self.name


def _by_environment(proxy, **options):
    scrub(os.environ)
    os.environ["HTTPS_PROXY"] = f"http://127.0.0.1:{proxy.port}"
    os.environ["AWS_CA_BUNDLE"] = proxy.bundle
    kept = dict(os.environ)
    client_environment = {k: kept[k] for k in ("HTTPS_PROXY", "AWS_CA_BUNDLE")}
    os.environ["AWS_DATA_PATH"] = MODELS
    credentials = options.pop("credentials", CREDENTIALS)
    os.environ.update(client_environment)
    session = boto3.session.Session(credentials.key, credentials.secret, credentials.token, region_name=REGION)
    attempts = options.pop("attempts", 1)
    config = Config(read_timeout=options.pop("read_timeout", 60), max_pool_connections=options.pop("pool", 10),
                    retries={"total_max_attempts": attempts, "mode": "standard"})
    return session.client("bedrock-runtime", config=config, **options)


def _over_tls(proxy, **options):
    return bedrock_client(ca=proxy.ca, proxies={"https": f"https://localhost:{proxy.port}"},
                          proxies_config={"proxy_ca_bundle": proxy.ca}, **options)


def _forwarding(proxy, **options):
    return bedrock_client(ca=proxy.ca, proxies={"https": f"https://localhost:{proxy.port}"},
                          proxies_config={"proxy_use_forwarding_for_https": True, "proxy_ca_bundle": proxy.ca},
                          **options)


BOTO_ENVIRONMENT = Boto("boto3_HTTPS_PROXY", "connect", _by_environment)
BOTO_TLS = Boto("boto3_https_proxy", "connect", _over_tls)
BOTO_FORWARDING = Boto("boto3_forwarding", "absolute", _forwarding)
BOTO = [BOTO_ENVIRONMENT, BOTO_TLS, BOTO_FORWARDING]


def build_go(source, program):
    """Compiles one of the programs in go/, offline."""
    environment = dict(os.environ, GOFLAGS="-mod=mod", GO111MODULE="off", GOTOOLCHAIN="local", CGO_ENABLED="0")
    environment.setdefault("GOCACHE", os.path.join(os.path.expanduser("~"), ".cache", "go-build"))
    done = subprocess.run(["go", "build", "-o", program, os.path.join(GO, source)], env=environment,
                          capture_output=True, text=True, check=False, timeout=170)
    check.equal(done.returncode, 0, f"go build: {done.stderr[-1000:]}")


def execute(command, environment=None, timeout=60, input_bytes=None):
    """Runs a client program; gives what it did."""
    env = scrub(dict(os.environ))
    env.update(environment or {})
    return subprocess.run(command, capture_output=True, env=env, timeout=timeout, check=False, input=input_bytes)


def curl(*arguments, timeout=60, environment=None):
    """curl with what every test wants; gives (exit status, status line code, head, body, stderr)."""
    done = execute(["curl", "--silent", "--show-error", "--include", "--max-time", str(timeout), *arguments],
                   environment, timeout + 10)
    return done


def node(script, environment=None, timeout=60, **options):
    """One of the programs in js/; it gets its options as JSON and prints JSON lines."""
    done = execute(["node", os.path.join(JS, script), json.dumps(options)], environment, timeout)
    lines = [json.loads(line) for line in done.stdout.decode().splitlines() if line.startswith("{")]
    return lines, done


def javascript(proxy, ops, scheme="http", **options):
    """The AWS SDK for JavaScript does `ops` (js/bedrock.mjs) through the proxy; what it printed, as objects."""
    if not os.path.isdir(os.path.join(JS, "node_modules")):
        raise AssertionError("tests/system/js/node_modules is missing: tools/test installs it (npm ci there)")
    if scheme == "https":
        options["proxy_ca"] = proxy.ca
    lines, done = node("bedrock.mjs", {"NODE_EXTRA_CA_CERTS": proxy.ca}, ops=ops,
                       proxy=f"{scheme}://localhost:{proxy.port}", key=CREDENTIALS.key,
                       secret=CREDENTIALS.secret, **options)
    check.equal(done.returncode, 0, f"node: {done.stderr.decode()[-2000:]}")
    return lines
