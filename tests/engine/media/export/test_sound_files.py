"""Sound files opened again by readers that are not ours: their samples, and all that they say of themselves."""

from __future__ import annotations

import json
import os
import struct
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import av
import mutagen.flac
import numpy as np
import pytest
import soundfile
import wavinfo

from engine.core.errors import BadInput
from engine.media.export import wave
from engine.media.export.embedded import read_embedded_project
from engine.media.export.flac import write_flac
from engine.media.export.loudness import measure_loudness
from engine.media.export.sound import check_form, write_sound
from engine.media.export.tags import Category, SoundTags
from engine.media.export.wave import write_wave

RATE = 48_000
TAGS = SoundTags(
    title="Glass jar",
    comment="take 2",
    created=datetime(2026, 3, 4, 5, 6, 7),
    time_reference_samples=(1 << 33) + 12,
    frame_rate=Fraction(30000, 1001),
    drop_frame=True,
    category=Category("GLASImpt", "GLASS", "IMPACT"),
    fx_name="Jar Hit",
    creator_id="ANN",
    source_id="FILM",
    project=json.dumps({"hits": list(range(500))}).encode(),
)


def make_sine(level_dbfs: float, seconds: float = 4.0, hz: float = 1000.0) -> np.ndarray:
    time_s = np.arange(round(seconds * RATE)) / RATE
    return (10.0 ** (level_dbfs / 20.0) * np.sin(2.0 * np.pi * hz * time_s)).astype(np.float32)


def test_loudness_of_the_ebu_sine() -> None:
    """EBU Tech 3341, case 1: a stereo sine of 1 kHz at -23 dBFS has -23 LUFS, momentary and short-term too."""
    found = measure_loudness(np.stack([make_sine(-23.0)] * 2, axis=1), RATE)
    assert found.integrated_lufs == pytest.approx(-23.0, abs=0.1)
    assert (found.momentary_lufs, found.short_term_lufs) == pytest.approx((-23.0, -23.0), abs=0.1)
    assert found.true_peak_dbtp == pytest.approx(-23.0, abs=0.1) and found.range_lu == pytest.approx(0.0, abs=0.1)
    between = np.hanning(RATE)[:, None] * np.sin(np.pi / 2 * np.arange(RATE) + np.pi / 4)[:, None].repeat(2, axis=1)
    assert measure_loudness(between.astype(np.float32), RATE).true_peak_dbtp == pytest.approx(
        0.0, abs=0.2
    )  # samples peak at -3 dBFS
    assert all(np.isnan(measure_loudness(np.zeros((RATE, 2), np.float32), RATE)))


def test_bext_as_another_reader_sees_it(tmp_path: Path) -> None:
    write_wave(tmp_path / "b.wav", np.stack([make_sine(-23.0)] * 2, axis=1), RATE, 24, TAGS)
    bext = wavinfo.WavInfoReader(str(tmp_path / "b.wav")).bext
    assert (bext.version, bext.description, bext.originator) == (2, "Glass jar", "Struck")
    assert (bext.originator_date, bext.originator_time) == ("2026-03-04", "05:06:07")
    assert bext.time_reference == TAGS.time_reference_samples and bext.originator_ref.startswith("STRUCK")
    assert bext.coding_history == "A=PCM,F=48000,W=24,M=stereo,T=Struck\r\n"
    levels = (bext.loudness_value, bext.max_true_peak, bext.max_momentary_loudness, bext.max_shortterm_loudness)
    assert levels == pytest.approx((-23.0,) * 4, abs=0.1)
    with av.open(str(tmp_path / "b.wav")) as container:
        assert container.metadata["time_reference"] == str(TAGS.time_reference_samples)
    data = (tmp_path / "b.wav").read_bytes()
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8


@pytest.mark.parametrize(("bits", "peak_dbtp"), [(24, 0.4), (16, 0.4), (32, 12.0)])
def test_loudness_is_that_of_the_stored_samples(tmp_path: Path, bits: int, peak_dbtp: float) -> None:
    write_wave(tmp_path / "b.wav", make_sine(12.0, hz=100.0), RATE, bits, TAGS)
    stored = measure_loudness(soundfile.read(tmp_path / "b.wav", dtype="float32")[0], RATE)
    bext = wavinfo.WavInfoReader(str(tmp_path / "b.wav")).bext
    assert bext.loudness_value == pytest.approx(stored.integrated_lufs, abs=0.1)
    assert bext.max_true_peak == pytest.approx(stored.true_peak_dbtp, abs=0.1)
    assert bext.max_true_peak == pytest.approx(peak_dbtp, abs=0.5)


def test_loudness_of_a_flac_is_that_of_the_stored_samples(tmp_path: Path) -> None:
    write_flac(tmp_path / "b.flac", make_sine(12.0, hz=100.0), RATE, 24, TAGS)
    stored = measure_loudness(soundfile.read(tmp_path / "b.flac", dtype="float32")[0], RATE)
    with av.open(str(tmp_path / "b.flac")) as container:
        told = [float(container.metadata[f"R128_{name}"]) for name in ("INTEGRATED_LUFS", "TRUE_PEAK_DBTP")]
    assert told == pytest.approx([stored.integrated_lufs, stored.true_peak_dbtp], abs=0.1)


def test_a_silent_file_declares_no_loudness(tmp_path: Path) -> None:
    write_wave(tmp_path / "s.wav", np.zeros((RATE, 2), np.float32), RATE)
    data = (tmp_path / "s.wav").read_bytes()
    at = data.index(b"bext") + 8
    assert struct.unpack("<5H", data[at + 412 : at + 422]) == (0x7FFF,) * 5


def test_ixml_holds_speed_tracks_and_category(tmp_path: Path) -> None:
    write_wave(tmp_path / "x.wav", np.zeros((10, 6), np.float32), RATE, 24, TAGS)
    data = (tmp_path / "x.wav").read_bytes()
    at = data.index(b"iXML")
    root = ElementTree.fromstring(data[at + 8 : at + 8 + struct.unpack("<I", data[at + 4 : at + 8])[0]])
    speed = {element.tag: element.text for element in root.find("SPEED") or ()}
    assert (speed["TIMECODE_RATE"], speed["TIMECODE_FLAG"]) == ("30000/1001", "DF")
    high, low = (int(speed[f"TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_{part}"] or 0) for part in ("HI", "LO"))
    assert (high << 32) + low == TAGS.time_reference_samples
    assert (speed["FILE_SAMPLE_RATE"], speed["AUDIO_BIT_DEPTH"]) == ("48000", "24")
    names = [track.findtext("NAME") for track in root.iter("TRACK")]
    assert names == ["Left", "Right", "Centre", "LFE", "Left surround", "Right surround"]
    assert root.findtext("USER/CatID") == root.findtext("ASWG/catId") == "GLASImpt"
    assert root.findtext("USER/FXName") == "Jar Hit" and root.findtext("ASWG/creatorId") == "ANN"
    told = wavinfo.WavInfoReader(str(tmp_path / "x.wav")).ixml
    assert [track.name for track in told.track_list] == names and told.project == "Glass jar"
    info = soundfile.info(tmp_path / "x.wav", verbose=True)
    assert info.format == "WAVEX" and "L, R, C, LFE, Ls, Rs" in info.extra_info


@pytest.mark.parametrize("ending", [".wav", ".rf64", ".flac", ".aiff", ".caf", ".w64", ".ogg", ".opus"])
def test_5_1_comes_from_the_loudspeakers_that_it_is_for(tmp_path: Path, ending: str) -> None:
    """A tone for each of L R C LFE Ls Rs, in the order in which FFmpeg names them whatever the format's own."""
    tones_hz = np.array([400.0, 700.0, 1000.0, 60.0, 1600.0, 2200.0])
    path = tmp_path / f"s{ending}"
    write_sound(path, (0.1 * np.sin(2.0 * np.pi * np.outer(np.arange(RATE) / RATE, tones_hz))).astype(np.float32), RATE)
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        if ending not in (".aiff", ".caf", ".w64"):  # which name no loudspeakers
            names = [channel.name for channel in stream.layout.channels]
            assert [name[-1] if name[0] in "SB" else name for name in names] == ["FL", "FR", "FC", "LFE", "L", "R"]
        resampler = av.AudioResampler("fltp", stream.layout.name, RATE)
        heard = np.concatenate(
            [f.to_ndarray() for g in container.decode(stream) for f in resampler.resample(g)], axis=1
        )
    spectra = np.abs(np.fft.rfft(heard[:, 9600:33_600] * np.hanning(24_000)))
    assert spectra.argmax(axis=1) * (RATE / 24_000) == pytest.approx(tones_hz, abs=2.0)


@pytest.mark.parametrize("ending", [".wav", ".rf64", ".flac", ".aiff", ".caf"])
def test_samples_of_each_depth(tmp_path: Path, rng: np.random.Generator, ending: str) -> None:
    sound = np.concatenate([rng.uniform(-1, 1, (5001, 2)), [[1.2, -1.2]]]).astype(np.float32)
    for bits, step in ((16, 1.5 / 2**15), (24, 0.5 / 2**23)):
        path = tmp_path / f"a{bits}{ending}"
        assert write_sound(path, sound, 96_000, bits, TAGS) == 2
        assert soundfile.info(path).subtype == f"PCM_{bits}"
        read, rate_hz = soundfile.read(path, always_2d=True)
        assert rate_hz == 96_000 and np.abs(read - np.clip(sound, -1, 1)).max() <= step + 2.0 ** (1 - bits)
    if ending != ".flac":
        write_sound(tmp_path / f"f{ending}", sound, 44_100, 32, TAGS)
        assert np.array_equal(soundfile.read(tmp_path / f"f{ending}", dtype="float32")[0], sound)


def test_dither_makes_the_error_independent_of_the_sound(tmp_path: Path) -> None:
    """A tone under a step survives 16 bits as a tone; the error's variance is a quarter of a squared step."""
    tone = make_sine(-98.0, 2.0)
    write_sound(tmp_path / "d.wav", tone, RATE, 16)
    read = soundfile.read(tmp_path / "d.wav", dtype="float32")[0]
    time_s = np.arange(len(tone)) / RATE
    found = 2.0 * np.abs(np.mean(read * np.exp(-2j * np.pi * 1000.0 * time_s)))
    assert 20.0 * np.log10(found) == pytest.approx(-98.0, abs=0.5)
    error = (read - tone) * 2**15
    assert np.mean(error) == pytest.approx(0.0, abs=0.01) and np.var(error) == pytest.approx(0.25, abs=0.01)
    again = tmp_path / "again.wav"
    write_sound(again, tone, RATE, 16)
    assert again.read_bytes() == (tmp_path / "d.wav").read_bytes()


def test_past_4_gb_it_is_rf64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = np.stack([make_sine(-12.0, 0.5)] * 2, axis=1)
    monkeypatch.setattr(wave, "_LARGEST_BYTES", 10_000)
    for bits in (16, 24, 32):
        write_wave(tmp_path / "big.wav", sound, RATE, bits, TAGS)
        assert (tmp_path / "big.wav").read_bytes()[:4] == b"RF64"
        info = soundfile.info(tmp_path / "big.wav")
        assert (info.format, info.frames) == ("RF64", len(sound))
        assert np.abs(soundfile.read(tmp_path / "big.wav")[0] - sound).max() < 1.6 / 2**15
    assert wavinfo.WavInfoReader(str(tmp_path / "big.wav")).bext.time_reference == TAGS.time_reference_samples
    assert read_embedded_project(tmp_path / "big.wav") == TAGS.project


def test_flac_holds_what_wav_holds(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.flac", np.stack([make_sine(-23.0)] * 2, axis=1), RATE, 24, TAGS)
    tags = mutagen.flac.FLAC(tmp_path / "a.flac").tags
    expected = {
        "title": "Glass jar",
        "time_reference": str(TAGS.time_reference_samples),
        "origination_date": "2026-03-04",
    }
    expected |= {"catid": "GLASImpt", "fxname": "Jar Hit", "r128_integrated_lufs": "-23.00", "timecode_flag": "DF"}
    assert {name: tags[name][0] for name in expected} == expected


@pytest.mark.parametrize("name", ["a.wav", "a.rf64", "a.flac"])
def test_the_project_is_inside(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_sound(path, make_sine(-12.0, 0.1), RATE, 24, TAGS)
    assert read_embedded_project(path) == TAGS.project
    write_sound(path, make_sine(-12.0, 0.1), RATE, 24)
    assert read_embedded_project(path) is None
    write_sound(path, make_sine(-12.0, 0.1), RATE, 24, TAGS)
    data = bytearray(path.read_bytes())
    at = data.index(b"strk") + 12 if name != "a.flac" else data.index(b"STRUCK_PROJECT=") + 40
    data[at : at + 8] = b"AAAAAAAA"
    path.write_bytes(data)
    with pytest.raises(BadInput, match=f"the project inside {name} is damaged"):
        read_embedded_project(path)


def test_what_a_format_does_not_hold_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"\.flac does not hold 32 bits; choose 16 or 24"):
        check_form(tmp_path / "a.flac", RATE, 2, 32)
    with pytest.raises(BadInput, match=r"\.mp3 does not hold sound of 48000 Hz and 6 channels; give \.wav"):
        check_form(tmp_path / "a.mp3", RATE, 6, 24)
    with pytest.raises(BadInput, match="a WAV of 20 bits is not offered; choose 16, 24 or 32"):
        write_wave(tmp_path / "a.wav", make_sine(-12.0, 0.1), RATE, 20)


@pytest.mark.parametrize("start", [b"RIFF\0\0\0\0WAVE", b"fLaC"])
def test_a_file_of_countless_parts_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: bytes) -> None:
    monkeypatch.setattr("engine.media.export.embedded._MOST_PARTS", 100)
    tail = TAGS.project if start == b"fLaC" else b"strk" + (9).to_bytes(4, "little") + b"not read."
    path = tmp_path / "parts.wav"
    path.write_bytes(start + bytes(8 * 200) + tail)
    assert read_embedded_project(path) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are POSIX things")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert read_embedded_project(tmp_path / "pipe.wav") is None
