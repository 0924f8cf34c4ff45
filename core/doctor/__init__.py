"""`sightline doctor`: the machine, its packages and its models."""
