"""Workspaces as a file says: what differs is shown and then changed, by the same forms and services as on the pages."""
