"""Reaching an engine: hosted in this process, or in its own behind a socket."""
