"""Getting models: names to pinned revisions, downloads with progress and resume, the cache."""
