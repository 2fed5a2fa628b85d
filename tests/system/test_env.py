"""`borehole env`: what it prints is what shells, Docker and programs take, and what real clients need."""

import json
import os
import re
import shlex
import subprocess

import test_curl
from harness import check, clients
from harness.proxy import Proxy
from harness.runner import test

BUNDLE = ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"]
DIRECT = "localhost,127.0.0.1,::1,169.254.169.254,169.254.170.2,169.254.170.23,fd00:ec2::254,fd00:ec2::23"
NAMES = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", *BUNDLE,
         "NODE_EXTRA_CA_CERTS", "DENO_CERT", "NODE_USE_ENV_PROXY", "JAVA_TOOL_OPTIONS"]
ODD = "it's a \"folder\", $HOME `x` \\ and more"
SHELLS = {"dash": ["dash", "-c"], "bash": ["bash", "--norc", "-c"], "fish": ["fish", "--no-config", "-c"]}


def scrubbed(proxy, **more):
    return dict(clients.scrub(dict(proxy.environment)), **more)


def env(proxy, *arguments, status=0, **variables):
    done = subprocess.run([proxy.binary, "env", *arguments, "--config", proxy.config_path], capture_output=True,
                          text=True, timeout=60, env=scrubbed(proxy, **variables), check=False)
    check.equal(done.returncode, status, f"exit status; {done.stdout}{done.stderr}")
    return done.stdout, done.stderr


def fixed(t, **options):
    """A configuration with a port, whose proxy does not run."""
    return Proxy(t.binary, t.path("p"), config={"listen": "127.0.0.1:5380", **options}, start=False)


@test
def exactly_these_variables(t):
    made = fixed(t)
    out, err = env(made, "--shell", "json")
    variables = json.loads(out)
    check.equal(list(variables), NAMES, "names")
    check.equal(err, "", "stderr")
    for name in NAMES[:4]:
        check.equal(variables[name], "http://127.0.0.1:5380", name)
    check.equal((variables["NO_PROXY"], variables["no_proxy"]), (DIRECT, DIRECT), "hosts that are called directly")
    for name in BUNDLE:
        check.equal(variables[name], made.bundle, name)
    check.equal((variables["NODE_EXTRA_CA_CERTS"], variables["DENO_CERT"]), (made.ca, made.ca), "Node and Deno")
    check.equal(variables["NODE_USE_ENV_PROXY"], "1", "NODE_USE_ENV_PROXY")
    java = variables["JAVA_TOOL_OPTIONS"].split(" ")
    for option in ("-Dhttp.proxyHost=127.0.0.1", "-Dhttps.proxyPort=5380"):
        check.true(option in java, f"{option} in {java}")


@test
def the_files_are_made_where_they_are_missing(t):
    made = fixed(t)
    check.true(not os.path.exists(made.ca_folder), "there is no CA yet")
    first = env(made)[0]
    for path in (made.ca, made.bundle):
        with open(path, encoding="ascii", errors="replace") as file:
            check.contains(file.read(), "BEGIN CERTIFICATE", path)
    with open(made.ca, "rb") as file:
        root = file.read()
    check.equal(env(made)[0], first, "printed again")
    with open(made.ca, "rb") as file:
        check.equal(file.read(), root, "the CA the second time")


@test(each=list(SHELLS))
def a_shell_takes_it_and_curl_goes_through(t, shell):
    up = t.upstream()
    proxy = t.proxy(up, config={"ca": {"dir": t.path(ODD)}})
    arguments, _ = test_curl.signed_arguments()
    command = f"{shlex.quote(proxy.binary)} env --config {shlex.quote(proxy.config_path)} " \
              f"--listen 127.0.0.1:{proxy.port} --shell {'fish' if shell == 'fish' else 'sh'}"
    taken = f"{command} | source" if shell == "fish" else f'eval "$({command})"'
    calls = " ".join(shlex.quote(a) for a in ["curl", "--silent", "--show-error", *arguments])
    done = subprocess.run([*SHELLS[shell], f"{taken}\n{calls}"], capture_output=True, timeout=60, check=False,
                          env=scrubbed(proxy, HOME=t.folder), cwd=t.folder)
    check.equal((done.returncode, done.stderr), (0, b""), "curl")
    check.equal(json.loads(done.stdout)["stop_reason"], "end_turn", "the answer")
    check.equal(proxy.call()["way_in"], "connect", "the way in")


@test(each=list(SHELLS))
def values_arrive_as_they_are(t, shell):
    made = fixed(t, ca={"dir": t.path(ODD)})
    command = f"{shlex.quote(made.binary)} env --config {shlex.quote(made.config_path)} --shell "
    taken = f"{command} fish | source" if shell == "fish" else f'eval "$({command} sh)"'
    done = subprocess.run([*SHELLS[shell], f"{taken}\n/usr/bin/env -0"], capture_output=True, timeout=60, check=True,
                          env=scrubbed(made, HOME=t.folder, NO_PROXY="it's \"odd\""), cwd=t.folder)
    got = dict(entry.split("=", 1) for entry in done.stdout.decode().split("\0") if "=" in entry)
    wanted = json.loads(env(made, "--shell", "json", NO_PROXY="it's \"odd\"")[0])
    check.equal({name: got.get(name) for name in NAMES}, wanted, "variables")
    check.equal(got["AWS_CA_BUNDLE"], os.path.join(t.path(ODD), "bundle.pem"), "a path")


@test
def what_was_set_before_stays(t):
    made = fixed(t)
    before = {"NO_PROXY": ".corp.example", "JAVA_TOOL_OPTIONS": "-Xmx1g"}
    variables = json.loads(env(made, "--shell", "json", **before)[0])
    check.equal(variables["NO_PROXY"], ".corp.example," + DIRECT, "NO_PROXY")
    check.true(variables["JAVA_TOOL_OPTIONS"].startswith("-Xmx1g -D"), variables["JAVA_TOOL_OPTIONS"])
    check.equal(json.loads(env(made, "--shell", "json", **variables)[0]), variables, "taken twice")
    _, err = env(made, NO_PROXY="a.example,.amazonaws.com")
    check.contains(err, "# NO_PROXY names .amazonaws.com, so calls to Bedrock go past the proxy", "what hides Bedrock")


@test
def docker_options(t):
    made = fixed(t, ca={"dir": t.path("a, \"b\" c")})
    out, err = env(made, "--shell", "docker", JAVA_TOOL_OPTIONS="-javaagent:/only/here.jar")
    check.equal(out.count("\n"), 1, "one line")
    words = shlex.split(out)
    check.equal(words.pop(0), "--add-host=host.docker.internal:host-gateway", "this machine's name")
    pairs = list(zip(words[::2], words[1::2]))
    check.equal({option for option, _ in pairs}, {"--mount", "-e"}, "options")
    variables = dict(value.split("=", 1) for option, value in pairs if option == "-e")
    check.equal(list(variables), NAMES, "names")
    check.equal(variables["HTTPS_PROXY"], "http://host.docker.internal:5380", "the proxy from there")
    check.equal(variables["AWS_CA_BUNDLE"], "/etc/borehole/bundle.pem", "a file from there")
    check.lacks(variables["JAVA_TOOL_OPTIONS"], "javaagent", "an option that is for this machine alone")
    mounts = [value for option, value in pairs if option == "--mount"]
    check.true(len(mounts) >= 2, f"the files: {mounts}")
    for mount in mounts:
        source = re.fullmatch(r'type=bind,"source=(.*)",target=(/etc/borehole/[^,]+),readonly', mount)
        check.true(source, mount)
        path = source.group(1).replace('""', '"')
        check.true(os.path.isfile(path), path)
        check.equal(os.path.basename(path), os.path.basename(source.group(2)), "its name there")
        check.true(not path.endswith(".key"), "no key")
    check.contains(err, "# a container does not reach 127.0.0.1:5380: start the proxy with `borehole --listen "
                        "0.0.0.0:5380 --set 'auth.allow_clients=[172.16.0.0/12]'`", "the address that this needs")
    _, err = env(made, "--shell", "docker", "--listen", "0.0.0.0:5380", "--set", "auth.allow_clients=[172.16.0.0/12]")
    check.lacks(err, "does not reach", "an address that containers reach")


@test
def port_zero_is_told(t):
    made = Proxy(t.binary, t.path("p"), start=False)
    out, err = env(made)
    check.contains(out, "export HTTPS_PROXY='http://127.0.0.1:0';\n", "the configured address")
    check.contains(err, "`listen` has port 0", "what is wrong")
    check.contains(err, "borehole env --listen HOST:PORT", "what to do")


@test
def mistakes(t):
    made = fixed(t, upstraem={})
    out, err = env(made, status=2)
    check.equal(out, "", "stdout")
    check.contains(err, "upstraem", "the mistake")
    made = fixed(t)
    os.makedirs(made.ca_folder, mode=0o700)
    with open(made.ca, "w", encoding="ascii") as file:
        file.write("no certificate")
    out, err = env(made, status=1)
    check.equal(out, "", "stdout")
    check.contains(err, "borehole ca rotate", "what to do")
