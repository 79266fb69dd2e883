"""Checkpoints that cannot be used: each is refused in one sentence that says why, and everything else goes on."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.__main__ import main
from engine.core.checkpoint import CONFIG, WEIGHTS, find_fault, list_checkpoints
from engine.core.errors import BadInput
from engine.core.paths import ASSETS
from engine.diffusion.checkpoint import SAMPLER, load_velocity_network, save_velocity_network
from engine.diffusion.unet import NetworkConfig, VelocityNetwork
from engine.document.project import RenderSettings
from tests.ui_tab import Tab, check_sentence, make_context, wait_until
from ui.session import Session

TINY = NetworkConfig(channels=(8, 16), blocks=1, embedding=32)


class Trap:
    """Touches a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self.path, "w")


def make(folder: Path, **changes: object) -> Path:
    torch.manual_seed(0)
    save_velocity_network(folder, VelocityNetwork(TINY), {})
    change(folder, **changes)
    return folder


def change(folder: Path, **changes: object) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, **changes}))


def resize(folder: Path, channels: list[int]) -> None:
    change(folder, network={**json.loads((folder / CONFIG).read_text())["network"], "channels": channels})


def damage(folder: Path, value: float) -> None:
    weights = load_file(str(folder / WEIGHTS))
    weights["stem.weight.scale"][0] = value
    save_file(weights, str(folder / WEIGHTS))


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A good sampler among bad ones and models of other kinds."""
    root = tmp_path / "models"
    make(root / "good")
    (make(root / "cut") / WEIGHTS).write_bytes((root / "good" / WEIGHTS).read_bytes()[:-1])
    (make(root / "garbled") / CONFIG).write_text("{")
    (make(root / "deep") / CONFIG).write_text("[" * 100_000)
    (make(root / "unlabelled") / CONFIG).unlink()
    make(root / "future", format=99)
    make(root / "unknown", network={"channels": [8, 16], "ears": 4})
    resize(make(root / "wide"), [16, 32])
    resize(make(root / "vast"), [8 << 20, 8 << 20])
    damage(make(root / "infinite"), float("nan"))
    (make(root / "pickled") / WEIGHTS).unlink()
    (make(root / "renamed") / WEIGHTS).unlink()
    trap = pickle.dumps(Trap(str(tmp_path / "sprung")))
    (root / "pickled" / "model.pt").write_bytes(trap)
    (root / "renamed" / WEIGHTS).write_bytes(trap)
    for kind in ("ddpm", "material"):
        make(root / kind, kind=kind)
    (root / "empty").mkdir()
    (root / ".hidden").mkdir()
    (root / "notes.txt").write_text("not a folder")
    return root


REASONS = {
    "cut": "cut short", "garbled": "is damaged", "deep": "is damaged", "unlabelled": f"has no {CONFIG}",
    "future": "format 99", "unknown": "an unknown network", "wide": r"stem\.weight is 8 x 7 x 4 x 4 and not 16 x",
    "vast": "damaged", "infinite": "not finite", "pickled": "model.pt is not opened", "renamed": "damaged",
}  # fmt: skip


@pytest.mark.slow
def test_each_is_refused_for_its_own_reason_and_none_is_run(models: Path, tmp_path: Path) -> None:
    assert set(list_checkpoints(models, SAMPLER)) == {"good", *REASONS}
    for name, reason in REASONS.items():
        with pytest.raises(BadInput, match=reason) as refusal:
            load_velocity_network(models / name)
        check_sentence(str(refusal.value))
    load_velocity_network(models / "good")
    for name in ("ddpm", "material", "empty", "nowhere"):
        fault = find_fault(models / name, SAMPLER)
        assert fault is not None and repr(name) in fault
        check_sentence(fault)
    assert not (tmp_path / "sprung").exists()


def test_what_looks_whole_comes_first(models: Path) -> None:
    names = list_checkpoints(models, SAMPLER)
    faulty = [find_fault(models / name, SAMPLER) is not None for name in names]
    assert faulty == sorted(faulty) and list_checkpoints(models / "nowhere", SAMPLER) == ()


def test_rendering_says_why_and_ends_with_status_2(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (models / "cut").rename(models / "sampler")
    clip = ASSETS / "demo_sound.mp4"
    onsets = tmp_path / "onsets.csv"
    onsets.write_text("time_s\n0.5\n")
    command = ["render", str(clip), "--onsets", str(onsets), "--out", str(tmp_path / "out.wav")]
    assert main([*command, "--ckpt-dir", str(models), "--device", "cpu"]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "'sampler' does not fit this Struck" in said and "cut short" in said
    assert not (tmp_path / "out.wav").exists()


@pytest.mark.slow
def test_a_project_that_names_one_sounds_by_modes_and_noise(models: Path, tmp_path: Path) -> None:
    (models / "wide").rename(models / "sampler")
    context = make_context(tmp_path, checkpoint_folder=models)
    settings = RenderSettings()
    assert settings.checkpoint == "sampler" and context.digest(settings)  # its files look whole
    tab = Tab(Session(context, "misfit"))
    tab.ask("open_demo", name="sound")
    wait_until(lambda: tab.session.project is not None)
    tab.settle()
    project = tab.session.require_project()
    assert len(tab.errors) == 1 and "stem.weight is 8 x" in tab.errors[0]
    check_sentence(tab.errors[0])
    assert set(tab.last("rendered")["hits"]) == {hit.id for hit in project.hits}
    assert context.digest(settings) == "" and context.sampler(settings) is None
    shown = {model["name"]: model["fault"] for model in tab.last("welcome")["checkpoints"]}
    assert shown["good"] is None and "stem.weight" in shown["sampler"] and not {"ddpm", "material"} & set(shown)

    tab.edit("set_render", checkpoint="cut-off")
    tab.edit("set_render", checkpoint="infinite")
    assert [("was not found" in said, "not finite" in said) for said in tab.errors[1:]] == [
        (True, False),
        (False, True),
    ]
    assert tab.session.require_project().render.checkpoint == "sampler"


def test_one_that_is_replaced_is_looked_at_anew(models: Path, tmp_path: Path) -> None:
    context = make_context(tmp_path, checkpoint_folder=models)
    settings = RenderSettings(checkpoint="wide")
    with pytest.raises(BadInput, match="stem"):
        context.check("wide")
    before = context.digest(RenderSettings(checkpoint="good"))
    make(models / "wide")
    damage(models / "wide", 0.25)
    context.check("wide")
    sampler = context.sampler(settings)
    assert sampler is not None and context.digest(settings) == sampler.digest != before


@pytest.mark.parametrize("name", ["../models/good", "good/", "..", ".", "a\0b", "x" * 5000, "/"])
def test_a_project_cannot_name_a_place_elsewhere(models: Path, tmp_path: Path, name: str) -> None:
    context = make_context(tmp_path, checkpoint_folder=models)
    settings = RenderSettings(checkpoint=name)
    assert context.digest(settings) == "" and context.sampler(settings) is None
