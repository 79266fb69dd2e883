"""Pictures of the editor for README and guide, drawn from the demo: ``python -m tests.browser.pictures [NAME ...]``.

Writes docs/editor.jpg, arrange.jpg, takes.jpg, pattern.jpg and parts.jpg, and docs/editor.webp, which moves. Run it by
hand after a change that shows; tests do not compare pixels.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from engine.core.paths import ROOT
from engine.lab.evaluation.editor.page import start_browser
from tests.app_process import serve
from tests.browser.chromium import browser_path
from tests.browser.struck_page import Editor, browse

DOCS = ROOT / "docs"
SIZE = {"width": 1440, "height": 900}
SHOWN = (1200, 750)
FRAME_MS = 90
POINTER = """([x, y]) => {
  let pointer = document.getElementById("pointer");
  if (!pointer) {
    pointer = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    pointer.id = "pointer";
    pointer.setAttribute("viewBox", "0 0 16 24");
    pointer.setAttribute("style", "position:fixed;z-index:9999;width:20px;height:30px;pointer-events:none");
    pointer.innerHTML = '<path d="M1 1v17l4-4 3 8 3-1-3-8h6z" fill="#fff" stroke="#000"/>';
    document.body.append(pointer);
  }
  Object.assign(pointer.style, { left: `${x}px`, top: `${y}px` });
}"""


def shoot(editor: Editor, size: tuple[int, int] = SHOWN) -> Image.Image:
    """The page as it is, scaled."""
    image = Image.open(io.BytesIO(editor.page.screenshot())).convert("RGB")
    return image.resize(size, Image.Resampling.LANCZOS)


def draw_editor(editor: Editor) -> None:
    """The editor with the demo, one hit selected."""
    select(editor, 2)
    editor.page.mouse.move(5, 5)
    shoot(editor).save(DOCS / "editor.jpg", quality=85, optimize=True)


def draw_arrange(editor: Editor) -> None:
    """The list of hits beside the timeline."""
    editor.page.get_by_role("tab", name="List").click()
    select(editor, 4)
    shoot(editor).save(DOCS / "arrange.jpg", quality=82, optimize=True)
    editor.page.get_by_role("tab", name="Sound").click()


def draw_takes(editor: Editor) -> None:
    """The sheet of takes, with variation."""
    select(editor, 2)
    sound_id = editor.project["hits"][2]["sound_id"]
    edit = f"window.struck.store.edit({{ kind: 'set_detail', sound_id: '{sound_id}', variation: 1 }}, null)"
    editor.change(lambda: editor.see(edit))
    editor.page.keyboard.press("v")
    editor.wait("() => document.querySelectorAll('.arr-take:not(.is-waiting)').length === 8")
    editor.page.get_by_role("button", name="Star take 3").click()
    editor.page.wait_for_timeout(500)
    crop_sheet(editor, "Takes").save(DOCS / "takes.jpg", quality=85, optimize=True)
    editor.page.get_by_role("button", name="Star take 3").click()
    editor.page.keyboard.press("Escape")


def draw_pattern(editor: Editor) -> None:
    """The sheet of patterns, with a bounce."""
    select(editor, 2)
    editor.page.keyboard.press("b")
    editor.page.get_by_role("dialog", name="Pattern of blows").get_by_role("button", name="Bounce").click()
    crop_sheet(editor, "Pattern of blows").save(DOCS / "pattern.jpg", quality=85, optimize=True)
    editor.page.keyboard.press("Escape")


def draw_parts(editor: Editor) -> None:
    """The sheet of parts: a knock with another sound before it and a tail after it."""
    select(editor, 2)
    sound_id = editor.project["hits"][2]["sound_id"]
    others = [sound["id"] for sound in editor.project["sounds"] if sound["id"] != sound_id]
    for other, offset_s, gain_db in zip((others * 2)[:2], (-0.12, 0.045), (-9.0, -4.0), strict=True):
        edit = f"kind: 'add_part', sound_id: '{sound_id}', part_sound_id: '{other}'"
        edit += f", offset_s: {offset_s}, gain_db: {gain_db}"
        editor.change(lambda edit=edit: editor.see(f"window.struck.store.edit({{ {edit} }}, null)"))  # type: ignore[misc]
    editor.page.keyboard.press("Shift+Y")
    editor.page.wait_for_timeout(300)
    crop_sheet(editor, "Parts").save(DOCS / "parts.jpg", quality=85, optimize=True)
    editor.page.keyboard.press("Escape")


def crop_sheet(editor: Editor, name: str) -> Image.Image:
    """An open sheet with a margin."""
    box = editor.page.get_by_role("dialog", name=name).bounding_box()
    assert box is not None
    image = Image.open(io.BytesIO(editor.page.screenshot())).convert("RGB")
    margin = 16
    return image.crop(
        (
            max(0, round(box["x"]) - margin),
            max(0, round(box["y"]) - margin),
            round(box["x"] + box["width"]) + margin,
            round(box["y"] + box["height"]) + margin,
        )
    )


def draw_animation(editor: Editor) -> None:
    """A hit is dragged and played, a mode is dragged, a bounce is made: one loop."""
    frames: list[Image.Image] = []

    def move(x: float, y: float, steps: int = 6) -> None:
        for step in range(1, steps + 1):
            part = step / steps
            to = (place[0] + part * (x - place[0]), place[1] + part * (y - place[1]))
            editor.page.mouse.move(*to)
            editor.page.evaluate(POINTER, to)
            frames.append(shoot(editor, (960, 600)))
        place[:] = [x, y]

    def hold(count: int) -> None:
        frames.extend([shoot(editor, (960, 600))] * count)

    place = [700.0, 450.0]
    hit = editor.locate_hit(editor.project["hits"][2]["id"])
    move(hit["x"], hit["y"])
    editor.page.mouse.down()
    move(hit["x"] + 60, hit["y"] - 6, 8)
    editor.page.mouse.up()
    editor.wait_for_sound()
    hold(3)
    mode = editor.locate_mode(editor.project["hits"][2]["sound_id"], 1)
    move(mode["x"], mode["y"])
    editor.page.mouse.down()
    move(mode["x"] + 70, mode["y"] - 12, 8)
    editor.page.mouse.up()
    editor.wait_for_sound()
    hold(3)
    editor.page.keyboard.press("Escape")
    select(editor, 2)
    editor.page.keyboard.press("b")
    hold(6)
    editor.change(lambda: editor.page.get_by_role("dialog", name="Pattern of blows").locator(".is-main").click())
    hold(8)
    editor.page.keyboard.press("Home")
    editor.page.keyboard.press("Space")
    for _ in range(18):
        hold(1)
    editor.page.keyboard.press("Space")
    frames[0].save(
        DOCS / "editor.webp", save_all=True, append_images=frames[1:], duration=FRAME_MS, loop=0, quality=45, method=6
    )


def select(editor: Editor, number: int) -> None:
    """Select a hit by its place in time."""
    hit_id = editor.project["hits"][number]["id"]
    editor.page.evaluate("(id) => window.struck.store.select({ hits: new Set([id]) })", hit_id)
    editor.page.wait_for_timeout(300)


DRAWERS: dict[str, Callable[[Editor], None]] = {
    "editor": draw_editor,
    "arrange": draw_arrange,
    "takes": draw_takes,
    "pattern": draw_pattern,
    "parts": draw_parts,
    "animation": draw_animation,
}


def main(names: list[str]) -> None:
    """Draw the named pictures, or all."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder) / "home") as address,
        start_browser(Path(folder), browser_path()) as browser,
        browse(browser, address) as page,
    ):
        page.set_viewport_size(SIZE)
        editor = Editor(page, address)
        for name in names or DRAWERS:
            editor.open_demo()
            DRAWERS[name](editor)


if __name__ == "__main__":
    main(sys.argv[1:])
