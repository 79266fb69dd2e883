"""A sound shown and played beside the recording that it was measured from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from starlette.testclient import TestClient

from engine.core.cache import Cache
from engine.document.serialization import project_from_json, project_to_json
from engine.physics.model import LONGEST_RISE_S
from engine.pipeline.render import render_hits
from engine.pipeline.track import place_hits
from tests.ui_tab import Tab, check_sentence


def read_match(answer: Any) -> tuple[dict[str, Any], np.ndarray]:
    """The head of a match and its floats."""
    size = int.from_bytes(answer.content[:4], "little")
    return json.loads(answer.content[4 : 4 + size]), np.frombuffer(answer.content[4 + size :], "<f4")


def test_a_sound_of_the_clip_is_shown_beside_the_hit_it_came_from(client: TestClient, tab: Tab) -> None:
    sound = tab.session.require_project().sounds[0]
    address = f"/struck/match/{tab.session.id}/{sound.id}"
    answer = client.get(address)
    assert answer.status_code == 200
    head, floats = read_match(answer)
    assert head["source"].startswith("the clip at 6.20 s") and not head["why"] and head["measured"] is None
    assert head["now"]["fit"] == pytest.approx(sound.fit, abs=0.03) and head["now"]["diagnosis"]
    spectrum = head["now"]["spectrum"]["measured"]
    levels = floats[spectrum["at"] : spectrum["at"] + spectrum["shape"][0]]
    assert len(levels) == 256 and -60.0 < levels.max() < 10.0 and len(floats) * 4 < 300_000
    again = client.get(address, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304 and not again.content


@pytest.mark.slow
def test_an_edited_sound_is_shown_as_measured_and_as_it_is_now(client: TestClient, tab: Tab) -> None:
    sound = tab.session.require_project().sounds[0]
    address = f"/struck/match/{tab.session.id}/{sound.id}"
    before, _ = read_match(client.get(address))
    tab.edit("set_modes", sound_id=sound.id, indices=[0], power_db=[sound.modes.power_db[0] - 20.0])
    after, _ = read_match(client.get(address))
    assert after["measured"]["fit"] == before["now"]["fit"] > after["now"]["fit"]
    tab.ask("undo")
    assert read_match(client.get(address))[0]["measured"] is None
    tab.edit("set_macros", sound_id=sound.id, values={"damping": 0.6})
    damped, _ = read_match(client.get(address))
    assert damped["measured"]["fit"] == before["now"]["fit"] > damped["now"]["fit"]


@pytest.mark.slow
def test_a_sound_of_less_detail_is_compared_and_rendered_as_without_the_editor(client: TestClient, tab: Tab) -> None:
    sound = tab.session.require_project().sounds[0]
    address = f"/struck/match/{tab.session.id}/{sound.id}"
    before, _ = read_match(client.get(address))
    tab.edit("set_render", checkpoint="")
    tab.edit("set_detail", sound_id=sound.id, detail=0.3)
    coarse, _ = read_match(client.get(address))
    assert coarse["measured"]["fit"] == before["now"]["fit"] > coarse["now"]["fit"]
    tab.session.renderer.wait(lambda: None)
    mixed = tab.session.renderer.mix()
    assert mixed is not None
    saved = project_from_json(project_to_json(mixed[0]))
    alone = render_hits(saved, None, Cache(None), include_muted=True)
    assert np.array_equal(place_hits(saved, alone), place_hits(*mixed))


@pytest.mark.slow
def test_a_preset_says_that_it_has_no_recording(client: TestClient, tab: Tab) -> None:
    tab.open_demo("silent")
    for sound in tab.session.require_project().sounds:
        head, _ = read_match(client.get(f"/struck/match/{tab.session.id}/{sound.id}"))
        assert not head["source"] and "no recording" in head["why"] and head["now"]["fit"] is None
        check_sentence(head["why"])
        assert head["now"]["spectrum"]["measured"]["shape"] == [0] and head["now"]["level"]["model"]["shape"][0] > 10


@pytest.mark.slow
def test_a_recording_taken_from_a_file_is_kept_beside_its_sound(client: TestClient, tab: Tab, tmp_path: Path) -> None:
    tab.open_demo("silent")
    rate_hz = 44_100
    time_s = np.arange(rate_hz) / rate_hz
    ring = sum(np.cos(2 * np.pi * f * time_s) * np.exp(-d * time_s) for f, d in ((410.0, 6.0), (1230.0, 11.0)))
    wave = np.concatenate([np.zeros(4410), 0.3 * ring]) + 1e-5 * np.random.default_rng(0).standard_normal(
        rate_hz + 4410
    )
    soundfile.write(tmp_path / "bell.wav", wave, rate_hz, subtype="FLOAT")
    sound_id = tab.session.require_project().sounds[0].id
    tab.ask("sound_from_file", sound_id=sound_id, path=str(tmp_path / "bell.wav"))
    tab.settle()
    address = f"/struck/match/{tab.session.id}/{sound_id}"
    head, _ = read_match(client.get(address))
    assert head["source"] == "bell.wav" and head["now"]["fit"] > 0.9
    tab.edit("set_modes", sound_id=sound_id, indices=[0], power_db=[-60.0])
    edited, _ = read_match(client.get(address))
    assert edited["source"] == "bell.wav" and edited["measured"]["fit"] == head["now"]["fit"]
    reloaded = project_from_json(project_to_json(tab.session.require_project()))
    kept = tab.session.require_project().sound(sound_id).source.recording
    assert reloaded.sound(sound_id).source.recording == kept != ""


def test_no_match_of_what_is_not_there(client: TestClient, tab: Tab) -> None:
    for address in (
        f"{tab.session.id}/nobody",
        "nobody-here/s1",
        f"{tab.session.id}/%00",
        f"{tab.session.id}/" + "x" * 999,
    ):
        answer = client.get(f"/struck/match/{address}")
        assert answer.status_code in (400, 404, 414), address
        check_sentence(answer.json()["error"])


def test_the_rise_is_edited_within_its_range(tab: Tab) -> None:
    sound_id = tab.session.require_project().sounds[0].id
    tab.edit("set_rise", sound_id=sound_id, rise_s=0.004)
    assert tab.last("document")["project"]["sounds"][0]["residual"]["rise_s"] == 0.004 and not tab.errors
    assert tab.last("document")["undo"] == "Change the rise"
    for wrong in (None, "soon"):
        tab.edit("set_rise", sound_id=sound_id, rise_s=wrong)
        check_sentence(tab.errors[-1])
    assert tab.session.require_project().sounds[0].residual.rise_s == 0.004
    tab.edit("set_rise", sound_id=sound_id, rise_s=7.0)
    assert tab.session.require_project().sounds[0].residual.rise_s == LONGEST_RISE_S
