"""Which scope an endpoint asks for (``docs/cleanlist-api.md``: "OAuth scopes")."""

import re

# The method ("" for any), what the path holds, the scope.
_RULES = (
    ("GET", r"/enrich(ment)?/status", "enrich:read"),
    ("", r"/enrich(ment)?/", "enrich:write"),
    ("", r"/credits/", "credits:read"),
    ("", r"/(usage|public/api-keys|v2/api-keys)", "admin:api_keys"),
    ("", r"/people", "people:read"),
    ("", r"/compan", "companies:read"),
    ("", r"/export", "export:read"),
    ("", r"/sync", "sync:write"),
    ("GET", r"/smart-agents", "smart_agents:read"),
    ("", r"/smart-agents", "smart_agents:write"),
    ("GET", r"/lead-lists", "lists:read"),
    ("", r"/lead-lists", "lists:write"),
)
_SCOPES = tuple((verb, re.compile(part), scope) for verb, part, scope in _RULES)


def required_scope(endpoint: str) -> str:
    """Return the scope for ``endpoint``, such as "POST /api/v1/public/enrich/bulk"; empty where none is known."""
    method, _, path = endpoint.rpartition(" ")
    matching = (scope for verb, part, scope in _SCOPES if (not verb or method in {"", verb}) and part.search(path))
    return next(matching, "")
