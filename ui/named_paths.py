"""Files that messages name: uploads of the session, and paths of this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core.errors import BadInput

if TYPE_CHECKING:
    from ui.session import Session

LONGEST_PATH = 4096


def resolve_path(session: Session, text: Any) -> Path:
    """The file a message names: an upload of this session, or, unless others can reach the app, any local path."""
    if not isinstance(text, str) or not text.strip():
        raise BadInput("the path is empty; choose a file")
    if "\0" in text:
        raise BadInput("the path holds a null character, which no path does; choose a file")
    if len(text) > LONGEST_PATH:
        raise BadInput("the path is longer than any file's; choose a file")
    text = text.strip().strip('"')
    if text.startswith("upload:"):
        folder = session.folder("uploads").resolve()
        path = (folder / text.removeprefix("upload:")).resolve()
        if not path.is_relative_to(folder) or not path.is_file():
            raise BadInput("the uploaded file is not there any more; drop it again")
        return path
    if session.context.options.public:
        raise BadInput("paths on this machine are closed while others can reach the app; drop the file instead")
    return Path(os.path.expanduser(text)).absolute()
