"""Sound at the times and levels at which it was written."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from engine.core.errors import BadInput
from engine.media.frames import iter_frames
from engine.media.probe import probe
from engine.media.sound import find_sound_spans, iter_clip_audio, read_clip_audio, read_recording
from tests.clips import SOUND_RATE_HZ, draw_frame, find_attacks, make_clicks, make_clip, read_number, run_ffmpeg

CLICKS_S = (0.3, 1.1, 1.6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Path:
    return make_clip(folder / "plain.mp4", sounds=[(0.0, make_clicks(CLICKS_S, 2.0))])


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("late_s", [-0.4, 0.25])
def test_sound_with_another_start_keeps_its_place(folder: Path, suffix: str, late_s: float) -> None:
    """Both streams start at their own times; Struck's 0 is the first frame."""
    picture_start_s = max(0.0, -late_s)
    sound = make_clicks([t - late_s for t in CLICKS_S], 2.0 - late_s)
    path = make_clip(
        folder / f"offset{late_s}.{suffix}", picture_start_s=picture_start_s, sounds=[(picture_start_s + late_s, sound)]
    )
    assert probe(path).duration_s == pytest.approx(2.0, abs=1e-3)
    heard = read_clip_audio(path, SOUND_RATE_HZ)
    assert len(heard) == round(probe(path).duration_s * SOUND_RATE_HZ)
    assert find_attacks(heard, SOUND_RATE_HZ, CLICKS_S) == pytest.approx(CLICKS_S, abs=1e-3)
    assert next(iter_frames(path, 24))[0] == 0.0


def test_edit_lists_are_applied(folder: Path, plain: Path) -> None:
    """Cut without re-encoding, the file holds frames before the cut that must not show."""
    cut = folder / "cut.mp4"
    run_ffmpeg("-ss", "0.52", "-i", plain, "-c", "copy", cut)
    info = probe(cut)
    assert info.duration_s == pytest.approx(1.48, abs=0.021)
    frames = list(iter_frames(cut, 48))
    assert read_number(frames[0][1]) == 13 and frames[0][0] == 0.0
    expected = [t - 0.52 for t in CLICKS_S[1:]]
    heard = read_clip_audio(cut, SOUND_RATE_HZ)
    assert find_attacks(heard, SOUND_RATE_HZ, expected) == pytest.approx(expected, abs=1e-3)


def test_many_tracks_and_other_rates(folder: Path) -> None:
    sounds = [(0.0, make_clicks([time_s], 2.0, 44_100)) for time_s in (0.4, 0.9)]
    path = make_clip(folder / "tracks.mov", sounds=sounds, sound_codec="pcm_s16le", sound_rate_hz=44_100)
    assert len(probe(path).audio_tracks) == 2 and not probe(path).browser_playable
    for track, time_s in enumerate((0.4, 0.9)):
        heard = read_clip_audio(path, SOUND_RATE_HZ, track=track)
        assert find_attacks(heard, SOUND_RATE_HZ, [time_s]) == pytest.approx([time_s], abs=1e-4)
    with pytest.raises(BadInput, match="no track 2"):
        read_clip_audio(path, SOUND_RATE_HZ, track=2)


@pytest.mark.parametrize("layout", ["5.1", "7.1"])
def test_surround_sound_is_averaged(folder: Path, layout: str) -> None:
    path = folder / f"{layout}.mp4"
    click = "if(lt(t,0.5),0,0.5*exp(-60*(t-0.5))*sin(2*PI*1500*(t-0.5)))"
    channels = 6 if layout == "5.1" else 8
    sound = f"aevalsrc=exprs='{'|'.join([click] * channels)}':c={layout}:s=48000:d=1"
    run_ffmpeg("-f", "lavfi", "-i", "testsrc=r=25:d=1:s=160x96", "-f", "lavfi", "-i", sound, "-c:a", "aac", path)
    heard = read_clip_audio(path, SOUND_RATE_HZ)
    assert find_attacks(heard, SOUND_RATE_HZ, [0.5]) == pytest.approx([0.5], abs=1e-3)
    assert 0.2 < np.abs(heard).max() < 0.6
    samples, _ = read_recording(path)
    assert samples.shape[1] == channels


def test_blocks_and_pieces_are_the_whole(plain: Path) -> None:
    whole = read_clip_audio(plain, 44_100)
    blocks = list(iter_clip_audio(plain, 44_100, 0.3))
    assert {len(block) for block in blocks[:-1]} == {13_230}
    assert np.array_equal(np.concatenate(blocks), whole)
    piece = read_clip_audio(plain, 44_100, start_s=0.77, duration_s=0.5)
    assert len(piece) == 22_050
    assert np.abs(piece - whole[round(0.77 * 44_100) :][:22_050]).max() < 1e-4
    assert read_clip_audio(plain, 44_100, start_s=1.9, duration_s=1.0)[8820:].max() == pytest.approx(0.0, abs=1e-3)


def test_a_piece_far_into_a_clip_is_sought(folder: Path) -> None:
    path = make_clip(folder / "long.mp4", rate=Fraction(5), count=60, sounds=[(0.0, make_clicks([9.5], 12.0))])
    piece = read_clip_audio(path, SOUND_RATE_HZ, start_s=9.0, duration_s=1.0)
    assert find_attacks(piece, SOUND_RATE_HZ, [0.5]) == pytest.approx([0.5], abs=2e-4)
    assert [round(t * 5) for t, _ in iter_frames(path, 24, start_s=9.0, end_s=9.5)] == [45, 46, 47]


def test_wide_gaps_in_the_sound_are_silence(folder: Path) -> None:
    path = make_clip(folder / "short.mkv", sounds=[(0.5, make_clicks([0.1], 0.3))])
    heard = read_clip_audio(path, SOUND_RATE_HZ)
    assert len(heard) == 96_000
    assert np.abs(heard[: round(0.48 * SOUND_RATE_HZ)]).max() < 1e-4
    assert np.abs(heard[round(0.9 * SOUND_RATE_HZ) :]).max() < 1e-4
    assert find_attacks(heard, SOUND_RATE_HZ, [0.6]) == pytest.approx([0.6], abs=1e-3)


def test_recordings_of_every_kind_are_read(folder: Path, plain: Path) -> None:
    import soundfile

    stereo = np.stack([make_clicks([0.1], 0.5), make_clicks([0.2], 0.5)], axis=1)
    soundfile.write(folder / "r.flac", stereo, SOUND_RATE_HZ, subtype="PCM_24")
    samples, rate_hz = read_recording(folder / "r.flac")
    assert rate_hz == SOUND_RATE_HZ and np.abs(samples - stereo).max() < 1e-6
    samples, rate_hz = read_recording(plain)
    assert samples.shape[1] == 1 and find_attacks(samples[:, 0], rate_hz, CLICKS_S) == pytest.approx(CLICKS_S, abs=1e-3)


def test_a_clip_without_sound_has_none_to_read(folder: Path) -> None:
    path = make_clip(folder / "mute.mp4", count=10)
    assert not probe(path).has_audio
    with pytest.raises(BadInput, match="no sound"):
        read_clip_audio(path, SOUND_RATE_HZ)
    with pytest.raises(BadInput, match="no sound"):
        read_recording(path)


def test_bad_recordings_are_refused(tmp_path: Path) -> None:
    import soundfile

    (tmp_path / "text.wav").write_text("not a sound")
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 1)), 48_000)
    soundfile.write(tmp_path / "nan.wav", np.full((100, 1), np.nan), 48_000, subtype="FLOAT")
    soundfile.write(tmp_path / "slow.wav", np.ones(100), 8)
    reasons = {
        "text.wav": "not a clip or sound",
        "none.wav": "no sound",
        "nan.wav": "finite",
        "slow.wav": "rate of 8 Hz",
    }
    for name, reason in reasons.items():
        with pytest.raises(BadInput, match=reason):
            read_recording(tmp_path / name)


def _add_channels(path: Path, channels: np.ndarray, layout: str) -> Path:
    """A clip whose sound has given channels [C, N], losslessly."""
    with av.open(str(path), "w") as output:
        video = output.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 160, 96, "yuv420p"
        audio = output.add_stream("flac", rate=SOUND_RATE_HZ, layout=layout)
        audio.codec_context.format = "s16"
        for number in range(50):
            output.mux(video.encode(av.VideoFrame.from_ndarray(draw_frame(number), "rgb24")))
        output.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(channels.astype(np.float32), format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE_HZ, 0, Fraction(1, SOUND_RATE_HZ)
        output.mux([*audio.encode(frame), *audio.encode(None)])
    return path


def test_channels_that_differ_keep_their_level(folder: Path) -> None:
    sound = make_clicks(CLICKS_S, 2.0)
    centre = np.zeros((6, len(sound)), np.float32)
    centre[2] = sound
    for name, channels, layout in (
        ("antiphase", np.stack([sound, -sound]), "stereo"),
        ("left", np.stack([sound, 0 * sound]), "stereo"),
        ("equal", np.stack([sound, sound]), "stereo"),
        ("centre", centre, "5.1"),
    ):
        path = _add_channels(folder / f"{name}.mkv", channels, layout)
        assert np.abs(read_clip_audio(path, SOUND_RATE_HZ) - sound).max() < 1e-4, name


def test_spans_with_sound(folder: Path) -> None:
    """Packets lie where the sound was written, to the length of an AAC frame (21 ms)."""
    path = make_clip(folder / "span.mkv", sounds=[(0.5, make_clicks([0.1], 0.8))])
    assert np.ravel(find_sound_spans(path)) == pytest.approx([0.5, 1.3], abs=0.025)
    whole = make_clip(folder / "whole.mp4", sounds=[(0.0, make_clicks([0.1], 2.0))])
    ((start_s, end_s),) = find_sound_spans(whole)
    assert start_s < 0.001 and end_s > 1.99


def _patch(path: Path, source: Path, *edits: tuple[bytes, int, bytes]) -> Path:
    data = bytearray(source.read_bytes())
    for tag, after, value in edits:
        at = data.index(tag) + len(tag) + after
        data[at : at + len(value)] = value
    path.write_bytes(data)
    return path


def test_headers_without_a_length_are_read_to_the_end(tmp_path: Path) -> None:
    import soundfile

    sound = make_clicks([0.1], 0.5)
    for name in ("a.wav", "a.caf", "a.flac"):
        soundfile.write(tmp_path / name, sound, SOUND_RATE_HZ, subtype="PCM_16")
    paths = [
        _patch(tmp_path / f"{value[0]}{riff[:1]!r}.wav", tmp_path / "a.wav", (b"data", 0, value), (b"RIFF", 0, riff))
        for value in (bytes(4), b"\xff" * 4)
        for riff in (bytes(4), b"\xff" * 4)
    ]
    paths += [_patch(tmp_path / "b.caf", tmp_path / "a.caf", (b"data", 0, b"\xff" * 8))]
    # STREAMINFO (RFC 9639, section 8.2) ends with 36 bits of the number of samples and a checksum
    paths += [_patch(tmp_path / "b.flac", tmp_path / "a.flac", (b"fLaC", 4 + 14, bytes(4)))]
    for path in paths:
        samples, rate_hz = read_recording(path)
        assert rate_hz == SOUND_RATE_HZ and np.abs(samples[:, 0] - sound).max() < 1e-4, path.name


@pytest.mark.parametrize("channels", [1, 2])
def test_integers_of_64_bits_are_read(tmp_path: Path, channels: int) -> None:
    sound = np.repeat(make_clicks([0.1], 0.5)[:, None], channels, 1) * [1.0, -0.5][:channels]
    data = np.round(sound * 2.0**63 * 0.999).astype("<i8").tobytes()
    form = struct.pack("<HHIIHH", 1, channels, SOUND_RATE_HZ, 8 * channels * SOUND_RATE_HZ, 8 * channels, 64)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    (tmp_path / "wide.wav").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    samples, rate_hz = read_recording(tmp_path / "wide.wav")
    assert rate_hz == SOUND_RATE_HZ and np.abs(samples - 0.999 * sound).max() < 1e-6


def test_a_headerless_stub_holds_no_sound(tmp_path: Path) -> None:
    (tmp_path / "stub.au").write_bytes(b"%" + bytes(8))
    with pytest.raises(BadInput, match=r"stub\.au"):
        read_recording(tmp_path / "stub.au")
