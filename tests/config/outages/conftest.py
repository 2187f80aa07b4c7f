import subprocess
import sys

import pytest
from redis import Redis, RedisError

from config.embedded import bundled_redis
from tests.conftest import ROOT, clean_environment
from tests.wait import wait_until


class Broker:
    """A redis-server of the test's own, that goes away and comes back."""

    def __init__(self, folder):
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self.command = [*bundled_redis.command(self.socket, folder / "redis"), "--save", ""]
        self.client = Redis(unix_socket_path=str(self.socket))

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.answers)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def answers(self):
        try:
            return self.client.ping()
        except RedisError:
            return False


@pytest.fixture
def broker(tmp_path):
    server = Broker(tmp_path)
    server.start()
    yield server
    server.stop()
    server.client.close()


class Program:
    """A real worker or clock, and what it writes."""

    def __init__(self, folder, url, name, *command):
        self.log = folder / f"{name}.log"
        self.environment = clean_environment(VAR_DIR=folder / "var", REDIS_URL=url)
        self.command = ["--quiet", "-A", "tests.config.outages.blocking_task", *command]

    def start(self):
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "celery", *self.command],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self):
        return self.log.read_text()

    @property
    def lines(self):
        return [line for line in self.text.splitlines() if line.strip()]
