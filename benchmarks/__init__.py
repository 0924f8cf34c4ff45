"""Speed and quality, measured: each module is one command that prints one table of ratios."""
