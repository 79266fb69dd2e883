"""``bank`` and ``query``: what they print and write, and how they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from engine.physics.model import Physics, physics_from_json
from engine.physics.synthesis import synthesize
from engine.vision.network import VisionConfig, VisionNetwork
from engine.vision.predict import VisionModel, save_vision_model
from tests.clips import make_clip
from tests.command_line import refuse, run
from tests.sounds import NOISE, RATE, make_modes

BELL = make_modes([700.0, 1890.0], [-6.0, -12.0], [6.0, 12.0], [0.3, 0.0])


@pytest.fixture(scope="module")
def bell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of a bell that no bank has."""
    path = tmp_path_factory.mktemp("bell") / "tuned bell.wav"
    soundfile.write(path, 0.5 * synthesize(Physics(BELL, NOISE), 0.25), RATE, subtype="PCM_24")
    return path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of its own for every test."""
    monkeypatch.setenv("STRUCK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def ask(capsys: pytest.CaptureFixture[str], *args: str | Path) -> list[dict[str, object]]:
    """The hits that a query gives."""
    capsys.readouterr()
    assert run("query", *args, "--json", "-") == 0
    value = json.loads(capsys.readouterr().out)
    assert set(value) == {"hits"}
    for hit in value["hits"]:
        assert set(hit) == {"time_s", "candidates"}
        for candidate in hit["candidates"]:
            assert set(candidate) == {"name", "material", "score", "physics"} and 0.0 <= candidate["score"] <= 1.0
            physics_from_json(candidate["physics"])
        scores = [candidate["score"] for candidate in hit["candidates"]]
        assert scores == sorted(scores, reverse=True)
    found: list[dict[str, object]] = value["hits"]
    return found


@pytest.mark.slow
def test_a_recording_is_found_once_it_is_the_person_s_own(bell: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (before,) = ask(capsys, bell, "--top", "3")
    assert before["time_s"] == 0.0 and len(before["candidates"]) == 3  # type: ignore[arg-type]
    assert run("bank", "add", bell, bell.parent / "gone.wav") == 2  # the bell is added
    told = capsys.readouterr().err
    assert "added tuned bell" in told and "gone.wav: does not exist" in told and "1 added" in told
    (after,) = ask(capsys, bell, "--top", "3")
    best = after["candidates"][0]  # type: ignore[index]
    assert best["name"] == "tuned bell" and best["score"] > 0.95
    assert np.isclose(best["physics"]["modes"]["frequency_hz"], 700.0, rtol=1e-4).any()
    assert run("bank", "add", bell) == 0 and "already there as tuned bell" in capsys.readouterr().err
    assert run("bank") == 0
    table = capsys.readouterr().out
    assert "material" in table and "metal" in table and "tuned bell" in table
    assert run("bank", "remove", "tuned bell") == 0
    assert run("bank") == 0 and "tuned bell" not in capsys.readouterr().out


def test_a_new_data_folder_is_made_by_what_writes_into_it(
    bell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "new" / "home"
    assert run("bank", "--data-dir", home) == 0 and not home.exists()
    assert run("bank", "add", bell, "--data-dir", home) == 0 and home.is_dir()
    capsys.readouterr()
    assert run("bank", "--data-dir", home) == 0 and bell.stem in capsys.readouterr().out


def test_words_that_tell_no_sound_from_another_are_not_called_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    said = refuse(capsys, "query", "--text", "small bathroom")
    assert "nothing in 'small bathroom' tells one sound from another; name a material" in said


def test_words_find_and_move_sounds(bell: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (hit,) = ask(capsys, "--text", "thin glass bottle, wooden stick, small bathroom", "--top", "2")
    assert hit["time_s"] == 0.0 and [c["material"] for c in hit["candidates"]] == ["glass", "glass"]  # type: ignore[attr-defined]
    (plain,), (moved,) = ask(capsys, bell, "--top", "2"), ask(capsys, bell, "--text", "in a large hall", "--top", "2")
    assert [c["name"] for c in plain["candidates"]] == [c["name"] for c in moved["candidates"]]  # type: ignore[attr-defined]
    assert plain["candidates"][0]["physics"] != moved["candidates"][0]["physics"]  # type: ignore[index]
    assert "nothing in" in refuse(capsys, "query", "--text", "qqqqzz", "--json", "-")


@pytest.mark.slow
def test_a_clip_is_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    save_vision_model(tmp_path / "ckpt" / "sight", VisionModel(VisionNetwork(VisionConfig())), {})
    clip = make_clip(tmp_path / "silent.mp4")
    for hit in ask(capsys, clip, "--top", "2", "--ckpt-dir", tmp_path / "ckpt"):
        assert len(hit["candidates"]) == 2  # type: ignore[arg-type]


def test_bad_input_is_told_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise = tmp_path / "noise.bin"
    noise.write_bytes(bytes(range(256)) * 16)
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(RATE), RATE)
    empty = tmp_path / "empty.wav"
    empty.touch()
    assert "needs something to go by" in refuse(capsys, "query")
    assert "not for a recording" in refuse(capsys, "query", silence, "--new", "2")
    for missing in ("no.mp4", "no.wav"):
        for new in ((), ("--new", "3")):
            said = refuse(capsys, "query", tmp_path / missing, *new)
            assert f"{missing}: there is no such file in {tmp_path}; check the path" in said
    assert "is empty" in refuse(capsys, "query", empty, "--new", "3")
    assert "noise.bin" in refuse(capsys, "query", noise)
    assert "silent" in refuse(capsys, "query", silence)
    assert "--top" in refuse(capsys, "query", silence, "--top", "0")
    assert "nothing was added" in refuse(capsys, "bank", "add", noise)
    assert "--all is for remove" in refuse(capsys, "bank", "--all")
    assert "--all is for remove" in refuse(capsys, "bank", "add", silence, "--all")
    assert "--data is for --build; add it" in refuse(capsys, "bank", "--data", tmp_path)
    assert "--build and add were both given" in refuse(capsys, "bank", "add", silence, "--build")
    assert "name recordings" in refuse(capsys, "bank", "add")
    assert "--all" in refuse(capsys, "bank", "remove")
    assert "not in your own bank" in refuse(capsys, "bank", "remove", "no such bell")
    assert "--data" in refuse(capsys, "bank", "--build")
    assert "licence" in refuse(capsys, "bank", "--build", "--data", tmp_path, "--clips")


def test_a_damaged_bank_of_one_s_own_stops_nothing(bell: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "bank").mkdir(parents=True)
    (home / "bank" / "bank.safetensors").write_bytes(b"\0" * 100)
    assert run("bank") == 0
    told = capsys.readouterr()
    assert "damaged" in told.err and "metal" in told.out
    assert run("bank") == 0 and "damaged" not in capsys.readouterr().err
