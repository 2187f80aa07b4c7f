"""Getting results delivered after all: which ones, what they are sent as, and the worker's part of it."""
