"""Installation of what Struck needs, for launch.py: the standard library alone, since nothing else is there yet."""
