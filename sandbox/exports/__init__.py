"""Exports of lists as CSV and JSON."""
