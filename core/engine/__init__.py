"""What runs jobs: the engine, its queue and messages, the kinds of jobs, the machine's metrics."""
