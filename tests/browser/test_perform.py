"""Hits are played by keys, pads and MIDI: heard at once, and in the document where they were meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.struck_page import Editor

FRAME_S = 1 / 30

# The picture's time at each press, by the video element alone, and how far from it the sound was, which a busy machine
# disturbs; and how many sounds are started.
WATCH = """
  window.presses = []; window.uncertain = []; window.starts = 0; window.stalls = 0;
  window.struck.player.video.addEventListener('waiting', () => window.stalls++);
  const note = (event) => {
    const { player: { video }, store } = window.struck;
    const age_s = (performance.now() - event.timeStamp) / 1000;
    const offset_s = store.view.project.clip.picture_offset_s;
    window.presses.push(video.currentTime - age_s * video.playbackRate - offset_s);
    window.uncertain.push(age_s + Math.abs(video.currentTime - offset_s - window.struck.audio.now_s()));
  };
  document.addEventListener('keydown', (event) => /^Digit/.test(event.code) && note(event), true);
  document.addEventListener('pointerdown', (event) => event.target.closest('.st-pad') && note(event), true);
  window.noteMidi = note;
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (...given) { window.starts++; return start.apply(this, given); };
"""

MIDI = """
  class Input extends EventTarget {
    id = 'pad';
    name = 'Drum pad';
    set onmidimessage(react) { this.addEventListener('midimessage', react); }
  }
  const input = new Input();
  window.sendMidi = (...data) => {
    const event = new MIDIMessageEvent('midimessage', { data: new Uint8Array(data) });
    window.noteMidi(event);
    input.dispatchEvent(event);
  };
  navigator.requestMIDIAccess = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
  window.allowMidi = () => {
    navigator.requestMIDIAccess = () => Promise.resolve({ inputs: new Map([['pad', input]]) });
  };
"""

MUTE = """
  const { store } = window.struck;
  const ids = store.view.project.hits.map(({ id }) => id);
  store.edit({ kind: 'set_hits', ids, values: { mute: true } });
"""


def new_hits(editor: Editor, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    known = {hit["id"] for hit in before}
    return [hit for hit in editor.project["hits"] if hit["id"] not in known]


def change(editor: Editor, act: Callable[[], Any]) -> None:
    """Do something that edits the document and wait for the server's answer; what is to be sampled may wait."""
    rev = editor.see("window.struck.store.view.revision")
    act()
    editor.wait("(rev) => window.struck.store.view.revision > rev && !window.struck.store.isSending", rev)


def play_until(editor: Editor, time_s: float) -> None:
    """Wait for the playhead."""
    editor.wait(f"() => window.struck.player.time_s >= {time_s}")


def test_keys_and_pads_are_heard_and_recorded_where_the_picture_was(editor: Editor) -> None:
    page, press = editor.page, editor.page.keyboard.press
    editor.see(f"(() => {{ {WATCH} }})()")
    change(editor, lambda: editor.see(f"(() => {{ {MUTE} }})()"))  # nothing but what is played shall sound
    before = editor.project["hits"]
    sounds = [sound["id"] for sound in editor.project["sounds"]]
    usual = {}
    for sound in sounds:
        own = sorted(hit["velocity_db"] for hit in before if hit["sound_id"] == sound)
        usual[sound] = own[len(own) // 2]

    # Paused, a key is heard and records nothing.
    press("e")
    press("Digit1")
    editor.wait("() => window.struck.audio.levels().peak_db > -40")
    assert len(editor.project["hits"]) == len(before)

    # A take by two keys and a pad.
    page.get_by_label("Pre-roll").select_option("0")
    editor.see(f"window.struck.player.seek({1.0})")
    press("r")
    play_until(editor, 1.2)
    started = editor.see("window.presses.length = window.uncertain.length = 0, window.starts")
    press("Digit1")
    play_until(editor, 1.4)
    press("Shift+Digit2")
    play_until(editor, 1.6)
    pad = page.get_by_role("button", name="Play Glass jar")
    box = pad.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 0.75 * box["height"])
    editor.wait(f"() => window.struck.store.view.project.hits.length === {len(before) + 3}")
    page.wait_for_timeout(200)  # the timer of playback has seen the new hits
    heard = editor.see("window.starts") - started
    assert heard == 3 or editor.see("window.stalls")  # each once, as it was played; a picture that stalled begins anew
    press("r")
    press("Space")
    pressed, uncertain = editor.see("[window.presses, window.uncertain]")
    hits = sorted(new_hits(editor, before), key=lambda hit: sounds.index(hit["sound_id"]))
    assert [hit["sound_id"] for hit in hits] == sounds
    for hit, time_s, uncertain_s in zip(hits, pressed, uncertain, strict=True):
        assert abs(hit["time_s"] - time_s) < FRAME_S + uncertain_s
    expected_db = [usual[sounds[0]], usual[sounds[1]] + 6, usual[sounds[2]] - 24 + 0.25 * 30]
    assert [hit["velocity_db"] for hit in hits] == pytest.approx(expected_db, abs=0.5)

    # One undo takes the take back; a typed latency moves the next one earlier.
    change(editor, lambda: press("Control+z"))
    assert editor.project["hits"] == before
    field = page.get_by_label("Latency of keys, in milliseconds")
    field.fill("150")
    field.press("Enter")
    editor.see(f"window.struck.player.seek({1.0})")
    press("r")
    play_until(editor, 1.4)
    press("Digit1")
    press("r")
    press("Space")
    editor.wait(f"() => window.struck.store.view.project.hits.length === {len(before) + 1}")
    (late,) = new_hits(editor, before)
    time_s, uncertain_s = editor.see("[window.presses.at(-1), window.uncertain.at(-1)]")
    assert late["time_s"] == pytest.approx(time_s - 0.15, abs=FRAME_S + uncertain_s)
    field.fill("0")
    field.press("Enter")


def test_midi_learns_a_note_and_replaces_round_by_round_at_half_speed(editor: Editor) -> None:
    page, press = editor.page, editor.page.keyboard.press
    editor.see(f"(() => {{ {WATCH} {MIDI} }})()")
    before = editor.project["hits"]
    block = next(sound["id"] for sound in editor.project["sounds"] if sound["name"] == "Wooden block")
    own = sorted(hit["velocity_db"] for hit in before if hit["sound_id"] == block)
    usual_db = own[len(own) // 2]

    # Refused, then allowed; a pad learns the note that is played next.
    press("e")
    connect = page.get_by_role("button", name="Connect MIDI")
    connect.click()
    page.get_by_text("The browser refused MIDI").wait_for()
    editor.see("window.allowMidi()")
    connect.click()
    page.get_by_role("button", name="Learn notes").click()
    page.get_by_role("button", name="Play Wooden block").click()
    editor.see("window.sendMidi(0x99, 50, 100)")
    page.get_by_role("button", name="Play Wooden block, key 2, MIDI D3").wait_for()
    page.get_by_role("button", name="Learn notes").click()
    assert editor.project["hits"] == before

    # Replace over a loop from 1.5 s to 2.4 s, which holds two hits of the block, at half speed: two rounds.
    page.get_by_label("Pre-roll").select_option("0")
    page.get_by_role("button", name="Replace").click()
    for time_s, key in ((1.5, "i"), (2.4, "o")):
        editor.see(f"window.struck.player.seek({time_s})")
        press(key)
    press("h")
    editor.see(
        "void (window.rounds = [], window.presses = [], window.uncertain = [],"
        "window.struck.store.on('round', () => window.rounds.push(1)))"
    )
    press("r")
    play_until(editor, 1.6)
    assert editor.see("window.struck.player.video.playbackRate") == 0.5
    editor.see("window.sendMidi(0x99, 50, 50)")
    editor.wait("() => window.rounds.length >= 1")
    play_until(editor, 1.9)
    first = new_hits(editor, before)
    editor.see("window.sendMidi(0x99, 50, 100)")
    rounds = editor.see("window.rounds.length")
    editor.wait("(rounds) => window.rounds.length > rounds", rounds)
    press("r")
    press("Space")
    pressed, uncertain = editor.see("[window.presses, window.uncertain]")
    editor.wait(
        f"() => !window.struck.store.isSending && window.struck.store.view.project.hits.length === {len(before) - 1}"
    )
    gone = [hit for hit in before if hit["sound_id"] == block and 1.5 <= hit["time_s"] <= 2.4]
    assert len(gone) == 2 and len(first) == 1
    (second,) = new_hits(editor, before)
    for hit, time_s, uncertain_s, below_db in zip((first[0], second), pressed, uncertain, (12.04, 0.0), strict=True):
        assert hit["sound_id"] == block
        assert hit["time_s"] == pytest.approx(time_s, abs=FRAME_S + uncertain_s)
        assert hit["velocity_db"] == pytest.approx(usual_db - below_db, abs=0.01)
    kept = {hit["id"] for hit in before} - {hit["id"] for hit in gone}
    assert {hit["id"] for hit in editor.project["hits"]} == kept | {second["id"]}

    # A round is a take: the first undo brings the first round back, the second what was there.
    change(editor, lambda: press("Control+z"))
    assert [hit["id"] for hit in new_hits(editor, before)] == [first[0]["id"]]
    change(editor, lambda: press("Control+z"))
    assert editor.project["hits"] == before
    for key in ("h", "Shift+C", "c"):
        press(key)  # plain speed, the whole clip, no loop


def test_a_loop_goes_round_though_the_picture_tells_late_that_it_is_back_at_its_start(editor: Editor) -> None:
    page = editor.page
    editor.see(
        """() => {
          const { player, store } = window.struck;
          window.rounds = 0;
          window.untold = new AbortController();
          store.on("round", () => window.rounds++);
          document.addEventListener("seeked", (event) => event.stopImmediatePropagation(),
            { capture: true, signal: window.untold.signal });
          player.setRange({ start_s: 1.5, end_s: 1.7 });
          player.setLoop(true);
          player.seek(1.5);
        }"""
    )
    page.keyboard.press("Space")
    editor.wait("() => window.rounds >= 2")
    play_until(editor, 1.6)
    editor.see("window.untold.abort()")
    editor.wait("() => window.rounds >= 3")
    for key in ("Space", "Shift+C", "c"):
        page.keyboard.press(key)
    assert not editor.see("window.struck.player.playing")


def test_scrubbing_and_the_shuttle_are_heard(editor: Editor) -> None:
    press = editor.page.keyboard.press
    hit = editor.project["hits"][4]
    editor.see(f"window.struck.player.seek({hit['time_s'] - 0.4})")
    assert editor.see("window.struck.audio.levels().peak_db") < -60
    # The hit is passed to and fro: a busy machine may not look at the level while a single pass sounds.
    editor.wait(
        """([before_s, after_s]) => {
          const { player, audio } = window.struck;
          window.isPast = !window.isPast;
          player.scrub(window.isPast ? after_s : before_s);
          return audio.levels().peak_db > -40;
        }""",
        [hit["time_s"] - 0.1, hit["time_s"] + 0.2],
    )
    editor.see(f"window.struck.player.scrub({hit['time_s'] + 0.2})")
    time_s = editor.see("window.struck.player.time_s")
    press("j")
    editor.wait(f"() => window.struck.player.time_s < {time_s - 0.5}")
    press("k")
    stands_s = editor.see("window.struck.player.time_s")
    press("l")
    press("l")
    assert editor.see("window.struck.player.video.playbackRate") == 2
    editor.wait(f"() => window.struck.player.time_s > {stands_s + 0.6}")
    press("k")
    editor.wait("() => !window.struck.player.playing")
    assert editor.see("window.struck.player.video.playbackRate") == 1
