"""Configures workspaces from a file: differences are shown and then applied, by the pages' own forms and services."""
