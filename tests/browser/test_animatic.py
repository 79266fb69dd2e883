"""Make an animatic in a real browser: a picture and a place are chosen, and the film is begun and called off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.browser.struck_page import Editor


def test_a_picture_is_struck_where_it_was_clicked_and_the_film_can_be_called_off(
    editor: Editor, tmp_path: Path
) -> None:
    page = editor.page
    gray = np.random.default_rng(0).integers(60, 200, (18, 32, 3), np.uint8)
    Image.fromarray(gray).resize((128, 72), Image.Resampling.BICUBIC).save(tmp_path / "still.png")
    editor.wait_for_sound()
    page.get_by_role("button", name="More ways to save").click()
    page.get_by_role("menuitem", name="Make an animatic").click()
    panel = page.get_by_role("dialog", name="Make an animatic")
    still = panel.locator(".anim-still")
    panel.get_by_label("Picture to animate").set_input_files(tmp_path / "still.png")
    editor.wait("() => document.querySelector('.anim-still').naturalWidth === 128")
    box = still.bounding_box()
    assert box is not None
    still.click(position={"x": 0.25 * box["width"], "y": 0.5 * box["height"]})
    panel.get_by_text("Struck at the mark.").wait_for()

    panel.get_by_role("button", name="Make", exact=True).click()
    panel.get_by_text("Making it, ").wait_for()
    panel.get_by_role("button", name="Cancel").click()
    panel.get_by_role("button", name="Make", exact=True).wait_for()
    assert panel.locator(".st-file").count() == 0
    assert page.locator(".anim-mark").is_visible()

    made = {"name": "a.mp4", "url": "/struck/export/none/a.mp4", "at_x": 0.25, "at_y": 0.5, "hits": 12, "struck": 11}
    page.evaluate("(made) => window.struck.store.emit('animatic_made', { type: 'animatic_made', ...made })", made)
    panel.get_by_text("The striker comes down at 11 of 12 hits.").wait_for()
    assert panel.locator(".st-file").get_attribute("href") == made["url"]
    page.keyboard.press("Escape")
    assert panel.is_hidden() and not editor.problems
