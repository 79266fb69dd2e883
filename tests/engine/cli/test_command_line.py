"""The headless commands: their contracts on time, files and physics, and how they refuse."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from engine.core.errors import BadInput
from engine.media.probe import probe
from engine.media.sound import read_clip_audio
from tests.clips import find_attacks, make_clicks, make_clip, run_ffmpeg
from tests.command_line import refuse, run

HITS_S = (0.25, 0.8013, 1.3377)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("commands")


@pytest.fixture(scope="module")
def silent(folder: Path) -> Path:
    return make_clip(folder / "silent.mp4", timecode="01:00:00:00")


@pytest.fixture(scope="module")
def sounding(folder: Path) -> Path:
    return make_clip(folder / "sounding.mp4", sounds=[(0.0, make_clicks(HITS_S, 2.0))])


@pytest.fixture(scope="module")
def physics(folder: Path) -> Path:
    path = folder / "bar.json"
    modes = {"frequency_hz": [1500.0], "power_db": [-6.0206], "decay_per_s": [60.0], "phase_rad": [-math.pi / 2]}
    path.write_text(json.dumps({"version": 1, "sample_rate": 48000, "onset_s": 0.0, "modes": modes}))
    return path


@pytest.fixture(scope="module")
def onsets(folder: Path) -> Path:
    path = folder / "onsets.csv"
    path.write_text("velocity_db,time_s\n-6,1.3377\n0,0.25\n0,0.8013\n")
    return path


# --- detect -----------------------------------------------------------------------------------


def test_detect_writes_one_json_value(sounding: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("detect", sounding, "--source", "audio", "--json", "-") == 0
    value = json.loads(capsys.readouterr().out)
    assert set(value) == {"frame_rate", "duration_s", "onsets", "curve"}
    assert (value["frame_rate"], value["duration_s"]) == ("25/1", 2.0)
    assert [onset["time_s"] for onset in value["onsets"]] == pytest.approx(HITS_S, abs=0.005)
    assert all(0.0 <= onset["strength"] <= 1.0 for onset in value["onsets"])
    rate_hz, values = value["curve"]["rate_hz"], value["curve"]["values"]
    assert len(values) == pytest.approx(2.0 * rate_hz, abs=2) and 0.0 <= min(values) <= max(values) <= 1.0


def test_no_hits_is_a_result(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quiet = make_clip(folder / "quiet.mp4", sounds=[(0.0, np.zeros(96_000, np.float32))])
    assert run("detect", quiet, "--source", "audio", "--json", "-") == 0
    assert json.loads(capsys.readouterr().out)["onsets"] == []


@pytest.mark.slow
def test_detect_without_sound(silent: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no sound" in refuse(capsys, "detect", silent, "--source", "audio", "--json", "-")
    assert run("detect", silent, "--json", "-") == 0
    assert "curve" in json.loads(capsys.readouterr().out)


# --- analyze and synthesize -------------------------------------------------------------------


@pytest.mark.slow
def test_analyze_gives_physics_that_synthesize_takes(
    folder: Path, physics: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hit = folder / "hit.wav"
    t = np.arange(48_000) / 48_000
    ring = 0.5 * np.exp(-8 * t) * np.cos(2 * np.pi * 440 * t) + 0.25 * np.exp(-12 * t) * np.cos(2 * np.pi * 1234.5 * t)
    soundfile.write(hit, np.concatenate([np.zeros(4800), ring]), 48_000, subtype="FLOAT")
    assert run("analyze", hit, "--max-modes", "8", "--json", "-") == 0
    value = json.loads(capsys.readouterr().out)
    assert value["onset_s"] == pytest.approx(0.1, abs=0.001) and value["sample_rate"] == 48_000
    loudest = sorted(np.argsort(value["modes"]["power_db"])[-2:], key=lambda k: value["modes"]["frequency_hz"][k])
    assert [value["modes"]["frequency_hz"][k] for k in loudest] == pytest.approx([440.0, 1234.5], abs=0.2)
    assert [value["modes"]["decay_per_s"][k] for k in loudest] == pytest.approx([8.0, 12.0], rel=0.03)
    assert [value["modes"]["power_db"][k] for k in loudest] == pytest.approx([-6.02, -12.04], abs=0.3)
    assert run("analyze", hit, "--json", folder / "hit.json") == 0
    assert run("synthesize", folder / "hit.json", "--out", folder / "again.wav") == 0
    assert run("analyze", hit, "--figure", folder / "hit.html") == 0 and "frequency_hz" in capsys.readouterr().out
    page = (folder / "hit.html").read_text(encoding="utf-8")
    assert "440.0 Hz (A4+0), -6.0 dB" in page and "hit.wav" in page
    assert 'src="http' not in page  # shown without a network


@pytest.mark.slow
def test_a_figure_is_what_its_ending_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hit = folder / "<b>bar<b> $\\bad$.wav"  # neither HTML nor TeX
    t = np.arange(12_000) / 48_000
    soundfile.write(hit, 0.5 * np.exp(-20 * t) * np.sin(2 * np.pi * 880 * t), 48_000, subtype="FLOAT")
    for ending, first_bytes in (("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml"), ("html", b"<!doctype html")):
        target = folder / f"bar.{ending}"
        assert run("analyze", hit, "--figure", target) == 0
        assert target.read_bytes().startswith(first_bytes)
    page = (folder / "bar.html").read_text(encoding="utf-8")
    assert "&lt;b" in page.replace("\\u0026", "&") and "<b>bar" not in page.replace("\\u003c", "<").replace(
        "\\u003e", ">"
    )
    assert run("analyze", hit, "--figure", folder / "bar.gif") == 2
    assert ".png" in capsys.readouterr().err and not (folder / "bar.gif").exists()


def read_float(path: Path) -> np.ndarray:
    info = soundfile.info(path)
    assert (info.channels, info.subtype) == (1, "FLOAT")
    return np.asarray(soundfile.read(path, dtype="float32")[0])


def test_synthesize_is_the_formula(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    modes = {"frequency_hz": [1000.0, 3333.0], "power_db": [0, 6], "decay_per_s": [20, 30], "phase_rad": [0.3, 0]}
    (folder / "two.json").write_text(json.dumps({"sample_rate": 44100, "modes": modes}))
    assert run("synthesize", folder / "two.json", "--out", folder / "two.wav", "--duration", "0.5") == 0
    sound = read_float(folder / "two.wav")
    assert soundfile.info(folder / "two.wav").samplerate == 44_100 and len(sound) == 22_050
    t = np.arange(22_050) / 44_100
    expected = np.cos(2 * np.pi * 1000 * t + 0.3) * np.exp(-20 * t)
    expected += 10 ** (6 / 20) * np.cos(2 * np.pi * 3333 * t) * np.exp(-30 * t)
    assert np.abs(sound - expected).max() < 1e-4 and np.abs(sound).max() > 1.5  # nothing limits it
    assert run("synthesize", folder / "two.json", "--out", folder / "two.wav") == 0
    assert len(read_float(folder / "two.wav")) == pytest.approx(6.908 / 20 * 44_100, rel=0.1)
    assert "sounds on" not in capsys.readouterr().err


def test_synthesize_tells_where_it_ends_a_sound_that_goes_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    modes = {"frequency_hz": [400.0], "power_db": [0], "decay_per_s": [0.1]}
    (folder / "long.json").write_text(json.dumps({"sample_rate": 8000, "modes": modes}))
    given = ["synthesize", folder / "long.json", "--out", folder / "long.wav"]
    for options, is_told in (([], True), (["--duration", "1"], False)):
        assert run(*given, *options) == 0
        told = "sounds on after 20 s, where the sound ends; give a longer --duration" in capsys.readouterr().err
        assert told == is_told


def test_the_seed_touches_only_the_residual(folder: Path, physics: Path) -> None:
    value = json.loads(physics.read_text())
    value["residual"] = {"edges_hz": [200, 2000], "power_db": [-40], "decay_per_s": [30], "room": None}
    (folder / "noisy.json").write_text(json.dumps(value))
    sounds: dict[tuple[str, str], np.ndarray] = {}
    for name in ("bar", "noisy"):
        for seed in ("1", "2"):
            options = ("--seed", seed, "--duration", "0.3")
            assert run("synthesize", folder / f"{name}.json", "--out", folder / "s.wav", *options) == 0
            sounds[name, seed] = read_float(folder / "s.wav")
    assert np.array_equal(sounds["bar", "1"], sounds["bar", "2"])
    assert not np.array_equal(sounds["noisy", "1"], sounds["noisy", "2"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"decay_per_s": [-1.0]}, "negative"),
        ({"power_db": [0.0, 1.0]}, "make them equal"),
        ({"frequency_hz": [float("nan")]}, "not a finite number"),
        ({"power_db": [float("inf")]}, "not a finite number"),
    ],
)
def test_bad_physics_is_refused(
    tmp_path: Path, physics: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], reason: str
) -> None:
    value = json.loads(physics.read_text())
    value["modes"] |= change
    (tmp_path / "bad.json").write_text(json.dumps(value))
    assert reason in refuse(capsys, "synthesize", tmp_path / "bad.json", "--out", tmp_path / "x.wav")
    assert not (tmp_path / "x.wav").exists()


# --- render -----------------------------------------------------------------------------------


def test_render_keeps_its_contracts(
    tmp_path: Path, folder: Path, silent: Path, physics: Path, onsets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, video, markers, project = (tmp_path / n for n in ("t.wav", "t.mp4", "m.csv", "p.struck.json"))
    job = ("render", silent, "--physics", physics, "--ckpt-dir", folder)  # no checkpoint there: physics alone
    outputs = ("--video", video, "--stems", tmp_path / "stems", "--markers", markers, "--project", project)
    assert run(*job, "--onsets", onsets, "--out", out, *outputs) == 0
    printed = capsys.readouterr()
    assert printed.out == "" and "untouched" in printed.err and "no checkpoint" in printed.err
    info = soundfile.info(out)
    assert (info.samplerate, info.subtype, info.frames) == (48_000, "PCM_24", 96_000)
    assert b"bext" in out.read_bytes()[:64]
    track = soundfile.read(out, dtype="float32")[0].mean(axis=1)
    assert find_attacks(track, 48_000, HITS_S) == pytest.approx(HITS_S, abs=0.002)
    levels = [np.abs(track[round(t * 48_000) :][:480]).max() for t in (HITS_S[1], HITS_S[2])]
    assert 20 * math.log10(levels[0] / levels[1]) == pytest.approx(6.0, abs=0.7)
    assert np.abs(track[: round(0.24 * 48_000)]).max() == 0.0
    assert probe(video).start_timecode == "01:00:00:00"
    decoded = read_clip_audio(video, 48_000)
    plainly = np.frombuffer(run_ffmpeg("-i", video, "-ac", "1", "-ar", "48000", "-f", "f32le", "-"), np.float32)
    for heard in (decoded, plainly):
        assert find_attacks(heard, 48_000, HITS_S) == pytest.approx(find_attacks(track, 48_000, HITS_S), abs=0.001)
    stems = [soundfile.read(path, dtype="float32")[0].mean(axis=1) for path in sorted((tmp_path / "stems").iterdir())]
    assert np.abs(sum(stems) - track).max() < 1e-6

    again = tmp_path / "again.wav"
    assert run("render", project, "--out", again, "--ckpt-dir", folder) == 0
    assert again.read_bytes()[-96_000:] == out.read_bytes()[-96_000:]
    assert run(*job, "--onsets", markers, "--out", again, "--overwrite") == 0
    assert np.abs(soundfile.read(again, dtype="float32")[0].mean(axis=1) - track).max() < 1e-3


def test_hits_of_a_spotting_list_take_the_place_of_detection(
    tmp_path: Path, silent: Path, physics: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spots, out = tmp_path / "spots.edl", tmp_path / "spots.struck.json"
    event = "{n:03d}  AX  V  C  00:00:00:00 00:00:00:01 {t} {t}\n |C:ResolveColorRed |M:{name} |D:1\n"
    rows = [("01:00:00:10", "door"), ("01:00:01:05", "key"), ("01:00:30:00", "late")]
    spots.write_text("".join(event.format(n=k, t=time, name=name) for k, (time, name) in enumerate(rows, 1)))
    job = ("render", silent, "--physics", physics, "--project", out, "--overwrite")
    assert run(*job, "--hits", spots) == 0  # the clip starts at 01:00:00:00
    assert "2 hits from spots.edl; 1 of 3 hits outside the clip left out" in capsys.readouterr().err
    hits = json.loads(out.read_text())["hits"]
    assert [(hit["time_s"], hit["name"]) for hit in hits] == [(0.4, "door"), (1.2, "key")]
    assert run(*job, "--hits", spots, "--hits-start", "01:00:30:00") == 0
    assert [hit["name"] for hit in json.loads(out.read_text())["hits"]] == ["late"]
    assert run(*job, "--hits", spots, "--hits-rate", "30") == 0
    assert [hit["time_s"] for hit in json.loads(out.read_text())["hits"]] == pytest.approx([1 / 3, 7 / 6])
    sentence = refuse(capsys, *job, "--hits", spots, "--hits-start", "02:00:00:00")
    assert "none of that lies in the clip" in sentence
    assert "leave one out" in refuse(capsys, *job, "--hits", spots, "--onsets", spots)


def test_detail_variation_and_width_are_the_documents(
    tmp_path: Path, silent: Path, physics: Path, onsets: Path
) -> None:
    out = tmp_path / "one.struck.json"
    settings = ("--detail", "40", "--variation", "50", "--width", "30")
    assert run("render", silent, "--onsets", onsets, "--physics", physics, *settings, "--project", out) == 0
    value = json.loads(out.read_text())
    assert (value["sounds"][0]["detail"], value["render"]["variation"], value["mix"]["width"]) == (0.4, 0.5, 0.3)
    assert run("render", out, "--detail", "100", "--width", "0", "--project", out) == 0
    value = json.loads(out.read_text())
    assert "detail" not in value["sounds"][0] and "width" not in value["mix"]


@pytest.mark.slow
def test_the_shipped_sampler_strikes_on_time(tmp_path: Path, silent: Path, physics: Path, onsets: Path) -> None:
    out = tmp_path / "t.wav"
    assert run("render", silent, "--onsets", onsets, "--physics", physics, "--steps", "2", "--out", out) == 0
    track = soundfile.read(out, dtype="float32")[0].mean(axis=1)
    assert len(track) == 96_000
    assert find_attacks(track, 48_000, HITS_S) == pytest.approx(HITS_S, abs=0.002)


@pytest.mark.slow
def test_a_seed_on_a_project_replaces_every_hit_s(tmp_path: Path, silent: Path, onsets: Path) -> None:
    first, second = tmp_path / "a.struck.json", tmp_path / "b.struck.json"
    assert run("render", silent, "--onsets", onsets, "--seed", "7", "--project", first) == 0
    assert run("render", first, "--seed", "8", "--project", second) == 0
    assert run("render", second, "--seed", "7", "--project", second) == 0
    seeds = [[hit["seed"] for hit in json.loads(p.read_text())["hits"]] for p in (first, second)]
    assert seeds[0] == seeds[1] and len(set(seeds[0])) == 3


@pytest.mark.slow
def test_a_silent_clip_says_what_its_picture_looks_like_or_which_preset_it_uses(
    tmp_path: Path, silent: Path, onsets: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("render", silent, "--onsets", onsets, "--markers", tmp_path / "m.csv") == 0
    said = capsys.readouterr().err
    assert "the picture looks like" in said or "the struck object was not recognised in the picture" in said

    def fail(*_: object, **__: object) -> None:
        raise BadInput("the vision checkpoint is missing; restore it")

    monkeypatch.setattr("engine.pipeline.sounds_from_video.estimate_hits", fail)
    assert run("render", silent, "--onsets", onsets, "--markers", tmp_path / "m.csv", "--overwrite") == 0
    assert "the vision checkpoint is missing" in (told := capsys.readouterr().err) and "preset" in told


@pytest.mark.slow
def test_given_times_of_a_sounding_clip_are_not_moved(tmp_path: Path, sounding: Path) -> None:
    (tmp_path / "o.csv").write_text("time_s,velocity_db\n0.27,\n0.81,-4.5\n")
    assert run("render", sounding, "--onsets", tmp_path / "o.csv", "--project", tmp_path / "p.struck.json") == 0
    value = json.loads((tmp_path / "p.struck.json").read_text())
    assert [hit["time_s"] for hit in value["hits"]] == [0.27, 0.81]
    assert value["hits"][1]["velocity_db"] == -4.5


def test_what_sounds_not_at_all_is_said(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "o.wav"
    for text in ("{}", '{"presets": []}', '{"modes": null}'):
        (tmp_path / "p.json").write_text(text)
        assert "has neither modes nor a residual" in refuse(capsys, "synthesize", tmp_path / "p.json", "--out", out)
        assert not out.exists()
    high = {"frequency_hz": [30_000.0], "power_db": [-6.0], "decay_per_s": [9.0]}
    (tmp_path / "p.json").write_text(json.dumps({"modes": high}))
    assert run("synthesize", tmp_path / "p.json", "--out", out) == 0
    assert "no mode under half the sample rate and no noise" in capsys.readouterr().err


@pytest.mark.slow
def test_struck_s_own_lists_bring_hits_back_as_they_were(tmp_path: Path, sounding: Path) -> None:
    """Times, and velocities where a list has any, in two rounds; no name grows."""
    (tmp_path / "o.csv").write_text("time_s,velocity_db\n0.28,-2.0\n0.8,-4.5\n1.36,-11.0\n")
    lists = [tmp_path / f"m.{ending}" for ending in ("csv", "edl", "rpp")]
    sessions = [word for path in lists for word in ("--session", path)]
    job = ("render", sounding, "--overwrite", "--project", tmp_path / "p.struck.json")
    assert run(*job, "--onsets", tmp_path / "o.csv", *sessions) == 0
    for path in lists:
        again = tmp_path / f"again{path.suffix}"
        assert run(*job, "--hits", path, "--session", again) == 0
        assert run(*job, "--hits", again, "--markers", tmp_path / "markers.csv") == 0
        hits = json.loads((tmp_path / "p.struck.json").read_text())["hits"]
        assert [hit["time_s"] for hit in hits] == pytest.approx([0.28, 0.8, 1.36], abs=0.002), path.suffix
        assert not any(hit.get("name") for hit in hits), path.suffix
        if path.suffix != ".rpp":
            assert [hit["velocity_db"] for hit in hits] == pytest.approx([-2.0, -4.5, -11.0], abs=0.5), path.suffix


def test_no_hits_render_silence_with_a_warning(
    tmp_path: Path, silent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "none.csv").write_text("time_s\n")
    outputs = ("--out", tmp_path / "o.wav", "--video", tmp_path / "o.mp4", "--stems", tmp_path / "s")
    assert run("render", silent, "--onsets", tmp_path / "none.csv", *outputs) == 0
    assert "warning: no hits" in capsys.readouterr().err
    more = ("--markers", tmp_path / "m.csv", "--project", tmp_path / "p.struck.json", "--session", tmp_path / "s.rpp")
    more += ("--session", tmp_path / "cues.csv")
    assert "no hit to write" in refuse(capsys, "render", silent, "--onsets", tmp_path / "none.csv", *more)
    written = ("m.csv", "p.struck.json", "cues.csv")
    assert all((tmp_path / name).is_file() for name in written)  # what can be written is
    sound = soundfile.read(tmp_path / "o.wav")[0]
    assert len(sound) == 96_000 and not sound.any() and probe(tmp_path / "o.mp4").has_audio


def test_render_refuses_before_it_works(
    tmp_path: Path, silent: Path, physics: Path, onsets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "late.csv").write_text("time_s\n0.1\n9.0\n")
    (tmp_path / "broken.struck.json").write_text('{"clip": 3')
    (tmp_path / "other.struck.json").write_text("[1, 2]")
    (tmp_path / "text.mp4").write_text("no clip\n" * 100)
    out = tmp_path / "o.wav"
    cases: list[tuple[str, list[str | Path]]] = [
        ("nothing to write", [silent]),
        ("no folder", [silent, "--out", tmp_path / "missing" / "o.wav"]),
        ("is a folder", [silent, "--out", tmp_path]),
        ("is a file", [silent, "--stems", physics]),
        ("--pieces: an empty name is no folder; give one", [silent, "--pieces", ""]),
        ("overwrite", [silent, "--video", silent]),
        ("two names", [silent, "--out", out, "--markers", out]),
        ("out of range", [silent, "--out", out, "--steps", "0"]),
        ("out of range", [silent, "--out", out, "--steps", "10000"]),
        ("out of range", [silent, "--out", out, "--seed", "-1"]),
        ("out of range", [silent, "--out", out, "--seed", "99999999999999999999"]),
        ("not a whole number", [silent, "--out", out, "--steps", "many"]),
        ("row 3", [silent, "--out", out, "--onsets", tmp_path / "late.csv"]),
        ("cannot be read", [silent, "--out", out, "--onsets", tmp_path / "missing.csv"]),
        ("not JSON", [silent, "--out", out, "--physics", onsets]),
        ("no such file", [tmp_path / "missing.mp4", "--out", out]),
        ("not a clip", [tmp_path / "text.mp4", "--out", out]),
        ("broken", [tmp_path / "broken.struck.json", "--out", out]),
        ("not a Struck project", [tmp_path / "other.struck.json", "--out", out]),
        ("unrecognized", [silent, "--out", out, "--bogus"]),
    ]
    for reason, args in cases:
        assert reason in refuse(capsys, "render", *args), reason
    (tmp_path / "p.struck.json").write_text('{"version": 2, "clip": {}, "hits": []}')
    film, sheet = tmp_path / "a.mp4", tmp_path / "a.png"
    for reason, words in (
        (
            "--fps: frame rate '0' is out of range; give one such as 25",
            ["animate", silent, silent, "--fps", "0", "--out", film],
        ),
        ("-5 is out of range; give 0 to 8", ["animate", silent, silent, "--guidance", "-5", "--out", film]),
        ("no sound in which hits could be heard; give the project", ["scene", silent, "--storyboard", "--out", sheet]),
        ("is a project, not the physics of one sound", ["synthesize", tmp_path / "p.struck.json", "--out", out]),
        ("is a project, whose hits --storyboard draws", ["scene", tmp_path / "p.struck.json", "--out", sheet]),
    ):
        assert reason in refuse(capsys, *words), reason
    assert not out.exists()


def test_shared_options_stand_anywhere(physics: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.wav"
    for args in (
        ["--device", "cpu", "synthesize", physics, "--out", out],
        ["synthesize", physics, "--device=cpu", "--out", out, "--data-dir", tmp_path, "--ckpt-dir", tmp_path],
    ):
        assert run(*args) == 0
