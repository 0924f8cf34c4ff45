"""The operating system's side: private files, disk errors, what child processes are given."""
