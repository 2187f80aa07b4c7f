"""Endpoints that two surfaces have in common."""

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class SharedRoutes:
    """Remembers endpoints, and makes their routes only where they are served: making one takes milliseconds."""

    def __init__(self) -> None:
        self._endpoints: list[tuple[str, str, Callable[..., Any], dict[str, Any]]] = []

    def get(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._remember("GET", path, options)

    def post(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._remember("POST", path, options)

    def patch(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._remember("PATCH", path, options)

    def delete(self, path: str, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._remember("DELETE", path, options)

    def _remember(self, method: str, path: str, options: dict[str, Any]) -> Callable[[Endpoint], Endpoint]:
        def decorator(endpoint: Endpoint) -> Endpoint:
            self._endpoints.append((method, path, endpoint, options))
            return endpoint

        return decorator

    def add_to(self, router: APIRouter) -> None:
        """Serve them by a router as well."""
        for method, path, endpoint, options in self._endpoints:
            router.add_api_route(path, endpoint, methods=[method], **options)
