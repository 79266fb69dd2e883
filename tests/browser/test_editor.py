"""The editor in a real browser: what the mouse does to a project is heard in the track the server renders."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from tests.browser.struck_page import RATE_HZ, Editor, attack_s

DURATION_S = 7.5


@pytest.fixture(scope="module")
def started(started_with_sampler: Editor) -> Editor:
    return started_with_sampler


def spectrum_db(track: np.ndarray, from_s: float, length_s: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and levels of a stretch of the track."""
    start = round(from_s * RATE_HZ)
    piece = track[start : start + round(length_s * RATE_HZ)].mean(axis=1)
    power = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), 1 << 16)) ** 2
    return np.fft.rfftfreq(1 << 16, 1 / RATE_HZ), 10 * np.log10(power + 1e-20)


def test_the_demo_is_there_and_sounds_when_played(editor: Editor) -> None:
    project = editor.project
    assert project["clip"]["duration_s"] == pytest.approx(DURATION_S, abs=0.01)
    assert len(project["hits"]) == 12
    assert editor.see("window.struck.store.status.phase") == "idle"  # analysed and rendered: nothing is looked for
    editor.page.keyboard.press("Space")
    editor.wait("() => window.struck.player.playing && window.struck.audio.levels().peak_db > -50")
    editor.wait("() => window.struck.player.time_s > 0.9")
    editor.page.keyboard.press("Space")
    editor.wait("() => !window.struck.player.playing")


def test_an_open_page_rests_while_nothing_sounds(editor: Editor) -> None:
    editor.page.keyboard.press("Space")
    editor.wait("() => window.struck.audio.isAwake && window.struck.player.time_s > 0.1")
    editor.page.keyboard.press("Space")
    editor.wait("() => !window.struck.audio.isAwake")
    browser = editor.page.context.browser
    assert browser is not None
    browser.start_tracing(page=editor.page, categories=["devtools.timeline"])
    counted = editor.page.evaluate(
        """async () => {
          const real = [requestAnimationFrame, setInterval, setTimeout];
          const asked = [0, 0, 0];
          [window.requestAnimationFrame, window.setInterval, window.setTimeout] = real.map(
            (ask, i) => (...given) => { asked[i]++; return ask.apply(window, given); });
          const changes = [];
          const watch = new MutationObserver((found) => changes.push(...found));
          watch.observe(document.querySelector(".st-app"), { subtree: true, childList: true, attributes: true });
          await new Promise((done) => real[2].call(window, done, 1000));
          watch.disconnect();
          [window.requestAnimationFrame, window.setInterval, window.setTimeout] = real;
          const moving = document.getAnimations().filter(({ playState }) => playState === "running");
          return [...asked, changes.length, moving.length];
        }"""
    )
    fired = [event["name"] for event in json.loads(browser.stop_tracing())["traceEvents"]]
    assert counted == [0, 0, 0, 0, 0], "frames, timers, changes of the page, animations in a second of rest"
    assert "FireAnimationFrame" not in fired, "Gradio's frames too"


def test_sound_does_not_wait_for_the_picture_and_goes_on_with_it(editor: Editor) -> None:
    page = editor.page
    page.route("**/struck/media/**", lambda route: None)
    page.reload()
    editor.wait("() => window.struck?.store?.view?.project")
    editor.wait_for_sound()
    page.keyboard.press("Space")
    editor.wait("() => window.struck.player.time_s > 0.8 && window.struck.audio.levels().peak_db > -50")
    assert editor.see("window.struck.player.video.readyState") == 0
    page.unroute("**/struck/media/**")  # what was held goes on its way
    editor.wait("() => window.struck.player.time_s > 2.5 && !window.struck.player.video.paused")
    assert editor.see("Math.abs(window.struck.player.time_s - window.struck.player.video.currentTime)") < 0.3
    page.keyboard.press("Space")


def test_a_dragged_onset_and_a_dragged_mode_are_heard_and_undone(editor: Editor) -> None:
    original = editor.track()
    first = editor.project["hits"][0]

    # The first hit, into the silence before it.
    place = editor.locate_hit(first["id"])
    editor.change(lambda: editor.drag(place, {"x": place["x"] - 60, "y": place["y"]}))
    moved_s = editor.hit(first["id"])["time_s"] - first["time_s"]
    assert -0.6 < moved_s < -0.2
    assert editor.hit(first["id"])["velocity_db"] == first["velocity_db"]
    shifted = editor.track()
    before_s, now_s = attack_s(original, first["time_s"]), attack_s(shifted, first["time_s"] + moved_s)
    assert before_s == pytest.approx(first["time_s"], abs=0.005)
    assert now_s - before_s == pytest.approx(moved_s, abs=0.001)

    # A loud mode, to where the sound has none.
    sound = next(s for s in editor.project["sounds"] if s["id"] == first["sound_id"])
    index = standing_alone(editor, sound)
    old_hz = sound["modes"]["frequency_hz"][index]
    start = editor.locate_mode(sound["id"], index)
    high = editor.locate_mode(sound["id"], int(np.argmax(sound["modes"]["frequency_hz"])))
    editor.change(lambda: editor.drag(start, {"x": high["x"] + 40, "y": start["y"]}))
    new_hz = editor.project["sounds"][0]["modes"]["frequency_hz"][index]
    assert new_hz > 1.1 * max(sound["modes"]["frequency_hz"])
    retuned = editor.track()
    at_s = first["time_s"] + moved_s
    frequency_hz, was_db = spectrum_db(shifted, at_s)
    _, is_db = spectrum_db(retuned, at_s)
    near_new = np.abs(frequency_hz / new_hz - 1) < 0.05
    at_new, at_old = (np.abs(frequency_hz / hz - 1) < 0.004 for hz in (new_hz, old_hz))
    peak_hz = frequency_hz[near_new][np.argmax(is_db[near_new])]
    assert peak_hz == pytest.approx(new_hz, rel=0.005)
    assert is_db[at_new].max() > was_db[at_new].max() + 6
    assert is_db[at_old].max() < was_db[at_old].max() - 2  # a neighbour a hertz away stays

    # Both back, one step each; then forward again.
    editor.change(lambda: editor.page.keyboard.press("Control+z"))
    assert np.array_equal(editor.track(), shifted)
    editor.change(lambda: editor.page.keyboard.press("Control+z"))
    assert np.array_equal(editor.track(), original)
    assert editor.see("window.struck.store.view.undo") is None
    for _ in range(2):
        editor.change(lambda: editor.page.keyboard.press("Control+Shift+z"))
    assert np.array_equal(editor.track(), retuned)


def standing_alone(editor: Editor, sound: dict[str, Any]) -> int:
    """The mode of the most energy whose head is in reach and that outshines what lies within 3 % of it."""
    modes = sound["modes"]
    frequency_hz = np.array(modes["frequency_hz"])
    energy = 10 ** (np.array(modes["power_db"]) / 10) / np.array(modes["decay_per_s"])
    places = np.array([[p["x"], p["y"]] for p in (editor.locate_mode(sound["id"], k) for k in range(len(energy)))])
    for index in np.argsort(-energy):
        others = np.arange(len(energy)) != index
        near = others & (np.abs(frequency_hz / frequency_hz[index] - 1) < 0.03)
        if np.hypot(*(places[others] - places[index]).T).min() > 8 and energy[near].sum() < energy[index] / 3:
            return int(index)
    raise AssertionError("every mode has a neighbour")


def test_hits_are_added_struck_softer_muted_and_deleted(editor: Editor) -> None:
    page, original = editor.page, editor.track()
    hits = editor.project["hits"]
    one, two = editor.locate_hit(hits[0]["id"]), editor.locate_hit(hits[1]["id"])

    # A double-click between the first two hits.
    middle = {"x": (one["x"] + two["x"]) / 2, "y": one["y"]}
    editor.change(lambda: page.mouse.dblclick(middle["x"], middle["y"]))
    added = next(h for h in editor.project["hits"] if h["id"] not in {hit["id"] for hit in hits})
    expected_s = (hits[0]["time_s"] + hits[1]["time_s"]) / 2
    assert added["time_s"] == pytest.approx(expected_s, abs=0.01)
    difference = editor.track() - original
    assert attack_s(difference, added["time_s"], 0.1) == pytest.approx(added["time_s"], abs=0.002)
    assert not difference[: round((added["time_s"] - 0.003) * RATE_HZ)].any()

    # Its head dragged down: the same strike, softer.
    place = editor.locate_hit(added["id"])
    editor.change(lambda: editor.drag(place, {"x": place["x"], "y": place["y"] + 25}))
    softer = editor.hit(added["id"])
    assert softer["velocity_db"] < added["velocity_db"] - 3
    assert softer["time_s"] == added["time_s"]
    quiet = editor.track() - original
    around = slice(round(added["time_s"] * RATE_HZ), round((added["time_s"] + 0.1) * RATE_HZ))
    fell_db = 10 * np.log10(np.mean(quiet[around] ** 2) / np.mean(difference[around] ** 2))
    assert fell_db == pytest.approx(softer["velocity_db"] - added["velocity_db"], abs=3)

    # Muted and deleted by keys: the track is the old one.
    editor.change(lambda: page.keyboard.press("m"))
    assert editor.hit(added["id"])["mute"] and np.array_equal(editor.track(), original)
    editor.change(lambda: page.keyboard.press("Delete"))
    assert editor.project["hits"] == hits
    assert np.array_equal(editor.track(), original)


def test_exports_are_the_track_beside_the_untouched_picture(editor: Editor, tmp_path: Path) -> None:
    page = editor.page
    place = editor.locate_hit(editor.project["hits"][0]["id"])
    editor.change(lambda: editor.drag(place, {"x": place["x"] - 40, "y": place["y"]}))
    track, first_s = editor.track(), editor.project["hits"][0]["time_s"]
    page.get_by_role("button", name="Export", exact=True).first.click()
    page.get_by_role("dialog", name="Export").get_by_role("button", name="Export", exact=True).click()
    links = page.locator(".st-file")
    links.nth(1).wait_for()
    found = {}
    for link in links.all():
        with page.expect_download() as download:
            link.click()
        found[download.value.suggested_filename.rpartition(".")[2]] = Path(download.value.path())
    assert set(found) == {"wav", "mp4"}
    # Exported again, the files of before are named and stay.
    dialog = page.get_by_role("dialog", name="Export")
    dialog.get_by_text("demo_sound.wav, exported before").wait_for()
    dialog.get_by_role("button", name="Export again").click()
    question = page.get_by_role("alertdialog", name="Files that exist")
    question.get_by_role("listitem").nth(1).wait_for()
    assert question.get_by_role("listitem").all_text_contents() == ["demo_sound.wav", "demo_sound_struck.mp4"]
    question.get_by_role("button", name="Keep both").click()
    links.get_by_text("demo_sound 2.wav").wait_for()
    # A clip that cannot be rendered is queued; it says why.
    torn = tmp_path / "torn.mp4"
    torn.write_bytes(Path("assets/demo_sound.mp4").read_bytes()[:3000])
    dialog.get_by_label("Path of a clip, folder or list to queue").fill(str(torn))
    dialog.get_by_role("button", name="Queue", exact=True).click()
    dialog.get_by_text("torn.mp4 is not whole").wait_for()
    dialog.get_by_role("button", name="Clear").click()
    page.keyboard.press("Escape")

    sound, rate_hz = soundfile.read(found["wav"], dtype="float32")
    assert (rate_hz, sound.shape) == (RATE_HZ, (round(editor.project["clip"]["duration_s"] * RATE_HZ), 2))
    assert soundfile.info(str(found["wav"])).subtype == "PCM_24"
    assert np.abs(sound - np.clip(track, -1, 1)).max() <= 2**-23
    assert attack_s(sound, first_s) == pytest.approx(first_s, abs=0.005)

    with av.open(str(found["mp4"])) as copy, av.open("assets/demo_sound.mp4") as clip:
        assert [stream.type for stream in copy.streams] == ["video", "audio"]
        packets = [[bytes(p) for p in file.demux(file.streams.video[0]) if p.size] for file in (copy, clip)]
        assert packets[0] == packets[1]
    with av.open(str(found["mp4"])) as copy:
        heard = np.zeros((len(sound) + RATE_HZ, 2), np.float32)
        for frame in copy.decode(audio=0):
            at = round(float(frame.time or 0.0) * RATE_HZ)
            block = frame.to_ndarray().T
            skip = max(0, -at)
            heard[at + skip : at + len(block)] = block[skip:]
    assert attack_s(heard[: len(sound)], first_s) == pytest.approx(first_s, abs=0.005)
    delay = best_delay(heard[: len(sound), 0], sound[:, 0])
    assert abs(delay) <= RATE_HZ // 1000


def best_delay(late: np.ndarray, early: np.ndarray) -> int:
    """Samples by which one sound lies behind another."""
    size = 1 << (2 * len(early)).bit_length()
    match = np.fft.irfft(np.fft.rfft(late, size) * np.conj(np.fft.rfft(early, size)), size)
    delay = int(np.argmax(match))
    return delay if delay < size // 2 else delay - size


def test_a_broken_file_is_refused_in_a_sentence_and_the_project_stays(editor: Editor, tmp_path: Path) -> None:
    page = editor.page
    place = editor.locate_hit(editor.project["hits"][0]["id"])
    editor.change(lambda: editor.drag(place, {"x": place["x"] + 20, "y": place["y"]}))
    before, track = editor.project, editor.track()
    broken = tmp_path / "holiday.mp4"
    broken.write_bytes(b"this is no film\n" * 4000)
    page.get_by_role("button", name="Open clip").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(broken)
    page.locator(".st-toast.is-error").wait_for()
    (said,) = editor.toasts()
    assert "holiday.mp4" in said and said.endswith(".") and "Traceback" not in said
    assert 20 < len(said) < 200 and said.count(". ") == 0
    page.locator(".st-toast.is-error button").click()
    assert editor.project == before
    assert np.array_equal(editor.track(), track)
    assert editor.see("window.struck.store.view.undo")


def test_a_reload_finds_the_session_as_it_was(editor: Editor) -> None:
    place = editor.locate_hit(editor.project["hits"][2]["id"])
    editor.change(lambda: editor.drag(place, {"x": place["x"] + 20, "y": place["y"]}))
    before, track = editor.project, editor.track()
    editor.page.reload()
    editor.wait("() => window.struck?.store?.view?.project")
    editor.wait_for_sound()
    assert editor.project == before
    assert np.array_equal(editor.track(), track)
    editor.change(lambda: editor.page.keyboard.press("Control+z"))
    assert editor.project["hits"][2]["time_s"] < before["hits"][2]["time_s"]


def test_the_track_is_a_float_wave(editor: Editor) -> None:
    answer = editor.page.request.get(f"{editor.address}/struck/track/{editor.see('window.struck.store.session')}")
    info = soundfile.info(io.BytesIO(answer.body()))
    assert (info.subtype, info.channels, info.samplerate) == ("FLOAT", 2, RATE_HZ)
