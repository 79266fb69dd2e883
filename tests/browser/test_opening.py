"""Opening in a real browser: a dropped clip, a silent one, a recording for a sound, and what is shown on the way."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.core.paths import ASSETS
from tests.browser.struck_page import RATE_HZ, Editor, attack_s
from tests.clips import make_clicks, make_clip

STRIKES_S = (0.5, 1.3, 2.1)

DROP = """([content, name, type]) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name, { type }));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
  }
}"""


def drop(editor: Editor, path: Path, kind: str) -> None:
    """Drop a file from the desktop onto the page."""
    editor.page.evaluate(DROP, [base64.b64encode(path.read_bytes()).decode(), path.name, kind])


def wait_for_clip(editor: Editor, name: str) -> None:
    """Wait until a clip of this name is open, analysed and rendered."""
    editor.wait("(name) => window.struck.store.view?.project?.name === name", name)
    editor.wait("() => window.struck.store.status.phase === 'done' && window.struck.store.media.curve")
    editor.wait_for_sound()


def test_a_dropped_clip_becomes_hits_at_its_clicks(editor: Editor, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "knocks.mp4", count=75, sounds=[(0.0, make_clicks(STRIKES_S, 3.0))])
    drop(editor, clip, "video/mp4")
    wait_for_clip(editor, "knocks")
    times_s = [hit["time_s"] for hit in editor.project["hits"]]
    track = editor.track()
    for wanted_s in STRIKES_S:
        assert min(abs(time_s - wanted_s) for time_s in times_s) < 0.02
        assert attack_s(track, wanted_s) == pytest.approx(wanted_s, abs=0.02)
    assert {sound["origin"] for sound in editor.project["sounds"]} == {"clip"}
    editor.wait("() => window.struck.player.video.readyState >= 2")
    assert editor.see("window.struck.player.video.videoWidth") == 160


def test_the_folder_of_a_recent_file_reads_from_left_to_right_and_is_cut_at_its_start(editor: Editor) -> None:
    page = editor.page
    short, long = "/tmp/work", "/home/someone/" + "a folder/" * 30 + "last"
    places = [f"{folder}/film.mp4" for folder in (short, long)]
    page.get_by_role("button", name="Open clip").first.click()
    page.evaluate("(recent) => void Object.assign(window.struck.store.welcome, { recent })", places)
    editor.see("void window.struck.store.emit('welcome')")
    folders = page.locator(".st-recent-folder")
    assert folders.all_inner_texts() == [short, long]
    boxes = folders.evaluate_all(
        """(folders) => folders.map((folder) => {
          const text = document.createTreeWalker(folder, NodeFilter.SHOW_TEXT).nextNode();
          const left = (i) => {
            const range = document.createRange();
            range.setStart(text, i);
            range.setEnd(text, i + 1);
            return range.getBoundingClientRect().left - folder.getBoundingClientRect().left;
          };
          return { first: left(0), second: left(1), last: left(text.data.length - 1), width: folder.clientWidth };
        })"""
    )
    for box in boxes:
        assert box["first"] < box["second"] < box["last"] < box["width"]
    assert boxes[0]["first"] >= 0 > boxes[1]["first"]
    page.keyboard.press("Escape")


def test_a_silent_clip_asks_what_is_struck(editor: Editor, tmp_path: Path) -> None:
    page = editor.page
    drop(editor, make_clip(tmp_path / "mime.mp4", count=75), "video/mp4")
    wait_for_clip(editor, "mime")
    question = page.get_by_role("dialog", name="What is struck?")
    question.wait_for()
    assert question.get_by_role("heading").count() == 11  # its own and ten materials
    use = question.locator(".is-main")
    assert use.is_disabled()
    editor.see("void window.struck.store.on('audition', (message) => { window.heard = message.sound_id; })")
    question.get_by_role("button", name="Cowbell").click()
    editor.wait("() => window.heard === 'preset:Cowbell'")
    editor.change(use.click)
    assert question.is_hidden()
    assert [sound["name"] for sound in editor.project["sounds"]] == ["Cowbell"]
    assert editor.see("document.activeElement !== document.body")
    assert "is-answered" in str(page.locator(".st-heads").get_by_text("What is struck?").get_attribute("class"))
    time_s = 1.0
    editor.see(f"window.struck.timeline.addHitAt({time_s}, 0)")
    editor.wait("() => window.struck.store.view.project.hits.some((hit) => hit.time_s === 1)")
    assert attack_s(editor.track(), time_s, 0.1) == pytest.approx(time_s, abs=0.002)


def test_a_hit_put_on_silent_film_has_the_velocity_that_is_seen_there(editor: Editor) -> None:
    editor.open_demo("silent")
    curve = "fetch(window.struck.store.media.curve.url).then((answer) => answer.arrayBuffer())"
    strength, seen = np.array(editor.see(f"{curve}.then((bytes) => [...new Float32Array(bytes)])")).reshape(2, -1)
    editor.see("new Promise((taken) => setTimeout(taken, 50))")  # the page takes it in
    velocities_db = []
    found = len(editor.project["hits"])
    has_hits = "(count) => window.struck.store.view.project.hits.length === count && !window.struck.store.isSending"
    for at in (int(strength.argmax()), int(seen.argmin())):
        editor.see(f"window.struck.timeline.addHitAt({at / 100.0})")
        editor.wait(has_hits, found + 1)
        (put,) = (hit for hit in editor.project["hits"] if hit["found_s"] is None)
        assert put["velocity_db"] == pytest.approx(-24.0 * (1.0 - seen[at]), abs=0.01)
        velocities_db.append(put["velocity_db"])
        editor.page.keyboard.press("Control+z")
        editor.wait(has_hits, found)
    assert velocities_db[0] > velocities_db[1] + 3.0


def test_a_dropped_recording_becomes_the_sound_that_is_chosen(editor: Editor, tmp_path: Path) -> None:
    t = np.arange(RATE_HZ) / RATE_HZ
    wave = 0.4 * np.exp(-6 * t) * np.sin(2 * np.pi * 1234 * t) + 0.2 * np.exp(-9 * t) * np.sin(2 * np.pi * 2718 * t)
    recording = tmp_path / "ping.wav"
    soundfile.write(recording, np.concatenate([np.zeros(4800), wave]), RATE_HZ, subtype="PCM_24")
    first = editor.project["hits"][0]
    place = editor.locate_hit(first["id"])
    editor.page.mouse.click(place["x"], place["y"])
    drop(editor, recording, "audio/wav")
    editor.wait("() => window.struck.store.view.project.sounds.some((sound) => sound.origin === 'reference')")
    editor.wait_for_sound()
    sound = next(s for s in editor.project["sounds"] if s["id"] == first["sound_id"])
    assert sound["origin"] == "reference"
    power = np.array(sound["modes"]["power_db"])
    loudest = [sound["modes"]["frequency_hz"][k] for k in np.argsort(-power)[:2]]
    assert sorted(loudest) == [pytest.approx(1234, rel=0.01), pytest.approx(2718, rel=0.01)]
    track = editor.track()
    start = round(first["time_s"] * RATE_HZ)
    spectrum = np.abs(np.fft.rfft(track[start : start + RATE_HZ // 4, 0]))
    assert np.argmax(spectrum) * 4 == pytest.approx(1234, abs=8)


def test_a_project_whose_clip_has_moved_asks_for_it(editor: Editor, tmp_path: Path) -> None:
    page = editor.page
    project = json.loads((ASSETS / "demo_silent.struck.json").read_text())
    project["clip"] |= {"path": str(tmp_path / "gone" / "film.mp4"), "relative_path": "film.mp4"}
    (tmp_path / "film.struck.json").write_text(json.dumps(project))
    (tmp_path / "shelf").mkdir()
    shutil.copy(ASSETS / "demo_silent.mp4", tmp_path / "shelf" / "scene 4.mp4")
    drop(editor, tmp_path / "film.struck.json", "application/json")
    question = page.get_by_role("dialog", name="Where is the clip?")
    question.wait_for()
    assert question.get_by_role("heading").inner_text() == "Where is film.mp4?"
    question.get_by_label("Path of the clip or of a folder").fill(str(tmp_path / "shelf"))
    question.get_by_role("button", name="Search").click()
    question.wait_for(state="hidden")
    editor.wait("() => window.struck.store.view?.project?.clip.name === 'scene 4.mp4'")
