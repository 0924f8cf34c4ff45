"""What crosses a process boundary: requests, replies, commands, messages, state; with JSON."""
