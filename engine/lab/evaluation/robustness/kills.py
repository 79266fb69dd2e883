"""Kill a process that edits, samples, analyses and exports at random moments, and check what the next start finds."""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path

import numpy as np

from engine.bank.bank import Entry, join_banks, make_bank, save_bank
from engine.bank.user_bank import load_user_bank
from engine.core.cache import Cache
from engine.core.files import PARTIAL_PREFIX, remove_abandoned
from engine.document.project import Hit, Project, Sound
from engine.document.source import Source
from engine.document.storage import autosave, load_autosave, load_project, save_project
from engine.lab.clean_processes import make_context
from engine.lab.evaluation.robustness.seeds import write_clip
from engine.media.export.markers import Marker, read_onsets, write_markers
from engine.media.export.video import write_video
from engine.media.export.wave import write_wave
from engine.media.open import digest_file
from engine.media.probe import probe
from engine.media.sound import read_recording
from engine.physics.model import Modes, Physics, Residual
from engine.pipeline.events import RenderedHit
from engine.pipeline.open_clip import open_clip
from engine.pipeline.process import Document, ProcessSettings, find_hits
from engine.pipeline.render import hit_keys, sample_hits
from engine.pipeline.track import place_hits

RATE_HZ = 48_000
MOST_ACKNOWLEDGED = 24
LONGEST_DELAY_S = 0.05
"""A process is killed so long at most after one of its first acknowledgements, however fast the machine is."""

Acknowledge = Callable[[str, object], None]


def run_kills(count: int, seed: int, folder: Path) -> Counter[str]:
    """Start, kill and check ``count`` processes in a folder; how often each kind of work had been acknowledged.

    Raises AssertionError where something acknowledged is missing or something half-written can be read.
    """
    rng = random.Random(seed)
    clip = folder / "clip.mp4"
    write_clip(clip, "libx264", "aac", {})
    context = make_context()
    totals: Counter[str] = Counter()
    for _ in range(count):
        number, delay_s = rng.randint(1, MOST_ACKNOWLEDGED), rng.uniform(0.0, LONGEST_DELAY_S)
        acknowledged = _kill_one(context, folder, clip, number, delay_s)
        check_folder_after_kill(folder, clip, acknowledged)
        totals.update(name for name, _ in acknowledged)
    return totals


def _kill_one(
    context: ForkServerContext, folder: Path, clip: Path, number: int, delay_s: float
) -> list[tuple[str, object]]:
    """What a process acknowledged until it was killed, ``delay_s`` after its acknowledgement of a number."""
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(folder, clip, theirs), daemon=True)
    process.start()
    theirs.close()
    acknowledged: list[tuple[str, object]] = []
    with contextlib.suppress(EOFError):
        for _ in range(number):
            acknowledged.append(ours.recv())
        time.sleep(delay_s)
    process.kill()
    process.join()
    assert process.exitcode is not None and process.exitcode < 0, f"it ended by itself: {process.exitcode}"
    with contextlib.suppress(EOFError):
        while ours.poll():
            acknowledged.append(ours.recv())
    return acknowledged


def _work(folder: Path, clip: Path, pipe: Connection) -> None:
    """Take up what was left, then change and write everything again and again."""

    def acknowledge(name: str, value: object) -> None:
        pipe.send((name, value))

    found = load_autosave(folder / "sessions", "tab")
    project = found[0] if found is not None else make_first_project(clip)
    cache = Cache(folder / "cache")
    acknowledge("started", project.render.seed)
    while True:
        project = edit(project)
        autosave(folder / "sessions", project, "tab")
        acknowledge("edit", project.render.seed)
        save_project(project, folder / "p.struck.json")
        acknowledge("project", project.render.seed)
        _sample_and_export(project, cache, folder, clip, acknowledge)
        _add_to_bank(project, folder / "bank", acknowledge)
        document = Document(project)
        for event in find_hits(project, ProcessSettings(cache=cache, checkpoint_folder=folder / "none")):
            document.apply(event)
        acknowledge("analysis", [hit.time_s for hit in document.current().hits])


def make_first_project(clip: Path) -> Project:
    """The clip with a short sound and two hits."""
    sound = Sound("s1", "Click", Modes((900.0,), (-12.0,), (90.0,), (0.0,), (False,)), Residual(), Source("hand"))
    hits = (Hit("h1", 0.2, "s1", 1), Hit("h2", 0.6, "s1", 2))
    project = replace(open_clip(clip).project, sounds=(sound,), hits=hits)
    return replace(project, detection=replace(project.detection, source="audio"))


def edit(project: Project) -> Project:
    """The next state of the document, numbered by its seed; every hit sounds another way."""
    number = project.render.seed + 1
    hits = tuple(replace(hit, velocity_db=-0.001 * number) for hit in project.hits)
    return replace(project, hits=hits, render=replace(project.render, seed=number))


def _sample_and_export(project: Project, cache: Cache, folder: Path, clip: Path, acknowledge: Acknowledge) -> None:
    rendered: dict[str, RenderedHit] = {}
    for event in sample_hits(project, None, cache, group_hits=1):
        rendered |= event.hits
        for hit in event.hits.values():
            acknowledge("sample", hit.key)
    track = place_hits(project, rendered)
    write_wave(folder / "track.wav", track, RATE_HZ)
    acknowledge("wave", None)
    write_markers(folder / "markers.csv", [Marker(hit.time_s) for hit in project.hits])
    acknowledge("markers", None)
    write_video(clip, track, RATE_HZ, folder / "out.mp4", digest=project.clip.digest)
    acknowledge("video", None)


def _add_to_bank(project: Project, folder: Path, acknowledge: Acknowledge) -> None:
    own, note = load_user_bank(folder)
    assert not note, note
    sound = project.sounds[0]
    entry = Entry(
        f"Click {project.render.seed}", Physics(sound.modes, sound.residual), group=f"user/{project.render.seed}"
    )
    save_bank(join_banks(own, make_bank([entry])), folder)
    acknowledge("bank", entry.name)


def check_folder_after_kill(folder: Path, clip: Path, acknowledged: list[tuple[str, object]]) -> None:
    """Whether all that was acknowledged is there and all that is there is whole. Raises AssertionError."""
    last = dict(acknowledged)
    remove_abandoned(folder)
    for place in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        remove_abandoned(place)
    left = list(folder.rglob(f"{PARTIAL_PREFIX}*"))
    assert not left, f"partial files stay: {left}"
    found = load_autosave(folder / "sessions", "tab")
    assert found is not None or "edit" not in last
    if found is not None:
        number, least = found[0].render.seed, last.get("edit", last.get("started", 0))
        assert isinstance(least, int) and number >= least, f"edit {least} is lost; the autosave holds {number}"
        _check_samples(found[0], folder, [value for name, value in acknowledged if name == "sample"])
    if (folder / "p.struck.json").exists():
        number = load_project(folder / "p.struck.json", digest_of=digest_file).render.seed
        assert number >= int(str(last.get("project", 0))), "a saved project is lost"
    _check_exports(folder, clip)
    own, note = load_user_bank(folder / "bank")
    names = {entry.name for entry in own.entries}
    assert not note and {value for name, value in acknowledged if name == "bank"} <= names, "the bank lost entries"


def _check_samples(project: Project, folder: Path, keys: list[object]) -> None:
    """The cache holds what was acknowledged; what it holds of the document's hits is what sampling anew gives."""
    cache = Cache(folder / "cache")
    assert all(cache.get(str(key)) is not None for key in keys), "a sample that was there is lost"
    fresh = {hit_id: hit for event in sample_hits(project, None, Cache(None)) for hit_id, hit in event.hits.items()}
    for hit_id, key in hit_keys(project, "").items():
        kept = cache.get(key)
        assert kept is None or np.array_equal(kept, fresh[hit_id].samples), "a sample is not what it was"


def _check_exports(folder: Path, clip: Path) -> None:
    if (folder / "track.wav").exists():
        assert len(read_recording(folder / "track.wav")[0]) == round(probe(clip).duration_s * RATE_HZ)
    if (folder / "markers.csv").exists():
        assert len(read_onsets(folder / "markers.csv", 10.0)) == 2
    if (folder / "out.mp4").exists():
        assert abs(probe(folder / "out.mp4").duration_s - probe(clip).duration_s) < 0.05
