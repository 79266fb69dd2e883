"""Whether a machine of the farm has the code and the checkpoints of the one that started the run."""

from __future__ import annotations

import functools
import hashlib
import socket
from pathlib import Path

from engine.core.errors import BadInput
from engine.core.paths import ASSETS, CHECKPOINTS, ROOT

_NOT_RENDERING = ("lab", "install")


@functools.lru_cache(maxsize=4)
def digest_installation(checkpoint_folder: str | None) -> str:
    """Digest of the engine's code, the bank and the checkpoints: of what a rendered sample depends on."""
    engine = ROOT / "engine"
    code = [path for path in engine.rglob("*.py") if path.relative_to(engine).parts[0] not in _NOT_RENDERING]
    folders = (Path(checkpoint_folder or CHECKPOINTS), ASSETS / "bank")
    data = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".safetensors", ".json")]
    total = hashlib.sha256()
    for path in sorted((*code, *data)):
        total.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def check_installation(expected: str, checkpoint_folder: str | None) -> None:
    """BadInput where this machine's digest is another one."""
    if checkpoint_folder is not None and not Path(checkpoint_folder).is_dir():
        raise BadInput(
            f"the machine {socket.gethostname()} of the farm has no folder {checkpoint_folder}; "
            "mount it there under the same path"
        )
    if digest_installation(checkpoint_folder) != expected:
        raise BadInput(
            f"the machine {socket.gethostname()} of the farm has another version of Struck or of its checkpoints; "
            "install the same version on all machines"
        )
