"""Tests in a query whether an IP address lies in a network (CIDR), where canonical addresses are stored as text."""

import ipaddress
from functools import lru_cache
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import BooleanField, F, Func, Value
from django.db.models.lookups import Exact

from keys.log.ip_addresses import Network

# Upstream may send any text, and PostgreSQL raises an error on text that is no IP address. These patterns match every
# canonical address and nothing that PostgreSQL rejects: four numbers up to 255; eight hexadecimal groups, or fewer with
# ``::`` in place of those left out.
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"^{_OCTET}(\.{_OCTET}){{3}}$"
_GROUPS = "[0-9a-f]{1,4}(:[0-9a-f]{1,4})"
_IPV6 = f"^({_GROUPS}{{7}}|(?!([^:]*:){{8}})({_GROUPS}*)?::({_GROUPS}*)?)$"


class _InNetwork(Func):
    """Whether ``column`` is an IP address in a network; false if it is no IP address."""

    function = "in_network"
    output_field = BooleanField()

    def as_postgresql(self, compiler: Any, *_: object, **__: object) -> tuple[str, list[object]]:
        column, parameters = compiler.compile(self.get_source_expressions()[0])
        network, value = compiler.compile(self.get_source_expressions()[1])
        valid = _IPV6 if ":" in value[0] else _IPV4
        sql = f"CASE WHEN {column} ~ %s THEN {column}::inet <<= {network}::inet ELSE false END"
        return sql, [*parameters, valid, *parameters, *value]


def in_network(column: str, network: Network) -> Exact:
    return Exact(_InNetwork(F(column), Value(str(network))), Value(True))


@lru_cache(maxsize=4096)
def _contains(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network)
    except ValueError:
        return False


def teach_sqlite(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Define in_network on a new SQLite connection; PostgreSQL does not need it."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("in_network", 2, _contains, deterministic=True)


connection_created.connect(teach_sqlite, dispatch_uid="keys.log.networks")
