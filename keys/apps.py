from django.apps import AppConfig


class KeysConfig(AppConfig):
    """Floor 5: the key lifecycle and the per-key request log."""

    name = "keys"
