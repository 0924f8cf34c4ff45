"""The screens, one file each; `room.py` is what they share."""
