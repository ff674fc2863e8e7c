"""bench/stage.py - where benches take place: a network of their own, processes on their CPUs, and what those cost.

The subject (weir, the floor, a peer) has CPU 0; client and upstream are one thread on CPU 1 (bench_traffic, which lives
as long as the stage does). What counts is the CPU time of all of the subject's threads per request: requests a second
are capped by the other CPU once a subject is fast enough, and absolute times move from machine to machine, so figures
of one run are compared with each other and with nothing else.

Knows nothing of tables and goals: that is bench/canonical, bench/peers, bench/instructions.
"""

import contextlib
import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("WEIR_BUILD") or os.path.join(ROOT, "build")
UPSTREAM_PORT = 9000
IN_NETWORK = "WEIR_BENCH_NETWORK"


def fail(text):
    sys.exit(f"{os.path.basename(sys.argv[0])}: {text}")


def build():
    """Brings the release build and its profile up to date, unless WEIR_BUILD names one that is to be taken as it is."""
    if "WEIR_BUILD" in os.environ:
        return
    targets = ["weir", "bench/bench_traffic", "bench/bench_relay"]
    done = subprocess.run([f"{ROOT}/tools/build", "profile", *targets], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        fail("the build failed:\n" + done.stdout)


def own_network():
    """Goes on in a network namespace of its own: loopback alone, and reno, whatever the host is set to. Without the
    right to make one it stays in the host's and says so. Ports are fixed, so nothing else may use them there."""
    if os.environ.get(IN_NETWORK):
        return
    os.environ[IN_NETWORK] = "1"
    unshare = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    inside = (
        'ip link set lo up && { sysctl -qw net.core.somaxconn=4096 net.ipv4.tcp_congestion_control=reno || true; } '
        '2>/dev/null; exec "$@"'
    )
    if subprocess.run([*unshare, "ip", "link", "set", "lo", "up"], capture_output=True, check=False).returncode == 0:
        os.execvp(unshare[0], [*unshare, "sh", "-c", inside, "sh", sys.executable, os.path.abspath(sys.argv[0]), *sys.argv[1:]])
    print("no network namespace can be made here: the host's network and its settings are used", file=sys.stderr)


def prefer_us():
    """A share of a busy machine for this process group, where that may be asked for; and many descriptors."""
    with contextlib.suppress(OSError):
        os.setsid()
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w", encoding="ascii") as file:
        file.write("-20")
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def machine():
    """One line about where this runs."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return (
        f"{model[1] if model else 'unknown processor'}, {os.cpu_count()} CPUs, Linux {os.uname().release}, "
        f"{time.strftime('%Y-%m-%d')}, commit {commit.stdout.strip() or 'unknown'}"
    )


def on_cpu(number, command):
    allowed = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(allowed[number % len(allowed)]), *command]


class Traffic:
    """The client and the upstream. One command at a time."""

    def __init__(self):
        binary = f"{BUILD}/bench/bench_traffic"
        if not os.path.exists(binary):
            fail(f"{binary} is not built")
        self.process = subprocess.Popen(
            on_cpu(1, [binary, str(UPSTREAM_PORT)]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            fail("bench_traffic ended")
        return json.loads(line)

    def __call__(self, verb, **words):
        self.process.stdin.write(" ".join([verb, *(f"{name}={value}" for name, value in words.items())]) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


class Subject:
    """One process that stands between client and upstream: `command` on CPU 0, reached at `port`."""

    def __init__(self, name, command, port, environment=None):
        self.name, self.port = name, port
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            on_cpu(0, command), env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL, stderr=self.errors,
            process_group=0,
        )

    def wait_until_up(self, seconds=10):
        """None, or why it does not answer."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return None
            except OSError:
                if self.process.poll() is not None:
                    self.errors.seek(0)
                    return "ended at once: " + self.errors.read().decode(errors="replace").strip()[-300:]
                time.sleep(0.02)
        return "does not listen"

    def _processes(self):
        pids = [self.process.pid]
        for pid in pids:
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                        pids += map(int, file.read().split())
        return pids

    def cpu_us(self):
        """CPU time of all threads of all its processes so far."""
        total = 0
        for pid in self._processes():
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                        total += int(file.read().split()[0])
        return total / 1000

    def memory_kib(self):
        total = 0
        for pid in self._processes():
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                total += int(re.search(r"^Pss:\s+(\d+)", file.read(), re.M)[1])
        return total

    def close(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            try:
                self.process.wait(5)
                break
            except subprocess.TimeoutExpired:
                continue
        self.errors.close()


def measure(traffic, subject, **words):
    """One run: what the client saw, and `us_per_request`."""
    before = subject.cpu_us()
    seen = traffic("run", port=subject.port, **words)
    seen["us_per_request"] = (subject.cpu_us() - before) / max(1, seen["requests"])
    seen["requests_per_second"] = seen["requests"] / max(1, seen["us"]) * 1e6
    return seen


def post(port, path="/mcp", tool="search_docs", query="what"):
    """One tools/call by other means than the load's: (status, body)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    # The upstream looks for the id where the load has it.
    body = (
        '{"jsonrpc":"2.0","id":10000007,"method":"tools/call","params":'
        '{"name":"%s","arguments":{"query":"%s"}}}' % (tool, query)
    )
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2025-11-25",
    }
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def wrong_answer(port, path="/mcp"):
    """Why what stands at `port` does not answer a call as it should, or None."""
    try:
        status, body = post(port, path)
    except (OSError, http.client.HTTPException) as error:
        return f"does not answer: {error}"
    return None if status == 200 and '"isError":false' in body else f"answers {status}: {body[:200]}"


def relay_command(port):
    return [f"{BUILD}/bench/bench_relay", str(port), str(UPSTREAM_PORT)]


# Weir itself.

POLICIES = {
    None: "",
    "names": 'policy "bench/names" { on = "request", match = { tools = "delete_*" }, decide = block("nothing is deleted here") }\n',
    "handler": """policy "bench/argument" {
  on = "request",
  match = { args = { query = present } },
  decide = function(call)
    if call.args.query:find("drop table", 1, true) then return block("no tables are dropped here") end
    return pass()
  end,
}
""",
    "mask": """policy "bench/mask" {
  on = "response", match = {}, decide = mask { fields = { ["**.mail[*]"] = "[EMAIL]", ["**.ssn"] = "[SSN]" } },
}
""",
}
POLICIES["all"] = POLICIES["handler"] + POLICIES["mask"]


def write_weir(folder, port, policy=None, durability="off"):
    """Writes weir.toml for one worker between `port` and the upstream; its path."""
    os.makedirs(folder, exist_ok=True)
    servers = "".join(
        f'[[server]]\nname = "{name}"\nurl = "http://127.0.0.1:{UPSTREAM_PORT}/{name}"\npath = "/{name}"\n'
        'default = "allow"\nanonymous = true\n'
        for name in ("mcp", "large", "sse", "burst", "mask")
    )
    text = (
        f'[listen]\naddress = "127.0.0.1:{port}"\nworkers = 1\n[state]\ndir = "{folder}/state"\n'
        f'[record]\ndurability = "{durability}"\nretain_bytes = "256MiB"\n{servers}'
    )
    if policy:
        os.makedirs(f"{folder}/policies", exist_ok=True)
        with open(f"{folder}/policies/bench.lua", "w", encoding="utf-8") as file:
            file.write(POLICIES[policy])
        text += '[policies]\ndir = "policies"\n'
    with open(f"{folder}/weir.toml", "w", encoding="utf-8") as file:
        file.write(text)
    return f"{folder}/weir.toml"


def weir_command(config):
    binary = os.environ.get("WEIR") or f"{BUILD}/weir"
    if not os.path.exists(binary):
        fail(f"{binary} is not built")
    return [binary, "run", "-c", config]


@contextlib.contextmanager
def place():
    """A directory for the time of a bench."""
    folder = tempfile.mkdtemp(prefix="weir-bench-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
