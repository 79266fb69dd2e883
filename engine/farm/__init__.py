"""The render farm: clips as tasks of a Ray cluster. The command line alone starts it; Ray is imported nowhere else."""
