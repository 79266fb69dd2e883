"""The demo clips and projects as they ship: filmed as planned, analysed, rendered, opening on any machine."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from engine.core.cache import Cache, read_bundle
from engine.core.paths import ASSETS
from engine.document.storage import load_project
from engine.lab.simulator.demo.clips import DEMOS, Demo, plan_demo, simulate_demo
from engine.lab.simulator.demo.projects import nearest_struck
from engine.onsets.track import pick
from engine.pipeline.detect_onsets import detect_onsets
from engine.pipeline.events import OnsetsFound, last_event
from engine.pipeline.render import render_hits
from engine.pipeline.track import place_hits

FRAME_S = 1 / 30


class ShippedSampler:
    """Stands for the checkpoint that the bundle was rendered with: only its digest is ever needed."""

    def __init__(self, digest: str) -> None:
        self.digest = digest

    def sample(self, *_: object, **__: object) -> list[np.ndarray]:
        raise AssertionError("a shipped demo must not need sampling")


def shipped_digest(name: str) -> str:
    from engine.core.checkpoint import list_checkpoints
    from engine.core.device import choose_device
    from engine.diffusion.checkpoint import SAMPLER
    from engine.diffusion.sampler import load_sampler

    folder = str(ASSETS.parent / "checkpoints")
    assert name in list_checkpoints(folder, SAMPLER), f"the demo names the checkpoint {name!r}, which does not ship"
    return str(load_sampler(folder, name, choose_device("cpu")[0]).digest)


@pytest.fixture(params=DEMOS, ids=lambda demo: demo.name)
def demo(request: pytest.FixtureRequest) -> Demo:
    return request.param  # type: ignore[no-any-return]


def truth_of(demo: Demo) -> list[dict[str, object]]:
    text = (ASSETS / f"demo_{demo.name}.truth.json").read_text(encoding="utf-8")
    return list(json.loads(text)["onsets"])


@pytest.mark.slow
def test_the_stick_strikes_what_was_planned_when_it_was_planned(demo: Demo) -> None:
    """The truth that ships comes from the physics, so running it again gives the same contacts, near the plan's."""
    trajectory = simulate_demo(demo, plan_demo(demo))
    times = np.array([contact.time_s for contact in trajectory.contacts])
    assert np.abs(times - [time_s for time_s, _, _ in demo.pattern]).max() < 0.002
    assert [onset["time_s"] for onset in truth_of(demo)] == pytest.approx(times, abs=0.001)
    speeds = np.array([contact.speed_m_per_s for contact in trajectory.contacts])
    forces = np.array([force for _, _, force in demo.pattern])
    assert np.corrcoef(speeds, forces)[0, 1] > 0.95 and speeds.min() > 1.0 and speeds.max() < 6.0


def test_a_clip_is_what_its_truth_says(demo: Demo) -> None:
    import av

    truth = json.loads((ASSETS / f"demo_{demo.name}.truth.json").read_text(encoding="utf-8"))
    assert [o["struck"] for o in truth["onsets"]] == [demo.props[prop].name for _, prop, _ in demo.pattern]
    with av.open(str(ASSETS / f"demo_{demo.name}.mp4")) as file:
        picture = file.streams.video[0]
        assert picture.average_rate == Fraction(truth["frame_rate"])
        assert bool(file.streams.audio) is not bool(demo.presets)
        assert picture.frames == round(truth["duration_s"] * 30)


def test_the_demos_are_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in ASSETS.glob("demo_*")) <= 3_000_000


def test_a_demo_opens_wherever_it_is_put(demo: Demo, tmp_path: Path) -> None:
    for ending in ("mp4", "struck.json"):
        shutil.copy(ASSETS / f"demo_{demo.name}.{ending}", tmp_path)
    text = (tmp_path / f"demo_{demo.name}.struck.json").read_text(encoding="utf-8")
    assert json.loads(text)["clip"]["path"] == f"demo_{demo.name}.mp4"
    project = load_project(tmp_path / f"demo_{demo.name}.struck.json")
    assert Path(project.clip.path) == tmp_path / f"demo_{demo.name}.mp4"
    assert project.clip.has_audio is not bool(demo.presets)


def test_a_demo_has_its_true_hits_within_a_frame(demo: Demo) -> None:
    project = load_project(ASSETS / f"demo_{demo.name}.struck.json")
    found = np.array([hit.time_s for hit in project.hits])
    truth = np.array([onset["time_s"] for onset in truth_of(demo)])
    assert len(found) == len(truth)
    assert np.abs(np.sort(found) - truth).max() < 1.5 * FRAME_S


def test_each_hit_of_a_demo_has_the_sound_of_what_was_struck(demo: Demo) -> None:
    project = load_project(ASSETS / f"demo_{demo.name}.struck.json")
    for hit in project.hits:
        assert project.sound(hit.sound_id).name == nearest_struck(truth_of(demo), hit.time_s)
    assert all(sound.origin == ("preset" if demo.presets else "clip") for sound in project.sounds)


def test_the_sounds_of_the_demo_have_many_modes_and_fit_their_recordings() -> None:
    project = load_project(ASSETS / "demo_sound.struck.json")
    assert sorted(sound.name for sound in project.sounds) == ["Glass jar", "Steel bin", "Wooden block"]
    assert all(sound.fit is not None and sound.fit > 0.75 for sound in project.sounds)
    assert all(len(sound.modes) >= 8 for sound in project.sounds)
    lowest = {sound.name: min(sound.modes.frequency_hz) for sound in project.sounds}
    assert lowest["Steel bin"] < lowest["Wooden block"] < lowest["Glass jar"]


def test_a_demo_is_heard_at_once(demo: Demo) -> None:
    """After a change of the rendering, ``launch.py simulate --hits`` renders anew."""
    project = load_project(ASSETS / f"demo_{demo.name}.struck.json")
    cache = Cache(None)
    for key, samples in read_bundle(ASSETS / f"demo_{demo.name}.sounds").items():
        cache.put(key, samples)
    name = project.render.checkpoint
    sampler = ShippedSampler(shipped_digest(name) if name else "")
    rendered = render_hits(project, sampler, cache, check=_fail)
    track = place_hits(project, rendered)
    assert track.shape == (round(project.clip.duration_s * 48_000), 2)
    assert 0.05 < np.abs(track).max() < 2.0
    for hit in project.hits:
        start = round(hit.time_s * 48_000)
        assert np.abs(track[start : start + 960]).max() > 0.01


@pytest.mark.parametrize("source", ["both", "video"])
def test_a_demo_s_curve_is_shown_at_once(demo: Demo, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a change of the detection, ``launch.py simulate --onsets`` looks for it anew."""
    monkeypatch.setattr("engine.pipeline.detect_onsets.iter_clip_audio", _fail)
    monkeypatch.setattr("engine.pipeline.detect_onsets.iter_frames", _fail)
    clip = load_project(ASSETS / f"demo_{demo.name}.struck.json").clip
    cache = Cache(None)
    for key, array in read_bundle(ASSETS / f"demo_{demo.name}.sounds").items():
        cache.put(key, array)
    track = last_event(detect_onsets(clip, source, cache=cache), OnsetsFound).track
    assert len(track.curve.values) / track.curve.rate_hz == pytest.approx(clip.duration_s, abs=0.05)
    found_s = np.array([onset.time_s for onset in pick(track)])
    missed = [onset for onset in truth_of(demo) if np.abs(found_s - onset["time_s"]).min() > 1.5 * FRAME_S]
    assert len(missed) <= (source == "video") and len(found_s) == len(truth_of(demo)) - len(missed)


def _fail(*_: object) -> None:
    raise AssertionError("a shipped demo must come from its bundle")
