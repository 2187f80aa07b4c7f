"""The sandbox as its own process, for every test that talks to it."""

import json
import ssl
import subprocess
import sys
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 15
# For sandboxes that many tests share: no rate limits, and an enrichment of one contact takes 0.3 s.
SHARED = ("--org-limit", "0", "--key-limit", "0", "--enrichment-pace", "0.15")
# httpx would load all public certificates for each client, which takes 20 ms, although nothing here uses TLS.
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class SandboxProcess:
    """Runs `python -m sandbox serve` on a free port and reuses that port after restarts."""

    def __init__(self, data_dir, *flags):
        self.data_dir = Path(data_dir)
        self.flags = flags
        self.port = 0
        self.base_url = ""
        self.log_path = self.data_dir.with_suffix(".log")
        self.process = None
        self._credentials = None
        self._clients = []

    def start(self):
        """Start the server and wait until it listens. Raises RuntimeError with its output if it does not."""
        arguments = ["serve", "--port", str(self.port), "--data", str(self.data_dir), *self.flags]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sandbox", *arguments],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = self.process.stdout.readline()
        if not line.startswith("sandbox ready on "):
            raise RuntimeError(f"the sandbox did not start: {line!r}, {self.log()}")
        self.base_url = line.removeprefix("sandbox ready on ").strip()
        self.port = int(self.base_url.rpartition(":")[2])
        return self

    def stop(self):
        """Stop it with SIGTERM and return the exit code."""
        self.process.terminate()
        return self._reap()

    def kill(self):
        """Kill it, like a crash or a power cut."""
        self.process.kill()
        return self._reap()

    def _reap(self):
        code = self.process.wait(STOP_SECONDS)
        self.process.stdout.close()
        while self._clients:
            self._clients.pop().close()
        return code

    def log(self):
        """Return its error output."""
        return self.log_path.read_text()

    def credentials(self, *, fresh=False):
        """Return what `python -m sandbox credentials` prints; cached unless `fresh`."""
        if self._credentials is None or fresh:
            self._credentials = json.loads(command("credentials", "--data", str(self.data_dir)).stdout)
        return self._credentials

    def control(self, path, json=None, method="POST"):
        """Call the control surface and return its response; raises httpx.HTTPStatusError for an error."""
        headers = {"X-Sandbox-Control": self.credentials()["control_token"]}
        with httpx.Client(base_url=self.base_url, headers=headers, timeout=30, verify=NO_AUTHORITIES) as client:
            return client.request(method, f"/_sandbox/{path}", json=json).raise_for_status().json()

    def session(self):
        """Return a client with the administrator's session, which manages keys."""
        return self._client(self.credentials()["session_jwt"])

    def client(self, api_key=None):
        """Return a client with an API key, by default that of `credentials`."""
        return self._client(api_key or self.credentials()["api_key"])

    def _client(self, token):
        headers = {"Authorization": f"Bearer {token}"}
        client = httpx.Client(base_url=self.base_url, headers=headers, timeout=30, verify=NO_AUTHORITIES)
        self._clients.append(client)
        return self._clients[-1]

    def __enter__(self):
        return self.start()

    def __exit__(self, *_exception):
        if self.process.poll() is None:
            self.stop()


def command(*arguments, stdout=subprocess.PIPE):
    """Run `python -m sandbox …` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *arguments],
        cwd=ROOT,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
