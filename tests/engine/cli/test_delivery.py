"""Delivery from the command line: forms, starts, pieces and sessions; an export opens as the project it came from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
import wavinfo
from av.stream import Disposition

from engine.core.errors import BadInput
from engine.media.export.bext import read_loudness
from engine.media.export.loudness import can_measure
from engine.media.export.wave import write_wave
from tests.clips import find_attacks, make_clicking_clip
from tests.engine.cli.test_command_line import refuse, run
from tests.engine.cli.test_outputs import HITS_S, given, render  # noqa: F401 - a fixture


@pytest.mark.slow
def test_every_form_of_the_track(given: Path, tmp_path: Path) -> None:  # noqa: F811
    form = ("--sample-rate", "96000", "--bit-depth", "16", "--channels", "5.1", "--two-pop")
    assert run(*render(given, "--out", tmp_path / "t.wav", *form, "--start-timecode", "00:59:58:00")) == 0
    info = soundfile.info(tmp_path / "t.wav")
    assert (info.samplerate, info.subtype, info.channels, info.frames) == (96_000, "PCM_16", 6, (2 + 2) * 96_000)
    centre = soundfile.read(tmp_path / "t.wav")[0][:, 2]
    assert find_attacks(centre[2 * 96_000 :], 96_000, HITS_S) == pytest.approx(HITS_S, abs=1e-4)
    bext = wavinfo.WavInfoReader(str(tmp_path / "t.wav")).bext
    assert bext.time_reference == 3598 * 96_000 and len(bext.originator_date) == 10
    assert run(*render(given, "--out", tmp_path / "t.flac", "--channels", "mono", "--bit-depth", "16")) == 0
    assert soundfile.info(tmp_path / "t.flac").channels == 1


@pytest.mark.slow
@pytest.mark.skipif(not can_measure(), reason="loudness is not measured by the libraries for Python 3.10")
def test_loudness_and_limiter(given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    assert run(*render(given, "--out", tmp_path / "t.wav", "--loudness", "-20", "--limit")) == 0
    assert "loudness −20.0 LUFS, true peak −" in capsys.readouterr().err
    loudness_lufs, peak_dbtp = read_loudness(tmp_path / "t.wav")
    assert loudness_lufs == pytest.approx(-20.0, abs=0.1)
    assert peak_dbtp is not None and peak_dbtp <= -1.0
    for channels in ("mono", "5.1"):
        assert run(*render(given, "--out", tmp_path / "m.wav", "--loudness", "-23", "--channels", channels)) == 0
        assert "loudness −23.0 LUFS" in capsys.readouterr().err
        assert read_loudness(tmp_path / "m.wav")[0] == pytest.approx(-23.0, abs=0.1)
        (tmp_path / "m.wav").unlink()
    assert run(*render(given, "--out", tmp_path / "loud.wav", "--loudness", "-5", "--limit")) == 0
    assert "range 0.0 LU, as near as the limiter and the level's range allow" in capsys.readouterr().err
    again = ("--clip", given / "c.mp4", "--ckpt-dir", given / "none", "--out", tmp_path / "again.wav")
    assert run("render", tmp_path / "t.wav", *again) == 0
    assert np.array_equal(soundfile.read(tmp_path / "again.wav")[0], soundfile.read(tmp_path / "t.wav")[0])
    assert "out of range" in refuse(capsys, *render(given, "--out", tmp_path / "u.wav", "--loudness", "3"))


@pytest.mark.parametrize(
    ("module", "args"),
    [
        ("engine.media.export.stems", ("--stems", "set", "--stems-by", "hit")),
        ("engine.pipeline.deliver_pieces", ("--pieces", "set")),
        ("engine.pipeline.deliver_pieces", ("--session", "s.rpp")),
        ("engine.pipeline.deliver_pieces", ("--session", "s.txt")),
    ],
)
def test_of_a_set_that_fails_half_way_nothing_stays_and_the_command_can_be_given_again(
    given: Path,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    args: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    written: list[Path] = []

    def fill_disk(path: Path, *rest: Any) -> int:
        if written:
            raise BadInput(f"{path} cannot be written (no space left on device); choose another place")
        written.append(path)
        return write_wave(path, *rest)

    command = render(given, *args)
    with monkeypatch.context() as patched:
        patched.setattr(f"{module}.write_wave", fill_disk)
        assert "no space left" in refuse(capsys, *command)
        assert written and [path.name for path in tmp_path.iterdir()] == ["other"]
    assert run(*command) == 0
    assert len(list(tmp_path.rglob("*.wav"))) == 2


@pytest.mark.slow
def test_an_export_opens_as_its_project(given: Path, tmp_path: Path) -> None:  # noqa: F811
    for name in ("t.wav", "t.flac"):
        clip, out, again = tmp_path / "c.mp4", tmp_path / name, tmp_path / "again.wav"
        shutil.copy(given / "c.mp4", clip)
        assert run(*render(given, "--out", out, clip=clip)) == 0
        data = out.read_bytes()
        assert str(tmp_path).encode() not in data
        assert run("render", out, "--out", again, "--ckpt-dir", given / "none") == 0
        assert np.array_equal(soundfile.read(again)[0], soundfile.read(out)[0])
        again.unlink()
    assert run(*render(given, "--out", tmp_path / "bare.wav", "--no-project")) == 0
    assert b"strk" not in (tmp_path / "bare.wav").read_bytes()


def test_an_export_without_its_clip_says_where_to_put_it(
    given: Path,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(*render(given, "--out", tmp_path / "t.wav")) == 0
    capsys.readouterr()
    said = refuse(capsys, "render", tmp_path / "t.wav", "--out", tmp_path / "o.wav")
    assert "the clip c.mp4 of t.wav is not to be found; put c.mp4 beside the project" in said


@pytest.mark.slow
def test_pieces_stems_and_several_sessions(given: Path, tmp_path: Path) -> None:  # noqa: F811
    sessions = [arg for ending in ("rpp", "edl", "mid", "txt") for arg in ("--session", tmp_path / f"s.{ending}")]
    pack = ("--takes", "2", "--layers", "2", "--ucs-pattern", "{catid}_{sound}_{creator}", "--creator", "ANN")
    outputs = ("--pieces", tmp_path / "pack", "--stems", tmp_path / "stems", "--stems-by", "hit")
    assert run(*render(given, *outputs, *sessions, *pack)) == 0
    names = sorted(path.name for path in (tmp_path / "pack").rglob("*.wav"))
    assert names == [f"FOLYProp_Given physics_ANN_v{layer}_0{take}.wav" for layer in (1, 2) for take in (1, 2)]
    assert sorted(path.name for path in (tmp_path / "stems").iterdir()) == [f"00{k} Given physics.wav" for k in (1, 2)]
    assert len(list((tmp_path / "s rpp media").iterdir())) == 4  # two hits of two takes
    assert all((tmp_path / f"s.{ending}").is_file() for ending in ("rpp", "edl", "mid", "txt"))
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".struck")]


@pytest.mark.slow
def test_nothing_is_replaced_without_being_told_to(
    given: Path,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    outputs = ("--out", tmp_path / "t.wav", "--stems", tmp_path / "stems", "--session", tmp_path / "s.rpp")
    project = ("--project", tmp_path / "p.struck.json")
    assert run(*render(given, *outputs, *project)) == 0
    assert "wrote 1 stem to " in capsys.readouterr().err
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    said = refuse(capsys, *render(given, *outputs, *project))
    assert "t.wav and 5 more files exist already; add --overwrite to replace them, or give other names" in said
    (tmp_path / "s.rpp").unlink()  # its sound files are still there
    said = refuse(capsys, *render(given, "--session", tmp_path / "s.rpp"))
    assert "s rpp media/Given physics h1.wav and 1 more file exist already" in said.replace("\\", "/")
    assert all(path.stat().st_mtime_ns == when for path, when in before.items() if path.is_file())
    assert run(*render(given, *outputs, "--overwrite")) == 0
    assert (tmp_path / "t.wav").stat().st_mtime_ns > before[tmp_path / "t.wav"]
    # What lies beside the stems and is none of them is told: by it they would not sum to the track.
    assert "warning" not in capsys.readouterr().err
    (tmp_path / "stems" / "Given physics.wav").rename(tmp_path / "stems" / "Bell.wav")
    assert run(*render(given, *outputs[2:4], "--overwrite")) == 0
    assert "warning: stems holds Bell.wav of something else too, such as an earlier" in capsys.readouterr().err
    # Devices are written to, and a project may be written back to its own file.
    assert run(*render(given, "--out", "/dev/null")) == 0
    back = ("--seed", "3", "--ckpt-dir", given / "none")
    assert run("render", tmp_path / "p.struck.json", "--project", tmp_path / "p.struck.json", *back) == 0


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (("--session", "s.als"), "cannot be written; give .rpp or .aaf"),
        (("--session", "s"), "has no known ending"),
        (("--out", "o.flac", "--bit-depth", "32"), ".flac does not hold 32 bits"),
        (("--out", "o.mp3", "--channels", "5.1"), ".mp3 does not hold sound of 48000 Hz and 6 channels"),
        (("--pieces", "p", "--ucs-pattern", "{cat}"), "has {cat}, which is no field; use {catid}"),
        (("--out", "o.wav", "--stems", "o.wav"), "--out and --stems both name o.wav"),
        (("--project", "p.json", "--loudness", "-23"), "--loudness is of sound; give --video, --out, --stems"),
        (("--session", "s.csv", "--channels", "5.1"), "--channels is of tracks, films and stems; give --out, --video"),
        (("--session", "s.rpp", "--channels", "mono", "--loudness", "-23"), "no_such_clip.mp4: there is no such file"),
        (("--out", "o.wav", "--ucs-pattern", "{clip}"), "--ucs-pattern is of pieces and of names by --ucs-names; give"),
        (("--out", "o.mp3", "--no-project"), "--no-project is of the track as WAV or FLAC; give --out"),
        (("--session", "s.tsv", "--takes", "2", "--layers", "2"), "no_such_clip.mp4: there is no such file"),
        (("--session", "s.rpp", "--layers", "2"), "give --pieces or a --session that is a .txt as well"),
        (("--out", "no_ending", "--bit-depth", "16"), "no_such_clip.mp4: there is no such file"),
        (("--pieces", "s.txt", "--session", "s.txt"), "--pieces and --session both name s.txt"),
    ],
)
def test_what_cannot_be_delivered_is_said_before_the_work(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    args: tuple[str, ...],
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert reason in refuse(capsys, "render", "no_such_clip.mp4", *args) and not list(tmp_path.iterdir())


def test_a_start_that_is_no_timecode_is_refused_once_the_rate_is_known(
    given: Path,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = refuse(capsys, *render(given, "--out", tmp_path / "o.wav", "--start-timecode", "01:00:00:25"))
    assert "has frame 25, past the last of a 25-frame second" in said and not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_silent_clip_has_no_sound_to_keep_and_that_is_said(
    given: Path,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(*render(given, "--video", tmp_path / "v.mp4", "--clip-sound", "second")) == 0
    assert "v.mp4; the clip has no sound of its own, so the rendered one is alone in it" in capsys.readouterr().err
    assert run(*render(given, "--video", tmp_path / "w.mp4")) == 0
    assert "w.mp4; the picture is untouched" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "ending"), [("mix", ".mp4"), ("second", ".mp4"), ("second", ".mkv"), ("mix", ".mov")])
def test_the_clips_own_sound_stays_in_the_video(given: Path, tmp_path: Path, kind: str, ending: str) -> None:  # noqa: F811
    from engine.media.probe import probe
    from engine.media.sound import read_clip_channels

    clip = make_clicking_clip(tmp_path / "own.mp4", [1.4])
    out, start = tmp_path / f"v{ending}", ("--two-pop", "--start-timecode", "00:59:58:00")
    assert run(*render(given, "--video", out, "--clip-sound", kind, *start, clip=clip)) == 0
    tracks = probe(out).audio_tracks
    heard = [read_clip_channels(out, 48_000, track.number, 96_000).mean(axis=1) for track in tracks]
    with av.open(str(out)) as container, av.open(str(clip)) as given_clip:
        packets = [[bytes(p) for p in file.demux(file.streams.video[0]) if p.size] for file in (container, given_clip)]
        assert packets[0] == packets[1]  # the picture's own, in each container
        told = {**container.metadata, **container.streams.video[0].metadata}
        assert {name.lower(): value for name, value in told.items()}["timecode"] == "01:00:00:00"
        defaults = [bool(stream.disposition & Disposition.default) for stream in container.streams.audio]
        assert defaults == [True, False][: len(tracks)]
    assert len(tracks) == (2 if kind == "second" else 1) and tracks[0].is_default
    assert find_attacks(heard[0], 48_000, HITS_S) == pytest.approx(HITS_S, abs=1e-3)
    assert find_attacks(heard[-1], 48_000, [1.4]) == pytest.approx([1.4], abs=1e-3)
    quiet = np.abs(heard[0][round(1.38 * 48_000) : round(1.45 * 48_000)]).max()
    assert (quiet > 0.1) == (kind == "mix")
