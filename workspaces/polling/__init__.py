"""The polling engine. Apps register in their ``polls.py`` what to fetch and ingest; the engine knows no app."""

from workspaces.polling.registry import Resource, register

__all__ = ["Resource", "register"]
