"""The screens, one file each; `screen.py` is what they share."""
