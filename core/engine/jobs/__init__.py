"""The kinds of jobs, a file each; `job_registry.py` names them."""
