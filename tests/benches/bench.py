"""What the benchmarks beside this file share: starting servers, asking them, and reading what that cost."""

import json, os, pathlib, re, signal, subprocess, sys, time, urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SYSTEMS = {"duo": "school_register", "boards": "school_board", "housing": "municipal", "partners": "partner"}


def say(*words):
    print(*words, flush=True)


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, **options)


def cpu_of(pid, children=False):
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return (0.0, 0.0)
    ticks = os.sysconf("SC_CLK_TCK")
    own, waited = (int(fields[11]) + int(fields[12])) / ticks, (int(fields[13]) + int(fields[14])) / ticks
    return (own, waited) if children else (own, 0.0)


def peak_of(pid):
    """The most memory it ever had resident, in MB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())
    return int(found.group(1)) / 1024


def settings(database, redis, port, sandbox, answers):
    text = f'[database]\nurl = "{database}"\n[http]\nlisten = "127.0.0.1:{port}"\n[cache]\nanswers = {str(answers).lower()}\n'
    if redis:
        text += f'[redis]\nurl = "{redis}"\n'
    for system, connector in SYSTEMS.items():
        text += f'[[source]]\nid = "{system}"\nname = "{system}"\nconnector = "{connector}"\nevery = "30d"\nfresh_for = "60d"\n'
        if system == "duo":
            text += f'locations = "{sandbox}/duo/alle-vestigingen-basisonderwijs.csv"\n'
            text += f'boards = "{sandbox}/duo/bevoegde-gezagen-basisonderwijs.csv"\npriority = 10\n'
        else:
            text += f'base_url = "{sandbox}/{system}"\n'
        text += f'[source.oauth]\ntoken_url = "{sandbox}/oauth/token"\nclient_id = "sandbox-{system}"\n'
        text += f'client_secret = {{ env = "SECRET_{system.upper()}" }}\n'
    return text


class Servers:
    """Whatever is started here ends with this program."""

    def __init__(self, folder):
        self.folder, self.running = folder, []

    def start(self, name, *command, **options):
        log = open(self.folder / f"{name}.log", "w")
        self.running.append(subprocess.Popen(command, stdout=log, stderr=log, **options))
        return self.running[-1]

    def stop(self):
        for server in self.running:
            server.send_signal(signal.SIGTERM)
        for server in self.running:
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()

    def wait_for(self, url, server, body=None):
        for _ in range(600):
            if server.poll() is not None:
                break
            try:
                data = json.dumps(body).encode() if body else None
                request = urllib.request.Request(url, data, {"content-type": "application/json"})
                return urllib.request.urlopen(request).read()
            except OSError:
                time.sleep(0.1)
        sys.exit(f"{url} does not answer; see {self.folder}")


def release():
    """The folder of what cargo builds for release."""
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"


def secrets():
    """The environment in which a hub knows the sandbox's secrets."""
    return {**os.environ, **{f"SECRET_{system.upper()}": f"not-a-secret-{system}" for system in [*SYSTEMS, "workshops"]}}


def ask(folder, url, lines, connections, seconds):
    """Asks what the lines say, over and over. How many requests were answered, in how many microseconds, the median and
    the 99th percentile of how long one took, and bytes that came back."""
    file = folder / "ask.txt"
    file.write_text("\n".join(lines))
    told = run(
        "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s", str(HERE / "ask.lua"), url,
        env={**os.environ, "ASK": str(file)}, capture_output=True,
    ).stdout
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\S+) (\S+) (\d+)", told)
    requests, microseconds, failed, median, p99, size = (float(each) for each in found.groups())
    if failed or not requests:
        sys.exit(f"{url}: {failed:.0f} of {requests:.0f} requests failed\n{told}")
    return requests, microseconds, median, p99, size
