"""Clips by known answers: what was put in at a time comes out at that time."""

from __future__ import annotations

import io
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from engine.core.errors import BadInput
from engine.media.frames import iter_frames, make_filmstrip
from engine.media.open import digest_file
from engine.media.probe import probe
from engine.media.proxy import make_proxy
from engine.media.sound import iter_clip_audio, read_clip_audio, read_recording
from tests.clips import SOUND_RATE_HZ, draw_frame, find_attacks, make_clicks, make_clip, read_number, run_ffmpeg

CLICKS_S = (0.3, 1.1, 1.6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Path:
    return make_clip(folder / "plain.mp4", sounds=[(0.0, make_clicks(CLICKS_S, 2.0))])


def test_a_clip_is_described(plain: Path) -> None:
    info = probe(plain)
    assert (info.width, info.height, info.rotation_deg) == (160, 96, 0)
    assert (info.duration_s, info.frame_rate, info.variable_frame_rate) == (2.0, Fraction(25), False)
    assert (info.has_audio, info.audio_tracks, info.video_codec, info.audio_codec) == (True, 1, "h264", "aac")
    assert info.browser_playable and info.picture_offset_s == 0.0 and info.start_timecode is None
    assert info.digest == digest_file(plain) and len(info.digest) == 64


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "avi"])
@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(25), Fraction(60)])
def test_frame_rates_are_exact_in_every_container(folder: Path, suffix: str, rate: Fraction) -> None:
    info = probe(make_clip(folder / f"rate{rate.numerator}.{suffix}", rate=rate, count=60))
    assert info.frame_rate == rate and not info.variable_frame_rate
    assert info.duration_s == pytest.approx(float(60 / rate), abs=1e-9)
    assert info.browser_playable == (suffix in ("mp4", "mov"))


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [("a.mp4", "libx264", "yuv420p"), ("a.avi", "mpeg4", "yuv420p"), ("b.avi", "libx264", "yuv420p"),
     ("a.webm", "libvpx", "yuv420p"), ("a.gif", "gif", "gray"), ("a.mkv", "libx264", "yuv420p")],
)  # fmt: skip
def test_every_frame_comes_at_its_time(folder: Path, name: str, codec: str, pixels: str) -> None:
    path = make_clip(folder / f"times_{name}", count=40, codec=codec, pixels=pixels)
    frames = list(iter_frames(path, 48))
    assert [read_number(frame) for _, frame in frames] == pytest.approx(list(range(40)), abs=1)
    assert [time_s for time_s, _ in frames] == pytest.approx([k / 25 for k in range(40)], abs=1e-3)
    assert frames[0][1].shape == (48, 80) and frames[0][1].dtype == np.uint8
    assert probe(path).frame_rate == 25


def test_frames_of_a_span_and_in_colour(plain: Path) -> None:
    frames = list(iter_frames(plain, 96, start_s=1.2, end_s=1.6, gray=False))
    assert [round(time_s * 25) for time_s, _ in frames] == list(range(30, 40))
    assert frames[0][1].shape == (96, 160, 3)
    assert read_number(frames[0][1]) == pytest.approx(30, abs=1)


def test_variable_frame_rate_keeps_times_and_says_so(folder: Path) -> None:
    times_s = np.cumsum([0.0] + [0.02 if k % 3 else 0.07 for k in range(39)])
    path = make_clip(folder / "vfr.mp4", count=40, times_s=list(times_s))
    info = probe(path)
    assert info.variable_frame_rate
    assert float(info.frame_rate) == pytest.approx(39 / times_s[-1], rel=1e-3)
    assert [t for t, _ in iter_frames(path, 24)] == pytest.approx(list(times_s), abs=2e-5)
    assert info.duration_s == pytest.approx(times_s[-1] + 0.02, abs=0.06)


@pytest.mark.parametrize(("turn", "white"), [(90, (1, 0)), (180, (1, 1)), (270, (0, 1)), (0, (0, 0))])
def test_rotation_flags_turn_the_picture(folder: Path, turn: int, white: tuple[int, int]) -> None:
    """The white quarter lies top left as stored; counter-clockwise turns carry it round the corners."""
    path = make_clip(folder / f"turn{turn}.mp4", count=5, rotation_deg=turn)
    info = probe(path)
    assert (info.width, info.height) == ((96, 160) if turn % 180 else (160, 96))
    assert info.rotation_deg == -turn % 360
    _, frame = next(iter_frames(path, 80))
    h, w = frame.shape
    assert (h, w) == ((80, 48) if turn % 180 else (80, 133))
    quarters = np.array([[half.mean() for half in np.array_split(row, 2, axis=1)] for row in np.array_split(frame, 2)])
    assert np.unravel_index(np.argmax(quarters), (2, 2)) == white


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
    assert probe(path).audio_tracks == 2 and not probe(path).browser_playable
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


def test_timecode_is_read(folder: Path) -> None:
    path = make_clip(folder / "tc.mov", timecode="01:00:10:12")
    assert probe(path).start_timecode == "01:00:10:12"


def test_filmstrip_shows_the_frame_at_each_time(folder: Path, plain: Path) -> None:
    times_s = [0.0, 0.41, 1.0, 1.99, 0.81]
    strip = np.asarray(Image.open(io.BytesIO(make_filmstrip(plain, times_s, 48))))
    assert strip.shape == (48, 5 * 80, 3)
    numbers = [read_number(strip[:, k * 80 : (k + 1) * 80]) for k in range(5)]
    assert numbers == pytest.approx([0, 10, 25, 49, 20], abs=1)
    keyed = make_clip(folder / "keys.mp4", rate=Fraction(25), count=100, keyframe_every=10)
    strip = np.asarray(Image.open(io.BytesIO(make_filmstrip(keyed, [0.5, 1.5, 2.5, 3.5], 48))))
    numbers = [read_number(strip[:, k * 80 : (k + 1) * 80]) for k in range(4)]
    assert numbers == pytest.approx([12, 37, 62, 87], abs=6)
    with pytest.raises(BadInput, match="filmstrip"):
        make_filmstrip(plain, [], 48)


@pytest.mark.parametrize(("name", "codec"), [("p.avi", "mpeg4"), ("p.mkv", "libx264"), ("turned.mov", "mpeg4")])
def test_proxy_plays_in_a_browser_and_keeps_time(folder: Path, name: str, codec: str) -> None:
    turn = 90 if name == "turned.mov" else 0
    sounds = [(0.0, make_clicks(CLICKS_S, 2.0))]
    path = make_clip(folder / name, codec=codec, rotation_deg=turn, sounds=sounds, sound_codec="pcm_s16le")
    assert not probe(path).browser_playable
    heard: list[float] = []
    info = make_proxy(path, folder / f"proxy_{name}.mp4", heard.append)
    assert info.browser_playable and info.picture_offset_s == 0.0
    assert (info.width, info.height) == ((96, 160) if turn else (160, 96))
    assert info.duration_s == pytest.approx(2.0, abs=1e-3) and heard[-1] > 0.9
    frames = list(iter_frames(info.path, 48))
    assert [time_s for time_s, _ in frames] == pytest.approx([k / 25 for k in range(50)], abs=1e-3)
    sound = read_clip_audio(info.path, SOUND_RATE_HZ)
    assert find_attacks(sound, SOUND_RATE_HZ, CLICKS_S) == pytest.approx(CLICKS_S, abs=1e-3)


def test_an_abandoned_or_refused_proxy_leaves_nothing(folder: Path, plain: Path, tmp_path: Path) -> None:
    def stop(fraction: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_proxy(plain, tmp_path / "p.mp4", stop)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(BadInput, match="cannot be written"):
        make_proxy(plain, tmp_path / "missing" / "p.mp4")


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


# --- bad input --------------------------------------------------------------------------------


def _cut_short(path: Path, source: Path, share: float) -> Path:
    data = source.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "gif", "front.mp4"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_truncated_clips_are_refused(folder: Path, suffix: str, share: float) -> None:
    codec, pixels = ("gif", "gray") if suffix == "gif" else ("mpeg4", "yuv420p")
    options = {"movflags": "+faststart"} if suffix == "front.mp4" else {}
    whole = folder / f"whole.{suffix}"
    if not whole.exists():
        make_clip(whole, codec=codec, pixels=pixels, options=options)
    with pytest.raises(BadInput) as caught:
        probe(_cut_short(folder / f"cut{share}.{suffix}", whole, share))
    assert str(caught.value).count("\n") == 0


def _write_audio_only(path: Path) -> None:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(make_clicks([0.1], 0.5)[None].copy(), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        output.mux([*stream.encode(frame), *stream.encode(None)])


def test_bad_clips_are_told_in_one_sentence(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("hello there\n" * 500)
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "noise.mov").write_bytes(np.random.default_rng(1).bytes(50_000))
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile '{folder / 'plain.mp4'}'\n")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n")
    Image.fromarray(draw_frame(0)).save(tmp_path / "photo.png")
    (tmp_path / "photo.png").rename(tmp_path / "photo.mp4")
    Image.fromarray(draw_frame(0)).save(tmp_path / "still.gif")
    _write_audio_only(tmp_path / "sound.mp4")
    with wave.open(str(tmp_path / "sound.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(bytes(9600))
    (tmp_path / "folder.mp4").mkdir()
    reasons = {
        "text.mp4": "not a clip", "empty.mp4": "empty", "noise.mov": "not a clip", "list.mp4": "not a clip",
        "list.m3u8": "not a clip", "photo.mp4": "not a clip", "still.gif": "still picture", "sound.mp4": "no picture",
        "sound.wav": "not a clip", "folder.mp4": "not a file", "missing.mp4": "no such file",
    }  # fmt: skip
    for name, reason in reasons.items():
        with pytest.raises(BadInput, match=reason) as caught:
            probe(tmp_path / name)
        assert "\n" not in str(caught.value) and name in str(caught.value)


def test_a_track_without_frames_is_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "none.mkv"), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        output.start_encoding()
    with pytest.raises(BadInput):
        probe(tmp_path / "none.mkv")


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
    for name, reason in {"text.wav": "not a clip or sound", "none.wav": "no sound", "nan.wav": "finite"}.items():
        with pytest.raises(BadInput, match=reason):
            read_recording(tmp_path / name)


def test_damage_in_the_middle_is_passed_over(folder: Path, plain: Path) -> None:
    data = bytearray(plain.read_bytes())
    start = data.index(b"mdat") + 2000
    data[start : start + 60] = bytes(60)
    (folder / "damaged.mp4").write_bytes(data)
    frames = list(iter_frames(folder / "damaged.mp4", 24))
    assert len(frames) > 5
    assert len(read_clip_audio(folder / "damaged.mp4", SOUND_RATE_HZ)) == 96_000


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "c.mp4", count=10)
    first = probe(path)
    make_clip(path, count=20)
    assert probe(path).duration_s == 0.8 and probe(path).digest != first.digest
