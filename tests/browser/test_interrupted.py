"""What something else comes between: a picture that arrives late, an audition elsewhere, another clip."""

from __future__ import annotations

import pytest

from tests.browser.struck_page import Editor
from tests.browser.test_arranging import click_hit

INK = """() => {
  const canvas = document.querySelector('.st-spectro-canvas');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return data.some((red, i) => i % 4 === 0 && red > 120 && red > 1.5 * data[i + 2]);
}"""


def test_a_recording_goes_on_where_the_picture_arrives(editor: Editor) -> None:
    page = editor.page
    page.keyboard.press("e")
    page.get_by_label("Pre-roll").select_option("0")
    page.keyboard.press("r")
    editor.wait("() => window.struck.player.time_s > 0.2")
    editor.see("void window.struck.player.video.dispatchEvent(new Event('loadedmetadata'))")
    editor.wait("() => window.struck.player.playing && window.struck.player.time_s > 0.6")
    assert page.locator(".st-record").get_attribute("aria-pressed") == "true"
    page.keyboard.press("r")
    page.keyboard.press("Space")


def test_a_picture_that_is_paused_elsewhere_as_it_seeks_is_followed(editor: Editor) -> None:
    editor.see(
        """async () => {
          const { player } = window.struck;
          player.seek(0.2);
          await player.play();
          const isSeeking = { get: () => true, configurable: true };
          Object.defineProperty(player.video, 'seeking', isSeeking);
          player.video.pause();
          await new Promise((done) => setTimeout(done, 300));
          delete player.video.seeking;
        }"""
    )
    editor.wait("() => !window.struck.player.playing")


def test_an_end_that_is_told_after_the_loop_went_round_is_no_other_round(editor: Editor) -> None:
    rounds = editor.see(
        """async () => {
          const { player, store } = window.struck;
          let rounds = 0;
          store.on('round', () => rounds++);
          player.seek(0.2);
          player.setLoop(true);
          await player.play();
          player.video.dispatchEvent(new Event('ended'));
          player.setLoop(false);
          player.pause();
          return rounds;
        }"""
    )
    assert rounds == 0


def test_the_clips_spectrogram_is_drawn_once_its_sound_is_read(editor: Editor) -> None:
    page = editor.page
    page.keyboard.press("s")
    page.get_by_role("group", name="Show the sound").get_by_role("button", name="Clip").click()
    editor.wait(INK)
    page.keyboard.press("s")


@pytest.mark.parametrize("key", ["v", "x"])
def test_a_sheet_asks_again_for_what_an_audition_took_the_place_of(editor: Editor, key: str) -> None:
    page = editor.page
    click_hit(editor, 3)
    editor.see("void (window.send = window.struck.store.send, window.struck.store.send = () => true)")  # never answered
    page.keyboard.press(key)
    page.keyboard.press("Escape")
    page.evaluate(
        """(answer) => {
          window.answers = 0;
          window.struck.store.send = window.send;
          window.struck.store.on(answer, () => window.answers++);
        }""",
        {"v": "take", "x": "versions"}[key],
    )
    page.keyboard.press(key)
    editor.wait("() => window.answers > 0")
    page.keyboard.press("Escape")


def test_a_late_morph_is_not_taken_for_what_is_asked_now(editor: Editor) -> None:
    amounts = editor.see(
        """async () => {
          const { createMorph } = await import('/struck/static/sound/morph.js');
          const { store } = window.struck;
          const [listeners, sent] = [{}, []];
          const [anchor, root] = ['button', 'div'].map((name) => document.createElement(name));
          root.className = 'ins-root';
          root.append(anchor);
          document.body.append(root);
          const [sound] = store.view.project.sounds;
          const morph = createMorph(
            { view: store.view, welcome: store.welcome, send: (message) => sent.push(message), watch: () => () => {},
              on: (name, react) => ((listeners[name] = react), () => {}) },
            anchor, { sound: () => sound, changed() {}, preview() {}, stems: () => anchor });
          morph.open();
          root.querySelector('.ins-menu-choose').click();
          const now = performance.now;
          performance.now = () => now.call(performance) + 5000; // the first answer is slow
          const range = root.querySelector('input[type=range]');
          range.value = '80';
          range.dispatchEvent(new Event('input'));
          performance.now = now;
          for (const { amount } of [...sent]) {
            listeners.morph_preview({ type: 'morph_preview', sound_id: sound.id, amount, sound: { ...sound, amount } });
          }
          const shown = morph.shown()?.amount;
          morph.dispose();
          root.remove();
          return [...sent.map(({ amount }) => amount), shown];
        }"""
    )
    assert amounts == [0.5, 0.8, 0.8]


def test_clicks_begin_once_where_start_is_pressed_twice_as_the_audio_wakes(editor: Editor) -> None:
    clicks = editor.see(
        """async () => {
          const { createCalibration } = await import('/struck/static/perform/calibration.js');
          const app = document.createElement('div');
          document.body.append(app);
          let clicks = 0;
          let wake;
          const awake = new Promise((done) => (wake = done));
          const live = { click: () => (clicks++, { heard_ms: performance.now(), stop() {} }) };
          const calibration = createCalibration(app, { resume: () => awake, live }, () => {});
          calibration.open();
          const start = app.querySelector('.st-question-foot .is-main');
          start.click();
          start.click();
          wake();
          await new Promise((done) => setTimeout(done, 50));
          calibration.dispose();
          app.remove();
          return clicks;
        }"""
    )
    assert clicks == 16


def test_what_is_typed_or_chosen_in_place_is_given_up_where_another_clip_comes_up(editor: Editor) -> None:
    page = editor.page
    editor.see("void window.struck.store.edit({ kind: 'add_marker', time_s: 1 }, 'a marker')")
    flag = page.locator(".arr-flag").first
    name = flag.inner_text()
    flag.dblclick()
    page.locator(".arr-flag-field").fill("Of the clip before")
    editor.see("void window.struck.store.emit('left', null)")
    assert page.locator(".arr-flag-field").count() == 0
    assert editor.see("window.struck.store.view.project.markers.map(({ name }) => name)") == [name]
    applied = editor.see(
        """async () => {
          const { editCell } = await import('/struck/static/arrange/cell_editor.js');
          const cell = document.createElement('span');
          document.body.append(cell);
          const applied = [];
          const read = (value) => (applied.push(value), true);
          editCell(cell, { label: '', text: 'a', isNew: false, choices: [['a', 'A'], ['b', 'B']], read, done() {} });
          cell.querySelector('select').value = 'b';
          window.struck.store.emit('left', null);
          const left = cell.childElementCount;
          cell.remove();
          return [applied, left];
        }"""
    )
    assert applied == [[], 0]


def test_the_dial_of_directions_turns_by_the_main_button_alone(editor: Editor) -> None:
    page = editor.page
    page.get_by_role("tab", name="Mix").click()
    page.get_by_role("button", name=editor.project["sounds"][0]["name"], exact=True).click()
    dial = page.locator(".mix-direction")
    dial.scroll_into_view_if_needed()
    box = dial.bounding_box()
    assert box is not None
    middle = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    strip = "window.struck.store.view.project.sounds[0].strip.surround_deg"
    page.mouse.move(middle["x"] + 20, middle["y"])
    page.mouse.down(button="right")
    page.mouse.move(middle["x"] - 20, middle["y"])
    page.mouse.up(button="right")
    assert editor.see(strip) == 0
    page.keyboard.press("Escape")
    editor.change(
        lambda: editor.drag({"x": middle["x"], "y": middle["y"] - 20}, {"x": middle["x"] + 20, "y": middle["y"]})
    )
    assert editor.see(strip) == pytest.approx(90, abs=5)
