"""Clips and recordings: decoded by presentation time, in bounded memory.

Time 0 s is the first displayed frame; audio start offsets and edit lists are applied.
"""
