"""A Cleanlist-compatible API server: its own process, its own database, reached only over HTTP."""
