"""Receivers to copy from. They run as they are, and the tests run them."""
