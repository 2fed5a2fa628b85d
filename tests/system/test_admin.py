"""The admin port: health, metrics, the recorded calls, who is answered; and the CA through the proxy itself."""

import contextlib
import hashlib
import json
import os
import re
import signal
import ssl
import subprocess
import threading

from prometheus_client.parser import text_string_to_metric_families

from harness import bedrock, check, clients, wire, ways
from harness.proxy import HOST
from harness.runner import test

MODEL = "us.anthropic.claude-3-haiku-20240307-v1:0"
ENCODED = MODEL.replace(":", "%3A")


class Admin:
    """Requests on one connection, one after another."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.stream = wire.connect(proxy.admin)

    def get(self, target, method="GET", host=None, fields=()):
        host = host or f"127.0.0.1:{self.proxy.admin[1]}"
        head = [f"{method} {target} HTTP/1.1", f"Host: {host}", *fields, "", ""]
        self.stream.send("\r\n".join(head).encode())
        return wire.read_response(self.stream, method)

    def json(self, target, status=200):
        answer = self.get(target)
        check.equal(answer.status, status, f"status of {target}: {answer.body!r}")
        check.equal(answer.get("content-type"), "application/json", f"type of {target}")
        return json.loads(answer.body)

    def metrics(self):
        answer = self.get("/metrics")
        check.equal(answer.status, 200, "/metrics")
        check.equal(answer.get("content-type"), "text/plain; version=0.0.4; charset=utf-8", "type of /metrics")
        return Metrics(answer.body.decode())


class Metrics:
    def __init__(self, text):
        self.text = text
        self.families = {f.name: f for f in text_string_to_metric_families(text)}
        self.values = {(s.name, tuple(sorted(s.labels.items()))): s.value
                       for f in self.families.values() for s in f.samples}

    def value(self, name, **labels):
        key = (name, tuple(sorted(labels.items())))
        if key not in self.values:
            raise AssertionError(f"no {name}{labels} in\n{self.text}")
        return self.values[key]

    def total(self, name):
        return sum(value for (sample, _), value in self.values.items() if sample == name)


def call(proxy, way=ways.CONNECT, action="invoke", model=ENCODED):
    head, body = bedrock.signed_request(action, target_of=way.target, model=model)
    stream = way.open(proxy)
    stream.send(head + body)
    return wire.read_response(stream)


@test
def metrics_count_exactly(t):
    up = t.upstream()
    proxy = t.proxy(up)
    for _ in range(3):
        check.equal(call(proxy).status, 200, "a call")
    up.bedrock.error = (429, "ThrottlingException", "slow down")
    check.equal(call(proxy, ways.GATEWAY, "converse").status, 429, "a throttled call")
    stream = wire.connect(proxy.address)
    stream.send(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
    check.equal(wire.read_response(stream).status, 404, "a call that no router takes")
    proxy.calls(5)
    admin = Admin(proxy)
    now = admin.metrics()
    check.equal(now.value("borehole_calls_total", operation="InvokeModel", model=MODEL, status="200"), 3, "calls")
    check.equal(now.value("borehole_calls_total", operation="Converse", model=MODEL, status="429"), 1, "throttled")
    check.equal(now.value("borehole_throttled_calls_total", model=MODEL), 1, "throttled, by model")
    check.equal(now.value("borehole_calls_total", operation="none", model="none", status="404"), 1, "not routed")
    check.equal(now.total("borehole_calls_total"), 5, "all calls")
    check.equal(now.value("borehole_call_errors_total", code="no_route"), 1, "errors by code")
    check.equal(now.value("borehole_call_outcomes_total", outcome="complete"), 4, "outcomes")
    check.equal(now.value("borehole_call_outcomes_total", outcome="refused"), 1, "outcomes")
    for kind, each in (("input", bedrock.INPUT_TOKENS), ("output", bedrock.OUTPUT_TOKENS),
                       ("cache_read", bedrock.CACHE_READ), ("cache_write", bedrock.CACHE_WRITE)):
        check.equal(now.value("borehole_tokens_total", model=MODEL, type=kind), 3 * each, f"{kind} tokens")
    for name in ("borehole_call_duration_seconds", "borehole_call_upstream_first_byte_seconds"):
        check.equal(now.value(name + "_count", operation="InvokeModel"), 3, name)
        check.equal(now.value(name + "_bucket", operation="InvokeModel", le="900"), 3, name)
        check.true(0 < now.value(name + "_sum", operation="InvokeModel") < 60, f"{name} in seconds")
    check.eventually(lambda: admin.metrics().value("borehole_records_written_total") == 5, "5 records are written")
    check.equal(admin.metrics().value("borehole_mailbox_bytes"), 0, "nothing waits")
    check.equal(now.value("borehole_records_dropped_total"), 0, "drops")
    check.equal(now.value("borehole_connections_accepted_total"), 5, "connections")
    check.equal(now.value("borehole_certificates_minted_total"), 1, "one leaf for one host")
    check.equal(now.value("borehole_upstream_dials_total"), len(up.connections), "dials")
    check.equal(now.value("borehole_upstream_leases_total", reused="true") +
                now.value("borehole_upstream_leases_total", reused="false"), 4, "leases")
    check.true(now.value("borehole_ready") == 1, "ready")
    status = admin.json("/api/status")
    check.equal(now.value("borehole_build_info", version=status["version"]), 1, "build info")
    check.true(abs(now.value("process_resident_memory_bytes") - proxy.resident()) < 64 << 20, "resident memory")
    check.true(abs(now.value("process_open_fds") - proxy.descriptors()) <= 4, "descriptors")
    with open("/proc/stat", encoding="ascii") as file:
        boot = next(int(line.split()[1]) for line in file if line.startswith("btime"))
    check.true(boot <= now.value("process_start_time_seconds"), "start time")


@test
def metrics_are_what_prometheus_wants(t):
    proxy = t.proxy(t.upstream())
    check.equal(call(proxy, model='x%22y%0Az%5C').status, 200, "a model with letters that need escaping")
    proxy.calls(1)
    now = Admin(proxy).metrics()
    check.equal(now.value("borehole_calls_total", operation="InvokeModel", model='x"y\nz\\', status="200"), 1,
                "the label, read back")
    for family in now.families.values():
        check.true(family.documentation, f"{family.name} has help")
        check.one_of(family.type, ("counter", "gauge", "histogram"), f"type of {family.name}")
        check.true(re.fullmatch("(borehole|process)_[a-z0-9_]+", family.name), f"name of {family.name}")
    for line in now.text.splitlines():
        if line.startswith("# TYPE") and line.endswith(" counter"):
            check.true(line.split()[2].endswith("_total"), f"a counter ends in _total: {line}")
    for name in ("borehole_call_duration_seconds", "borehole_call_upstream_first_byte_seconds"):
        counts = [s.value for s in now.families[name].samples if s.name.endswith("_bucket") and s.labels["operation"] == "InvokeModel"]
        check.equal(counts, sorted(counts), f"{name} is cumulative")


@test
def models_without_end_are_folded(t):
    up = t.upstream()
    proxy = t.proxy(up)
    stream = ways.ABSOLUTE.open(proxy)
    for i in range(300):
        head, body = bedrock.signed_request("invoke", target_of=ways.ABSOLUTE.target, model=f"made-up.model-{i}")
        stream.send(head + body)
        check.equal(wire.read_response(stream).status, 200, f"call {i}")
    proxy.calls(300)
    now = Admin(proxy).metrics()
    models = {dict(labels)["model"] for (name, labels) in now.values if name == "borehole_calls_total"}
    check.true(len(models) <= 260 and "other" in models, f"{len(models)} models")
    check.equal(now.total("borehole_calls_total"), 300, "none is lost")
    check.equal(now.value("borehole_calls_folded_total"),
                now.value("borehole_calls_total", operation="InvokeModel", model="other", status="200"), "folded")


@test
def bytes_and_connections(t):
    up = t.upstream()
    up.handler = lambda request, reply: (request.read_body(reply), reply.respond(200, [], b"y" * 200_000))
    proxy = t.proxy(up)
    admin = Admin(proxy)
    before = admin.metrics()
    stream = ways.CONNECT.open(proxy)
    stream.send(f"POST /a HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 100000\r\n\r\n".encode() + b"x" * 100_000)
    check.equal(len(wire.read_response(stream).body), 200_000, "the answer")

    def grown(name, **labels):
        return admin.metrics().value(name, **labels) - before.value(name, **labels)
    check.eventually(lambda: grown("borehole_sent_bytes_total", to="client") >= 200_000, "sent to the client")
    for name, labels, least in (("borehole_received_bytes_total", {"from": "client"}, 100_000),
                                ("borehole_sent_bytes_total", {"to": "upstream"}, 100_000),
                                ("borehole_received_bytes_total", {"from": "upstream"}, 200_000),
                                ("borehole_sent_bytes_total", {"to": "client"}, 200_000)):
        check.true(least <= grown(name, **labels) < least + 2000, f"{name} {labels}: {grown(name, **labels)}")
    check.equal(admin.metrics().value("borehole_connections_open"), 1, "open connections")
    stream.close()
    check.eventually(lambda: admin.metrics().value("borehole_connections_open") == 0, "it is closed")


@test
def refused_connections_are_counted(t):
    proxy = t.proxy(config={"limits": {"connections": 2}})
    held = [wire.connect(proxy.address) for _ in range(2)]
    admin = Admin(proxy)
    check.eventually(lambda: admin.metrics().value("borehole_connections_open") == 2, "two are open")
    third = wire.connect(proxy.address)
    third.send(b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n")
    check.equal(wire.read_response(third).status, 503, "one too many")
    check.equal(admin.metrics().value("borehole_connections_refused_total", reason="limit"), 1, "refused")
    del held


@test
def records_that_are_not_written_are_told(t):
    up = t.upstream()
    proxy = t.proxy(up, config={"record": {"jsonl": "/dev/full"}})
    admin = Admin(proxy)
    check.equal(admin.get("/readyz").body, b"ready\n", "at first")
    check.equal(call(proxy).status, 200, "the call is not touched")
    check.eventually(lambda: admin.metrics().value("borehole_records_failed_total") == 1, "a record failed")
    answer = admin.get("/readyz")
    check.equal(answer.status, 503, "/readyz")
    check.contains(answer.body, b"records of calls could not be written: ", "what is wrong")
    check.contains(answer.body, b"/dev/full", "where")
    check.equal(admin.metrics().value("borehole_ready"), 0, "in the metrics too")
    check.equal(admin.get("/healthz").status, 200, "/healthz")


@test
def a_store_that_is_gone_is_told(t):
    proxy = t.proxy()
    admin = Admin(proxy)
    os.rename(proxy.store, proxy.store + ".away")
    answer = admin.get("/readyz")
    check.equal(answer.status, 503, "/readyz")
    check.equal(answer.body.decode(), f"the call store {proxy.store} is no longer there: put it back, or the next call "
                                      "makes a new one\n", "what is wrong")
    check.equal(admin.json("/api/calls", 404)["message"][:27], "there is no call store at /", "the calls")
    os.rename(proxy.store + ".away", proxy.store)
    check.equal(admin.get("/readyz").status, 200, "it is back")


@test
def draining_is_not_ready(t):
    up = t.upstream()
    go = threading.Event()
    t.defer(go.set)
    up.handler = lambda request, reply: (request.read_body(reply), go.wait(30), reply.respond(200, [], b"ok"))
    proxy = t.proxy(up)
    admin = Admin(proxy)
    stream = ways.CONNECT.open(proxy)
    stream.send(f"GET /a HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    up.wait_for_requests(1)
    proxy.process.send_signal(signal.SIGTERM)
    check.eventually(lambda: admin.get("/readyz").status == 503, "not ready any more")
    check.contains(admin.get("/readyz").body, b"shutting down", "why")
    check.equal(admin.get("/healthz").status, 200, "alive")
    check.equal(admin.json("/api/status")["draining"], True, "status")
    go.set()
    check.equal(wire.read_response(stream).body, b"ok", "the call under way")
    check.equal(proxy.process.wait(20), 0, "exit status")
    proxy.check_stderr()
    proxy.process = None


@test
def status_tells_whose_proxy_it_is(t):
    proxy = t.proxy(config={"workers": 2})
    status = Admin(proxy).json("/api/status")
    check.equal(status["name"], "borehole", "name")
    check.equal(status["pid"], proxy.process.pid, "pid")
    check.equal(status["listen"], [f"127.0.0.1:{proxy.port}"], "listen")
    check.equal(status["admin"], f"127.0.0.1:{proxy.admin[1]}", "admin")
    check.equal((status["config_file"], status["store"], status["jsonl"]),
                (proxy.config_path, proxy.store, proxy.jsonl), "files")
    check.equal((status["workers"], status["draining"]), (2, False), "workers, draining")
    with open(proxy.ca, encoding="ascii") as file:
        der = ssl.PEM_cert_to_DER_cert(file.read())
    check.equal(status["ca"]["sha256"], hashlib.sha256(der).hexdigest(), "the CA's fingerprint")
    check.equal(status["ca"]["dir"], proxy.ca_folder, "the CA's folder")


@test
def calls_as_json(t):
    up = t.upstream()
    proxy = t.proxy(up)
    for action in ("invoke", "converse", "invoke"):
        check.equal(call(proxy, action=action).status, 200, action)
    up.bedrock.error = (429, "ThrottlingException", "slow down")
    call(proxy)
    records = {r["id"]: r for r in proxy.calls(4)}
    newest_first = sorted(records, key=lambda i: records[i]["started_at"], reverse=True)
    admin = Admin(proxy)
    check.eventually(lambda: len(admin.json("/api/calls")["calls"]) == 4, "the store has them")
    answer = admin.json("/api/calls")
    check.equal([c["id"] for c in answer["calls"]], newest_first, "newest first")
    check.equal(answer["next"], None, "that is all")
    first = answer["calls"][0]
    check.equal((first["status"], first["operation"], first["model_id"], first["outcome"], first["input_tokens"]),
                (429, "InvokeModel", MODEL, "complete", None), "a summary")
    seen, target = [], "/api/calls?limit=3"
    while target:
        page = admin.json(target)
        seen += [c["id"] for c in page["calls"]]
        target = page["next"] and f"/api/calls?limit=3&before={page['next']}"
    check.equal(seen, newest_first, "page by page")
    check.equal([c["id"] for c in admin.json("/api/calls?operation=converse&model=haiku")["calls"]], [newest_first[2]],
                "filters")
    check.equal(len(admin.json("/api/calls?status=4xx&since=1h")["calls"]), 1, "by status and time")
    check.equal(admin.json("/api/calls?until=1h")["calls"], [], "none is so old")
    whole = admin.json("/api/calls?full=1&access_key=" + bedrock.CREDENTIALS.key)["calls"]
    check.equal(whole, [records[i] for i in newest_first], "whole records are those of the JSON-lines file")
    check.equal(admin.json("/api/calls/" + newest_first[0]), records[newest_first[0]], "one record")
    check.equal(admin.json("/api/calls/" + newest_first[0].lower()), records[newest_first[0]], "in small letters")
    check.contains(admin.json("/api/calls/7ZZ", 404)["message"], "no call's id begins with 7ZZ", "no such call")
    check.contains(admin.json("/api/calls?modle=x", 400)["message"], "did you mean model?", "a misspelt parameter")
    check.contains(admin.json("/api/calls?limit=0", 400)["message"], "a number from 1 to 1000", "a bad value")
    check.lacks(admin.get("/api/calls?full=1").body, bedrock.CREDENTIALS.secret.encode(), "the API")


@test
def health_is_answered_while_queries_run(t):
    """A text that is nowhere makes the store be read through; nothing else waits for that."""
    up = t.upstream()
    proxy = t.proxy(up)
    call(proxy)
    proxy.calls(1)
    askers = [Admin(proxy) for _ in range(8)]
    for asker in askers:
        asker.stream.send(f"GET /api/calls?text=nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    check.equal(Admin(proxy).get("/healthz").status, 200, "/healthz")
    for asker in askers:
        answer = wire.read_response(asker.stream)
        check.equal((answer.status, json.loads(answer.body)["calls"]), (200, []), "a query")


@test
def rebinding_and_other_origins(t):
    proxy = t.proxy()
    own = f"127.0.0.1:{proxy.admin[1]}"
    paths = ("/ca.pem", "/metrics", "/api/calls", "/api/status", "/readyz")
    for path in paths:
        for host in ("evil.test", f"evil.test:{proxy.admin[1]}", "localhost.evil.test"):
            answer = Admin(proxy).get(path, host=host)
            check.equal(answer.status, 403, f"{path} for {host}")
            check.lacks(answer.body, b"CERTIFICATE", "the answer")
        for origin in ("http://evil.test", "null", f"http://localhost:{proxy.admin[1]}", f"https://{own}"):
            check.equal(Admin(proxy).get(path, fields=[f"Origin: {origin}"]).status, 403, f"{path} from {origin}")
        check.equal(Admin(proxy).get(path, fields=[f"Origin: http://{own}"]).status, 200, f"{path} from itself")
        answer = Admin(proxy).get(path)
        check.equal(answer.get("access-control-allow-origin"), None, "no other origin may read it")
        for name, value in (("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
                            ("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"),
                            ("cross-origin-resource-policy", "same-origin"), ("cache-control", "no-store")):
            check.equal(answer.get(name), value, f"{name} of {path}")
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        check.equal(Admin(proxy).get("/api/calls", method).status, 405, method)
    answer = Admin(proxy).get("/api/calls", fields=["Content-Length: 2"])
    check.equal(answer.status, 413, "a body")


@test
def connections_stay_open(t):
    proxy = t.proxy()
    admin = Admin(proxy)
    for path in ("/healthz", "/none", "/api/calls?x=1", "/metrics", "/api/calls", "/readyz"):
        answer = admin.get(path)
        check.equal(answer.get("connection"), None, f"{path} leaves the connection open")
    admin.stream.send(b"GET /api/calls HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
                      b"HEAD /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    check.equal(json.loads(wire.read_response(admin.stream).body), {"calls": [], "next": None}, "first")
    check.equal(wire.read_response(admin.stream).body, b"ok\n", "second")
    last = wire.read_response(admin.stream, "HEAD")
    check.true(int(last.get("content-length")) > 1000, "third: a head")
    check.equal(last.get("connection"), "close", "third")
    check.equal(admin.stream.recv(), b"", "and the end")


@test
def an_open_admin_port_wants_credentials(t):
    users = t.path("users")
    with open(users, "w", encoding="ascii") as file:
        file.write("ann:$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.\n")
    os.chmod(users, 0o600)
    proxy = t.proxy(config={"admin": "0.0.0.0:0", "auth": {"users_file": users}})
    proxy.admin = ("127.0.0.1", proxy.admin[1])
    admin = Admin(proxy)
    for path in ("/metrics", "/api/calls", "/api/status"):
        check.equal(admin.get(path).status, 401, path)
        check.equal(admin.get(path, fields=["Authorization: Basic YW5uOnNlY3JldA=="]).status, 200, f"{path} with them")
    for path in ("/healthz", "/readyz", "/ca.pem"):
        check.equal(admin.get(path).status, 200, path)


@test
def other_users_of_the_machine_see_no_calls(t):
    users = t.path("users")
    with open(users, "w", encoding="ascii") as file:
        file.write("ann:$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.\n")
    os.chmod(users, 0o600)
    proxy = t.proxy(config={"auth": {"users_file": users}})
    check.equal(Admin(proxy).json("/api/calls")["calls"], [], "our own user")
    if os.geteuid() != 0:
        return  # only root can become somebody else

    def as_nobody(*arguments):
        done = subprocess.run(["curl", "--silent", "--include", *arguments], capture_output=True, text=True, timeout=60,
                              check=True, user=65534, group=65534, extra_groups=[], cwd="/")
        return done.stdout
    base = f"http://127.0.0.1:{proxy.admin[1]}"
    for path in ("/api/calls", "/api/calls/01", "/api/calls?full=1"):
        answer = as_nobody(base + path)
        check.contains(answer, "HTTP/1.1 403 ", path)
        check.contains(answer, "shown to the user that borehole runs as", path)
    check.contains(as_nobody("--user", "ann:secret", base + "/api/calls"), '{"calls":[],"next":null}', "with credentials")
    check.contains(as_nobody("--user", "ann:wrong", base + "/api/calls"), "HTTP/1.1 403 ", "with wrong ones")
    for path in ("/healthz", "/readyz", "/metrics", "/ca.pem", "/api/status"):
        check.contains(as_nobody(base + path), "HTTP/1.1 200 ", path)


@test(each=["http_proxy", "https_proxy"])
def the_ca_through_the_proxy(t, name):
    """All that a container needs is the proxy's address."""
    up = t.upstream()
    proxy = t.proxy(up)
    through = {"http_proxy": ["--proxy", f"http://127.0.0.1:{proxy.port}"],
               "https_proxy": ["--proxy", f"https://localhost:{proxy.port}", "--proxy-cacert", proxy.ca]}[name]
    fetched = {}
    for path in ("ca.pem", "ca.der", "bundle.pem", ""):
        done = clients.curl(*through, f"http://borehole.test/{path}")
        check.equal(done.returncode, 0, f"curl: {done.stderr.decode()}")
        head, _, fetched[path] = done.stdout.partition(b"\r\n\r\n")
        check.contains(head, b" 200 OK", path)
    with open(proxy.ca, "rb") as file:
        check.equal(fetched["ca.pem"], file.read(), "ca.pem")
    check.equal(fetched["ca.der"], ssl.PEM_cert_to_DER_cert(fetched["ca.pem"].decode()), "ca.der")
    check.contains(fetched["bundle.pem"].decode(), fetched["ca.pem"].decode().strip(), "bundle.pem")
    check.contains(fetched[""], b"borehole works", "the first page")
    check.contains(fetched[""].decode(), Admin(proxy).json("/api/status")["ca"]["sha256"], "with the fingerprint")
    for path in ("ca.pem", "bundle.pem"):
        trusted = t.path("fetched-" + path)
        with open(trusted, "wb") as file:
            file.write(fetched[path])
        done = clients.curl("--suppress-connect-headers", "--cacert", trusted, *through, f"https://{HOST}/models")
        check.equal(done.returncode, 0, f"a call that trusts what was fetched: {done.stderr.decode()}")
    check.equal(len(proxy.calls(2)), 2, "only the calls have records")
    check.equal(len(up.requests), 2, "only the calls went upstream")


@test
def the_ca_through_a_proxy_with_users(t):
    users = t.path("users")
    with open(users, "w", encoding="ascii") as file:
        file.write("ann:$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.\n")
    os.chmod(users, 0o600)
    proxy = t.proxy(config={"auth": {"users_file": users}})
    done = clients.curl("--proxy", f"http://127.0.0.1:{proxy.port}", "http://borehole.test/ca.pem")
    check.contains(done.stdout, b" 407 ", "without credentials")
    check.lacks(done.stdout, b"CERTIFICATE", "the answer")
    done = clients.curl("--proxy", f"http://ann:secret@127.0.0.1:{proxy.port}", "http://borehole.test/ca.pem")
    check.contains(done.stdout, b"BEGIN CERTIFICATE", "with them")


@test
def the_metrics_survive_a_scrape_that_leaves(t):
    proxy = t.proxy()
    for target in ("/metrics", "/api/calls", "/bundle.pem"):
        for _ in range(20):
            stream = wire.connect(proxy.admin)
            stream.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 5)
            with contextlib.suppress(OSError):
                stream.abort()
    check.equal(Admin(proxy).get("/healthz").status, 200, "alive")
