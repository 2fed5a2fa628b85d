"""The service unit and the container's recipe: what can be said of them without a service manager or a container engine."""

import os
import re
import subprocess

from harness import check
from harness.proxy import Proxy
from harness.runner import test

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UNIT = os.path.join(REPOSITORY, "packaging", "systemd", "borehole.service")
CONTAINER = os.path.join(REPOSITORY, "packaging", "container")


def analyze(*arguments):
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def unit_with(t, binary):
    """The unit with a program that is there, as `verify` wants it."""
    with open(UNIT, encoding="utf-8") as file:
        text = file.read()
    check.contains(text, "ExecStart=/usr/bin/borehole serve\n", "the program's place")
    path = t.path("borehole.service")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("/usr/bin/borehole serve", f"{binary} serve"))
    return path


@test
def the_unit_is_valid(t):
    status, said = analyze("verify", "--man=no", unit_with(t, os.path.abspath(t.binary)))
    check.equal((status, said.strip()), (0, ""), "systemd-analyze verify")


@test
def the_unit_is_shut_in(t):
    status, said = analyze("security", "--offline=true", "--no-pager", "--threshold=20", unit_with(t, "/bin/true"))
    exposure = re.search(r"Overall exposure level for borehole\.service: ([0-9.]+)", said)
    check.true(exposure and float(exposure.group(1)) < 2.0 and status == 0, said)


@test
def a_service_finds_its_state(t):
    """As the unit runs it: no --config, STATE_DIRECTORY set, a home without anything in it."""
    made = Proxy(t.binary, t.path("p"), start=False)
    environment = {"STATE_DIRECTORY": t.path("state"), "HOME": "/nonexistent", "XDG_CONFIG_HOME": t.path("none")}
    os.makedirs(t.path("state"))
    made.arguments = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    made.environment.update(environment)
    made.environment.pop("XDG_STATE_HOME", None)
    made.config_path = None
    done = subprocess.Popen([made.binary, "serve", *made.arguments], stdout=subprocess.PIPE, text=True,
                            env=made.environment, cwd=t.folder)
    t.defer(done.kill)
    check.true(done.stdout.readline().startswith("listening proxy=127.0.0.1:"), "it starts")
    check.equal(sorted(os.listdir(t.path("state"))[:1] and [n for n in os.listdir(t.path("state")) if "-" not in n]),
                ["calls.db", "certs"], "its state")
    done.terminate()
    check.equal(done.wait(20), 0, "it ends")


def instructions():
    with open(os.path.join(CONTAINER, "Containerfile"), encoding="utf-8") as file:
        text = re.sub(r"\\\n", " ", "".join(line for line in file if not line.startswith("#")))
    return [line.split(None, 1) for line in text.splitlines() if line.strip()]


@test
def the_containers_recipe_names_what_is_there(t):
    stage, copied, built = -1, [], False
    for word, rest in instructions():
        check.one_of(word, ("FROM", "WORKDIR", "COPY", "RUN", "ENV", "VOLUME", "USER", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT",
                            "CMD"), "an instruction")
        if word == "FROM":
            stage += 1
        elif word == "COPY" and not rest.startswith("--from="):
            for source in rest.split()[:-1]:
                check.true(os.path.exists(os.path.join(REPOSITORY, source)), f"COPY {source}: it is in the repository")
                copied.append(source)
        elif word == "RUN" and stage == 0:
            command = rest.split()[0]
            check.true(os.access(os.path.join(REPOSITORY, command), os.X_OK), f"RUN {command}: it can be run")
            check.true(any(command.startswith(name + "/") for name in copied), f"RUN {command}: it was copied before")
            built = built or command == "tools/build"
    check.true(built and stage == 1, "built in one stage, run in another")
    with open(os.path.join(REPOSITORY, "meson.build"), encoding="utf-8") as file:
        for line in file:
            if line.startswith("subdir("):
                check.one_of(line.split("'")[1], copied, "a folder that the build needs")
    words = [word for word, _ in instructions()]
    last = {word: rest for word, rest in instructions()}
    check.equal((last["USER"], last["EXPOSE"], last["VOLUME"]), ("borehole", "5380", "/var/lib/borehole"), "how it runs")
    check.true(words.index("USER") > words.index("VOLUME"), "the user comes last")


@test
def the_containers_libraries_have_packages(t):
    done = subprocess.run([os.path.join(CONTAINER, "runtime-packages"), t.binary], capture_output=True, text=True,
                          timeout=60, check=False)
    check.equal((done.returncode, done.stderr), (0, ""), "runtime-packages")
    check.true({"libc6", "libstdc++6"} <= set(done.stdout.split()), f"packages: {done.stdout}")


@test
def the_containers_configuration_lets_in_whom_it_is_told(t):
    made = Proxy(t.binary, t.path("p"), start=False)
    config = os.path.join(CONTAINER, "borehole.yaml")
    environment = {"BOREHOLE_ALLOW_CLIENTS": "10.88.0.0/16"}
    done = made.run("check", "--config", config, config=False, status=None, environment=environment)
    check.equal((done.returncode, done.stderr), (0, ""), f"check: {done.stdout}")
    done = made.run("check", "--config", config, config=False, status=None)
    check.equal(done.returncode, 2, "nobody was named")
    check.contains(done.stderr, ":4:19: auth.allow_clients[0] needs the environment variable BOREHOLE_ALLOW_CLIENTS",
                   "what is missing")
