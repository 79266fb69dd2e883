"""Where and as what the commands write: endings, devices, links, long names and names that are not UTF-8."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.core.paths import ASSETS
from engine.media.probe import probe
from tests.clips import SOUND_RATE_HZ, find_attacks, make_clip, run_ffmpeg
from tests.engine.cli.test_command_line import refuse, run

HITS_S = (0.25, 0.8013)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clip, onsets and physics, so that neither detection nor sampling is needed."""
    folder = tmp_path_factory.mktemp("given")
    make_clip(folder / "c.mp4", count=50)
    (folder / "on.csv").write_text("time_s\n0.25\n0.8013\n")
    modes = {"frequency_hz": [1500.0], "power_db": [-6.0], "decay_per_s": [60.0], "phase_rad": [-1.5]}
    (folder / "bar.json").write_text(json.dumps({"modes": modes}))
    return folder


def render(given: Path, *args: str | Path, clip: Path | None = None) -> list[str | Path]:
    """Arguments of a render that samples nothing: an empty checkpoint folder leaves modes and residual alone."""
    (given / "none").mkdir(exist_ok=True)
    physics = given / "bar.json"
    fixed = ("--onsets", given / "on.csv", "--physics", physics, "--ckpt-dir", given / "none")
    return ["render", clip or given / "c.mp4", *fixed, *args]


def decode(path: Path) -> np.ndarray:
    """The sound as FFmpeg decodes it, mono."""
    raw = run_ffmpeg("-i", path, "-map", "0:a:0", "-ac", "1", "-ar", SOUND_RATE_HZ, "-f", "f32le", "-")
    return np.frombuffer(raw, np.float32)


@pytest.mark.slow
def test_a_clip_without_a_constant_frame_rate_is_told_of(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its timecodes count frames of its mean rate, as the editor says, too."""
    times_s = np.cumsum([0.02 + 0.04 * (k % 3) for k in range(30)]) - 0.02
    clip = make_clip(tmp_path / "phone.mp4", count=30, times_s=times_s.tolist())
    assert run(*render(given, "--session", tmp_path / "s.edl", clip=clip)) == 0
    assert "warning: phone.mp4 has no constant frame rate: timecodes and" in capsys.readouterr().err
    assert run(*render(given, "--session", tmp_path / "even.edl")) == 0
    assert "frame rate" not in capsys.readouterr().err


@pytest.mark.slow
def test_the_ending_decides_the_format_and_every_hit_is_where_it_was_asked_for(given: Path, tmp_path: Path) -> None:
    first = {".wav": b"RIFF", ".flac": b"fLaC", ".ogg": b"OggS", ".opus": b"OggS", ".aiff": b"FORM", ".caf": b"caff",
             ".w64": b"riff", ".mp3": b"\xff"}  # fmt: skip
    for ending, magic in first.items():
        out = tmp_path / f"o{ending.upper() if ending == '.flac' else ending}"
        assert run(*render(given, "--out", out)) == 0
        assert out.read_bytes().startswith((magic, b"ID3") if ending == ".mp3" else magic)
        plainly, exact = decode(out), ending not in (".mp3", ".ogg", ".opus")
        for sound in (plainly, soundfile.read(out)[0].mean(axis=1)):
            assert find_attacks(sound, SOUND_RATE_HZ, HITS_S) == pytest.approx(HITS_S, abs=1e-4 if exact else 2e-3)
        if exact:
            assert len(plainly) == 2 * SOUND_RATE_HZ
    for ending, form in ((".mp4", "mov,mp4"), (".mov", "mov,mp4"), (".mkv", "matroska"), (".m4v", "mov,mp4")):
        out = tmp_path / f"v{ending}"
        assert run(*render(given, "--video", out)) == 0
        assert find_attacks(decode(out), SOUND_RATE_HZ, HITS_S) == pytest.approx(HITS_S, abs=1e-3)
        head = out.read_bytes()[:12]
        assert (head[:4] == b"\x1aE\xdf\xa3") == (form == "matroska") and (head[8:12] == b"qt  ") == (ending == ".mov")
        assert probe(out).duration_s == pytest.approx(2.0, abs=1e-3)


@pytest.mark.parametrize(
    ("option", "name", "endings"),
    [
        ("--out", "o.xyz", ".wav or .flac"),
        ("--out", "o.mp4", ".wav or .flac"),
        ("--video", "o.webm", ".mp4 or .mov or .mkv"),
        ("--markers", "o.xml", ".csv or .txt"),
        ("--project", "o.struck", "give .json"),
        ("--out", "o.wav ", ".wav or .flac"),
    ],
)
def test_an_ending_that_cannot_be_written_is_refused_before_the_clip_is_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, name: str, endings: str
) -> None:
    said = refuse(capsys, "render", tmp_path / "no_such_clip.mp4", option, tmp_path / name)
    assert "cannot be written" in said and endings in said and not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["detect", "analyze"])
def test_json_is_not_written_under_the_name_of_another_kind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    for name in ("o.wav", "o.csv", "o.mp4"):
        said = refuse(capsys, command, tmp_path / "no_such_clip.mp4", "--json", tmp_path / name)
        assert "cannot be written; give .json or .txt" in said and not list(tmp_path.iterdir())


def test_a_project_saved_under_a_name_without_an_ending_opens_again(given: Path, tmp_path: Path) -> None:
    for name in ("plain", "P.STRUCK.JSON"):
        assert run(*render(given, "--project", tmp_path / name)) == 0
        assert run("render", tmp_path / name, "--ckpt-dir", given / "none", "--out", tmp_path / f"{name}.wav") == 0


def test_the_clip_of_a_project_is_found_where_the_option_says(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = tmp_path / "film.mp4"
    clip.write_bytes((given / "c.mp4").read_bytes())
    project, again = (
        tmp_path / "p.struck.json",
        ("--ckpt-dir", given / "none", "--out", tmp_path / "o.wav", "--overwrite"),
    )
    assert run(*render(given, "--project", project, clip=clip)) == 0
    (tmp_path / "shelf").mkdir()
    clip.rename(tmp_path / "shelf" / "scene.mp4")
    assert "put film.mp4 beside the project, or give its place" in refuse(capsys, "render", project, *again)
    make_clip(clip, count=10)
    for place in (tmp_path / "shelf", tmp_path / "shelf" / "scene.mp4"):
        assert run("render", project, "--clip", place, *again) == 0
    assert "film.mp4 is not the clip" in refuse(capsys, "render", project, "--clip", clip, *again)
    assert "the input is a clip itself" in refuse(capsys, *render(given, "--clip", clip, "--out", tmp_path / "x.wav"))


def test_a_rate_that_a_format_does_not_hold_is_refused(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    physics = tmp_path / "p.json"
    physics.write_text(json.dumps({"sample_rate": 44_100, **json.loads((given / "bar.json").read_text())}))
    said = refuse(capsys, "synthesize", physics, "--out", tmp_path / "o.opus")
    assert "does not hold sound of 44100 Hz" in said and "give .wav" in said
    assert run("synthesize", physics, "--out", tmp_path / "o.flac") == 0
    assert soundfile.info(tmp_path / "o.flac").samplerate == 44_100
    assert sorted(p.name for p in tmp_path.iterdir()) == ["o.flac", "p.json"]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="devices and pipes are POSIX things")
def test_devices_pipes_and_links_stay_what_they_are(given: Path, tmp_path: Path) -> None:
    null, pipe, link, got = tmp_path / "null", tmp_path / "pipe", tmp_path / "link.wav", []
    null.symlink_to("/dev/null")
    outputs = [arg for name in ("--out", "--video", "--markers", "--project") for arg in (name, null)]
    assert run(*render(given, *outputs)) == 0
    assert null.is_symlink() and Path("/dev/null").is_char_device()
    link.symlink_to(tmp_path / "real.wav")
    assert run(*render(given, "--out", link)) == 0
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    assert run(*render(given, "--out", pipe)) == 0
    reader.join()
    assert pipe.is_fifo() and link.is_symlink() and len(got) == 1
    written = (tmp_path / "real.wav").read_bytes()  # at another time, which its bext says
    assert got[0].partition(b"data")[2] == written.partition(b"data")[2]
    assert got[0][:4] == b"RIFF" and sorted(p.name for p in tmp_path.iterdir()) == [
        "link.wav",
        "null",
        "pipe",
        "real.wav",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("stem", [b"caf\xe9", "鐘".encode() * 80, b"n" * 240])
def test_a_clip_and_outputs_of_difficult_names(given: Path, tmp_path: Path, stem: bytes) -> None:
    name = os.fsdecode(stem)
    clip = tmp_path / f"{name}.mp4"
    try:
        clip.write_bytes((given / "c.mp4").read_bytes())
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    endings = {"--out": ".wav", "--video": ".mov", "--markers": ".csv", "--project": ".struck.json"}
    place = {option: tmp_path / f"{name}{ending}" for option, ending in endings.items()}
    outputs = [arg for pair in place.items() for arg in pair]
    assert run(*render(given, *outputs, "--stems", tmp_path / name, clip=clip)) == 0
    again = tmp_path / "again.wav"
    assert run("render", place["--project"], "--out", again, "--ckpt-dir", given / "none") == 0
    assert again.read_bytes()[-1000:] == place["--out"].read_bytes()[-1000:]
    assert run("analyze", place["--out"], "--figure", tmp_path / f"{name}.svg") == 0
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_a_project_that_says_its_clip_is_longer_makes_a_track_of_the_clip(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    value = json.loads((ASSETS / "demo_silent.struck.json").read_text(encoding="utf-8"))
    value["clip"] |= {"path": str(ASSETS / "demo_silent.mp4"), "duration_s": 10_000.0}
    value["clip"].pop("relative_path", None)
    value["hits"] = value["hits"][:1]
    value["render"]["checkpoint"] = ""
    path, out = tmp_path / "long.struck.json", tmp_path / "o.wav"
    path.write_text(json.dumps(value))
    assert run("render", path, "--out", out) == 0
    assert soundfile.info(out).frames == round(probe(ASSETS / "demo_silent.mp4").duration_s * 48_000)
    value["hits"][0]["time_s"] = 9000.0
    path.write_text(json.dumps(value))
    assert "lies at 9000.000 s and demo_silent.mp4 ends at" in refuse(
        capsys, "render", path, "--out", tmp_path / "x.wav"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"modes": {"frequency_hz": [1e400]}}', "it holds the number 1e400"),
        ('{"modes": {"frequency_hz": [NaN]}}', "it holds NaN"),
        ('{"onset_s": ' + "9" * 400 + "}", "it holds a number of 400 digits"),
        ('{"modes": ' * 5000, "it is nested deeper"),
        ('{"modes": {}, "modes": {}}', "it names 'modes' twice"),
        ('{"version": 99}', "version 99 is not known"),
        ('{"modes": {"frequency_hz": ["a"]}}', "'a', not a finite number"),
    ],
)
def test_physics_of_unknown_origin_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, reason: str
) -> None:
    (tmp_path / "p.json").write_text(text)
    assert reason in refuse(capsys, "synthesize", tmp_path / "p.json", "--out", tmp_path / "o.wav")
    assert [p.name for p in tmp_path.iterdir()] == ["p.json"]
