"""The user's data folder, or one for this process alone where that cannot be written."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from engine.core.files import make_own_folder, make_private_folder, remove_abandoned


def choose_data_folder(wanted: Path, names: Sequence[str]) -> tuple[Path, str]:
    """The wanted folder, with private folders of these names in it, and ""; or a replacement and a sentence about it.

    The replacement is a temporary folder that goes when the process ends, or at the next start. Raises OSError where
    not even that can be made.
    """
    try:
        make_private_folder(wanted)
        for folder in (wanted, *(wanted / name for name in names)):
            make_private_folder(folder)
            with tempfile.TemporaryFile(dir=folder):
                pass
        return wanted, ""
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
    remove_abandoned(Path(tempfile.gettempdir()))
    replacement = make_own_folder(Path(tempfile.gettempdir()))
    atexit.register(shutil.rmtree, replacement, ignore_errors=True)
    for name in names:
        make_private_folder(replacement / name)
    return replacement, (
        f"The data folder {wanted} cannot be written ({reason}), so unsaved work, exports and the cache last only "
        "until Struck ends; save projects elsewhere, or name another folder with --data-dir"
    )
