"""Pictures of sounds over the app's messages: *Picture it* with its progress, thumbnails, a network that is missing."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from pypdf import PdfReader

from engine.media.export.storyboard import WIDTH_PX
from engine.pipeline import picture_sound
from engine.scene.network import SIDE, SceneConfig, SceneNetwork, load_scene_network, save_scene_network
from tests.ui_tab import DEMO_HITS, WAIT_S, Tab, check_sentence, wait_until


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
    network = SceneNetwork(small)
    torch.nn.init.normal_(network.denoiser.leave.weight, std=0.3)  # untrained, it would draw the same gray of any sound
    save_scene_network(tmp_path / "scene", network, {})
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

    tab.ask("search", by="words", request=1, text="thin glass bottle")
    tab.settle()
    ids = [candidate["id"] for candidate in tab.last("search_results")["candidates"]][:6]
    tab.ask("picture_candidates", ids=[*ids, "unknown"])
    tab.settle()
    shown = tab.heard("candidates_pictured")
    assert [len(message["pictures"]) for message in shown] == [4, 2]  # a few at a time
    drawn = {key: address for message in shown for key, address in message["pictures"]}
    assert list(drawn) == ids and len(set(drawn.values())) == len(ids)  # each from its own sound
    data = base64.b64decode(drawn[ids[0]].removeprefix("data:image/png;base64,"))
    assert Image.open(io.BytesIO(data)).size == (SIDE, SIDE)

    started, struck = threading.Event(), threading.Event()

    def draw_slowly(network: object, sounds: list[object], check: Callable[[], None]) -> list[None]:
        started.set()
        while not struck.wait(0.01):
            check()
        return [None] * len(sounds)

    more = [candidate["id"] for candidate in tab.last("search_results")["candidates"]][6:10]
    with monkeypatch.context() as patch:
        patch.setattr("engine.pipeline.sound_thumbnails.draw_thumbnails", draw_slowly)
        tab.ask("picture_candidates", ids=more)
        assert started.wait(WAIT_S)
        tab.ask("strike", sound_id=sound_id, velocity_db=0.0)  # in the midst of the drawing, and it is heard first
        wait_until(lambda: tab.heard("audition"))
        tab.ask("search", by="words", request=2, text="heavy iron pan")
        tab.settle()
        assert tab.last("search_results")["request"] == 2 and tab.heard("candidates_pictured") == shown

    monkeypatch.setattr("engine.scene.network.load_scene_network", None)  # what is kept is not drawn again
    tab.ask("picture_candidates", ids=ids)
    tab.settle()
    assert dict(tab.last("candidates_pictured")["pictures"]) == drawn
    monkeypatch.setattr(picture_sound, "SCENE_NETWORK", tmp_path / "none")
    told = len(tab.told)
    tab.ask("picture_candidates", ids=ids)
    tab.settle()
    assert len(tab.told) == told  # neither pictures nor a complaint

    answers = []
    for each, drawn, panels in (("hit", False, DEMO_HITS), ("sound", True, 3)):
        if drawn:
            monkeypatch.setattr(picture_sound, "SCENE_NETWORK", tmp_path / "scene")
            monkeypatch.setattr("engine.scene.network.load_scene_network", load_scene_network)
        tab.ask("make_storyboard", each=each, drawn=drawn, ending="pdf" if drawn else "png")
        tab.settle()
        answers.append(tab.last("storyboard_made"))
        assert answers[-1]["panels"] == panels and tab.last("storyboard_progress")["fraction"] == 1.0
    folder = tab.session.folder("exports")
    assert Image.open(folder / answers[0]["name"]).width == WIDTH_PX
    assert len(PdfReader(folder / answers[1]["name"]).pages) == 1
