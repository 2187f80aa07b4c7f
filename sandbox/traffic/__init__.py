"""Demo traffic: a cast of API keys, a plausible past for them, and live calls once the server runs."""

from .installing import install

__all__ = ["install"]
