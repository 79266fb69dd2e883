"""State shared by all sessions: options, data folder, cache, samplers, locks for the CPU."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.core.cache import Cache
from engine.core.checkpoint import digest_checkpoint, find_fault, list_checkpoints, stamp_checkpoint
from engine.core.errors import BadInput, StruckError
from engine.core.files import make_private_folder, make_write_error, remove_abandoned
from engine.core.paths import CHECKPOINTS, default_data_folder
from engine.core.shared_store import open_library
from engine.diffusion.checkpoint import SAMPLER
from engine.document.project import RenderSettings
from ui.data_folder import choose_data_folder
from ui.export_presets import ExportPresets
from ui.fair_lock import FairLock
from ui.own_presets import OwnPresets
from ui.project_files import ProjectFiles
from ui.request_checks import own_names

VERSION = "0.1"
FOLDERS = ("sessions", "uploads", "exports", "proxies", "projects", "cache", "running")
KEEP_S = {"sessions": 90 * 86_400, "exports": 7 * 86_400, "uploads": 60 * 86_400, "proxies": 30 * 86_400}
CACHE_MEMORY_BYTES = 256 << 20
CACHE_DISK_BYTES = 4 << 30

Stamp = tuple[int, ...]

log = logging.getLogger("struck")


@dataclass(frozen=True)
class Options:
    """How the app was started."""

    start: str | None = None
    listen: bool = False
    share: bool = False
    port: int | None = None
    auth: tuple[str, str] | None = None
    device: str = "auto"
    checkpoint_folder: Path = field(default_factory=lambda: CHECKPOINTS)
    data_folder: Path | None = None
    open_browser: bool = True

    @property
    def public(self) -> bool:
        """Whether other machines may connect; then messages cannot name paths of this machine."""
        return self.listen or self.share


class AppContext:
    """One a process; thread safe."""

    def __init__(self, options: Options) -> None:
        self.options = options
        default = default_data_folder()
        self.wanted_home = options.data_folder or Path(os.environ.get("STRUCK_HOME") or default)
        try:
            self.home, self.home_fault = choose_data_folder(self.wanted_home, FOLDERS)
        except OSError as error:
            raise make_write_error(self.wanted_home, error) from None
        private = [self.folder(name) for name in FOLDERS] + ([default] if self.home == default else [])
        for folder in private:  # an older Struck left them readable by all
            with contextlib.suppress(OSError):
                folder.chmod(0o700)
        self.host_names = own_names()
        self.project_files = ProjectFiles()
        self.user_umask: int | None = None
        self.cache = Cache(self.home / "cache", CACHE_MEMORY_BYTES, CACHE_DISK_BYTES, open_library())
        self.sampling_lock = FairLock()
        self.analysis_lock = FairLock()
        self.watched_sessions: Callable[[], Collection[str]] = tuple  # ids of the sessions that tabs show
        self.noted_sessions: list[str] = []  # those that other processes know
        self.running_file: Path | None = None  # whose lock this process holds
        self.crashed = False  # a Struck with this data folder ended without closing its sessions
        self.ready = threading.Event()
        self.changed = threading.Event()  # some session has something to keep
        self._samplers: dict[str, tuple[Stamp, Any]] = {}
        self._sampler_lock = threading.Lock()
        self._digests: dict[str, tuple[Stamp, str]] = {}
        self._faults: dict[str, tuple[Stamp, str | None]] = {}
        self._digest_lock = threading.Lock()
        self._presets: tuple[Any, ...] | None = None
        self.own_presets = OwnPresets(self.home)
        self.export_presets = ExportPresets(self.home)
        self._device: tuple[Any, str] | None = None

    def folder(self, *names: str) -> Path:
        """A private folder inside the user's data folder, made if it is not there; StruckError where it cannot be."""
        path = self.home
        try:
            make_private_folder(path)
            for name in names:
                path = path / name
                make_private_folder(path)
        except OSError as error:
            raise StruckError(
                f"{path} cannot be made ({error.strerror}); point STRUCK_HOME at a folder you may write"
            ) from None
        return path

    def share_as_user(self, path: Path) -> None:
        """Give a file or folder outside the data folder the permissions that the user's own programs give."""
        if self.user_umask is not None and not path.is_relative_to(self.home):
            with contextlib.suppress(OSError):
                path.chmod((0o777 if path.is_dir() else 0o666) & ~self.user_umask)

    def checkpoints(self) -> tuple[str, ...]:
        """Names of the samplers on this machine, those that are refused among them."""
        return list_checkpoints(self.options.checkpoint_folder, SAMPLER)

    def fault(self, name: str) -> str | None:
        """Why a checkpoint is refused, as one sentence; None where no fault is known.

        Faults that only loading shows are known once ``sampler`` has tried; a replaced checkpoint is checked anew.
        """
        # A project may come from anywhere and must not reach outside of the folder.
        if Path(name).name != name or name.startswith(".") or len(name) > 100 or "\0" in name:
            return f"checkpoint {name[:100]!r} is not a checkpoint's name; choose one from the list"
        folder = self.options.checkpoint_folder / name
        stamp = stamp_checkpoint(folder)
        with self._digest_lock:
            if name not in self._faults or self._faults[name][0] != stamp:
                self._faults[name] = (stamp, find_fault(folder, SAMPLER))
            return self._faults[name][1]

    def digest(self, settings: RenderSettings) -> str:
        """Digest of the sampler that the settings name, "" where none can be used; does not load it."""
        name = settings.checkpoint
        if not name or self.fault(name) is not None:
            return ""
        folder = self.options.checkpoint_folder / name
        stamp = stamp_checkpoint(folder)
        with self._digest_lock:
            if name not in self._digests or self._digests[name][0] != stamp:
                self._digests[name] = (stamp, digest_checkpoint(folder))
            return self._digests[name][1]

    def presets(self) -> tuple[Any, ...]:
        """The shipped presets and the user's own."""
        return (*self.shipped_presets(), *self.own_presets.list())

    def shipped_presets(self) -> tuple[Any, ...]:
        """The shipped presets."""
        if self._presets is None:
            from engine.physics.presets import load_presets

            self._presets = load_presets()
        return self._presets

    def own_bank(self) -> Path:
        """Folder of the user's own bank; it can be read where the data folder cannot be written."""
        return self.wanted_home / "bank" if self.home_fault else self.folder("bank")

    def bank(self) -> Any:
        """The shipped bank with the user's own. BadInput where the shipped one is damaged."""
        from engine.bank.user_bank import open_bank

        found, note = open_bank(self.own_bank())
        if note:
            log.warning("%s", note)
        return found

    def device(self) -> tuple[Any, str]:
        """The sampling device, and a sentence about it."""
        if self._device is None:
            from engine.core.device import choose_device

            self._device = choose_device(self.options.device)
        return self._device

    def sampler(self, settings: RenderSettings) -> Any | None:
        """The sampler that the settings name; None where the prior alone is rendered, by choice or by a fault."""
        name = settings.checkpoint
        if not name or self.fault(name) is not None:
            return None
        with self._sampler_lock:
            stamp = stamp_checkpoint(self.options.checkpoint_folder / name)
            if name in self._samplers and self._samplers[name][0] == stamp:
                return self._samplers[name][1]
            from engine.diffusion.sampler import load_sampler
            from engine.pipeline.shared_sampler import share_sampler

            try:
                own = load_sampler(self.options.checkpoint_folder, name, self.device()[0])
                sampler = share_sampler(own, name)
            except BadInput as error:
                with self._digest_lock:
                    self._faults[name] = (stamp, str(error))
                return None
            self._samplers[name] = (stamp, sampler)
            return sampler

    def check(self, name: str) -> None:
        """Load a checkpoint that is about to be chosen; BadInput, with the reason, if it cannot be used."""
        if name and self.sampler(RenderSettings(checkpoint=name)) is None:
            raise BadInput(self.fault(name) or f"checkpoint {name!r} cannot be used; choose another")

    def warm(self) -> None:
        """Import slow modules and load the default sampler, so that the first edit does not wait for it."""
        started = time.monotonic()
        try:
            import torch

            if self.device()[0].type == "cpu":
                torch.set_num_threads(max(1, min(8, os.cpu_count() or 1)))
            import engine.pipeline.analyze_audio
            import engine.pipeline.detect_onsets
            import engine.pipeline.render  # noqa: F401

            names = self.checkpoints()
            if names:
                default = RenderSettings().checkpoint
                name = default if default in names else names[0]
                if self.sampler(RenderSettings(checkpoint=name)) is None:
                    print(f"Struck: {self.fault(name)}", file=sys.stderr)
        except Exception as error:
            log.exception("warming up failed")
            print(f"Struck: {error}", file=sys.stderr)
        finally:
            self.ready.set()
            log.info("ready after %.1f s", time.monotonic() - started)

    def tidy(self) -> None:
        """Delete autosaves, exports, uploads and proxies older than KEEP_S, and partial files of ended processes."""
        now = time.time()
        for folder in [self.home, *self.home.glob("*/"), *self.home.glob("*/*/"), *self.home.glob("uploads/*/*/")]:
            remove_abandoned(folder)
        for name, keep_s in KEEP_S.items():
            for entry in self.folder(name).iterdir():
                with contextlib.suppress(OSError):
                    if now - max(p.stat().st_mtime for p in [entry, *entry.rglob("*")]) > keep_s:
                        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
