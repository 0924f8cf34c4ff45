"""What runs jobs: the queue, downloads, watched folders, the machine's metrics."""
