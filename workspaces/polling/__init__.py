"""The polling engine. Apps say in their ``polls.py`` what is fetched and how it lands; the engine knows no app."""

from workspaces.polling.registry import Resource, register

__all__ = ["Resource", "register"]
