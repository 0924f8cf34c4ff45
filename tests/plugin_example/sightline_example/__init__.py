"""An example of a plugin for sightline."""
