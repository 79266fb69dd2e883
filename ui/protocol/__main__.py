"""``python -m ui.protocol``: write the TypeScript declarations of all messages."""

from __future__ import annotations

from engine.core.files import write_file
from ui.protocol.declarations import PATH, declare

if __name__ == "__main__":
    write_file(PATH, declare().encode())
    print(PATH)
