"""From a clip to a document: its hits, and the physics of what is struck in it."""
