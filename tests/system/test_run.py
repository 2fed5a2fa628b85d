"""`borehole run`: a command with its calls through a proxy, its terminal and its signals untouched, and the summary."""

import contextlib
import errno
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import textwrap
import threading
import time

import test_curl
from harness import bedrock, check, clients
from harness.proxy import HOST, SANITIZER, Proxy
from harness.runner import test

PYTHON = "/usr/bin/python3"
HAIKU, NOVA = "anthropic.claude-3-haiku-20240307-v1:0", "us.amazon.nova-lite-v1:0"
CONVERSE = textwrap.dedent(f"""
    import boto3, sys
    client = boto3.client("bedrock-runtime", region_name="us-east-1")
    for model in sys.argv[1:]:
        answer = client.converse(modelId=model, messages=[{{"role": "user", "content": [{{"text": "Hello"}}]}}])
        print(answer["output"]["message"]["content"][0]["text"])
    """)


def prepared(t, up=None, name="p", **options):
    """A configuration whose proxy does not run."""
    table = {f"{HOST}:443": up.address} if up else {}
    return Proxy(t.binary, t.path(name), table, [t.trust.path], start=False, **options)


def environment(made, **more):
    scrubbed = clients.scrub(dict(made.environment))
    scrubbed.update({"AWS_DATA_PATH": clients.MODELS, "AWS_ACCESS_KEY_ID": bedrock.CREDENTIALS.key,
                     "AWS_SECRET_ACCESS_KEY": bedrock.CREDENTIALS.secret, "AWS_MAX_ATTEMPTS": "1", **more})
    return scrubbed


def start(made, *command, options=(), env=None, **how):
    return subprocess.Popen([made.binary, "run", "--config", made.config_path, *options, "--", *command],
                            env=environment(made, **(env or {})), cwd=made.folder, **how)


def run(made, *command, options=(), status=0, given=b"", env=None):
    process = start(made, *command, options=options, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE)
    out, err = process.communicate(given, timeout=90)
    out, err = out.decode(), err.decode()
    check.equal(SANITIZER.search(err), None, f"reports of a sanitizer: {err}")
    check.equal(process.returncode, status, f"exit status; stdout {out!r}, stderr {err!r}")
    return out, err


def row(summary, model):
    """Its numbers: calls, errors, tokens in and out, median and longest time."""
    found = re.search(rf"^  {re.escape(model)} +(.+)$", summary, re.M)
    check.true(found, f"a row of {model} in: {summary}")
    return found.group(1).split()


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def stored(made):
    return [json.loads(line) for line in made.run("calls", "list", "--json").splitlines()]


@test
def boto3_without_a_change(t):
    up = t.upstream()
    made = prepared(t, up)
    out, err = run(made, PYTHON, "-c", CONVERSE, HAIKU, NOVA, HAIKU)
    check.equal(out, (up.bedrock.text() + "\n") * 3, "the program's output, and nothing else")
    check.contains(err, "borehole: 3 Bedrock calls, 0 failed; 33 tokens in, 69 out\n", "the sum")
    check.equal(row(err, HAIKU)[:4], ["2", "0", "22", "46"], "a model's row")
    check.equal(row(err, NOVA)[:4], ["1", "0", "11", "23"], "the other's")
    check.equal([float(ms) > 0 for ms in row(err, HAIKU)[4:]], [True, True], "its times")
    check.equal(up.bedrock.refused, [], "refused signatures")
    check.equal(len(stored(made)), 3, "records in the store")


@test
def aws_sdk_for_javascript(t):
    up = t.upstream()
    made = prepared(t, up)
    options = json.dumps({"ops": ["converse", "converse_stream"], "key": bedrock.CREDENTIALS.key,
                          "secret": bedrock.CREDENTIALS.secret, "proxy": "PROXY"})
    script = 'exec node "$1" "$(printf %s "$2" | sed "s|PROXY|$HTTPS_PROXY|")"'
    out, err = run(made, "sh", "-c", script, "sh", os.path.join(clients.JS, "bedrock.mjs"), options)
    check.lacks(out, '"error"', "errors")
    check.contains(err, "borehole: 2 Bedrock calls, 0 failed", "the sum")
    check.equal(len(up.requests), 2, "requests upstream")


@test
def a_client_that_ignores_the_proxy_is_explained(t):
    """The SDK's HTTP/2 handler dials Bedrock itself; no name is resolved here, so that it ends at once."""
    made = prepared(t)
    options = json.dumps({"ops": ["converse"], "key": "k", "secret": "s", "h2": True,
                          "endpoint": "https://bedrock-runtime.invalid"})
    _, err = run(made, "node", os.path.join(clients.JS, "bedrock.mjs"), options)
    check.contains(err, "borehole: no Bedrock call came through the proxy\n", "that there was none")
    check.contains(err, "new NodeHttpHandler({ httpsAgent: new HttpsProxyAgent(process.env.HTTPS_PROXY) })", "what to do")
    _, err = run(made, "true", env={"NO_PROXY": "localhost,.amazonaws.com"})
    check.contains(err, "NO_PROXY names .amazonaws.com,", "the reason that is known")


@test
def curl(t):
    up = t.upstream()
    made = prepared(t, up)
    arguments, _ = test_curl.signed_arguments()
    out, err = run(made, "curl", "--silent", "--show-error", *arguments)
    check.equal(json.loads(out)["stop_reason"], "end_turn", "the answer")
    check.equal(row(err, HAIKU)[:4], ["1", "0", "11", "23"], "the model's row")


@test
def options_behind_the_command_are_its_own(t):
    made = prepared(t)
    for dashes in ([], ["--"]):
        done = subprocess.run([made.binary, "run", "--config", made.config_path, *dashes, "printf", "%s|", "--limit", "3",
                               "--config", "x", "-h", "--", "serve"], env=environment(made), cwd=made.folder,
                              capture_output=True, text=True, timeout=60, check=False)
        check.equal((done.returncode, done.stdout), (0, "--limit|3|--config|x|-h|--|serve|"), done.stderr)


@test
def failures_are_summed_up_with_what_to_do(t):
    up = t.upstream()
    up.bedrock.error = (429, "ThrottlingException", "Too many requests")
    made = prepared(t, up)
    _, err = run(made, PYTHON, "-c", CONVERSE, HAIKU, status=1)
    check.contains(err, "borehole: 1 Bedrock call, 1 failed\n", "the sum")
    check.contains(err, "429 ThrottlingException: Too many requests\n    to do: send fewer calls at once", "the reason")
    made = Proxy(t.binary, t.path("q"), {f"{HOST}:443": "127.0.0.1:9"}, start=False)
    _, err = run(made, PYTHON, "-c", CONVERSE, HAIKU, status=1, env={"HTTPS_PROXY": "http://corporate.example:3128"})
    check.contains(err, "connect_failed", "the code of our own refusal")
    check.contains(err, "`upstream.proxy`", "the proxy that was set before")


@test
def the_status_is_the_commands(t):
    made = prepared(t)
    run(made, "sh", "-c", "exit 7", status=7)
    run(made, "sh", "-c", "kill -KILL $$", status=137)
    run(made, "sh", "-c", "kill -TERM $$", status=143)


@test
def a_command_that_cannot_be_run(t):
    made = prepared(t)
    _, err = run(made, "borehole-no-such-command", status=127)
    check.equal(err, "borehole: there is no command borehole-no-such-command: mend its name, or give its path\n", "stderr")
    plain = t.path("plain")
    with open(plain, "w", encoding="utf-8") as file:
        file.write("no program")
    _, err = run(made, plain, status=126)
    check.contains(err, "cannot be run (Permission denied)", "the reason")
    check.equal(err.count("\n"), 1, f"one sentence: {err}")
    with open(plain, "w", encoding="utf-8") as file:
        file.write("#!/no/such/interpreter\n")
    os.chmod(plain, 0o755)
    _, err = run(made, plain, status=126)
    check.contains(err, "interpreter that its first line names is missing", "the reason")


@test
def stdin_and_stdout_pass_untouched(t):
    made = prepared(t)
    octets = bytes(range(256)) * 4096
    process = start(made, "cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out, _ = process.communicate(octets, timeout=60)
    check.equal((process.returncode, out == octets), (0, True), "what cat passed on")


@test
def mistakes_are_told_before_anything_runs(t):
    made = prepared(t, config={"upstraem": {}})
    _, err = run(made, "touch", t.path("ran"), status=2)
    check.contains(err, "upstraem", "the mistake")
    made = prepared(t, name="q", config={"record": {"store": t.path("other.db")}})
    with open(t.path("other.db"), "wb") as file:
        file.write(b"no database at all, but long enough to be one. " * 40)
    _, err = run(made, "touch", t.path("ran"), status=1)
    check.contains(err, "other.db", "what the proxy says itself")
    check.true(not os.path.exists(t.path("ran")), "the command did not run")


@test
def the_proxy_is_gone_afterwards(t):
    made = prepared(t)
    out, _ = run(made, "sh", "-c", "echo ${HTTPS_PROXY##*:}")
    check.true(not is_open(int(out)), "its port is closed")


@test
def the_proxy_ends_when_run_is_killed(t):
    made = prepared(t)
    process = start(made, "sh", "-c", "echo ${HTTPS_PROXY##*:}; echo $$; exec sleep 600", stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL)
    port, sleeper = int(process.stdout.readline()), int(process.stdout.readline())
    t.defer(lambda: os.kill(sleeper, signal.SIGKILL))
    check.true(is_open(port), "the proxy runs")
    process.kill()
    process.wait(20)
    check.eventually(lambda: not is_open(port), "the proxy ends")
    os.kill(sleeper, 0)


@test
def a_proxy_that_dies_is_told(t):
    made = prepared(t)
    _, err = run(made, "sh", "-c",
                 "for p in $(cat /proc/$PPID/task/$PPID/children); do [ $p = $$ ] || kill -KILL $p; done; exit 3", status=3)
    check.contains(err, "the proxy's log:\n    it was ended by signal 9\n", "what happened to it")


@test
def calls_of_what_is_left_behind_may_end(t):
    """The command ends while a process that it started has a call under way: that is waited for, until a signal comes."""
    up = t.upstream()
    never = threading.Event()
    t.defer(never.set)
    up.handler = lambda request, reply: (request.read_body(reply), never.wait(60))
    made = prepared(t, up)
    arguments, _ = test_curl.signed_arguments()
    process = start(made, "sh", "-c", 'curl --silent "$@" >/dev/null 2>&1 & read begun; exit 4', "sh", *arguments,
                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    up.wait_for_requests(1)
    process.stdin.write(b"begun\n")
    process.stdin.flush()
    line = process.stderr.readline().decode()
    check.contains(line, "waiting for calls under way", "what it waits for")
    process.send_signal(signal.SIGINT)
    err = process.stderr.read().decode()
    check.equal(process.wait(30), 4, err)
    check.contains(err, "borehole: 1 Bedrock call, 1 failed", "the call that was cut")


@test(each=["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1"])
def signals_are_passed_on(t, name):
    made = prepared(t)
    number = name.removeprefix("SIG")
    process = start(made, "sh", "-c", f"trap 'exit 9' {number}; echo ready; while :; do sleep 0.05; done",
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    check.equal(process.stdout.readline(), b"ready\n", "the command runs")
    process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=60)
    check.equal(process.returncode, 9, f"exit status: {err.decode()}")
    check.contains(err, b"no Bedrock call", "the summary")


@test
def calls_of_two_runs_are_told_apart(t):
    """Both write to one store at the same time; each counts its own."""
    up = t.upstream()
    made = prepared(t, up)
    together = threading.Barrier(2)
    inner = up.bedrock.answer

    def answer(request, reply):
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait(20)
        inner(request, reply)
    up.handler = answer
    results = {}

    def one(name, model):
        results[name] = run(made, PYTHON, "-c", CONVERSE, model)[1]
    threads = [threading.Thread(target=one, args=pair) for pair in (("a", HAIKU), ("b", NOVA))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check.contains(results["a"], "borehole: 1 Bedrock call, 0 failed", "the first")
    row(results["a"], HAIKU)
    check.contains(results["b"], "borehole: 1 Bedrock call, 0 failed", "the second")
    row(results["b"], NOVA)
    check.equal(len(stored(made)), 2, "records in the store of both")


@test
def without_a_store_there_is_a_summary(t):
    up = t.upstream()
    made = prepared(t, up, config={"record": {"store": None, "jsonl": "-"}})
    out, err = run(made, PYTHON, "-c", CONVERSE, HAIKU)
    check.equal(out, up.bedrock.text() + "\n", "the program's output alone")
    check.equal(row(err, HAIKU)[:4], ["1", "0", "11", "23"], "the model's row")
    check.lacks(err, "calls show", "a command that would find nothing")


def reusable(t, up):
    """A running proxy, and a configuration file that names its real ports."""
    proxy = t.proxy(up)
    proxy.config["listen"] = f"127.0.0.1:{proxy.port}"
    proxy.config["admin"] = f"127.0.0.1:{proxy.admin[1]}"
    proxy.write_config()
    return proxy


@test
def a_running_proxy_is_used(t):
    up = t.upstream()
    proxy = reusable(t, up)
    out, err = run(proxy, "sh", "-c", 'echo "$HTTPS_PROXY"; exec "$@"', "sh", PYTHON, "-c", CONVERSE, HAIKU)
    check.equal(out.splitlines(), [f"http://127.0.0.1:{proxy.port}", up.bedrock.text()], "the address, the answer")
    check.equal(row(err, HAIKU)[:4], ["1", "0", "11", "23"], "the model's row")
    check.contains(err, "calls that other programs made through it meanwhile are counted too", "what is not known")
    check.equal(len(proxy.calls(1)), 1, "the running proxy's record")
    _, err = run(proxy, "true")
    check.contains(err, "no Bedrock call", "the call before was not this run's")


@test
def a_running_proxy_without_a_store_is_no_source(t):
    up = t.upstream()
    proxy = t.proxy(up, config={"record": {"store": None}})
    proxy.config.update({"listen": f"127.0.0.1:{proxy.port}", "admin": f"127.0.0.1:{proxy.admin[1]}"})
    proxy.write_config()
    _, err = run(proxy, PYTHON, "-c", CONVERSE, HAIKU)
    check.equal(err, "borehole: there is no summary, since the proxy that runs keeps no calls (`record.store` is null); "
                     "its terminal shows them\n", "stderr")


@test
def a_password_is_asked_for_by_no_proxy_of_its_own(t):
    users = t.path("users")
    with open(users, "w", encoding="ascii") as file:
        file.write("ana:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC\n")
    made = prepared(t, config={"auth": {"users_file": users}})
    _, err = run(made, "true", status=2)
    check.contains(err, "--set auth.users_file=null", "what to do")
    run(made, "true", options=["--set", "auth.users_file=null"])


@test
def another_proxy_is_not_used(t):
    """It has another CA, other settings than this run's, or its port is another program's."""
    up = t.upstream()
    proxy = reusable(t, up)
    own_port = "http://127.0.0.1:%d" % proxy.port
    other = prepared(t, up, name="other", config={"listen": proxy.config["listen"], "admin": proxy.config["admin"]})
    out, _ = run(other, "sh", "-c", 'echo "$HTTPS_PROXY"')
    check.true(out.strip() != own_port, "a proxy with another CA")
    out, _ = run(proxy, "sh", "-c", 'echo "$HTTPS_PROXY"', options=["--set", "limits.head_bytes=8KiB"])
    check.true(out.strip() != own_port, "a proxy with other settings")
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        proxy.config["listen"] = f"127.0.0.1:{stranger.getsockname()[1]}"
        proxy.write_config()
        out, _ = run(proxy, "sh", "-c", 'echo "$HTTPS_PROXY"')
        check.true(out.strip() != f"http://{proxy.config['listen']}", "a port of another program")


@test
def java(t):
    """With its own HTTP client: the proxy's address and the trust store come from the environment alone."""
    up = t.upstream()
    made = prepared(t, up)
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "java", "Call.java")
    out, err = run(made, "java", "-XX:TieredStopAtLevel=1", source, f"https://{HOST}/model/{NOVA}/converse")
    check.equal(out, "403\n", f"the answer, to a call without signature; stderr: {err}")
    check.equal(len(up.requests), 1, "requests upstream")


# ---- on a terminal

class Terminal:
    """A program as the leader of a session with a terminal of its own."""

    def __init__(self, t, made, *command, bash=None):
        arguments = [made.binary, "run", "--config", made.config_path, "--", *command]
        if bash:
            arguments = ["bash", "--norc", "-c", bash, "bash", *arguments]
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(made.folder)
            os.execvpe(arguments[0], arguments, environment(made))
        self.said = b""
        self.status = None
        t.defer(self.end)

    def read_until(self, text, seconds=60):
        deadline = time.monotonic() + seconds
        while text not in self.said:
            ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
            try:
                piece = os.read(self.master, 4096) if ready else b""
            except OSError as error:  # Linux says so where the other side was closed
                if error.errno != errno.EIO:
                    raise
                piece = b""
            if not piece:
                raise AssertionError(f"no {text!r} in {self.said!r}")
            self.said += piece
        return self.said

    def type(self, text):
        os.write(self.master, text)

    def wait(self):
        """Its exit status, after all that it says was read."""
        with contextlib.suppress(AssertionError):
            self.read_until(b"\0never\0")
        _, status = os.waitpid(self.pid, 0)
        self.status = os.waitstatus_to_exitcode(status)
        return self.status

    def end(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.master)


@test
def the_terminal_is_the_commands(t):
    made = prepared(t)
    terminal = Terminal(t, made, PYTHON, "-c", "import os, sys\n"
                        "print([os.isatty(i) for i in range(3)], os.tcgetpgrp(0) == os.getpgrp(), flush=True)\n"
                        "print('got', open('/dev/tty').readline().strip(), input())")
    terminal.read_until(b"[True, True, True] True")
    terminal.type(b"first\nsecond\n")
    terminal.read_until(b"got first second")
    check.equal(terminal.wait(), 0, terminal.said)
    check.contains(terminal.said, b"no Bedrock call", "the summary")


@test
def control_c_reaches_the_command_once(t):
    up = t.upstream()
    made = prepared(t, up)
    script = textwrap.dedent("""
        import signal, sys, time
        count = 0
        def interrupted(*_):
            global count
            count += 1
        signal.signal(signal.SIGINT, interrupted)
        print("ready", flush=True)
        while count == 0:
            time.sleep(0.02)
        end = time.monotonic() + 0.5   # a second one would come within this
        while time.monotonic() < end:
            time.sleep(0.02)
        import boto3
        client = boto3.client("bedrock-runtime", region_name="us-east-1")
        client.converse(modelId="us.amazon.nova-lite-v1:0", messages=[{"role": "user", "content": [{"text": "Bye"}]}])
        print("interrupted", count, flush=True)
        sys.exit(42)
        """)
    terminal = Terminal(t, made, PYTHON, "-c", script)
    terminal.read_until(b"ready")
    terminal.type(b"\x03")
    terminal.read_until(b"interrupted 1")
    check.equal(terminal.wait(), 42, terminal.said)
    check.contains(terminal.said, b"1 Bedrock call, 0 failed", "the proxy was still there, and the summary")


@test
def control_c_ends_a_command_that_lets_it(t):
    made = prepared(t)
    terminal = Terminal(t, made, "sh", "-c", "echo ready; exec sleep 600")
    terminal.read_until(b"ready")
    terminal.type(b"\x03")
    check.equal(terminal.wait(), 130, terminal.said)
    check.contains(terminal.said, b"no Bedrock call", "the summary")


@test
def control_z_stops_and_fg_goes_on(t):
    made = prepared(t)
    terminal = Terminal(t, made, "sh", "-c", "echo ready; read line; echo got $line; exit 5",
                        bash='set -m; "$@"; echo stopped with $?; fg >/dev/null; echo ended with $?')
    terminal.read_until(b"ready")
    terminal.type(b"\x1a")
    terminal.read_until(b"stopped with 148")
    terminal.type(b"word\n")
    terminal.read_until(b"got word")
    terminal.read_until(b"ended with 5")
    check.equal(terminal.wait(), 0, terminal.said)


@test
def a_command_with_job_control_may_stop_itself(t):
    """As `suspend` of a shell does: what is above gets the terminal back."""
    made = prepared(t)
    terminal = Terminal(t, made, "sh", "-c", "echo ready; kill -STOP $$; echo on; exit 6",
                        bash='set -m; "$@"; echo stopped; fg >/dev/null; echo ended with $?')
    terminal.read_until(b"stopped")
    terminal.read_until(b"ended with 6")
    check.equal(terminal.wait(), 0, terminal.said)
