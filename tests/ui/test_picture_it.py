"""*Picture it* over the app's messages: pictures of a sound, with progress, and a network that is not there."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
import torch

from engine.pipeline import picture_sound
from engine.scene.network import SIDE, SceneConfig, SceneNetwork, save_scene_network
from tests.ui_tab import Tab, check_sentence


@pytest.mark.slow
def test_a_sound_is_pictured_and_a_missing_network_is_named(
    tab: Tab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    sound_id = tab.session.require_project().sounds[0].id
    monkeypatch.setattr(picture_sound, "SCENE_NETWORK", tmp_path / "none")
    tab.ask("bank_size")
    assert tab.last("bank")["pictures"] is False
    tab.ask("picture_sound", sound_id=sound_id)
    check_sentence(tab.errors[-1])

    torch.manual_seed(0)
    small = SceneConfig(8, (8, 8), 6, 8, 16, 8, 1)
    save_scene_network(tmp_path / "scene", SceneNetwork(small), {})
    monkeypatch.setattr(picture_sound, "SCENE_NETWORK", tmp_path / "scene")
    tab.ask("bank_size")
    assert tab.last("bank")["pictures"] is True
    tab.ask("picture_sound", sound_id=sound_id)
    tab.settle()
    answer = tab.last("sound_pictured")
    assert answer["sound_id"] == sound_id and len(answer["pictures"]) == 4
    data = base64.b64decode(answer["pictures"][0].removeprefix("data:image/png;base64,"))
    assert Image.open(io.BytesIO(data)).size == (SIDE, SIDE)
    fractions = [message["fraction"] for message in tab.heard("picturing_progress")]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
