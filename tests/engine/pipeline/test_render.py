"""Rendering: keys say all that a sound depends on and nothing else; placing is exact and linear."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from engine.core.cache import Cache
from engine.core.errors import Cancelled, StruckError
from engine.core.paths import ROOT
from engine.document.edits.messages import apply_message
from engine.document.project import Clip, Hit, Mix, Project, RenderSettings, Sound
from engine.document.source import Source
from engine.physics.detail import Detail
from engine.physics.macros import apply_hit_offsets, apply_macros
from engine.physics.model import Context, Modes, Physics, Residual
from engine.physics.synthesis import synthesize
from engine.pipeline.events import RenderedHit
from engine.pipeline.placement import DELAY_TAPS, FADE_SAMPLES
from engine.pipeline.render import hit_key, hit_keys, hit_physics, render_hits, sample_hits
from engine.pipeline.track import Track, pan_gains, place_hits, stems_by_sound

RATE = 48_000
BOWL = Modes((400.0, 950.0), (-12.0, -18.0), (8.0, 12.0), (0.0, 0.4), (False, False))
CRATE = Residual((0.0, 1000.0, 24000.0), (-30.0, -40.0), (40.0, 60.0))


GOLDEN_KEY = "6cfc53974891d53fc824d704483dadb92a50a1485d1604cf2efa3b9242251bd9"
"""Of RENDER_VERSION 9: a change of it, which samples every project's hits anew, has to be meant."""


def make_project(hits: int = 6) -> Project:
    clip = Clip("/c.mp4", "d", 4.0, Fraction(25), 320, 240)
    sounds = (
        Sound("s1", "Bowl", BOWL, Residual(), Source("clip")),
        Sound("s2", "Crate", Modes(), CRATE, Source("clip")),
    )
    times = [0.5 + 0.37 * k for k in range(hits)]
    return Project(
        clip, sounds, tuple(Hit(f"h{k}", t, f"s{1 + k % 2}", k, velocity_db=-k) for k, t in enumerate(times))
    )


class CountingSampler:
    """A sampler that gives a short sound of the seed and level, and remembers what it was asked."""

    def __init__(self, digest: str = "net1") -> None:
        self.digest = digest
        self.seeds: list[int] = []

    def sample(
        self,
        physics: Sequence[tuple[Modes, Residual]],
        seeds: Sequence[int],
        steps: int = 4,
        guidance: float = 1.0,
        on_step: Callable[[int, int], None] | None = None,
        contexts: Sequence[Context] | None = None,
        details: Sequence[Detail] | None = None,
    ) -> list[np.ndarray]:
        self.seeds += seeds
        if on_step is not None:
            on_step(0, len(seeds))
        return [np.random.default_rng(seed).standard_normal(300).astype(np.float32) for seed in seeds]


def do(project: Project, **message: object) -> Project:
    return apply_message(project, message).apply(project)


# --- keys -----------------------------------------------------------------------------------------


def test_the_mix_is_not_in_the_key_and_moving_samples_nothing() -> None:
    project, sampler, cache = make_project(), CountingSampler(), Cache(None)
    render_hits(project, sampler, cache)
    assert len(sampler.seeds) == 6
    moved = do(project, kind="move_hits", ids=["h1", "h2"], delta_s=0.31)
    for values in ({"pan": 0.5}, {"gain_db": -9.0}, {"time_s": 1.234567}, {"mute": True}):
        moved = do(moved, kind="set_hits", ids=["h3"], values=values)
    moved = do(moved, kind="set_mix", gain_db=-3.0)
    moved = do(moved, kind="rename_sound", sound_id="s1", name="Gong")
    assert hit_keys(moved, "net1") == hit_keys(project, "net1")
    rendered = render_hits(moved, sampler, cache)
    assert len(sampler.seeds) == 6 and "h3" not in rendered


def test_everything_a_sound_depends_on_is_in_the_key() -> None:
    project = make_project()
    keys = {hit_key(project, project.hit("h0"), "net1"), hit_key(project, project.hit("h0"), "net2")}
    for message in (
        {"kind": "set_hits", "ids": ["h0"], "values": {"velocity_db": -1.0}},
        {"kind": "set_hits", "ids": ["h0"], "values": {"seed": 5}},
        {"kind": "set_hits", "ids": ["h0"], "values": {"pitch_cents": 5.0}},
        {"kind": "set_hits", "ids": ["h0"], "values": {"decay_ratio": 1.1}},
        {"kind": "set_hits", "ids": ["h0"], "values": {"residual_db": 1.0}},
        {"kind": "set_hits", "ids": ["h0"], "values": {"sound_id": "s2"}},
        {"kind": "set_modes", "sound_id": "s1", "indices": [0], "frequency_hz": [401.0]},
        {"kind": "mute_modes", "sound_id": "s1", "indices": [0], "muted": True},
        {"kind": "set_render", "steps": 8},
        {"kind": "set_render", "guidance": 2.0},
        {"kind": "set_macros", "sound_id": "s1", "values": {"mass": 0.1}},
        {"kind": "set_macros", "sound_id": "s1", "values": {"room": 0.1}},
        {"kind": "set_render", "variation": 0.5},
        {"kind": "set_render", "variation": 1.0},
    ):
        changed = do(project, **message)
        keys.add(hit_key(changed, changed.hit("h0"), "net1"))
    assert len(keys) == 16


def test_sounds_that_no_law_changes_keep_the_keys_they_always_had() -> None:
    project = make_project()
    assert hit_key(project, project.hit("h0"), "net1") == GOLDEN_KEY
    turned = do(project, kind="set_macros", sound_id="s1", values={"mass": 0.4})
    assert hit_key(turned, turned.hit("h0"), "net1") != GOLDEN_KEY
    assert hit_keys(do(turned, kind="reset_macros", sound_id="s1"), "net1") == hit_keys(project, "net1")


def test_without_a_network_its_settings_do_not_matter() -> None:
    project = make_project()
    other = do(project, kind="set_render", steps=8, guidance=3.0, checkpoint="")
    assert hit_keys(project, "") == hit_keys(other, "")


def test_variation_makes_takes_of_hits_and_leaves_the_sound_as_it_is() -> None:
    """Each hit is a take of its own, by its seed alone."""
    project = make_project()
    varied = do(project, kind="set_render", variation=1.0)
    alike = [hit for hit in varied.hits if hit.sound_id == "s1"]
    levels = {tuple(np.round(hit_physics(varied, replace(hit, velocity_db=0.0))[0].power_db, 6)) for hit in alike}
    assert len(levels) == len({hit.seed for hit in alike}) > 1
    for hit in alike:
        assert hit_physics(varied, hit) == hit_physics(do(varied, kind="set_render", variation=1.0), hit)
    assert varied.sounds == project.sounds and hit_physics(project, alike[0])[0] == BOWL


@pytest.mark.slow
def test_keys_are_the_same_in_every_process() -> None:
    code = (
        "import tests.engine.pipeline.test_render as t; from engine.pipeline.render import hit_keys;"
        "print(*hit_keys(t.make_project(), 'net1').values())"
    )
    root = ROOT
    out = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout
    assert out.split() == list(hit_keys(make_project(), "net1").values())


# --- sampling -------------------------------------------------------------------------------------


def test_only_changed_hits_are_sampled_and_equal_hits_once(tmp_path: Path) -> None:
    project, sampler = make_project(), CountingSampler()
    render_hits(project, sampler, Cache(tmp_path))
    changed = do(project, kind="set_hits", ids=["h2"], values={"velocity_db": -20.0})
    again = render_hits(changed, sampler, Cache(tmp_path))
    assert sampler.seeds == [0, 1, 2, 3, 4, 5, 2] and again.keys() == {hit.id for hit in project.hits}
    twins = replace(project, hits=tuple(replace(project.hits[0], id=f"t{k}", time_s=0.1 * k) for k in range(9)))
    rendered = render_hits(twins, CountingSampler("net2"), Cache(None))
    assert len({id(r.samples) for r in rendered.values()}) == 1


def test_hits_are_sampled_in_groups_after_those_that_the_cache_holds() -> None:
    project, cache = make_project(6), Cache(None)
    render_hits(replace(project, hits=project.hits[1:2]), CountingSampler(), cache)
    events = list(sample_hits(project, CountingSampler(), cache))
    assert [list(event.hits) for event in events] == [["h1"], ["h0", "h2", "h3", "h4"], ["h5"]]
    assert [(event.done, event.total) for event in events] == [(0, 5), (4, 5), (5, 5)]


def test_a_cancel_passes_through_and_loses_no_finished_group() -> None:
    sampler, cache = CountingSampler(), Cache(None)

    def check() -> None:
        if len(sampler.seeds) > 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        render_hits(make_project(), sampler, cache, check)
    finished = [hit.id for hit in make_project().hits if hit_key(make_project(), hit, "net1") in cache]
    assert finished == ["h0", "h1", "h2", "h3"]
    sampler.seeds.clear()
    for event in sample_hits(make_project(), sampler, cache, group_hits=1):  # leaving the loop cancels as well
        if event.done:
            break
    assert sampler.seeds == [4]
    render_hits(make_project(), sampler, cache)
    assert sampler.seeds == [4, 5]


def test_without_a_sampler_physics_alone_sounds_with_velocity_and_tweak() -> None:
    project = replace(make_project(2), render=RenderSettings(checkpoint=""))
    project = do(project, kind="set_hits", ids=["h0"], values={"velocity_db": -6.0, "pitch_cents": 1200.0})
    sampler = CountingSampler()
    rendered = render_hits(project, sampler, Cache(None))
    assert not sampler.seeds
    struck, residual = apply_macros(BOWL, Residual(), velocity_db=-6.0)
    octave = replace(struck, frequency_hz=(800.0, 1900.0))
    want = synthesize(Physics(octave, residual, RATE), seed=0)
    np.testing.assert_allclose(rendered["h0"].samples, want, atol=1e-6)
    np.testing.assert_array_equal(rendered["h1"].samples, render_hits(project, None, Cache(None))["h1"].samples)


def test_a_hit_strikes_its_sound_under_the_macros_at_its_velocity() -> None:
    project = do(make_project(), kind="set_macros", sound_id="s2", values={"mass": -0.3, "room": 0.5})
    project = do(project, kind="set_hits", ids=["h1"], values={"residual_db": -3.0})
    macros = project.sound("s2").macros
    modes, residual = hit_physics(project, project.hit("h1"))
    assert (modes, residual) == apply_hit_offsets(*apply_macros(Modes(), CRATE, macros, -1.0), residual_db=-3.0)
    assert hit_physics(project, project.hit("h0")) == (BOWL, Residual())


def test_muted_modes_are_not_given_to_the_sampler() -> None:
    project = do(make_project(1), kind="mute_modes", sound_id="s1", indices=[0], muted=True)
    modes, _ = hit_physics(project, project.hit("h0"))
    assert modes.frequency_hz == (950.0,) and modes.power_db == (-18.0,)
    bare = replace(project.sound("s1"), modes=replace(BOWL, muted=(), phase_rad=()))
    assert len(hit_physics(replace(project, sounds=(bare,)), project.hit("h0"))[0]) == 2


def test_a_sound_that_is_not_finite_is_refused_and_not_kept() -> None:
    class Broken(CountingSampler):
        def sample(self, physics, seeds, *args, **settings):  # type: ignore[no-untyped-def]
            return [np.full(10, np.nan, np.float32) for _ in seeds]

    cache = Cache(None)
    with pytest.raises(StruckError, match="not finite"):
        render_hits(make_project(1), Broken(), cache)
    assert hit_key(make_project(), make_project().hit("h0"), "net1") not in cache


# --- placing --------------------------------------------------------------------------------------


def rendered_noise(project: Project, length: int = 3000) -> dict[str, RenderedHit]:
    rng = np.random.default_rng(0)
    return {h.id: RenderedHit(h.id, rng.standard_normal(length).astype(np.float32)) for h in project.hits}


def naive_track(project: Project, rendered: dict[str, RenderedHit]) -> np.ndarray:
    """The same law, sample by sample in float64."""
    length = int(np.floor(project.clip.duration_s * RATE + 0.5))
    track = np.zeros((length, 2))
    for hit in project.hits:
        if hit.mute:
            continue
        x = rendered[hit.id].samples.astype(np.float64)
        exact = hit.time_s * RATE
        whole = int(np.floor(exact))
        part = exact - whole
        if min(part, 1 - part) < 1e-4:
            whole, part = round(exact), 0.0
        first, last = (whole, whole + len(x)) if part == 0 else (whole - 15, whole + len(x) + 16)
        taps = np.arange(DELAY_TAPS) - 15 - part
        window = np.i0(8 * np.sqrt(np.clip(1 - (taps / 16) ** 2, 0, None))) / np.i0(8)
        kernel = np.sinc(taps) * window
        kernel /= kernel.sum()
        gain = 10 ** ((hit.gain_db + project.mix.gain_db) / 20)
        available = length - max(first, 0)
        fade = min(FADE_SAMPLES, available // 2) if last > length else 0
        for n in range(max(first, 0), min(last, length)):
            if part == 0:
                value = x[n - whole]
            else:
                value = sum(
                    kernel[k] * x[n - whole + 15 - k] for k in range(DELAY_TAPS) if 0 <= n - whole + 15 - k < len(x)
                )
            if fade and n >= length - fade:
                value *= 0.5 + 0.5 * np.cos(np.pi * (n - (length - fade) + 1) / fade)
            track[n, 0] += value * gain * min(1, 1 - hit.pan)
            track[n, 1] += value * gain * min(1, 1 + hit.pan)
    return track


def test_the_fast_path_is_the_slow_path() -> None:
    clip = Clip("/c.mp4", "d", 0.05 + 1e-6, Fraction(25), 320, 240)
    hits = (
        Hit("a", 0.0, "s1", 0, pan=-1.0),
        Hit("b", 0.00013, "s1", 0, pan=0.3, gain_db=6.0),
        Hit("c", 0.010004, "s1", 0, mute=True),
        Hit("d", 0.0200001, "s1", 0, pan=1.0),
        Hit("e", 0.0311, "s1", 0, gain_db=-20.0),
        Hit("f", 0.049, "s1", 0),
        Hit("g", 0.05 + 1e-6, "s1", 0),
        Hit("h", 480 / RATE, "s1", 0),
    )
    project = Project(clip, make_project().sounds, hits, Mix(gain_db=-1.5))
    rendered = rendered_noise(project, 700)
    got = place_hits(project, rendered)
    assert got.shape == (2400, 2) and got.dtype == np.float32
    np.testing.assert_allclose(got, naive_track(project, rendered), atol=2e-5)


def test_moving_by_whole_samples_shifts_the_sound_and_nothing_else() -> None:
    project = make_project(1)
    rendered = rendered_noise(project)
    at = replace(project, hits=(replace(project.hits[0], time_s=0.5 + 0.3 / RATE),))
    later = replace(project, hits=(replace(project.hits[0], time_s=0.5 + 1234.3 / RATE),))
    a, b = place_hits(at, rendered), place_hits(later, rendered)
    np.testing.assert_allclose(b[1234:], a[:-1234], atol=3e-6)
    whole = place_hits(replace(project, hits=(replace(project.hits[0], time_s=24_001 / RATE),)), rendered)
    np.testing.assert_array_equal(whole[24_001:27_001, 0], rendered["h0"].samples)
    assert not whole[:24_001].any() and not whole[27_001:].any()


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5, 0.9])
def test_a_fractional_delay_is_true_for_tones(fraction: float) -> None:
    project = make_project(1)
    n = np.arange(8000)
    for frequency_hz in (100.0, 5000.0, 17_000.0):
        tone = (np.sin(2 * np.pi * frequency_hz * n / RATE) * np.hanning(8000)).astype(np.float32)
        moved = replace(project, hits=(replace(project.hits[0], time_s=1.0 + fraction / RATE),))
        got = place_hits(moved, {"h0": RenderedHit("k", tone)})[RATE : RATE + 8000, 0]
        m = n - fraction
        want = np.sin(2 * np.pi * frequency_hz * m / RATE) * (0.5 - 0.5 * np.cos(2 * np.pi * m / 7999))
        assert np.max(np.abs(got - want)) < 2e-3


def test_gain_and_pan_are_true_and_hits_add_up() -> None:
    assert pan_gains(0.0) == (1.0, 1.0) and pan_gains(1.0) == (0.0, 1.0) and pan_gains(-0.25) == (1.0, 0.75)
    project = make_project(4)
    project = do(project, kind="set_hits", ids=["h1"], values={"pan": -0.5, "gain_db": -6.0})
    rendered = rendered_noise(project)
    whole = place_hits(project, rendered)
    alone = [place_hits(replace(project, hits=(hit,)), rendered) for hit in project.hits]
    np.testing.assert_allclose(whole, np.sum(alone, axis=0), atol=1e-5)
    np.testing.assert_allclose(alone[1][:, 1], 0.5 * alone[1][:, 0], atol=1e-6)
    louder = place_hits(do(project, kind="set_mix", gain_db=20.0), rendered)
    np.testing.assert_allclose(louder, 10 * whole, rtol=1e-5, atol=1e-5)


def test_stems_add_up_to_the_track_under_names_of_their_own() -> None:
    project = do(make_project(), kind="rename_sound", sound_id="s2", name="Bowl")
    rendered = rendered_noise(project)
    stems = stems_by_sound(project, rendered)
    assert list(stems) == ["Bowl", "Bowl 2"]
    np.testing.assert_allclose(sum(stem[:] for stem in stems.values()), place_hits(project, rendered), atol=1e-5)


@pytest.mark.parametrize("block", [1, 977, 48_000, 500_000])
def test_a_track_is_the_same_to_the_bit_however_it_is_cut(block: int) -> None:
    project = make_project(4)
    project = do(project, kind="set_hits", ids=["h1"], values={"pan": 0.3, "gain_db": 3.0, "time_s": 3.9})
    rendered = rendered_noise(project)
    whole, track = place_hits(project, rendered), Track(project, rendered)
    start, stop = (0, len(whole)) if block > 1 else (47_900, 48_200)
    parts = [track[at : min(at + block, stop)] for at in range(start, stop, block)]
    np.testing.assert_array_equal(np.concatenate(parts), whole[start:stop])
    np.testing.assert_array_equal(track[1000:3000], whole[1000:3000])  # back again
    assert not track[10:10].size and track.shape == whole.shape


def test_of_a_long_track_only_the_hits_that_sound_are_held() -> None:
    project = make_project(4)
    long = replace(project, clip=replace(project.clip, duration_s=1800.0))
    track = Track(long, rendered_noise(project))
    assert not track[48_000 * 1000 : 48_000 * 1001].any()
    track[: 48_000 * 10]
    assert not track._placed


def test_a_hit_past_the_end_is_cut_and_faded_and_no_hits_are_silence() -> None:
    project = make_project(1)
    late = do(project, kind="set_hits", ids=["h0"], values={"time_s": 3.99})
    track = place_hits(late, {"h0": RenderedHit("k", np.ones(RATE, np.float32))})
    assert len(track) == 192_000 and track[-1, 0] == pytest.approx(0.0, abs=1e-6)
    assert track[-FADE_SAMPLES - 1, 0] == pytest.approx(1.0, abs=1e-3)
    assert not place_hits(replace(project, hits=()), {}).any()
    assert not place_hits(project, {}).any()
    odd = replace(project, clip=replace(project.clip, duration_s=1.00001), hits=())
    assert place_hits(odd, {}).shape == (48_000, 2)
