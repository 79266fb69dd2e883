"""What the browser's audio engine schedules, mixes and meters, against the engine's own arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from engine.core.units import SAMPLE_RATE_HZ
from engine.document.project import Clip, Hit, HitOffsets, Mix, Part, Project, Sound
from engine.document.source import Source
from engine.document.strip import Strip
from engine.physics.macros import apply_macros
from engine.physics.model import Modes, NoiseComponent, Physics, Residual
from engine.physics.synthesis import synthesize
from engine.pipeline.events import RenderedHit
from engine.pipeline.master import master_track
from engine.pipeline.part_strikes import hit_lead
from engine.pipeline.placement import DELAY_TAPS
from engine.pipeline.track import hit_room, hit_side, place_hits
from tests.browser.audio_page import modes_value, open_audio_page, pack, run, some_modes, unpack


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with open_audio_page(browser) as tab:
        yield tab


STRIP = Strip(-2.0, 0.3, 4.0, -8.0, 150.0, 9000.0, 12.0)


LOUD = Strip(gain_db=22.0)
NO_MODES: dict[str, list[float]] = {"frequency_hz": [], "muted": []}


@pytest.mark.parametrize(
    ("width", "strip"), [(0.0, Strip()), (0.7, Strip()), (0.0, STRIP), (0.7, STRIP), (0.0, LOUD), (0.7, LOUD)]
)
def test_hits_are_mixed_as_the_engine_places_them(page: Page, width: float, strip: Strip) -> None:
    """Times between samples, level, pan, width, mute, strip and limiter: the scheduled sound is the exported sound."""
    rng = np.random.default_rng(3)
    noise = Residual((200.0, 9000.0), (-20.0,), (9.0,), room=NoiseComponent((-20.0,), (60.0,)))
    sound = Sound("s1", "Sound", some_modes(4), noise, Source("preset"), strip=strip)
    fraction = 1 / 64
    hits = (
        Hit("a", 0.1, "s1", 1, pan=-0.4, gain_db=-3.0),
        Hit("b", (9600 + 20 * fraction) / SAMPLE_RATE_HZ, "s1", 2, pan=1.0),
        Hit("c", (9701 + 51 * fraction) / SAMPLE_RATE_HZ, "s1", 3, gain_db=6.0, distance_m=2.5),
        Hit("d", 0.3, "s1", 4, mute=True),
        Hit("e", 0.0, "s1", 5, pan=0.25, velocity_db=-9.0),
        Hit("f", (24000 + 7 * fraction) / SAMPLE_RATE_HZ, "s2", 6, pan=0.5),
    )
    early = Sound("s2", "Early", Modes(), noise, Source("preset"), strip=strip, parts=(Part("p", "s1", -0.02),))
    clip = Clip("clip.mp4", "0", 1.0, Fraction(25), 16, 16)
    project = Project(clip, (sound, early), hits, Mix(gain_db=-2.5, width=width, limit=strip == LOUD))
    rendered = {
        hit.id: RenderedHit(f"key-{hit.id}", rng.normal(0, 0.1, 6000 + 500 * k).astype(np.float32))
        for k, hit in enumerate(hits)
    }
    wanted = master_track(project, rendered)[:].T
    script = """
    const context = new OfflineAudioContext(2, 48000 + 960, 48000);
    const view = { project: given.project };
    const rendered = new Map(Object.entries(given.sounds).map(([id, { key, lead }]) => [id, { key, lead }]));
    const byKey = Object.fromEntries(Object.values(given.sounds).map(({ key, samples }) => [key, unpack(samples)]));
    const engine = audio.createAudio(makeStore(view, rendered), {
      context, fetchSound: async (key) => byKey[key], fetchSide: async (key) => unpack(given.sides[key]),
      fetchRoom: async (key) => unpack(given.rooms[key]),
    });
    engine.play(0);
    await pause(250);
    const made = await context.startRendering();
    engine.dispose();
    return [0, 1].map((channel) => pack(made.getChannelData(channel)));
    """
    value = {
        "project": {
            "clip": {"picture_offset_s": 0},
            "mix": {"gain_db": -2.5, "clip_gain_db": 0, "width": width, "limit": strip == LOUD},
            "sounds": [
                {**value, "strip": vars(strip), "macros": {"room": 0}, "residual": {"power_db": [0], "room": {}}}
                for value in (
                    {"id": "s1", "parts": [], "modes": NO_MODES},
                    {"id": "s2", "parts": [vars(early.parts[0])], "modes": NO_MODES},
                )
            ],
            "hits": [
                {
                    "id": h.id,
                    "time_s": h.time_s,
                    "sound_id": h.sound_id,
                    "velocity_db": h.velocity_db,
                    "gain_db": h.gain_db,
                    "pan": h.pan,
                    "distance_m": h.distance_m,
                    "mute": h.mute,
                    "offsets": vars(h.offsets),
                }
                for h in hits
            ],
        },
        "sounds": {
            hit_id: {"key": r.key, "samples": pack(r.samples), "lead": hit_lead(project, project.hit(hit_id))}
            for hit_id, r in rendered.items()
        },
        "sides": {f"key-{h.id}": pack(hit_side(project, h, len(rendered[h.id].samples))) for h in hits},
        "rooms": {f"key-{h.id}": pack(hit_room(project, h, len(rendered[h.id].samples)).ravel()) for h in hits},
    }
    found = np.stack([unpack(channel) for channel in run(page, script, value)])[:, 960:]
    for channel in (0, 1):
        error = np.abs(found[channel] - wanted[channel])
        assert error.max() < 1e-5, f"channel {channel} differs by {error.max()} at sample {error.argmax()}"
    assert np.abs(wanted).max() > 0.1 and (strip != LOUD or np.abs(place_hits(project, rendered)).max() > 2.0)


def test_a_hit_that_is_not_sampled_yet_plays_its_prior(page: Page) -> None:
    modes = some_modes(12)
    script = """
    const context = new OfflineAudioContext(2, 24000 + 960, 48000);
    const fetchSound = async () => { throw new Error("none"); };
    const engine = audio.createAudio(makeStore({ project: given }), { context, fetchSound });
    engine.play(0);
    await pause(20);
    const made = await context.startRendering();
    engine.dispose();
    return pack(made.getChannelData(0));
    """
    hit = {
        "id": "h",
        "time_s": 0.125,
        "sound_id": "s1",
        "velocity_db": -6,
        "gain_db": 2,
        "pan": 0,
        "mute": False,
        "offsets": vars(HitOffsets()),
    }
    value = {
        "clip": {"picture_offset_s": 0},
        "mix": {"gain_db": 0, "clip_gain_db": 0},
        "hits": [hit],
        "sounds": [{"id": "s1", "parts": [], "modes": modes_value(modes), "residual": None}],
    }
    found = unpack(run(page, script, value))[960:]
    wanted = synthesize(Physics(*apply_macros(modes, Residual(), velocity_db=-6.0)), 0.3) * 10 ** (2 / 20)
    assert np.abs(found[:5999]).max() == 0.0
    assert np.abs(found[6000 : 6000 + 12000] - wanted[:12000]).max() < 1e-5


def test_a_hit_moved_during_playback_sounds_only_at_its_new_time(page: Page) -> None:
    script = """
    const context = new OfflineAudioContext(2, 48000, 48000);
    const hit = { id: "h", time_s: 0.6, sound_id: "s1", velocity_db: 0, gain_db: 0, pan: 0, mute: false, offsets: {} };
    const project = { clip: { picture_offset_s: 0 }, mix: { gain_db: 0 }, sounds: [], hits: [hit] };
    const store = makeStore({ project }, new Map([["h", { key: "click", lead: 0 }]]));
    const engine = audio.createAudio(store, { context, fetchSound: async () => Float32Array.from([1]) });
    engine.play(0);
    await pause(100);
    context.suspend(0.1280).then(() => {
      store.view = { project: { ...project, hits: [{ ...hit, time_s: 0.3 }] } };
      store.emit("document");
      context.resume();
    });
    const made = (await context.startRendering()).getChannelData(0);
    engine.dispose();
    return [...made.keys()].filter((i) => Math.abs(made[i]) > 1e-4);
    """
    assert run(page, script) == [round(0.3 * 48000) + 960]


@pytest.mark.parametrize("lead", [0, 12000])
def test_a_sound_already_ringing_is_joined_at_its_offset(page: Page, lead: int) -> None:
    script = """
    const context = new OfflineAudioContext(2, 24000, 48000);
    const ramp = Float32Array.from({ length: 48000 }, (_, i) => i / 48000);
    const hit = { id: "h", time_s: 0.5, sound_id: "s1", velocity_db: 0, gain_db: 0, pan: 0, mute: false, offsets: {} };
    const project = { clip: { picture_offset_s: 0 }, mix: { gain_db: 0 }, sounds: [], hits: [hit] };
    const store = makeStore({ project }, new Map([["h", { key: "ramp", lead: given }]]));
    const engine = audio.createAudio(store, { context, fetchSound: async () => ramp });
    engine.play(0.75);
    await pause(100);
    const made = (await context.startRendering()).getChannelData(0);
    engine.dispose();
    return made[960 + 4800];
    """
    assert abs(run(page, script, lead) - 0.35 - lead / SAMPLE_RATE_HZ) < 1e-4


@pytest.mark.parametrize("samples", [0, 48, 48 + 32 / 64])
@pytest.mark.parametrize("late", [False, True])
def test_a_hit_at_the_beginning_keeps_its_attack_beside_a_part_before_it(
    page: Page, samples: float, late: bool
) -> None:
    """Playback's start cuts the part as the track's start does, and fades only that in; also where it loads late."""
    lead = 1440
    sound = Sound("s1", "Sound", Modes(), Residual(), Source("preset"))
    early = replace(sound, id="s2", parts=(Part("p", "s1", -lead / SAMPLE_RATE_HZ),))
    hit = Hit("h", samples / SAMPLE_RATE_HZ, "s2", 1)
    clip = Clip("clip.mp4", "0", 1.0, Fraction(25), 16, 16)
    noise = np.random.default_rng(3).normal(0, 0.1, 6000).astype(np.float32)
    project = Project(clip, (sound, early), (hit,), Mix(width=0.0))
    assert hit_lead(project, hit) == lead
    wanted = place_hits(project, {"h": RenderedHit("noise", noise)})[:, 0]
    script = """
    const context = new OfflineAudioContext(2, 12000, 48000);
    const { time_s } = given;
    const hit = { id: "h", time_s, sound_id: "s2", velocity_db: 0, gain_db: 0, pan: 0, mute: false, offsets: {} };
    const project = { clip: { picture_offset_s: 0 }, mix: { gain_db: 0 }, sounds: [], hits: [hit] };
    const store = makeStore({ project }, new Map([["h", { key: "noise", lead: given.lead }]]));
    let load;
    const loaded = new Promise((resolve) => { load = () => resolve(unpack(given.samples)); });
    if (given.late) context.suspend(1536 / 48000).then(load).then(() => pause(100)).then(() => context.resume());
    else load();
    const engine = audio.createAudio(store, { context, fetchSound: () => loaded });
    engine.play(0);
    await pause(100);
    const made = (await context.startRendering()).getChannelData(0);
    engine.dispose();
    return pack(made);
    """
    value = {"time_s": hit.time_s, "lead": lead, "samples": pack(noise), "late": late}
    start = 960 if not late else 1536 + (0 if float(samples).is_integer() else DELAY_TAPS // 2 - 1)
    found = unpack(run(page, script, value))[start:]
    own = int(np.ceil(samples))
    assert np.abs(found[own:] - wanted[own : len(found)]).max() < 1e-5
    assert not own or abs(found[0]) < 0.1 * np.abs(found).max()


def test_the_meter_knows_a_sine(page: Page) -> None:
    script = """
    const context = new OfflineAudioContext(2, 48000, 48000);
    const sine = new OscillatorNode(context, { frequency: 997 });
    const level = new GainNode(context, { gain: 0.1, channelCount: 2, channelCountMode: "explicit" });
    const tap = meter.createMeter(context, level);
    sine.connect(level).connect(context.destination);
    sine.start();
    let read;
    context.suspend(0.512).then(() => { read = tap.read(); context.resume(); });
    await context.startRendering();
    return read;
    """
    found = run(page, script)
    assert abs(found["peak_db"] + 20) < 0.05
    assert abs(found["rms_db"] + 23.01) < 0.1
    assert abs(found["loudness_lufs"] + 20.0) < 0.2  # 997 Hz at -20 dBFS in both channels
    assert found["clipped"] is False
