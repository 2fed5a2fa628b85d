"""`borehole doctor`: each finding provoked with the real binary; SDKs make their calls for real."""

import contextlib
import email.utils
import json
import os
import shlex
import shutil
import socket
import time

from harness import check, clients
from harness.proxy import HOST, Proxy
from harness.runner import test

STATES = {"ok", "look", "mend"}
PYTHON = "/usr/bin/python3"


def programs(t, *names):
    """A PATH with these programs of the machine alone; else each call would wait for every SDK that is installed."""
    folder = t.path("bin")
    os.makedirs(folder, exist_ok=True)
    for name in names:
        found = PYTHON if name == "python3" else shutil.which(name)
        with contextlib.suppress(FileExistsError):
            os.symlink(found, os.path.join(folder, name))
    return folder


def environment(t, *names, **more):
    made = clients.scrub({"PATH": programs(t, *names), "HOME": t.folder, "BOREHOLE_STORES_ROOT": t.path("no-stores")})
    made.update(more)
    return made


def doctor(proxy, env, status=None, folder=None, options=("--json",)):
    """The findings by id, and what ended."""
    import subprocess
    done = subprocess.run([proxy.binary, "doctor", "--config", proxy.config_path, *options], capture_output=True,
                          text=True, timeout=100, check=False, cwd=folder or proxy.folder,
                          env={**{k: v for k, v in proxy.environment.items() if k.endswith("SAN_OPTIONS")}, **env})
    check.lacks(done.stderr, "Sanitizer", "stderr")
    if status is not None:
        check.equal(done.returncode, status, f"exit status; stdout {done.stdout}, stderr {done.stderr}")
    if "--json" not in options:
        return done.stdout
    findings = json.loads(done.stdout)["findings"]
    for one in findings:
        check.equal(set(one), {"id", "state", "subject", "detail", "remedy"}, "members of a finding")
        check.true(one["state"] in STATES and one["subject"] and one["detail"], f"a finding: {one}")
    check.equal(done.returncode, 1 if any(f["state"] == "mend" for f in findings) else 0, "status and findings")
    return {one["id"]: one for one in findings}


def prepared(t, up=None, started=False, **config):
    """A configuration whose endpoint is the harness's upstream; with its CA, and no proxy unless `started`."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = one.getsockname()[1], two.getsockname()[1]
    config = {"listen": f"127.0.0.1:{ports[0]}", "admin": f"127.0.0.1:{ports[1]}", "limits": {"connections": 100},
              "record": {"keep": {"max_bytes": "1MiB"}}, **config}
    proxy = t.proxy(*([up] if up else []), config=config)
    if not started:
        proxy.stop()
    return proxy


def led(proxy, **more):
    return {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}", "AWS_CA_BUNDLE": proxy.bundle, **more}


@test
def all_in_place(t):
    up = t.upstream()
    proxy = prepared(t, up, started=True)
    got = doctor(proxy, environment(t, "python3", **led(proxy)), status=0)
    for name in ("configuration", "ca", "store", "descriptors", "proxy", f"endpoint.{HOST}", "environment.proxy",
                 "environment.ca", "sdk.boto3"):
        check.equal(got[name]["state"], "ok", f"{name}: {got.get(name)}")
        check.equal(got[name]["remedy"], None, f"remedy of {name}")
    check.contains(got["sdk.boto3"]["detail"], "as this shell is set", "what boto3 was tried with")
    check.equal(proxy.records(), [], "records of the proxy that runs: its doctor leaves none")
    check.equal([r.method for r in up.requests], ["GET"], "what reached the endpoint")


@test
def as_text_for_a_person(t):
    proxy = prepared(t)
    text = doctor(proxy, environment(t), status=1, options=())
    check.lacks(text, "\x1b", "no colours where there is no terminal")
    lines = text.splitlines()
    check.true(any(line.startswith("ok    CA in ") for line in lines), text)
    mend = [i for i, line in enumerate(lines) if line.startswith("mend  ")]
    check.true(mend and lines[mend[0] + 1].startswith("        "), f"a remedy below: {text}")


@test
def colours_on_a_terminal(t):
    import pty
    import subprocess
    proxy = prepared(t)
    ours, theirs = pty.openpty()
    running = subprocess.Popen([proxy.binary, "doctor", "--config", proxy.config_path], stdout=theirs,
                               stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=proxy.folder,
                               env={**{k: v for k, v in proxy.environment.items() if k.endswith("SAN_OPTIONS")},
                                    **environment(t)})
    os.close(theirs)
    text = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while piece := os.read(ours, 4096):
            text += piece
    running.wait(60)
    check.contains(text.decode(), "\x1b[32mok", "the colour of what is in order")


@test
def a_wrong_configuration(t):
    proxy = Proxy(t.binary, t.path("p"), start=False)
    with open(proxy.config_path, "w", encoding="utf-8") as file:
        file.write("listen: 1\nupstraem: {}\n")
    done = proxy.run("doctor", status=None)
    check.equal(done.returncode, 2, "exit status")
    check.contains(done.stderr, "borehole.yaml:1", "the first problem's place")
    check.contains(done.stderr, "upstraem", "the second problem")


@test
def no_ca_yet(t):
    proxy = Proxy(t.binary, t.path("p"), config={"routers": [{"path": "/"}]}, start=False)
    got = doctor(proxy, environment(t, "python3"))
    check.equal(got["ca"]["state"], "look", "no CA is no fault")
    check.true(not os.path.exists(proxy.ca_folder), "and the doctor makes none")
    check.equal(got["sdk.boto3"]["state"], "ok", "SDKs are tried all the same")
    check.contains(got["sdk.boto3"]["detail"], "borehole env", "with its variables")


@test
def modes_of_the_ca(t):
    proxy = prepared(t)
    os.chmod(proxy.issuing_key, 0o644)
    got = doctor(proxy, environment(t), status=1)
    check.equal(got["ca.key_mode"]["remedy"], f"chmod 600 {proxy.issuing_key}", "the key's remedy")
    os.chmod(proxy.issuing_key, 0o600)
    os.chmod(proxy.ca_folder, 0o755)
    got = doctor(proxy, environment(t), status=1)
    check.equal(got["ca.folder_mode"]["remedy"], f"chmod 700 {proxy.ca_folder}", "the folder's remedy")


@test
def a_ca_that_does_not_fit(t):
    proxy, other = prepared(t), prepared(t)
    shutil.copy(other.issuing_key, proxy.issuing_key)
    got = doctor(proxy, environment(t), status=1)
    check.contains(got["ca"]["detail"], "does not fit", "the finding")
    check.contains(got["ca"]["remedy"], "ca rotate", "the remedy")
    with open(other.bundle, "w", encoding="ascii") as file:
        file.write("")
    check.equal(doctor(other, environment(t), status=1)["ca.bundle"]["state"], "mend", "an empty bundle")


@test
def intercept_outside_the_constraints(t):
    proxy = prepared(t)
    proxy.config["intercept"] = ["llm.example"]
    proxy.write_config()
    got = doctor(proxy, environment(t), status=1)
    check.contains(got["ca.constraints"]["detail"], "llm.example", "the pattern")


@test
def stores(t):
    proxy = prepared(t)
    with open(proxy.store, "wb") as file:
        file.write(b"no database at all" * 500)
    for more in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.remove(proxy.store + more)
    got = doctor(proxy, environment(t), status=1)
    check.equal(got["store"]["state"], "mend", "a store that is no database")
    check.contains(got["store"]["remedy"], proxy.store + ".aside", "its remedy")
    proxy.config["record"]["store"] = proxy.store + "/below/calls.db"
    proxy.write_config()
    got = doctor(proxy, environment(t), status=1)
    check.contains(got["store.folder"]["detail"], "is a file", "a folder that cannot be made")


@test
def a_port_in_use(t):
    proxy = prepared(t)
    with socket.create_server(("127.0.0.1", proxy.port)):
        got = doctor(proxy, environment(t), status=1)
    check.contains(got["proxy.port"]["detail"], f"(process {os.getpid()})", "who holds it")
    check.contains(got["proxy.port"]["remedy"], "--listen 127.0.0.1:", "the remedy")


@test
def nothing_listens_where_the_shell_leads(t):
    proxy = prepared(t)
    got = doctor(proxy, environment(t, **led(proxy)), status=1)
    check.equal(got["proxy"]["state"], "mend", f"{got['proxy']}")
    check.contains(got["proxy"]["remedy"], "serve", "the remedy")


@test
def a_proxy_with_another_ca(t):
    proxy = prepared(t, started=True)
    proxy.run("ca", "rotate")
    got = doctor(proxy, environment(t), status=1)
    check.contains(got["proxy.ca"]["detail"], "another CA", "the finding")


@test(each=["wrong_name", "expired", "self_signed"])
def an_endpoint_whose_certificate_is_wrong(t, kind):
    up = t.upstream(kind=kind)
    got = doctor(prepared(t, up), environment(t), status=1)[f"endpoint.{HOST}"]
    check.contains(got["detail"], "certificate", "the finding")
    check.contains(got["remedy"], "upstream.ca_files" if kind == "self_signed" else "openssl s_client", "the remedy")


@test
def an_endpoint_that_is_not_there(t):
    proxy = prepared(t, routers=[{"path": "/"}, {"path": "/a/", "upstream": "https://bedrock-runtime.invalid"}],
                     upstream={"connect_timeout": "5s"})
    got = doctor(proxy, environment(t, AWS_REGION="us-nowhere-1"), status=1)
    check.contains(got["endpoint.bedrock-runtime.invalid"]["detail"], "was not found", "the finding")
    check.equal(got["endpoint.bedrock.us-nowhere-1.amazonaws.com"]["state"], "look", "the control plane")
    check.contains(got["endpoint.bedrock-runtime.us-nowhere-1.amazonaws.com"]["detail"], "upstream.proxy", "a hint")
    got = doctor(proxy, environment(t, HTTPS_PROXY="http://proxy.invalid:8080"), status=1)
    check.contains(got["endpoint.bedrock-runtime.invalid"]["remedy"], 'upstream.proxy="$HTTPS_PROXY"', "the remedy")


@test
def an_endpoint_that_does_not_answer(t):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        proxy = prepared(t)
        proxy.config["upstream"]["resolve"] = {f"{HOST}:443": f"127.0.0.1:{silent.getsockname()[1]}"}
        proxy.write_config()
        start = time.monotonic()
        got = doctor(proxy, environment(t), status=1)
        check.true(time.monotonic() - start < 40, "it does not wait for long")
    check.equal(got[f"endpoint.{HOST}"]["state"], "mend", "the finding")


@test(each=[600, -600])
def the_clock(t, ahead):
    up = t.upstream()

    def handler(request, reply):
        request.read_body(reply)
        date = email.utils.formatdate(time.time() - ahead, usegmt=True)
        reply.respond(403, [("Date", date)], b"{}")

    up.handler = handler
    got = doctor(prepared(t, up), environment(t), status=1)["clock"]
    check.contains(got["detail"], "ahead of" if ahead > 0 else "behind", "the direction")
    check.contains(got["detail"], "10 min" if ahead > 0 else "min", "how much")


@test
def a_misled_shell(t):
    proxy = prepared(t)
    got = doctor(proxy, environment(t, HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}", https_proxy="http://127.0.0.1:9",
                                    NO_PROXY="localhost,.amazonaws.com", AWS_CA_BUNDLE="/nowhere.pem",
                                    AWS_ENDPOINT_URL=f"http://127.0.0.1:{proxy.port}"), status=1)
    check.equal(got["environment.proxy"]["remedy"], 'export https_proxy="$HTTPS_PROXY"', "two spellings")
    check.equal(got["environment.NO_PROXY"]["remedy"], "export NO_PROXY=localhost", "NO_PROXY")
    check.equal(got["environment.AWS_CA_BUNDLE"]["remedy"], f"export AWS_CA_BUNDLE={proxy.bundle}", "the bundle")
    check.contains(got["environment.AWS_ENDPOINT_URL"]["remedy"], "unset AWS_ENDPOINT_URL;", "the endpoint")


@test
def boto3_that_does_not_trust(t):
    proxy = prepared(t)
    env = led(proxy)
    del env["AWS_CA_BUNDLE"]
    got = doctor(proxy, environment(t, "python3", **env), status=1)["sdk.boto3"]
    check.equal(got["state"], "mend", f"{got}")
    check.contains(got["detail"], "does not trust the CA", "the finding")
    check.equal(got["remedy"], f"export AWS_CA_BUNDLE={proxy.bundle}", "the remedy")


@test
def boto3_that_goes_past(t):
    proxy = prepared(t)
    got = doctor(proxy, environment(t, "python3", no_proxy="amazonaws.com", **led(proxy)), status=1)["sdk.boto3"]
    check.contains(got["detail"], "goes past the proxy", f"{got}")


@test
def boto3_without_a_set_shell(t):
    got = doctor(prepared(t), environment(t, "python3"))
    check.equal(got["environment.proxy"]["state"], "look", "the shell")
    check.equal(got["sdk.boto3"]["state"], "ok", f"{got['sdk.boto3']}")


AWS = f"""#!{PYTHON}
import sys
if sys.argv[1] == "--version":
    sys.exit(print("aws-cli/2.9.19 Python/3 Linux"))
if sys.argv[1] == "bedrock-runtime":
    sys.exit("aws: error: argument command: Invalid choice, valid choices are: sts")
import botocore.session
value = lambda name: sys.argv[sys.argv.index(name) + 1]
client = botocore.session.get_session().create_client("sts", value("--region"), endpoint_url=value("--endpoint-url"))
try:
    client.get_caller_identity()
except Exception as error:
    sys.exit("\\n" + str(error))
"""


@test(each=["trusting", "not_trusting"])
def aws_cli_that_is_old(t, kind):
    """A stand-in that does what the real one does: the same library, the same words for a service it does not know."""
    proxy = prepared(t)
    env = environment(t, **led(proxy))
    if kind == "not_trusting":
        del env["AWS_CA_BUNDLE"]
    with open(os.path.join(t.path("bin"), "aws"), "w", encoding="utf-8") as file:
        file.write(AWS)
    os.chmod(file.name, 0o755)
    got = doctor(proxy, env)
    check.equal(got["sdk.aws_cli"]["subject"], f"aws-cli 2.9.19 in {file.name}", "name and version")
    check.equal(got["sdk.aws_cli"]["state"], "ok" if kind == "trusting" else "mend", f"{got['sdk.aws_cli']}")
    check.equal(got["sdk.aws_cli.version"]["state"], "look", "it is too old")


@test(each=["trusting", "not_trusting"])
def javascript_sdk(t, kind):
    proxy = prepared(t)
    more = {"NODE_EXTRA_CA_CERTS": proxy.ca} if kind == "trusting" else {}
    got = doctor(proxy, environment(t, "node", **led(proxy, **more)), folder=clients.JS)["sdk.javascript"]
    check.contains(got["subject"], "@aws-sdk/client-bedrock-runtime 3.", "name and version")
    check.contains(got["detail"], "HTTP/2", f"its default handler: {got}")
    check.contains(got["remedy"], "new NodeHttpHandler(", "the remedy")
    if kind == "trusting":
        check.equal(got["state"], "look", "its state")
        check.contains(got["detail"], "trusts the CA", "the other handler")
    else:
        check.equal(got["state"], "mend", "its state")
        check.contains(got["remedy"], f"NODE_EXTRA_CA_CERTS={shlex.quote(proxy.ca)}", "the remedy")


@test
def java(t):
    proxy = prepared(t)
    env = environment(t, "java", "javac", JAVA_TOOL_OPTIONS=f"-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort={proxy.port}",
                      **led(proxy))
    got = doctor(proxy, env, status=1)["sdk.java"]
    check.contains(got["detail"], "does not trust the CA", f"{got}")
    got = doctor(proxy, environment(t, "java", "javac"))["sdk.java"]
    check.equal(got["state"], "ok", f"with borehole env: {got}")


@test
def nothing_is_left_behind(t):
    proxy = prepared(t)
    env = environment(t, "python3", TMPDIR=t.path("tmp"), **led(proxy))
    os.makedirs(env["TMPDIR"])
    before = sorted(os.listdir(proxy.ca_folder))
    doctor(proxy, env)
    check.equal(os.listdir(env["TMPDIR"]), [], "temporary files")
    check.equal(sorted(os.listdir(proxy.ca_folder)), before, "the CA's folder")
    mine = [p for p in os.listdir("/proc") if p.isdigit() and t.path("tmp") in command_line(p)]
    check.equal(mine, [], "processes")


def command_line(process):
    with contextlib.suppress(OSError), open(f"/proc/{process}/cmdline", encoding="utf-8", errors="replace") as file:
        return file.read()
    return ""
