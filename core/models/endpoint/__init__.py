"""VLMs behind OpenAI-compatible servers."""
