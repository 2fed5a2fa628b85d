"""Configuration while the proxy runs: reload, warnings, and coming from another gateway."""

import json
import os
import signal
import sqlite3

from harness import bedrock, check, wire, ways
from harness.proxy import HOST, Proxy
from harness.runner import test
from test_admin import Admin

RELOADED = "configuration reloaded"
NOT_RELOADED = "the configuration was not reloaded; the one in force stays"


def reload(proxy, change, said=RELOADED):
    """Changes the file, sends SIGHUP, and gives what the log says from there to `said`."""
    if isinstance(change, str):
        with open(proxy.config_path, "w", encoding="utf-8") as file:
            file.write(change)
    else:
        change(proxy.config)
        proxy.write_config()
    before = len(proxy.stderr())
    proxy.process.send_signal(signal.SIGHUP)
    check.eventually(lambda: said in proxy.stderr()[before:], f"the log says: {said}")
    return proxy.stderr()[before:]


def gateway_status(proxy, prefix="/service/standard", stream=None):
    head, body = bedrock.signed_request("invoke", target_of=lambda p: prefix + p)
    stream = stream or wire.connect(proxy.address)
    stream.send(head + body)
    return wire.read_response(stream).status


@test
def a_reload_serves_new_connections_and_leaves_the_old_ones(t):
    up = t.upstream()
    proxy = t.proxy(up)
    old = wire.connect(proxy.address)
    check.equal(gateway_status(proxy, stream=old), 200, "before")
    reload(proxy, lambda c: c.update(routers=[{"path": "/"}, {"path": "/new/", "upstream": f"https://{HOST}"}]))
    check.equal(gateway_status(proxy, "/new"), 200, "the new router")
    bare = wire.connect(proxy.address)
    bare.send(b"GET /service/standard/x HTTP/1.1\r\nHost: localhost\r\n\r\n")
    check.equal(wire.read_response(bare).status, 404, "the router that is gone")
    check.equal(gateway_status(proxy, stream=old), 200, "a connection keeps what it began with")


@test
def a_reload_takes_up_a_ca_that_was_rotated(t):
    """Leaves, the pages of borehole.test and the admin port's files together; who is connected keeps the old ones."""
    proxy = t.proxy(t.upstream(handler=lambda request, reply: (request.read_body(), reply.respond(200, [], b"ok"))))

    def content(path):
        with open(path, "rb") as file:
            return file.read()

    def own_page(path):
        stream = wire.connect(proxy.address)
        stream.send(f"GET http://borehole.test/{path} HTTP/1.1\r\nHost: borehole.test\r\n\r\n".encode())
        return wire.read_response(stream).body

    def is_served(root, bundle, sha):
        admin = Admin(proxy)
        check.equal((own_page("ca.pem"), own_page("bundle.pem")), (root, bundle), "at borehole.test")
        check.equal((admin.get("/ca.pem").body, admin.get("/bundle.pem").body), (root, bundle), "at the admin port")
        check.equal(admin.json("/api/status")["ca"]["sha256"] == sha, True, "the fingerprint in /api/status")
        check.contains(own_page("").decode(), sha, "the fingerprint at borehole.test")

    def call(stream):
        stream.send(f"GET /x HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        return wire.read_response(stream).status

    fingerprint = lambda: json.loads(proxy.run("ca", "show", "--json"))["root"]["sha256"]  # noqa: E731
    before = content(proxy.ca), content(proxy.bundle), fingerprint()
    old = ways.CONNECT.open(proxy)
    check.equal(call(old), 200, "with the CA of the start")
    check.contains(proxy.run("ca", "rotate"), "SIGHUP", "what is next")
    after = content(proxy.ca), content(proxy.bundle), fingerprint()
    check.true(before[0] != after[0] and before[1] != after[1] and before[2] != after[2], "it was rotated")
    is_served(*before)
    said = reload(proxy, lambda c: None)
    check.contains(said, f"new connections get certificates of it, so clients must trust the new ca.pem (SHA-256 {after[2]})",
                   "the log")
    is_served(*after)
    check.equal(call(ways.CONNECT.open(proxy)), 200, "a new connection, with the new root alone")
    check.equal(call(old), 200, "a connection keeps what it began with")
    check.lacks(reload(proxy, lambda c: None), "new connections get certificates", "nothing has changed since")
    check.equal(call(ways.CONNECT.open(proxy)), 200, "and again")


@test
def a_bad_reload_changes_nothing_and_says_so(t):
    up = t.upstream()
    proxy = t.proxy(up)
    for text, place in (("listen: [\n", ":2:1: this is not YAML"), ("limitz: {}\n", ":1:1: unknown key 'limitz'"),
                        ("auth: {users_file: nowhere}\n", ":1:20: auth.users_file names a file that cannot be read"),
                        ("intercept: [api.openai.com]\n", "borehole ca rotate")):
        said = reload(proxy, text, NOT_RELOADED)
        check.contains(said, place, "why")
        check.lacks(said, RELOADED, "nothing was reloaded")
        check.equal(gateway_status(proxy), 200, "the configuration in force")


@test
def what_waits_for_a_restart_is_named(t):
    proxy = t.proxy(t.upstream())

    def change(config):
        config["workers"] = 2
        config["listen"] = "127.0.0.1:1"
        config["record"]["jsonl"] = None
        config["limits"] = {"head_bytes": "8KiB"}
    said = reload(proxy, change)
    check.contains(said, "listen, workers, record.jsonl have changed, which a running proxy keeps as they were: "
                         "restart to apply", "the sentence")
    stream = wire.connect(proxy.address)
    stream.send(b"GET /x HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 9000 + b"\r\n\r\n")
    check.equal(wire.read_response(stream).status, 431, "the rest is in force")
    said = reload(proxy, lambda c: c.update(workers=1))
    check.contains(said, "listen, record.jsonl have changed", "compared with what runs, not with the file before")


@test
def a_reload_does_not_open_the_door(t):
    proxy = t.proxy(t.upstream(), config={"listen": "0.0.0.0:0", "auth": {"allow_clients": ["192.0.2.0/24"]}})
    said = reload(proxy, lambda c: c.update(listen="127.0.0.1:0", auth={}), NOT_RELOADED)
    check.contains(said, "`listen` of the running proxy is reachable from other machines until it is restarted", "why")


@test
def users_and_clients_are_reloaded(t):
    up = t.upstream()
    proxy = t.proxy(up)
    check.equal(gateway_status(proxy), 200, "nobody is asked")
    users = t.path("users")
    hashed = "$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG."
    with open(users, "w", encoding="utf-8") as file:
        file.write(f"ann:{hashed}\n")
    reload(proxy, lambda c: c.update(auth={"users_file": users}))
    check.equal(gateway_status(proxy), 407, "users are asked for")
    reload(proxy, lambda c: c.update(auth={}))
    check.equal(gateway_status(proxy), 200, "and no longer")


@test
def what_is_kept_is_reloaded(t):
    up = t.upstream()
    proxy = t.proxy(up)
    secret = "kept-" + "x" * 20

    def call():
        stream = ways.ABSOLUTE.open(proxy)
        head, body = bedrock.signed_request("invoke", target_of=ways.ABSOLUTE.target, extra=[("X-Private", secret)])
        stream.send(head + body)
        check.equal(wire.read_response(stream).status, 200, "a call")
    call()
    check.contains(json.dumps(proxy.calls(1)[0]), secret, "by default the header is kept")

    def change(config):
        config["record"].update(mask_headers=["x-private"], bodies={"max_bytes": 0}, keep={"days": 1})
    reload(proxy, change)
    call()
    record = proxy.calls(2)[1]
    check.lacks(json.dumps(record), secret, "masked")
    check.equal(record["request"].get("body", ""), "", "no body")


@test
def check_warns_of_what_is_probably_not_meant(t):
    made = Proxy(t.binary, t.path("p"), config={"intercept": [], "routers": [{"path": "/"}]}, start=False)
    done = made.run("check", status=None)
    check.equal(done.returncode, 0, "warnings are no mistakes")
    check.contains(done.stderr, "warning: intercept is empty", "the warning")
    check.contains(done.stderr, "borehole.yaml:", "its place")
    check.contains(done.stdout, "no problem found, 1 to look at", "stdout")
    proxy = t.proxy(t.upstream(), config={"intercept": [], "routers": [{"path": "/"}]})
    check.contains(proxy.stderr(), "warning: intercept is empty", "also at start")


@test
def check_tells_its_verdict_by_its_status(t):
    made = Proxy(t.binary, t.path("p"), start=False)
    done = made.run("check", status=None)
    check.equal((done.returncode, done.stderr), (0, ""), "good")
    check.contains(done.stdout, "no problem found\n", "stdout")
    done = made.run("check", "--set", "workers=0", status=None)
    check.equal((done.returncode, done.stdout), (2, ""), "a mistake")
    check.equal(done.stderr, "--set workers: workers ('0') must be auto or a whole number from 1 to 256\n", "the mistake")
    os.makedirs(made.ca_folder)
    with open(os.path.join(made.ca_folder, "ca.pem"), "w", encoding="utf-8") as file:
        file.write("no certificate\n")
    os.chmod(made.ca_folder, 0o700)
    done = made.run("check", status=None)
    check.equal(done.returncode, 1, "a CA that is broken")
    check.contains(done.stderr, "holds no readable certificate", "the CA")


# -- coming from Gecholog

def gecholog(**changes):
    return dict({"gateway_id": "ACME0001", "gl_port": 5380, "session_id_header": "Session-Id",
                 "masked_headers": ["Authorization"], "remove_headers": ["Content-Length"],
                 "routers": [{"path": "/service/standard/",
                              "ingress": {"headers": {"Content-Type": ["application/json"]}},
                              "outbound": {"url": "${UPSTREAM}", "endpoint": "",
                                           "headers": {"Content-Type": ["application/json"]}}}]}, **changes)


@test
def a_gecholog_configuration_becomes_one_that_runs(t):
    up = t.upstream()
    source = t.path("gl_config.json")
    with open(source, "w", encoding="utf-8") as file:
        json.dump(gecholog(), file, indent=3)
    made = Proxy(t.binary, t.path("p"), start=False)
    done = made.run("check", "--from-gecholog", source, config=False, status=None)
    check.equal(done.returncode, 0, f"translated: {done.stderr}")
    check.contains(done.stdout, "# 2:18 gateway_id: ", "what has no counterpart")
    check.contains(done.stderr, "have no counterpart", "a summary")
    os.makedirs(t.path("q/conf"))
    result = t.path("q/conf/borehole.yaml")
    with open(result, "w", encoding="utf-8") as file:
        file.write(done.stdout)
    environment = {"UPSTREAM": f"https://{HOST}"}
    done = made.run("check", "--config", result, config=False, status=None, environment=environment)
    check.equal((done.returncode, done.stderr), (0, ""), f"check: {done.stdout}")
    done = made.run("check", "--config", result, config=False, status=None)
    check.equal(done.returncode, 2, "the variable must be set here too")

    proxy = t.proxy(up, environment=environment, arguments=["--set", "limits={}"])
    with open(proxy.config_path, "w", encoding="utf-8") as file:
        file.write(open(result, encoding="utf-8").read().replace(":5380", ":0"))
    proxy.stop()
    proxy.arguments = ["--set", f"upstream.ca_files=[{t.trust.path}]", "--set", "admin=127.0.0.1:0", "--set",
                       f"upstream.resolve={{'{HOST}:443': '{up.address}'}}", "--set", f"record.jsonl={proxy.jsonl}",
                       "--set", f"record.store={proxy.store}", "--set", f"ca.dir={proxy.ca_folder}"]
    proxy.start()
    check.equal(gateway_status(proxy), 200, "a call through the router")
    stream = wire.connect(proxy.address)
    stream.send(b"POST /service/standard/model/x/invoke HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
    check.equal(wire.read_response(stream).status, 404, "its condition")


@test
def what_is_no_gecholog_configuration_is_refused(t):
    made = Proxy(t.binary, t.path("p"), start=False)
    for text, sentence in (("{\"a\": 1}", ":1:1: holds no key of a gl_config.json: name the configuration of Gecholog's gl "
                                         "service\n"),
                           ("{\"gl_port\": [}", ": this is not JSON (")):
        path = t.path("x.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        done = made.run("check", "--from-gecholog", path, config=False, status=None)
        check.equal((done.returncode, done.stdout), (2, ""), "refused")
        check.contains(done.stderr, sentence, "why")
    done = made.run("check", "--from-gecholog", t.path("none"), config=False, status=None)
    check.equal((done.returncode, done.stderr), (2, f"{t.path('none')}: cannot be read (No such file or directory): name "
                                                    "Gecholog's gl_config.json\n"), "no file")


# -- sessions

@test(each=ways.ALL)
def a_session_is_kept_and_its_header_forwarded(t, way):
    up = t.upstream()
    proxy = t.proxy(up)
    stream = way.open(proxy)
    head, body = bedrock.signed_request("invoke", target_of=way.target, extra=[("session-ID", "chat 7")])
    stream.send(head + body)
    answer = wire.read_response(stream)
    check.equal(answer.status, 200, "a call")
    record = proxy.call()
    check.equal(record["session_id"], "chat 7", "session_id")
    keys = list(record)
    check.equal(keys[keys.index("router") + 1], "session_id", f"its place: {keys}")
    check.equal([v for n, v in record["request"]["headers"] if n == "session-ID"], ["chat 7"], "forwarded and kept")
    check.equal([n for n, _ in answer.head.fields if n.lower().startswith("borehole")], [], "nothing is added")
    proxy.stop()
    with sqlite3.connect(proxy.store) as store:
        check.equal(store.execute("SELECT session_id FROM calls").fetchall(), [("chat 7",)], "the column")


@test(each=ways.ALL)
def an_answer_names_its_record_where_that_is_wanted(t, way):
    up = t.upstream()
    proxy = t.proxy(up, config={"record": {"answer_header": "Borehole-Call-Id", "session_header": None}})
    stream = way.open(proxy)
    for i in range(2):
        head, body = bedrock.signed_request("invoke", target_of=way.target, extra=[("Session-Id", "chat")])
        stream.send(head + body)
        answer = wire.read_response(stream)
        record = proxy.calls(i + 1)[i]
        check.equal(answer.head.fields[-1], ("Borehole-Call-Id", record["id"]), "the last field of the answer")
        check.equal([tuple(h) for h in record["response"]["headers"]], answer.head.fields[:-1], "the record has what came")
        check.lacks(record, "session_id", "no session is looked for")


@test
def a_refusal_names_its_record_too(t):
    proxy = t.proxy(t.upstream(), config={"record": {"answer_header": "X-Id"}})
    stream = wire.connect(proxy.address)
    stream.send(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = wire.read_response(stream)
    check.equal((answer.status, answer.get("x-id")), (404, proxy.call()["id"]), "the refusal")
