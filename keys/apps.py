from django.apps import AppConfig


class KeysConfig(AppConfig):
    """Floor 4: the key lifecycle and the per-key request log."""

    name = "keys"
