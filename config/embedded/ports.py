"""Checks that the ports of the embedded set are free."""

import errno
import socket

from config.embedded import CannotStart


def check_free(host: str, port: int, variable: str, address: str = "BIND_ADDRESS") -> None:
    """Raise CannotStart, naming the settings to change, unless ``host``:``port`` is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Like the servers, ignore connections of an earlier run that are still closing.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            raise CannotStart(_reason(error, host, port, variable, address)) from None


def _reason(error: OSError, host: str, port: int, variable: str, address: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is already in use. Stop the process that uses it, or choose another with "
            f"{variable}={port + 100}"
        )
    if error.errno == errno.EACCES:
        return f"Port {port} requires more privileges than this account has. Set {variable} to a port above 1023."
    return f"Cannot listen on {host} port {port}: {error.strerror or error}. Check {address} and {variable}."
