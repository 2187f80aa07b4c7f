from django.apps import AppConfig


class ProvisioningConfig(AppConfig):
    """Floor 8: import and export of workspaces as a file, and commands for workspaces."""

    name = "provisioning"
