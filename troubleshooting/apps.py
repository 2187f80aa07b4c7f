from django.apps import AppConfig


class TroubleshootingConfig(AppConfig):
    """Floor 8: what is wrong, found by checks, in pasted texts and bodies, and as a bundle for support."""

    name = "troubleshooting"
