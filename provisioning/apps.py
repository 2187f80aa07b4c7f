from django.apps import AppConfig


class ProvisioningConfig(AppConfig):
    """Floor 8: workspaces from a file, and as one; the commands of workspaces."""

    name = "provisioning"
