"""Detail of a sound: full detail changes nothing, less keeps the strongest modes, and a seed is an object."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.bank.bank import Bank, Entry, make_bank
from engine.core.cache import Cache
from engine.document.edits.messages import apply_message
from engine.document.project import Project
from engine.document.storage import load_project, save_project
from engine.physics.detail import Detail
from engine.physics.model import Modes, Physics, Residual
from engine.pipeline import complete_sound as module
from engine.pipeline.complete_sound import complete_sound, guess_material
from engine.pipeline.physics_ops import PHYSICS_OPS
from engine.pipeline.render import hit_keys, hit_physics, render_hits
from tests.engine.pipeline.test_render import CountingSampler, do, make_project

EDGES_HZ = tuple(np.geomspace(20.0, 20_000.0, 33))


def make_object(seed: int) -> Physics:
    """Twelve modes over noise in 32 bands; odd seeds ring ten times as long."""
    rng = np.random.default_rng(seed)
    frequency_hz, power_db = np.sort(rng.uniform(200.0, 9000.0, 12)), rng.uniform(-40.0, -12.0, 12)
    decay_per_s = rng.uniform(4.0, 8.0, 12) * (1.0 if seed % 2 else 10.0)
    columns = (frequency_hz, power_db, decay_per_s, rng.uniform(-3.0, 3.0, 12))
    noise_db = tuple(rng.uniform(-60.0, -35.0, 32).tolist())
    return Physics(
        Modes(*(tuple(c.tolist()) for c in columns), (False,) * 12), Residual(EDGES_HZ, noise_db, (40.0,) * 32)
    )


@pytest.fixture(autouse=True)
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    """Forty recorded objects in place of the shipped bank."""
    made = make_bank(
        Entry(str(seed), make_object(seed), "metal" if seed % 2 else "wood", group=str(seed)) for seed in range(40)
    )
    monkeypatch.setattr(module, "load_bank", lambda: made)
    return made


@pytest.fixture
def project() -> Project:
    """Three strikes of one object that is not in the bank."""
    made, physics = make_project(), make_object(99)
    sound = replace(made.sounds[0], modes=physics.modes, residual=physics.residual)
    return replace(made, sounds=(sound, made.sounds[1]), hits=tuple(h for h in made.hits if h.sound_id == "s1"))


def render(project: Project) -> dict[str, bytes]:
    return {hit_id: hit.samples.tobytes() for hit_id, hit in render_hits(project, None, Cache(None)).items()}


def test_full_detail_changes_neither_keys_nor_samples(project: Project) -> None:
    coarse = do(project, kind="set_detail", sound_id="s1", detail=0.4, detail_seed=3)
    whole = do(coarse, kind="set_detail", sound_id="s1", detail=1.0)
    assert complete_sound(whole.sounds[0]) == (project.sounds[0].modes, project.sounds[0].residual)
    assert hit_keys(whole, "net1") == hit_keys(project, "net1") and render(whole) == render(project)
    assert not set(hit_keys(coarse, "net1").values()) & set(hit_keys(project, "net1").values())


@pytest.mark.slow
def test_given_modes_stay_and_the_seed_is_an_object(project: Project) -> None:
    modes = project.sounds[0].modes
    energy = np.asarray(modes.power_db) - 10.0 * np.log10(modes.decay_per_s)
    strongest = {modes.frequency_hz[k] for k in np.argsort(energy)[-4:]}  # 2^(6 * 0.4) - 1 modes
    made = [do(project, kind="set_detail", sound_id="s1", detail=0.4, detail_seed=seed) for seed in (0, 0, 1, 2, 3)]
    wholes = [complete_sound(other.sounds[0])[0] for other in made]
    for whole in wholes:
        assert strongest <= set(whole.frequency_hz) and len(whole) > 4
        assert not set(modes.frequency_hz) - strongest & set(whole.frequency_hz)
    sounds = [render(other) for other in made]
    assert sounds[0] == sounds[1] and len({tuple(sound.values()) for sound in sounds}) >= 3
    assert len({hit_keys(other, "")["h0"] for other in made}) >= 3


def test_a_muted_mode_is_not_kept_and_silence_stays_silent(project: Project) -> None:
    loudest = int(np.argmax(project.sounds[0].modes.power_db))
    muted = do(project, kind="mute_modes", sound_id="s1", indices=[loudest], muted=True)
    muted = do(muted, kind="set_detail", sound_id="s1", detail=0.9)
    assert project.sounds[0].modes.frequency_hz[loudest] not in complete_sound(muted.sounds[0])[0].frequency_hz
    silent = replace(project.sounds[0], modes=Modes(), residual=Residual(), detail=0.0)
    assert complete_sound(silent) == (Modes(), Residual())


@pytest.mark.slow
def test_nothing_but_a_size_is_left_of_an_imagined_sound(project: Project, bank: Bank) -> None:
    sound = replace(project.sounds[0], detail=0.0)
    assert guess_material(bank, Physics(sound.modes, sound.residual)) == "metal"  # it rings as long as those
    modes, _ = complete_sound(sound)
    assert not set(modes.frequency_hz) & set(sound.modes.frequency_hz)
    assert math.log(np.mean(modes.decay_per_s) / np.mean(sound.modes.decay_per_s)) == pytest.approx(0.0, abs=1.0)


def test_baking_makes_the_imagined_object_its_own(project: Project) -> None:
    coarse = do(project, kind="set_detail", sound_id="s1", detail=0.3)
    coarse = do(coarse, kind="set_macros", sound_id="s1", values={"mass": 0.2})
    baked = apply_message(coarse, {"kind": "bake_macros", "sound_id": "s1"}, ops=PHYSICS_OPS).apply(coarse)
    assert baked.sounds[0].detail == 1.0 and not baked.sounds[0].macros.mass
    assert render(baked)["h0"] == render(coarse)["h0"]


def test_variation_reaches_the_physics_and_the_sampler(project: Project) -> None:
    class Listening(CountingSampler):
        given: tuple[Detail, ...] = ()

        def sample(self, *args, details=None, **settings):  # type: ignore[no-untyped-def]
            self.given = tuple(args[6] if details is None else details)
            return super().sample(*args[:6], **settings)

    sampler, varied = Listening(), do(project, kind="set_detail", sound_id="s1", variation=0.7)
    render_hits(varied, sampler, Cache(None))
    assert set(sampler.given) == {Detail(variation=0.7)}
    assert not set(hit_keys(varied, "net1").values()) & set(hit_keys(project, "net1").values())
    assert not set(hit_keys(varied, "").values()) & set(hit_keys(project, "").values())
    assert hit_physics(varied, varied.hits[0]) != hit_physics(project, project.hits[0])
    # the larger of a sound's variation and the project's counts
    assert hit_keys(do(varied, kind="set_render", variation=0.5), "") == hit_keys(varied, "")


def test_a_saved_project_renders_the_same(project: Project, tmp_path: Path) -> None:
    made = do(project, kind="set_detail", sound_id="s1", detail=0.4, detail_seed=5)
    (tmp_path / "c.mp4").write_bytes(b"clip")
    made = replace(made, clip=replace(made.clip, path=str(tmp_path / "c.mp4")))
    path = save_project(made, tmp_path / "one.struck.json")
    assert render(load_project(path, digest_of=lambda _: "d")) == render(made)
