"""Demo traffic: API keys, a plausible past for them, and live calls while the server runs."""

from .installer import install

__all__ = ["install"]
