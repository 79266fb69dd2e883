"""The HTTP API: the editor's operations for programs, under /api/v1."""
