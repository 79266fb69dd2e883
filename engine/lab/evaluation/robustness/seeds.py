"""Whole files of every kind that Struck reads, small, written by its own code or by the usual encoders."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from engine.cli.batch_report import Outcome
from engine.cli.manifest import Manifest
from engine.core.cache import Cache, write_bundle
from engine.document.preset_files import presets_to_bytes
from engine.document.storage import autosave, save_project
from engine.lab.evaluation.robustness.editor_readers import write_editor_seeds
from engine.lab.evaluation.robustness.network_seeds import write_checkpoints
from engine.lab.evaluation.robustness.seed_documents import EDITS, make_physics, make_presets, make_project
from engine.media.export.markers import Marker, write_markers
from engine.media.export.options import Start
from engine.media.export.sessions.edl import write_edl
from engine.media.export.sessions.midi import write_midi
from engine.media.export.sessions.otio import write_otio
from engine.media.export.sessions.reaper import write_reaper
from engine.media.export.sessions.session import Item, Session, Track
from engine.physics.model import modes_from_json, physics_to_json, residual_from_json

RATE_HZ = 48_000
CLIP_S = 1.0
CLIPS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    # name, picture code, sound code, options of the container
    ("faststart.mp4", "libx264", "aac", {"movflags": "+faststart"}),
    ("fragmented.mp4", "libx264", "aac", {"movflags": "frag_keyframe+empty_moov"}),
    ("plain.mov", "mpeg4", "pcm_s16le", {}),
    ("silent.mov", "mjpeg", "", {}),
    ("clip.mkv", "libx264", "flac", {}),
    ("clip.webm", "libvpx-vp9", "libopus", {}),
    ("clip.ts", "libx264", "aac", {}),
    ("clip.avi", "mpeg4", "mp2", {}),
    ("clip.gif", "gif", "", {}),
)
SOUNDS = (
    ("pcm16.wav", "WAV", "PCM_16"), ("float.wav", "WAV", "FLOAT"), ("double.wav", "WAV", "DOUBLE"),
    ("adpcm.wav", "WAV", "MS_ADPCM"), ("ima.wav", "WAV", "IMA_ADPCM"), ("sound.rf64", "RF64", "PCM_24"),
    ("sound.w64", "W64", "PCM_24"), ("sound.flac", "FLAC", "PCM_24"), ("vorbis.ogg", "OGG", "VORBIS"),
    ("opus.ogg", "OGG", "OPUS"), ("sound.aiff", "AIFF", "PCM_16"), ("sowt.aiff", "AIFF", "ULAW"),
    ("sound.caf", "CAF", "ALAC_16"), ("sound.au", "AU", "PCM_16"), ("sound.mp3", "MP3", "MPEG_LAYER_III"),
)  # fmt: skip
FOLDERS = (
    "clip", "sound", "project", "physics", "csv", "spotting", "presets", "own presets", "edit", "bundle", "manifest",
    "list", "bank", "still", "embedded", "collected",
)  # fmt: skip
REAPER_REGIONS = "#,Name,Start,End,Length\nM1,door,0:01.500,,\nR1,key,0:02.250,0:03.000,0:00.750\n"
AUDITION = "Name\tStart\tDuration\tTime Format\tType\tDescription\ndoor\t00:00:01:05\t00:00:00:00\t25 fps\tCue\tloud\n"
AUDACITY = "1.250000\t1.250000\tdoor\n2.500000\t3.000000\tkey\n"
PRO_TOOLS = """SESSION NAME:\tScene 4
SAMPLE RATE:\t48000.000000
SESSION START TIMECODE:\t01:00:00:00.00
TIMECODE FORMAT:\t25 Frame

M A R K E R S  L I S T I N G
#\tLOCATION\tTIME REFERENCE\tUNITS\tNAME\tCOMMENTS
1\t01:00:01:05\t57600\tSamples\tdoor slam\tloud
2\t01:00:02:00\t96000\tSamples\tkey\t
"""


def make_sound(duration_s: float = CLIP_S) -> np.ndarray:
    """Two struck tones as float32 [N]."""
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    sound = np.zeros_like(time_s)
    for at_s in (0.1, 0.5 * duration_s):
        after_s = np.maximum(time_s - at_s, 0.0)
        sound += (time_s >= at_s) * 0.4 * np.exp(-20.0 * after_s) * np.sin(2.0 * np.pi * 800.0 * after_s)
    return sound.astype(np.float32)


def write_seeds(folder: Path) -> None:
    """Write a folder of whole files for each reader, named after the reader."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    for name, picture, sound, options in CLIPS:
        write_clip(folder / "clip" / name, picture, sound, options)
    _write_sounds(folder / "sound")
    project = make_project(folder)
    save_project(project, folder / "project" / "two.struck.json")
    save_project(replace(project, hits=(), sounds=()), folder / "project" / "empty.struck.json")
    for name in ("tab", "good"):
        autosave(folder / "autosave", project, name, "/somewhere/p.struck.json")
    (folder / "physics" / "p.json").write_text(json.dumps(physics_to_json(make_physics())))
    write_markers(folder / "csv" / "m.csv", [Marker(0.5 * n, -n, f"h{n}", 'a "glass", thin') for n in range(8)])
    (folder / "csv" / "short.csv").write_text("time_s\n0.5\n1.25\n")
    _write_spotting(folder / "spotting")
    _write_presets(folder / "presets" / "presets.json")
    (folder / "own presets" / "presets.json").write_bytes(presets_to_bytes(make_presets()))
    _write_batch(folder / "manifest", folder / "list" / "clips.txt")
    for edit in EDITS:
        (folder / "edit" / f"{edit['kind']}.json").write_text(json.dumps(edit))
    write_bundle(folder / "bundle" / "b.sounds", {"a" * 64: make_sound(0.2), "b" * 64: make_sound(0.1)})
    _write_cache(folder / "cache")
    _write_bank(folder / "bank")
    _write_stills(folder / "still")
    _write_embedded(folder / "embedded", (folder / "project" / "two.struck.json").read_bytes())
    _write_recording(folder / "collected")
    write_editor_seeds(folder, folder / "clip" / "clip.mkv")
    write_checkpoints(folder)


def _write_spotting(folder: Path) -> None:
    items = tuple(Item(f"Bowl h{n}", 0.5 * n, 0, velocity_db=-n) for n in range(8))
    session = Session("scene", RATE_HZ, Start("01:00:00:00", Fraction(25)), 0, (Track("Bowl", items),))
    write_midi(folder / "notes.mid", session)
    write_edl(folder / "markers.edl", session)
    write_reaper(folder / "markers.rpp", session)
    if importlib.util.find_spec("opentimelineio") is not None:
        write_otio(folder / "markers.otio", session)
    for name, text in (("markers", PRO_TOOLS), ("audition", AUDITION), ("audacity", AUDACITY)):
        (folder / f"{name}.txt").write_text(text)
    (folder / "regions.csv").write_text(REAPER_REGIONS)


def _write_batch(manifest: Path, clips: Path) -> None:
    """The manifest of a batch with a clip that is done and one that was begun, and a list of clips."""
    outcome = Outcome("door.mp4", "door", ("door.wav",), 2.0, 3, ("Glass",), -23.0, -1.0, "", "")
    (manifest / "door.wav").write_bytes(b"")
    made = Manifest(manifest)
    made.begin({"a" * 64: ["door.wav"], "b" * 64: ["key.wav", "key.mp4"]})
    made.finish("a" * 64, outcome)
    clips.write_text("# two takes\nclip.mp4\n\n../other/clip.mov\n")


def write_clip(path: Path, picture: str, sound: str, options: dict[str, str]) -> None:
    """A small clip of a moving square, with two struck tones where a sound code is named."""
    with av.open(str(path), "w", options=options) as output:
        video = output.add_stream(picture, rate=25)
        assert isinstance(video, VideoStream)
        video.width, video.height = 64, 48
        video.pix_fmt = {"gif": "rgb8", "mjpeg": "yuvj420p"}.get(picture, "yuv420p")
        if picture == "libx264":
            video.codec_context.gop_size = 8
        track = output.add_stream(sound, rate=RATE_HZ, layout="mono") if sound else None
        assert track is None or isinstance(track, AudioStream)
        for number in range(round(25 * CLIP_S)):
            frame = VideoFrame.from_ndarray(_draw_frame(number), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        if track is not None:
            samples = np.round(make_sound() * 32767).astype(np.int16)
            frame_of_sound = AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            frame_of_sound.sample_rate, frame_of_sound.pts = RATE_HZ, 0
            frame_of_sound.time_base = Fraction(1, RATE_HZ)
            output.mux(track.encode(frame_of_sound))
            output.mux(track.encode(None))


def _draw_frame(number: int) -> np.ndarray:
    frame = np.full((48, 64, 3), 40, np.uint8)
    frame[10:20, 2 * number : 2 * number + 8] = 220
    return frame


def _write_sounds(folder: Path) -> None:
    import soundfile

    sound = make_sound(0.5)
    for name, container, code in SOUNDS:
        samples = np.stack([sound, -sound], 1) if code in ("PCM_16", "FLOAT", "VORBIS") else sound
        soundfile.write(folder / name, samples, RATE_HZ, code, None, container)


def _write_presets(path: Path) -> None:
    physics = physics_to_json(make_physics())
    modes, residual = (dict(physics[name]) for name in ("modes", "residual"))
    assert modes_from_json(modes, "seed") and residual_from_json(residual, "seed")
    row = {"name": "Glass", "material": "glass", "modes": modes, "residual": residual, "origin_note": "made up"}
    path.write_text(json.dumps({"presets": [row, {**row, "name": "Bowl"}]}))


def _write_stills(folder: Path) -> None:
    """Pictures of every kind that is animated, with an orientation, transparency, a palette and 16 bits."""
    from PIL import Image

    picture = Image.fromarray(_draw_frame(7)).resize((96, 72))
    turned = Image.Exif()
    turned[0x0112] = 6
    picture.save(folder / "photo.jpg", exif=turned)
    picture.save(folder / "photo.tiff", exif=turned, compression="tiff_lzw")
    picture.save(folder / "photo.webp", exif=turned)
    picture.convert("RGBA").save(folder / "cut out.png")
    picture.convert("P").save(folder / "palette.png")
    picture.convert("P").save(folder / "picture.gif")
    picture.save(folder / "picture.bmp")
    Image.fromarray(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)).save(folder / "deep.png")


def _write_embedded(folder: Path, project: bytes) -> None:
    from engine.media.export.sound import write_sound
    from engine.media.export.tags import SoundTags

    for ending in ("wav", "flac"):
        write_sound(folder / f"track.{ending}", make_sound(0.2), RATE_HZ, 16, SoundTags("track", project=project))


def _write_recording(folder: Path) -> None:
    """The recording of a sound, as ``collect_project`` names it."""
    from engine.media.export.wave import write_wave

    kept = np.concatenate([[RATE_HZ], make_sound(0.1)]).astype(np.float32)
    key = hashlib.sha256(kept.tobytes()).hexdigest()
    write_wave(folder / f"Glass {key}.wav", kept[1:], RATE_HZ, 32)


def _write_cache(folder: Path) -> None:
    """One entry, named after its key."""
    Cache(folder / "made").put("key", make_sound(0.05))
    (made,) = (folder / "made").rglob("*.f32")
    made.replace(folder / made.name)
    for rest in sorted((folder / "made").rglob("*"), reverse=True):
        rest.rmdir()
    (folder / "made").rmdir()


def _write_bank(folder: Path) -> None:
    from engine.bank.bank import Entry, make_bank, save_bank

    entries = [Entry(f"Glass {n}", make_physics(300.0 * n), "glass", 0.1, 1.0, group=f"g{n}") for n in (1, 2, 3)]
    save_bank(make_bank(entries), folder)
