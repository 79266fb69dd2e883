"""Proxies play in a browser and keep every time."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.core.errors import BadInput
from engine.media.frames import iter_frames
from engine.media.probe import probe
from engine.media.proxy import make_proxy
from engine.media.sound import read_clip_audio
from tests.clips import SOUND_RATE_HZ, find_attacks, make_clicks, make_clip

CLICKS_S = (0.3, 1.1, 1.6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Path:
    return make_clip(folder / "plain.mp4", sounds=[(0.0, make_clicks(CLICKS_S, 2.0))])


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
