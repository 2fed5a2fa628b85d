"""Clients that know no proxy: several listening addresses, firewall rules that redirect (in a network of the test's
own), hosts files, and the ways in which borehole could come to call itself."""

import json
import os
import socket
import ssl
import threading
import urllib.request

from harness import bedrock, check, network, ways, wire
from harness.proxy import HOST
from harness.runner import test
from harness.ways import trusting

STRANGER = 4711  # whose connections the rules redirect; borehole itself runs as root


def redirection(port, families=("ip",), ports="443", who="meta skuid != 0"):
    return "".join(f"""
table {family} test {{
  chain output {{
    type nat hook output priority -100;
    {who} fib daddr type != local tcp dport {{ {ports} }} redirect to :{port}
  }}
}}""" for family in families)


def ask(stream, host=HOST, port=443):
    authority = host if port == 443 else f"{host}:{port}"
    head, body = bedrock.signed_request("invoke", host=authority)
    stream.send(head + body)
    return wire.read_response(stream)


def called(address, name, context):
    """A stranger calls an address, as one does that knows no proxy."""
    with network.socket_user(STRANGER):
        return wire.TlsStream(wire.connect(address), context, server_name=name)


def far_upstream(t, net, **options):
    options.setdefault("address", (network.FAR, 443))
    return net.far(lambda: t.upstream(**options))


# ---- several addresses


@test
def two_addresses_serve_every_way_in(t):
    up = t.upstream()
    proxy = t.proxy(up, config={"listen": ["127.0.0.1:0", "127.0.0.2:0"]})
    with urllib.request.urlopen(f"http://127.0.0.1:{proxy.admin[1]}/api/status", timeout=30) as answer:
        listening = json.load(answer)["listen"]
    check.equal([one.split(":")[0] for one in listening], ["127.0.0.1", "127.0.0.2"], "where it listens")
    for one in listening:
        proxy.address = one.split(":")[0], int(one.split(":")[1])
        for way in ways.ALL:
            if way.over_tls and proxy.address[0] != "127.0.0.1":
                continue  # its certificate is asked for as localhost
            stream = way.open(proxy)
            head, body = bedrock.signed_request("invoke")
            stream.send(head.replace(b"POST /", b"POST " + way.target("/").encode(), 1) + body)
            check.equal(wire.read_response(stream).status, 200, f"{way} at {one}")
            stream.close()
    records = proxy.calls(len(ways.ALL) + len(ways.KINDS))
    check.equal({r["outcome"] for r in records}, {"complete"}, "outcomes")


# ---- redirected by a firewall


@test(each=["IPv4", "IPv6"])
def a_redirected_call_is_seen(t, family):
    net = network.Network()
    far = network.FAR if family == "IPv4" else network.FAR6
    up = far_upstream(t, net, address=(far, 443), family=socket.AF_INET6 if family == "IPv6" else socket.AF_INET)
    local = "127.0.0.1" if family == "IPv4" else "[::1]"
    proxy = t.proxy(resolve={f"{HOST}:443": f"[{far}]:443" if family == "IPv6" else f"{far}:443"},
                    config={"listen": f"{local}:0"})
    net.firewall(redirection(proxy.port, ("ip",) if family == "IPv4" else ("ip6",)))
    stream = called((far, 443), HOST, trusting(proxy))
    check.equal(ask(stream).status, 200, "the answer")
    record = proxy.call()
    check.equal((record["way_in"], record["outcome"]), ("direct", "complete"), "the record")
    check.equal((record["upstream"]["host"], record["upstream"]["port"]), (HOST, 443), "whom it names")
    check.equal(record["client"]["process"]["pid"], os.getpid(), "whose call it was")
    check.equal(len(up.requests), 1, "requests upstream: borehole's own connection was not redirected")


@test
def the_port_that_was_called_is_the_one_that_is_dialled(t):
    net = network.Network()
    up = far_upstream(t, net, address=(network.FAR, 8443))
    proxy = t.proxy(resolve={f"{HOST}:8443": f"{network.FAR}:8443"})
    net.firewall(redirection(proxy.port, ports="443, 8443"))
    stream = called((network.FAR, 8443), HOST, trusting(proxy))
    check.equal(ask(stream, port=8443).status, 200, "the answer")
    check.equal(proxy.call()["upstream"]["port"], 8443, "the record's port")
    check.equal(len(up.requests), 1, "requests upstream")


@test
def other_calls_pass_by_untouched(t):
    net = network.Network()
    answer = lambda request, reply: (request.read_body(), reply.respond(200, [], b"untouched"))  # noqa: E731
    far_upstream(t, net, handler=answer)
    far_upstream(t, net, handler=answer, tls=False, address=(network.FAR, 80))
    greeting = net.far(lambda: socket.create_server((network.FAR, 3306)))
    t.defer(greeting.close)

    def greet():
        sock, _ = greeting.accept()
        sock.sendall(b"I speak first")
        sock.close()

    threading.Thread(target=greet, daemon=True).start()
    proxy = t.proxy()
    net.firewall(redirection(proxy.port, ports="80, 443, 3306"))
    # Its own certificate, to a client that does not trust borehole; a name, and none.
    for name in ("www.example.com", None):
        context = trusting(t.trust.path, strict=False)
        if name is None:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        stream = called((network.FAR, 443), name, context)
        stream.send(b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
        check.equal(wire.read_response(stream).body, b"untouched", f"over TLS to {name}")
    with network.socket_user(STRANGER):
        stream = wire.connect((network.FAR, 80))
    stream.send(b"GET /service/standard/ HTTP/1.1\r\nHost: www.example.com\r\nProxy-Connection: x\r\n\r\n")
    check.equal(wire.read_response(stream).body, b"untouched", "without TLS")
    check.contains(t.upstreams[1].requests[0].head.raw, b"Proxy-Connection: x", "what arrived there")
    with network.socket_user(STRANGER):
        stream = wire.connect((network.FAR, 3306))
    check.equal(stream.read_to_end(), b"I speak first", "from a server that speaks first")
    check.equal(proxy.records(), [], "records")


@test
def what_cannot_be_reached_breaks(t):
    net = network.Network()
    proxy = t.proxy()
    net.firewall(redirection(proxy.port, ports="443, 25"))
    for port in (443, 25):  # nobody listens; not among `upstream.ports`
        with network.socket_user(STRANGER):
            stream = wire.connect((network.FAR, port))
        stream.send(b"hello")
        with check.raises(ConnectionResetError, about=f"port {port}"):
            if stream.recv() == b"":
                raise AssertionError("a clean end")
    record = proxy.call()
    check.equal((record["error"]["code"], record["outcome"]), ("port_not_allowed", "refused"), "the record")


@test
def a_forwarded_port_is_borehole_itself(t):
    """A port of this machine that a rule forwards to borehole's: whoever calls it means the proxy."""
    net = network.Network()
    up = far_upstream(t, net)
    proxy = t.proxy(resolve={f"{HOST}:443": f"{network.FAR}:443"})
    net.firewall(f"""
table ip test {{
  chain output {{
    type nat hook output priority -100;
    ip daddr {{ {network.NEAR}, 127.0.0.1 }} tcp dport {{ 443, 8080 }} redirect to :{proxy.port}
  }}
}}""")
    for address in (network.NEAR, "127.0.0.1"):
        stream = called((address, 443), HOST, trusting(proxy))
        check.equal(ask(stream).status, 200, f"direct, {address}:443")
        stream = wire.connect((address, 8080))
        check.equal(ways.send_connect(stream, f"{HOST}:443").status, 200, f"CONNECT, {address}:8080")
        check.equal(ask(wire.TlsStream(stream, trusting(proxy), server_name=HOST)).status, 200, "inside")
    check.equal([r["way_in"] for r in proxy.calls(4)], ["direct", "connect"] * 2, "ways in")
    check.equal(len(up.requests), 4, "requests upstream")


# ---- borehole that would call itself


@test(each=["intercepted", "passing_by"])
def a_rule_that_does_not_except_borehole(t, kind):
    net = network.Network()
    up = far_upstream(t, net)
    proxy = t.proxy(resolve={f"{HOST}:443": f"{network.FAR}:443"}, config={"workers": 2})
    net.firewall(redirection(proxy.port, who=""))
    if kind == "intercepted":
        answer = ask(called((network.FAR, 443), HOST, trusting(proxy)))
        check.equal((answer.status, answer.get("borehole-error")), (403, "proxy_loop"), "the answer")
        check.contains(answer.body.decode(), "meta skuid != USER", "what to do")
        record = proxy.call()
        check.equal((record["error"]["code"], record["outcome"]), ("proxy_loop", "refused"), "the record")
    else:
        stream = wire.connect((network.FAR, 443))
        stream.send(b"hello")
        try:
            check.equal(stream.recv(), b"", "an end")
        except ConnectionResetError:
            pass
        check.eventually(lambda: "came back to" in proxy.stderr(), "the log says so")
    check.true(proxy.stderr().count("came back to") <= 4, f"it goes round once, not on and on: {proxy.stderr()}")
    check.equal(up.connections, [], "connections upstream")


@test(each=["127.0.0.1", "0.0.0.0"])
def a_hosts_file_that_leads_borehole_to_itself(t, listen):
    net = network.Network()
    here = "127.0.0.1" if listen == "127.0.0.1" else network.NEAR
    net.hosts(t, {HOST: here})
    more = {} if listen == "127.0.0.1" else {"auth": {"allow_clients": ["192.0.2.0/24"]}}
    proxy = t.proxy(config={"listen": ["127.0.0.1:0", f"{listen}:443"], **more})
    stream = wire.TlsStream(wire.connect((HOST, 443)), trusting(proxy), server_name=HOST)
    answer = ask(stream)
    check.equal(answer.status, 403, f"{answer}")
    check.contains(answer.body.decode(), "borehole itself", "what is wrong")
    check.contains(answer.body.decode(), "`upstream.resolve`", "what to do")
    check.one_of(proxy.call()["error"]["code"], ("address_not_allowed", "proxy_loop"), "the record")
    check.true(proxy.stderr().count("came back to") <= 2, f"it goes round once, not on and on: {proxy.stderr()}")


@test
def a_hosts_file_with_the_real_address_configured(t):
    net = network.Network()
    up = far_upstream(t, net)
    net.hosts(t, {HOST: "127.0.0.1"})
    proxy = t.proxy(resolve={f"{HOST}:443": f"{network.FAR}:443"}, config={"listen": ["127.0.0.1:0", "127.0.0.1:443"]})
    stream = wire.TlsStream(wire.connect((HOST, 443)), trusting(proxy), server_name=HOST)
    check.equal(ask(stream).status, 200, "the answer")
    check.equal(proxy.call()["way_in"], "direct", "the way in")
    check.equal(len(up.requests), 1, "requests upstream")


# ---- what the doctor says


def doctor(proxy):
    environment = {"PATH": "/nowhere", "HOME": proxy.folder, "BOREHOLE_STORES_ROOT": proxy.folder + "/no-stores"}
    done = proxy.run("doctor", "--json", status=None, environment=environment)
    return {one["id"]: one for one in json.loads(done.stdout)["findings"]}


def tables_in(remedy):
    """The rules that the line to type hands to nft."""
    check.true(remedy.startswith("sudo nft -f - <<'END'\n") and remedy.endswith("\nEND"), f"a line to type: {remedy}")
    return remedy.split("\n", 1)[1].rsplit("\n", 1)[0]


@test
def the_doctors_rule_works(t):
    net = network.Network()
    up = far_upstream(t, net)
    proxy = t.proxy(resolve={f"{HOST}:443": f"{network.FAR}:443"}, config={"listen": ["127.0.0.1:0", "127.0.0.1:443"]})
    with urllib.request.urlopen(f"http://127.0.0.1:{proxy.admin[1]}/api/status", timeout=30) as answer:
        proxy.config.update(listen=json.load(answer)["listen"], admin=f"127.0.0.1:{proxy.admin[1]}")
    proxy.write_config()
    got = doctor(proxy)
    check.contains(got["direct.hosts"]["remedy"].splitlines(), f"127.0.0.1 {HOST}", "a line for the hosts file")
    check.contains(got["direct.hosts"]["detail"], "upstream.resolve", "the trap")
    check.contains(got["direct.redirect"]["remedy"], 'meta skuid != "root"', "whom the rule excepts")
    net.firewall(tables_in(got["direct.redirect"]["remedy"]))
    check.equal(ask(called((network.FAR, 443), HOST, trusting(proxy))).status, 200, "an answer through that rule")
    check.equal(proxy.call(where=lambda r: r["request"]["method"] == "POST")["way_in"], "direct", "the record")
    check.true(len(up.requests) >= 1, "requests upstream")


@test(each=["excepted", "not_excepted"])
def the_doctor_behind_a_rule(t, kind):
    """The doctor's own visits are redirected as well: they tell whether borehole's are."""
    net = network.Network()
    far_upstream(t, net)
    proxy = t.proxy(resolve={f"{HOST}:443": f"{network.FAR}:443"})
    proxy.config.update(listen=f"127.0.0.1:{proxy.port}", admin=f"127.0.0.1:{proxy.admin[1]}")
    proxy.write_config()
    # By group, since it takes root to read what the doctor reads: only the doctor's connections, or borehole's too.
    net.firewall(redirection(proxy.port, who=f"meta skgid {STRANGER}" if kind == "excepted" else ""))
    os.setegid(STRANGER)
    try:
        got = doctor(proxy)[f"endpoint.{HOST}"]
    finally:
        os.setegid(0)
    if kind == "excepted":
        check.equal(got["state"], "ok", f"{got}")
    else:
        check.equal(got["state"], "mend", f"{got}")
        check.contains(got["detail"], "back to itself", "what is wrong")
        check.contains(got["remedy"], 'meta skuid != "root"', "the rule that excepts it")


@test(each=["127.0.0.1", network.NEAR])
def the_doctor_sees_a_hosts_file_that_leads_here(t, here):
    net = network.Network()
    net.hosts(t, {HOST: here})
    proxy = t.proxy(config={"listen": ["127.0.0.1:0", "0.0.0.0:443"], "auth": {"allow_clients": ["192.0.2.0/24"]}})
    got = doctor(proxy)[f"endpoint.{HOST}"]
    check.equal(got["state"], "mend", f"{got}")
    check.contains(got["detail"], f"its name leads to {here}, this machine", "what is wrong")
    check.contains(got["remedy"], "upstream.resolve=", "what to do")
