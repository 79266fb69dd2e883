"""Building the bank: which hits are taken, and that a build resumes where it stopped."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.core.errors import BadInput
from engine.lab.data.bank import build as building
from engine.lab.data.bank.build import (
    analyse_source,
    analyse_sources,
    assemble_bank,
    list_clips,
    list_presets,
    list_recorded,
    list_simulated,
)
from engine.physics.model import MATERIALS, Physics
from engine.physics.synthesis import synthesize
from tests.sounds import NOISE, RATE, make_modes

COLUMNS = "path,licence,tier,material,kind,fmax_hz"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings that may be shipped, one of a clip that may not, one that holds no hit."""
    root = tmp_path_factory.mktemp("corpus")
    rows = [
        ("berklee_olpc/wine_glass_1_0", "CC-BY-3.0", "A", "glass"),
        ("berklee_olpc/wine_glass_2_0", "CC-BY-3.0", "A", "glass"),
        ("berklee_olpc/chirping_1_0", "CC-BY-3.0", "A", "metal"),
        ("greatest_hits/wood_2015-02-16-17-35-07_2.00", "NONE STATED", "C", "wood"),
    ]
    lines = [COLUMNS]
    for number, (name, licence, tier, material) in enumerate(rows):
        path = root / "audio" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        ring = synthesize(Physics(make_modes([900.0 + 70.0 * number], [-9.0], [12.0], [0.0]), NOISE), 0.15)
        soundfile.write(path, np.concatenate([np.zeros(480), 0.3 * ring]), RATE, subtype="PCM_24")
        lines.append(f"audio/{name}.wav,{licence},{tier},{material},single,22000")
    (root / "MANIFEST.csv").write_text("\n".join(lines) + "\n")
    return root


def test_only_what_may_ship_and_holds_a_hit_is_taken(corpus: Path) -> None:
    recorded, clips = list_recorded(corpus), list_clips(corpus)
    assert [source.entry.source for source in recorded] == [
        "berklee_olpc/wine_glass_1_0.wav", "berklee_olpc/wine_glass_2_0.wav",
    ]  # fmt: skip
    assert {source.entry.group for source in recorded} == {"berklee_olpc/wine_glass"}
    assert [(s.entry.group, s.entry.kind, s.entry.striker) for s in clips] == [
        ("clip/2015-02-16-17-35-07", "clip", "stick")
    ]


@pytest.mark.slow
def test_a_build_resumes_and_names_its_entries_apart(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = list_recorded(corpus)
    first = analyse_sources(sources[:1], tmp_path)
    asked = []

    def watch(source: building.Source) -> tuple[Physics, float] | None:
        asked.append(source.entry.source)
        return analyse_source(source)

    monkeypatch.setattr(building, "analyse_source", watch)
    entries = analyse_sources(sources, tmp_path)
    assert asked == ["berklee_olpc/wine_glass_2_0.wav"] and entries[0] == first[0]
    bank = assemble_bank(entries)
    assert [entry.name for entry in bank.entries] == ["Wine glass", "Wine glass 2"]
    assert all((entry.material, entry.size_m, entry.hollow) == ("glass", 0.2, 1.0) for entry in bank.entries)
    peak = np.abs(synthesize(bank.entries[0].physics, 0.3, seed=0)).max()
    assert 20.0 * math.log10(peak) == pytest.approx(-6.0, abs=1.0)
    (log,) = tmp_path.iterdir()
    log.write_text(log.read_text() + '["half a li')
    assert len(analyse_sources(sources, tmp_path)) == 2 and len(asked) == 1


def test_simulated_hits_are_those_that_stand_alone(tmp_path: Path) -> None:
    def contact(time_s: float, impulse: float, action: str = "hit", lasts_s: float = 0.01) -> dict[str, object]:
        return {
            "time_s": time_s, "action": action, "impulse_n_s": impulse, "struck": "gravel", "size_m": 0.5,
            "by": "hammer", "duration_s": lasts_s,
        }  # fmt: skip

    contacts = [
        contact(0.5, 1.0), contact(0.6, 9.0), contact(1.0, 2.0), contact(1.5, 0.1, "scrape", 0.8), contact(2.0, 5.0),
        contact(3.0, 3.0), contact(4.0, 4.0), contact(5.0, 0.5),
    ]  # fmt: skip
    truth = {"contacts": contacts, "clip": "sim_1_00001_mic.mp4", "duration_s": 5.1}
    (tmp_path / "sim_1_00001.truth.json").write_text(json.dumps(truth))
    silent = {**truth, "clip": "sim_1_00002.mp4"}
    (tmp_path / "sim_1_00002.truth.json").write_text(json.dumps(silent))
    found = list_simulated([tmp_path, tmp_path])
    assert [source.at_s for source in found] == [4.0, 3.0]
    entry = found[0].entry
    assert (entry.name, entry.material) == ("Gravel, 50 cm, hammer (simulated)", "ground")
    assert (entry.size_m, entry.striker, entry.group) == (0.5, "hammer", "simulated/sim_1_00001")
    (tmp_path / "sim_1_00003.truth.json").write_text("{")
    with pytest.raises(BadInput, match="damaged"):
        list_simulated([tmp_path])
    with pytest.raises(BadInput, match="no simulated takes"):
        list_simulated([tmp_path / "nothing"])


def test_presets_share_the_group_of_their_recording() -> None:
    presets = {entry.name: entry for entry in list_presets()}
    assert presets["Wine glass"].group == "berklee_olpc/wine_glass" and "CC BY" in presets["Wine glass"].licence
    assert all(entry.material in MATERIALS and entry.licence and entry.kind == "preset" for entry in presets.values())
