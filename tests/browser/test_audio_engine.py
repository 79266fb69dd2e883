"""The browser's audio engine against the engine's own arithmetic, in a real browser's offline audio contexts."""

from __future__ import annotations

import base64
import functools
import http.server
import threading
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from engine.core.paths import ROOT
from engine.core.units import SAMPLE_RATE_HZ
from engine.document.project import Clip, Hit, HitOffsets, Mix, Project, Sound
from engine.document.source import Source
from engine.document.strip import Strip
from engine.physics.macros import apply_hit_offsets, apply_macros
from engine.physics.model import Modes, NoiseComponent, Physics, Residual
from engine.physics.noise import envelope_gain
from engine.physics.synthesis import synthesize
from engine.pipeline.events import RenderedHit
from engine.pipeline.master import master_track
from engine.pipeline.track import hit_room, hit_side, place_hits
from tests.browser.struck_page import browse

EDITOR = ROOT / "ui" / "editor"

# What every script below starts from. Arrays cross as base64 of float32.
TOOLS = """
const [audio, buffers, prior, preview, panner, meter] = await Promise.all(
  ["audio/engine", "audio/buffers", "audio/prior", "audio/preview", "audio/panner", "audio/meter"]
    .map((name) => import(`/${name}.js`)));
const pack = (array) => {
  const bytes = new Uint8Array(Float32Array.from(array).buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
};
const unpack = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const makeStore = (view, rendered = new Map()) => {
  const listeners = {};
  return {
    view, rendered, selection: { hits: new Set(), soundId: null, modes: new Set() },
    watch(select, react) { return this.on("document", react); },
    on(name, react) { (listeners[name] ??= []).push(react); return () => {}; },
    emit(name, data) { for (const react of listeners[name] ?? []) react(data); },
    send() {}, edit() {}, select() {},
  };
};
"""


class _Files(http.server.SimpleHTTPRequestHandler):
    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript"}  # noqa: RUF012

    def do_GET(self) -> None:
        if self.path == "/":
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>test</title>")
        else:
            super().do_GET()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Files, directory=str(EDITOR)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with browse(f"http://127.0.0.1:{server.server_address[1]}/", tmp_path_factory.mktemp("page")) as tab:
        yield tab
    server.shutdown()
    server.server_close()


def run(page: Page, script: str, value: Any = None) -> Any:
    return page.evaluate(f"async (given) => {{ {TOOLS} {script} }}", value)


def pack(samples: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(samples, np.float32).tobytes()).decode()


def unpack(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.float32)


def modes_value(modes: Modes) -> dict[str, Any]:
    return {
        "frequency_hz": list(modes.frequency_hz),
        "power_db": list(modes.power_db),
        "decay_per_s": list(modes.decay_per_s),
        "phase_rad": list(modes.phase_rad),
        "muted": list(modes.muted),
    }


def some_modes(count: int) -> Modes:
    rng = np.random.default_rng(5)
    return Modes(
        tuple(float(v) for v in np.geomspace(80, 23000, count)),
        tuple(float(v) for v in rng.uniform(-50, -20, count)),
        tuple(float(v) for v in rng.uniform(2, 60, count)),
        tuple(float(v) for v in rng.uniform(-3, 3, count)),
        tuple(k % 7 == 3 for k in range(count)),
    )


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


def test_the_worklet_plays_the_formula(page: Page) -> None:
    modes = some_modes(256)
    length = 48000
    found = unpack(
        run(
            page,
            STRIKE + "return pack((await context.startRendering()).getChannelData(0));",
            {"modes": modes_value(modes), "length": length},
        )
    )
    wanted = synthesize(Physics(modes), length / SAMPLE_RATE_HZ)
    # A mode that has died is dropped at -140 dB, so 256 of them may leave 256 * 1e-7 behind.
    assert np.abs(found - wanted).max() < 3e-5
    assert np.abs(wanted).max() > 0.5


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
    worklet = unpack(run(page, STRIKE + "return pack((await context.startRendering()).getChannelData(0));", value))
    offline = unpack(run(page, "return pack(prior.synthesize(given, 65536 / 48000));", value))
    for samples in (worklet, offline):
        level = np.exp(0.2 * np.arange(samples.size) / SAMPLE_RATE_HZ)
        power = np.abs(np.fft.rfft(samples * level)) ** 2 * 2 / samples.size**2
        frequency = np.fft.rfftfreq(samples.size, 1 / SAMPLE_RATE_HZ)
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
    worklet = unpack(run(page, STRIKE + "return pack((await context.startRendering()).getChannelData(0));", value))
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
        parts = [sound[round(a * SAMPLE_RATE_HZ) : round(b * SAMPLE_RATE_HZ)] for a, b in SPANS_S]
        return 10 * np.log10([np.mean(part**2) for part in parts])

    assert levels_db(worklet) == pytest.approx(levels_db(gain) - 30 + 10 * np.log10(bands), abs=1.5)
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


STRIP = Strip(-2.0, 0.3, 4.0, -8.0, 150.0, 9000.0, 12.0)


LOUD = Strip(gain_db=22.0)


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
    )
    clip = Clip("clip.mp4", "0", 1.0, Fraction(25), 16, 16)
    project = Project(clip, (sound,), hits, Mix(gain_db=-2.5, width=width, limit=strip == LOUD))
    rendered = {
        hit.id: RenderedHit(f"key-{hit.id}", rng.normal(0, 0.1, 6000 + 500 * k).astype(np.float32))
        for k, hit in enumerate(hits)
    }
    wanted = master_track(project, rendered)[:].T
    script = """
    const context = new OfflineAudioContext(2, 48000 + 960, 48000);
    const view = { project: given.project };
    const rendered = new Map(Object.entries(given.sounds).map(([id, { key }]) => [id, { key }]));
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
            "sounds": [{"id": "s1", "strip": vars(strip), "macros": {"room": 0}, "residual": {"room": {}}}],
            "hits": [
                {
                    "id": h.id,
                    "time_s": h.time_s,
                    "sound_id": "s1",
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
        "sounds": {hit_id: {"key": r.key, "samples": pack(r.samples)} for hit_id, r in rendered.items()},
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
        "sounds": [{"id": "s1", "modes": modes_value(modes), "residual": None}],
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
    const store = makeStore({ project }, new Map([["h", { key: "click" }]]));
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


def test_a_sound_already_ringing_is_joined_at_its_offset(page: Page) -> None:
    script = """
    const context = new OfflineAudioContext(2, 24000, 48000);
    const ramp = Float32Array.from({ length: 48000 }, (_, i) => i / 48000);
    const hit = { id: "h", time_s: 0.5, sound_id: "s1", velocity_db: 0, gain_db: 0, pan: 0, mute: false, offsets: {} };
    const project = { clip: { picture_offset_s: 0 }, mix: { gain_db: 0 }, sounds: [], hits: [hit] };
    const store = makeStore({ project }, new Map([["h", { key: "ramp" }]]));
    const engine = audio.createAudio(store, { context, fetchSound: async () => ramp });
    engine.play(0.75);
    await pause(100);
    const made = (await context.startRendering()).getChannelData(0);
    engine.dispose();
    return made[960 + 4800];
    """
    assert abs(run(page, script) - 0.35) < 1e-4


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
