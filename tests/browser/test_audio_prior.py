"""The preview of modes and noise in the browser against the engine's formula."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from engine.core.cache import Cache
from engine.core.units import SAMPLE_RATE_HZ
from engine.document.project import Clip, Hit, HitOffsets, Part, Project, Sound
from engine.document.source import Source
from engine.physics.macros import apply_hit_offsets, apply_macros
from engine.physics.model import Modes, NoiseComponent, Physics, Residual
from engine.physics.noise import envelope_gain
from engine.physics.synthesis import synthesize
from engine.pipeline.part_strikes import hit_lead
from engine.pipeline.render import render_hits
from tests.browser.audio_page import modes_value, open_audio_page, run, some_modes, unpack


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with open_audio_page(browser) as tab:
        yield tab


STRIKE = """
const context = new OfflineAudioContext(1, given.length, 48000);
const node = await preview.createBankNode(context, [
  { type: "noise", tables: prior.bandNoise(given.residual?.edges_hz ?? []) },
  { type: "set", bank: preview.toBankState(given) },
  { type: "strike", gain: 1 },
  ...(given.messages ?? []),
]);
node.connect(context.destination);
"""
RENDER = STRIKE + "return pack((await context.startRendering()).getChannelData(0));"
RENDERS = 8  # each strike's noise begins at a place drawn anew: levels are means over several


def test_the_worklet_plays_the_formula(page: Page) -> None:
    modes = some_modes(256)
    length = 48000
    found = unpack(
        run(
            page,
            RENDER,
            {"modes": modes_value(modes), "length": length},
        )
    )
    wanted = synthesize(Physics(modes), length / SAMPLE_RATE_HZ)
    # A mode that has died is dropped at -140 dB, so 256 of them may leave 256 * 1e-7 behind.
    assert np.abs(found - wanted).max() < 3e-5
    assert np.abs(wanted).max() > 0.5


def test_a_dragged_sound_is_heard_with_its_parts_as_it_is_rendered(page: Page) -> None:
    """One part 20.3 ms before the attack and one after it; modes alone, since noise differs by chance."""
    own, other = some_modes(12), some_modes(30)
    parts = (Part("p1", "s2", -0.0203, -4.0), Part("p2", "s2", 0.05, -9.0), Part("p3", "s2", 0.01, mute=True))
    sounds = (
        Sound("s1", "Knock", own, Residual(), Source("hand"), parts=parts),
        Sound("s2", "Rattle", other, Residual(), Source("hand")),
    )
    project = Project(Clip("c.mp4", "0", 1.0, Fraction(25), 16, 16), sounds, (Hit("h", 0.5, "s1", 0),))
    wanted = render_hits(project, None, Cache(None))["h"].samples[:24000]
    script = """
    const kept = buffers.createBuffers();
    const sounds = given.sounds.map((sound) => ({ ...sound, macros: undefined }));
    const rest = kept.rest(sounds, sounds[0], 0);
    const context = new OfflineAudioContext(1, 28800, 48000);
    const node = await preview.createBankNode(context, [
      { type: "set", bank: preview.toBankState(sounds[0]) },
      { type: "rest", samples: rest.samples, lead: rest.lead },
      { type: "strike", gain: 1 },
    ]);
    node.connect(context.destination);
    const offline = preview.addRest(prior.synthesize(sounds[0], 1), rest);
    return [rest.lead, pack((await context.startRendering()).getChannelData(0)), pack(offline)];
    """
    value = {
        "sounds": [
            {"id": s.id, "modes": modes_value(s.modes), "residual": None, "parts": [vars(p) for p in s.parts]}
            for s in sounds
        ]
    }
    lead, dragged, offline = run(page, script, value)
    assert lead == hit_lead(project, project.hits[0])
    silence = -lead % 128  # the own attack falls on the start of a block
    assert np.abs(unpack(dragged)[silence : silence + 24000] - wanted).max() < 3e-5
    assert np.abs(unpack(offline)[:24000] - wanted).max() < 3e-5
    assert np.abs(wanted[:lead]).max() > 0.1


def test_the_offline_prior_plays_the_formula_with_a_hits_offsets(page: Page) -> None:
    modes = some_modes(40)
    own = HitOffsets(pitch_cents=-350.0, decay_ratio=1.7, residual_db=0.0)
    struck, residual = apply_macros(modes, Residual(), velocity_db=-4.0)
    tweaked, residual = apply_hit_offsets(struck, residual, own.pitch_cents, own.decay_ratio, own.residual_db)
    script = """
    const physics = prior.applyHitOffsets({ modes: given.modes, residual: null }, given.offsets, -4);
    return pack(prior.synthesize(physics, 0.5));
    """
    found = unpack(run(page, script, {"modes": modes_value(modes), "offsets": vars(own)}))
    assert np.abs(found - synthesize(Physics(tweaked, residual), 0.5)).max() < 1e-5


def test_noise_has_the_level_of_its_bands(page: Page) -> None:
    edges = [100.0, 400.0, 1600.0, 6400.0, 20000.0]
    residual = Residual(
        tuple(edges), (-30.0, -40.0, -35.0, -50.0), (0.2, 0.2, 0.2, 0.2), NoiseComponent((-60.0,) * 4, (0.2,) * 4)
    )
    value = {
        "modes": modes_value(Modes()),
        "length": 65536,
        "residual": {
            "edges_hz": edges,
            "power_db": list(residual.power_db),
            "decay_per_s": list(residual.decay_per_s),
            "room": {"power_db": [-60.0] * 4, "decay_per_s": [0.2] * 4},
        },
    }
    worklet = np.stack([unpack(run(page, RENDER, value)) for _ in range(RENDERS)])
    offline = unpack(run(page, "return pack(prior.synthesize(given, 65536 / 48000));", value))[None]
    for renders in (worklet, offline):
        count = renders.shape[1]
        level = np.exp(0.2 * np.arange(count) / SAMPLE_RATE_HZ)
        power = np.mean(np.abs(np.fft.rfft(renders * level)) ** 2, axis=0) * 2 / count**2
        frequency = np.fft.rfftfreq(count, 1 / SAMPLE_RATE_HZ)
        for low, high, wanted_db in zip(edges[:-1], edges[1:], residual.power_db, strict=True):
            found_db = 10 * np.log10(power[(frequency >= low) & (frequency < high)].sum())
            assert abs(found_db - wanted_db) < 0.8


def test_the_fine_envelope_shapes_the_noise_but_not_the_room(page: Page) -> None:
    """Noise is held down for 20 ms and raised for the next 20 ms; a room under it goes on evenly."""
    envelope, bands = [-30.0] * 4 + [10.0] * 4, 8
    edges = np.geomspace(200, 20_000, bands + 1).tolist()
    stage, silent = {"power_db": [-30.0] * bands, "decay_per_s": [0.2] * bands}, {"power_db": [-200.0] * bands}
    residual = {"edges_hz": edges, **stage, "envelope_db": envelope}
    value = {"modes": modes_value(Modes()), "length": 16384, "residual": residual}
    worklet = np.stack([unpack(run(page, RENDER, value)) for _ in range(RENDERS)])
    offline, smooth, room = (
        unpack(run(page, "return pack(prior.synthesize(given, 16384 / 48000));", {**value, "residual": changed}))
        for changed in (
            residual,
            {**residual, "envelope_db": []},
            {**residual, **silent, "room": stage},
        )
    )
    gain = envelope_gain(np.arange(16384) / SAMPLE_RATE_HZ, envelope)
    assert np.abs(offline - gain * smooth).max() < 1e-5

    def levels_db(sound: np.ndarray) -> np.ndarray:
        parts = [sound[..., round(a * SAMPLE_RATE_HZ) : round(b * SAMPLE_RATE_HZ)] for a, b in SPANS_S]
        return 10 * np.log10([np.mean(part**2) for part in parts])

    assert levels_db(worklet) == pytest.approx(levels_db(gain) - 30 + 10 * np.log10(bands), abs=1.0)
    assert np.ptp(levels_db(room)) < 3


SPANS_S = ((0.0, 0.014), (0.022, 0.034), (0.1, 0.3))


def test_a_change_while_it_rings_does_not_click(page: Page) -> None:
    """Frequency, level and decay of a ringing mode jump; the waveform's steps stay those of its sinusoids."""
    modes = Modes((440.0,), (-6.0,), (1.0,), (0.0,), (False,))
    changed = Modes((660.0,), (-26.0,), (8.0,), (0.0,), (False,))
    script = (
        STRIKE
        + """
    const change = (at_s, messages) => context.suspend(at_s).then(async () => {
      for (const message of messages) node.port.postMessage(message);
      await pause(60);
      context.resume();
    });
    change(0.25, [{ type: "set", bank: preview.toBankState(given.changed) }]);
    const muted = { ...given, modes: { ...given.changed.modes, muted: [true] } };
    change(0.5, [{ type: "set", bank: preview.toBankState(muted) }]);
    return pack((await context.startRendering()).getChannelData(0));
    """
    )
    value = {"modes": modes_value(modes), "changed": {"modes": modes_value(changed)}, "length": 38400}
    found = unpack(run(page, script, value))
    at = 12000 + 3 * 128  # by then the new level is reached
    steepest = np.abs(np.diff(found[128:24000])).max()
    assert steepest < 1.15 * 10 ** (-6 / 20) * 2 * np.pi * 440 / SAMPLE_RATE_HZ
    zero_crossings = np.count_nonzero(np.diff(np.signbit(found[at : at + 9600])))
    assert abs(zero_crossings - 2 * 660 * 0.2) <= 1
    expected_peak = 10 ** (-26 / 20) * np.exp(-1.0 * 0.25)
    assert abs(np.abs(found[at : at + 480]).max() / expected_peak - 1) < 0.1
    assert np.abs(found[24000 + 3 * 128 :]).max() == 0.0
