"""Struck from Python, step by step: open a clip, detect its hits, choose physics, edit, render, export.

``import struck`` has the same names; docs/api.md shows an example.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.cli.overwrite import describe_existing, find_existing
from engine.cli.render import make_cache
from engine.cli.stored import open_stored
from engine.core.errors import BadInput, quote
from engine.core.files import check_folder, check_target
from engine.document.edits.values import check_number
from engine.document.history import History, commit, redo, undo
from engine.document.project import Clip, Hit, Mix, Project, Sound
from engine.document.source import Source
from engine.document.storage import SUFFIX
from engine.media.export.endings import SILENT_SESSIONS, check_output, check_session
from engine.media.export.options import DeliveryOptions, find_start
from engine.physics.model import Physics, physics_from_json
from engine.pipeline.events import Event, Notice
from engine.pipeline.kept_hits import KeptHits

if TYPE_CHECKING:
    from engine.bank.bank import Bank
    from engine.document.edits.values import Edit
    from engine.pipeline.process import ProcessSettings
    from engine.pipeline.render import HitSampler


def open_clip(
    path: str | Path,
    *,
    track: int | None = None,
    device: str = "auto",
    checkpoint_folder: str | Path | None = None,
    data_folder: str | Path | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
) -> OpenProject:
    """Open a clip, a *.struck.json project, or a WAV or FLAC that holds its project.

    ``track`` is the clip's sound track to use, ``device`` auto, cpu, cuda or mps; ``data_folder`` holds your own bank.
    ``on_event`` is called with each event of ``engine.pipeline.events``; what it raises ends the step. Raises BadInput.
    """
    from engine.pipeline import open_clip as opening

    if checkpoint_folder is not None and not _to_path(checkpoint_folder, "checkpoint_folder").is_dir():
        raise BadInput(f"checkpoint_folder {checkpoint_folder} is not a folder; give one that holds checkpoints")
    if device != "auto":
        from engine.core.device import check_device  # with PyTorch, which takes a while

        check_device(device)
    if data_folder is not None and os.path.isfile(_to_path(data_folder, "data_folder")):
        raise BadInput(f"data_folder {data_folder} is a file; give a folder")
    if track is not None and (isinstance(track, bool) or not isinstance(track, Integral)):
        raise BadInput(f"track is {quote(track)}, which is no whole number; correct it")
    path = _to_path(path, "the clip or project")
    document = open_stored(str(path))
    if document is None:
        event = opening.open_clip(path, track)
        document = event.project
        on_event(event)
    elif track is not None:
        raise BadInput("a track is chosen of a clip, and a project has its own; leave it out")
    return OpenProject(document, device, checkpoint_folder, data_folder, on_event)


def list_presets() -> tuple[str, ...]:
    """Names of the presets."""
    from engine.physics.presets import load_presets

    return tuple(preset.name for preset in load_presets())


class OpenProject:
    """A document with its history, and what renders it; every step changes ``document``. Not thread safe.

    ``notes`` are sentences about the steps that a person should read.
    """

    def __init__(
        self,
        document: Project,
        device: str = "auto",
        checkpoint_folder: str | Path | None = None,
        data_folder: str | Path | None = None,
        on_event: Callable[[Event], None] = lambda event: None,
    ) -> None:
        self.notes: list[str] = []
        self._history = History(document)
        self._device, self._checkpoint_folder = device, checkpoint_folder
        self._data_folder, self._on_event = data_folder, on_event
        self._steps = 0
        self._analysed = False  # since the mix was last looked at
        with contextlib.ExitStack() as stack:
            self._cache = make_cache(stack)
            self._release = weakref.finalize(self, stack.pop_all().close)

    def close(self) -> None:
        """Delete the rendered sounds; so does the end of the program."""
        self._release()

    # --- the document -------------------------------------------------------------------------

    @property
    def document(self) -> Project:
        """The document, which is immutable."""
        return self._history.now

    @property
    def clip(self) -> Clip:
        """The clip."""
        return self.document.clip

    @property
    def hits(self) -> tuple[Hit, ...]:
        """The hits by rising time."""
        return self.document.hits

    @property
    def sounds(self) -> tuple[Sound, ...]:
        """The sounds that the hits strike."""
        return self.document.sounds

    def edit(self, kind: str, **values: Any) -> None:
        """Apply one of the editor's edits, such as ``edit("move_hits", ids=["h1"], delta_s=0.01)``.

        Kinds and fields are those of ``ui.protocol.edits``. Raises BadInput, and then nothing has changed.
        """
        from engine.document.edits.messages import apply_message
        from engine.physics.presets import load_presets
        from engine.pipeline.physics_ops import PHYSICS_OPS

        presets = {preset.name: preset for preset in load_presets()}
        try:
            self._commit(apply_message(self.document, {"kind": kind, **values}, presets, PHYSICS_OPS))
        except BadInput as error:
            raise BadInput(str(error).replace("; reload the page", "; see /api/v1/docs of the editor")) from None

    def undo(self) -> None:
        """Undo the last step; nothing where there is none."""
        self._history = undo(self._history)

    def redo(self) -> None:
        """Redo the step that was undone last; nothing where there is none."""
        self._history = redo(self._history)

    def _commit(self, edit: Edit, gesture: str | None = None) -> None:
        self._history = commit(self._history, edit, gesture)

    # --- hits and physics ---------------------------------------------------------------------

    def detect(self, source: str | None = None, threshold: float | None = None) -> tuple[Hit, ...]:
        """Find the hits of the clip in its ``source`` (video, audio or both); those edited by hand stay.

        ``threshold`` (0 to 1) picks them from the onset curve. Raises BadInput, and then nothing has changed.
        """
        from engine.pipeline.process import find_hits

        before = self._history
        try:
            if source is not None:
                self.edit("set_source", source=source)
            if threshold is not None:
                if check_number(threshold, "threshold", (0.0, 1.0)) != threshold:
                    raise BadInput(f"threshold {threshold:g} is out of range; give 0 to 1")
                self.edit("set_threshold", threshold=threshold)
            self._run(find_hits(self.document, self._settings()))
        except BadInput:
            self._history = before
            raise
        return self.hits

    def choose_physics(
        self,
        sound: str | None = None,
        *,
        preset: str | None = None,
        words: str | None = None,
        recording: str | Path | None = None,
        physics: Physics | Mapping[str, Any] | None = None,
    ) -> None:
        """Give a sound, by its id, the physics of a preset, of words, of a recorded hit, or your own.

        Your own is a Physics, or what the JSON of ``launch.py analyze`` holds. The only sound needs no id. Without any
        of these the sounds of all hits are estimated from the clip's audio or, where it has none, from its picture.
        Raises BadInput.
        """
        from engine.document.edits.sounds import replace_sound
        from engine.pipeline.process import estimate_sounds

        given = [value for value in (preset, words, recording, physics) if value is not None]
        if len(given) > 1:
            raise BadInput("several sources of physics were given; give one of preset, words, recording and physics")
        if not given:
            if sound is not None:
                raise BadInput("a sound was named and no physics for it; give preset, words, recording or physics")
            self._run(estimate_sounds(self.document, self._settings()))
            self._analysed = True
            return
        if sound is None and len(self.sounds) != 1:
            raise BadInput(f"the project has {len(self.sounds)} sounds; give the id of the one to change")
        sound = self.sounds[0].id if sound is None else sound
        if preset is not None:
            self.edit("apply_preset", name=preset, sound_id=sound)
        elif physics is not None:
            physics = _to_physics(physics)
            own = Sound(sound, "Given physics", physics.modes, physics.residual, Source("physics"))
            self._commit(replace_sound(sound, own))
        elif recording is not None:
            self._commit(replace_sound(sound, self._analyze_recording(_to_path(recording, "the recording"))))
        elif words is not None:
            if not isinstance(words, str):
                raise BadInput(f"words is {quote(words)}, which is no text; give one such as 'thin glass bottle'")
            self._commit(replace_sound(sound, self._search(words, sound)))

    def _analyze_recording(self, path: Path) -> Sound:
        from engine.pipeline.recordings import keep_recording
        from engine.pipeline.sound_sources import sound_from_recording

        return keep_recording(path, sound_from_recording(path), self._cache)

    def _search(self, words: str, sound_id: str) -> Sound:
        from engine.bank.text.parse import make_words_error, rank_by_text
        from engine.pipeline.sounds_from_video import sound_from_candidate

        candidates, _ = rank_by_text(self._open_bank(), words, 1)
        if not candidates:
            raise make_words_error(words)
        best = candidates[0]
        note = ", ".join(part for part in (best.why, best.source) if part)
        return sound_from_candidate(best, Source("text", note=note), sound_id)

    def _open_bank(self) -> Bank:
        from engine.bank.user_bank import open_bank, user_bank_folder

        bank, note = open_bank(user_bank_folder(Path(self._data_folder) if self._data_folder else None))
        self.notes += [note] if note else []
        return bank

    def _settings(self) -> ProcessSettings:
        from engine.pipeline.process import ProcessSettings

        return ProcessSettings(checkpoint_folder=self._checkpoint_folder, open_bank=self._open_bank, cache=self._cache)

    def _run(self, events: Iterable[Event]) -> None:
        """Apply the edits of a step as one entry of the history."""
        self._steps += 1
        for event in events:
            self._on_event(event)
            if isinstance(event, Notice):
                self.notes.append(event.message)
            edit = getattr(event, "edit", None)
            if edit is not None:
                self._commit(edit, f"step {self._steps}")

    # --- sound --------------------------------------------------------------------------------

    def render(self) -> np.ndarray:
        """The track, [N, 2] float32 at 48 kHz from the picture's first frame; only what has changed is sampled.

        After sounds were estimated, an untouched mix is lowered where it would clip.
        """
        from engine.pipeline.headroom import keep_headroom
        from engine.pipeline.master import master_track

        rendered = self._sample(self.document)
        if self._analysed and self.document.mix == Mix():
            quieter = keep_headroom(self.document, rendered) if self.hits else None
            if quieter is not None:
                self._commit(quieter)
        self._analysed = False
        track: np.ndarray = master_track(self.document, rendered)[:]
        return track

    def _sample(self, document: Project) -> KeptHits:
        from engine.pipeline.render import sample_hits

        sampler = self._load_sampler(document.render.checkpoint) if document.hits else None
        keys: dict[str, str] = {}
        for event in sample_hits(document, sampler, self._cache):
            self._on_event(event)
            keys |= {hit_id: hit.key for hit_id, hit in event.hits.items()}
        return KeptHits(self._cache, keys)

    def _load_sampler(self, checkpoint: str) -> HitSampler | None:
        from engine.pipeline.load_sampler import find_sampler

        sampler, notes = find_sampler(checkpoint, self._checkpoint_folder, self._device)
        self.notes += [note for note in notes if note not in self.notes]
        return sampler

    # --- files --------------------------------------------------------------------------------

    def export(
        self,
        *files: str | Path,
        stems: str | Path | None = None,
        stems_by: str = "sound",
        pieces: str | Path | None = None,
        overwrite: bool = False,
        **options: Any,
    ) -> list[Path]:
        """Write sound, video and session files, each in the format of its ending, and folders of stems and pieces.

        Stems are by sound, hit or layer; ``options`` are the others of DeliveryOptions. What was changed since the last
        ``render`` is rendered first. Raises BadInput, before anything is written for files that exist unless
        ``overwrite``.
        """
        from engine.media.export.sound import check_form
        from engine.media.export.ucs import check_pattern
        from engine.pipeline.deliver_pieces import deliver_pieces, deliver_session
        from engine.pipeline.delivery import Delivery, deliver_stems, deliver_track, deliver_video

        try:
            wanted = DeliveryOptions(stems=stems_by, **options)
        except TypeError:
            known = [name for name in DeliveryOptions.__dataclass_fields__ if name != "stems"]
            unknown = next(name for name in options if name not in known)
            raise BadInput(f"{unknown!r} is no delivery option; they are {', '.join(known)}") from None
        places = [_to_path(file, "what to write") for file in files]
        targets = [(check_output(place), place) for place in places]
        folders = (("stems", stems), ("pieces", pieces))
        targets += [(name, _to_path(folder, name)) for name, folder in folders if folder is not None]
        if not targets:
            raise BadInput("nothing to write was named; give files, stems or pieces")
        self._check_targets(targets, overwrite)
        check_pattern(wanted.name_pattern)
        find_start(wanted, self.clip.start_timecode, self.clip.frame_rate)
        for path in (path for name, path in targets if name == "session"):
            check_session(path)
        for path in (path for name, path in targets if name == "out"):
            check_form(path, wanted.sample_rate_hz, wanted.channel_count, options.get("bits"))
        silent = [path for name, path in targets if name == "session" and path.suffix.lower() in SILENT_SESSIONS]
        of_hits = [path for name, path in targets if name not in ("out", "video") and path not in silent]
        if of_hits and not self.document.heard_hits():
            raise BadInput(f"there is no hit that sounds, so {of_hits[0]} would be empty; add one first")
        self.render()
        delivery = Delivery(self.document, self._sample(self.document), wanted, datetime.now())
        for name, path in targets:
            if name == "out":
                deliver_track(delivery, path)
            elif name == "video":
                deliver_video(delivery, path)
            elif name == "session":
                deliver_session(delivery, path, self._sample)
            elif name == "stems":
                deliver_stems(delivery, path)
            else:
                deliver_pieces(delivery, path, self._sample)
        return [path for _, path in targets]

    def save(self, path: str | Path, overwrite: bool = False) -> Path:
        """Write the project file. Raises BadInput, for one that exists unless ``overwrite``."""
        from engine.document.storage import save_project

        place = _to_path(path, "the project")
        if not place.name.endswith(SUFFIX):
            raise BadInput(f"{place} is no name of a project; give one that ends in {SUFFIX}")
        self._check_targets([("project", place)], overwrite)
        return save_project(self.document, place)

    def _check_targets(self, targets: Sequence[tuple[str, Path]], overwrite: bool) -> None:
        once = {os.path.realpath(path): path for _, path in targets}
        if len(once) < len(targets):
            raise BadInput(f"two of {', '.join(str(path) for _, path in targets)} are one place; give each its own")
        for name, path in targets:
            check_folder(path) if name in ("stems", "pieces") else check_target(path)
            if path.exists() and Path(self.clip.path).exists() and path.samefile(self.clip.path):
                raise BadInput(f"{path} is the clip itself; give another name")
        existing = list(find_existing((name, str(path)) for name, path in targets))
        if existing and not overwrite:
            raise BadInput(f"{describe_existing(existing)}; pass overwrite=True to replace, or give other names")


def _to_path(value: object, what: str) -> Path:
    if not isinstance(value, (str, Path)):
        raise BadInput(f"{what} is {quote(value)}, which is no path; give text or a pathlib.Path")
    return Path(value)


def _to_physics(value: object) -> Physics:
    if isinstance(value, Physics):
        return value
    if isinstance(value, Mapping):
        return physics_from_json(value, "physics")
    raise BadInput(f"physics is {quote(value)}; give a Physics, or what the JSON of `launch.py analyze` holds")
