import subprocess

import pytest

from config.embedded import CannotStart, bundled_redis


@pytest.fixture
def no_wheel(monkeypatch):
    monkeypatch.setattr(bundled_redis, "find_spec", lambda _: None)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Give the machine nothing but the named servers; each is a program that says its version and ends."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def write(name, *, works=True):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\nexit {0 if works else 127}\n")
        path.chmod(0o700)
        return str(path)

    return write


def test_the_wheel_carries_a_server_that_runs_here(install):
    install("redis-server")

    version = subprocess.run([bundled_redis.executable(), "--version"], capture_output=True, text=True, check=True)

    assert version.stdout.startswith("Valkey server v=9.")


@pytest.mark.usefixtures("no_wheel")
@pytest.mark.parametrize("name", ["valkey-server", "redis-server"])
def test_without_the_wheel_the_machines_own_server_is_used(name, install):
    installed = install(name)

    assert bundled_redis.executable() == installed


@pytest.mark.usefixtures("no_wheel")
def test_a_server_that_does_not_start_is_passed_over(install):
    install("valkey-server", works=False)
    installed = install("redis-server")

    assert bundled_redis.executable() == installed


@pytest.mark.usefixtures("no_wheel")
@pytest.mark.usefixtures("install")
def test_without_any_server_it_says_what_to_do():
    with pytest.raises(CannotStart, match="apt-get install redis-server"):
        bundled_redis.executable()
