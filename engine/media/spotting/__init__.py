"""Spotting lists of other programs: where a picture has hits, as CSV, MIDI, EDL, Pro Tools and Reaper text tell it."""
