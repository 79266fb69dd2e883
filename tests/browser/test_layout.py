"""The editor on displays of any size, in both themes, by keyboard: all can be seen, reached and read out."""

from __future__ import annotations

import io
import os
import re
import shutil

import pytest
from PIL import Image

from engine.core.paths import ROOT
from tests.browser.layout_checks import CUT_HEADS, CUT_OFF, OUTSIDE, SMALL, UNHELPED
from tests.browser.struck_page import Editor
from tests.js.tools import install_tools

SIZES = [(1280, 720), (1440, 900), (1920, 1080), (2560, 1440)]
TABS = ("Hit", "Sound", "Find", "Sampler", "Mix", "Perform")

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
CHECK = """async (root) => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));  // what was done is drawn
  const runOnly = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"];
  let { violations } = await axe.run(root, { runOnly, resultTypes: ["violations"] });
  if (violations.length) {  // a control that becomes usable while it is looked at is looked at again
    await new Promise((done) => setTimeout(done, 700));
    ({ violations } = await axe.run(root, { runOnly, resultTypes: ["violations"] }));
  }
  return violations.filter(({ impact }) => ["serious", "critical"].includes(impact))
    .flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target}`));
}"""
DIALOGS = {
    "?": "Keys and gestures",
    "Control+k": "All actions",
    "Control+o": "Open a clip",
    "q": "Quantise",
    "b": "Pattern of blows",
    "x": "A/B",
    "u": "Scrape or rub",
    "y": "Velocity layers",
    "Shift+Y": "Parts",
    "Shift+P": "Your presets",
}


@pytest.mark.parametrize("size", SIZES)
def test_every_panel_fits_and_every_target_can_be_hit(editor: Editor, size: tuple[int, int]) -> None:
    page = editor.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    hit = editor.project["hits"][3]
    place = editor.locate_hit(hit["id"])
    page.mouse.click(place["x"], place["y"])  # the pointer hits what is drawn, at any scale
    assert editor.see("[...window.struck.store.selection.hits]") == [hit["id"]]
    for tab in TABS:
        page.get_by_role("tab", name=tab, exact=True).click()
        assert editor.see(CUT_OFF) == [], tab
        assert editor.see(SMALL) == [], tab
    footer = page.locator(".st-footer")
    assert footer.evaluate("(element) => element.scrollWidth - element.clientWidth") <= 0
    scale = page.locator(".st-app").evaluate("(app) => app.getBoundingClientRect().width / app.offsetWidth")
    assert scale == pytest.approx(max(1.0, 1.3 if size == (2560, 1440) else 1.0), abs=0.01)
    page.set_viewport_size({"width": 1440, "height": 900})


@pytest.mark.parametrize("size", [(768, 1024), (1024, 768), (1280, 720)])
def test_what_is_listened_to_and_how_loud_it_is_stay_in_sight(editor: Editor, size: tuple[int, int]) -> None:
    page = editor.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    panel = page.locator(".st-picture").bounding_box()
    assert panel is not None
    for part in (".st-timecode", ".st-segments", ".st-meter"):
        box = page.locator(f".st-transport {part}").bounding_box()
        assert box is not None, f"{part} is hidden"
        assert panel["x"] <= box["x"] and box["x"] + box["width"] <= panel["x"] + panel["width"], part
        assert box["y"] + box["height"] <= panel["y"] + panel["height"] + 1, part
    noise = page.get_by_role("slider", name="Noise power")
    page.get_by_role("tab", name="Sound", exact=True).click()
    shown = noise.bounding_box()
    assert shown is not None and shown["width"] > 40.0
    page.set_viewport_size({"width": 1440, "height": 900})


def test_the_seed_of_the_project_can_be_read_and_typed_in_a_narrow_window(editor: Editor) -> None:
    page = editor.page
    page.get_by_role("tab", name="Sampler", exact=True).click()
    seed = page.get_by_label("Project seed")
    for width, value in ((820, 9_999_998), (1100, 9_999_999)):
        page.set_viewport_size({"width": width, "height": 720})
        seed.fill(str(value))
        editor.change(lambda: seed.press("Enter"))
        assert editor.project["render"]["seed"] == value
        assert seed.evaluate("(field) => field.scrollWidth <= field.clientWidth"), width
    page.set_viewport_size({"width": 1440, "height": 900})


@pytest.mark.parametrize("size", [(820, 700), (1100, 720), (1440, 900)])
def test_the_names_of_the_lanes_are_whole_however_low_they_are(editor: Editor, size: tuple[int, int]) -> None:
    page = editor.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    assert editor.see(CUT_HEADS) == []
    splitter = page.get_by_role("separator", name="Height of the timeline")
    splitter.focus()
    for _ in range(12):
        page.keyboard.press("ArrowDown")
    assert page.locator(".st-timeline").evaluate("(element) => element.clientHeight") == 220
    editor.see("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert editor.see(CUT_HEADS) == []
    splitter.dblclick()
    page.set_viewport_size({"width": 1440, "height": 900})


@pytest.mark.parametrize("width", [820, 900, 1100, 1440])
def test_a_message_is_whole(editor: Editor, width: int) -> None:
    page = editor.page
    page.set_viewport_size({"width": width, "height": 900})
    message = "the clip's picture is broken after its first second, so nothing can be found in it; try another file"
    editor.page.evaluate("(message) => struck.store.emit('error', { type: 'error', message })", message)
    page.locator(".st-toast").wait_for()
    editor.see("document.querySelector('.st-lost').hidden = false")  # as without a connection
    assert page.evaluate(OUTSIDE, [".st-lost, .st-toast, .st-toast *", "body"]) == []
    assert page.evaluate(OUTSIDE, [".st-lost, .st-toast", ".st-picture"]) == []  # it hides no control of the inspector
    strip, toast = page.locator(".st-lost").bounding_box(), page.locator(".st-toast").bounding_box()
    assert strip and toast and strip["y"] + strip["height"] <= toast["y"]
    editor.see("document.querySelector('.st-lost').hidden = true")
    page.get_by_role("button", name="Dismiss this message").click()
    page.set_viewport_size({"width": 1440, "height": 900})


@pytest.mark.parametrize("size", [(1024, 700), (1280, 720)])
def test_a_dialog_is_whole_in_a_low_window(editor: Editor, size: tuple[int, int]) -> None:
    page = editor.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    place = editor.locate_hit(editor.project["hits"][3]["id"])
    page.mouse.click(place["x"], place["y"])
    editor.see(
        """() => {
          const { store } = window.struck;
          const recent = [1, 2, 3, 4, 5, 6].map((number) => `/films/take_${number}.mov`);
          store.emit("welcome", Object.assign(store.welcome, { recent }));
        }"""
    )
    for key, name in DIALOGS.items():
        page.keyboard.press(key)
        page.get_by_role("dialog", name=name, exact=True).wait_for()
        assert page.evaluate(OUTSIDE, ["[role=dialog]", "body"]) == [], name
        page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1440, "height": 900})


@pytest.fixture(scope="module")
def axe() -> str:
    """The checker's script, installed with the other npm tools."""
    if not AXE.is_file() and (npm := shutil.which("npm")):
        install_tools(ROOT, npm)
    if not AXE.is_file():
        reason = "axe-core is not installed; install Node 20, which brings npm, and test again"
        pytest.fail(reason) if os.environ.get("STRUCK_CI") == "1" else pytest.skip(reason)
    return AXE.read_text(encoding="utf-8")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_nothing_keeps_a_person_from_using_the_editor(editor: Editor, axe: str, theme: str) -> None:
    page = editor.page
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # the editor follows the system
    if editor.see("window.axe === undefined"):
        page.evaluate(axe)
    page.evaluate("(id) => struck.store.select({ hits: new Set([id]) })", editor.project["hits"][2]["id"])
    page.get_by_role("tab", name="Sound", exact=True).click()
    found = {"the page": page.evaluate(CHECK, ".st-app")}
    for tab in (*TABS, "List"):
        page.get_by_role("tab", name=tab, exact=True).click()
        found[tab] = page.evaluate(CHECK, ".st-inspector") + editor.see(UNHELPED)
    page.locator("canvas.st-lanes").focus()
    for key, name in DIALOGS.items():
        page.keyboard.press(key)
        page.get_by_role("dialog", name=name).wait_for()
        found[name] = page.evaluate(CHECK, f"[role=dialog][aria-label^='{name}']") + editor.see(UNHELPED)
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Export", exact=True).click()
    found["Export"] = page.evaluate(CHECK, ".st-export-menu") + editor.see(UNHELPED)
    page.keyboard.press("Escape")
    page.emulate_media(color_scheme="dark", reduced_motion="no-preference")
    problems = [f"{place}: {problem}" for place, some in found.items() for problem in some]
    assert not problems, "\n".join(problems)


def read_frame(editor: Editor, region: str) -> set[tuple[int, ...]]:
    """Colours in the picture of the page at the middle of a region's four sides, a pixel inside."""
    box = editor.page.locator(region).bounding_box()
    assert box is not None
    left, top, right, bottom = box["x"] + 1, box["y"] + 1, box["x"] + box["width"] - 1, box["y"] + box["height"] - 1
    middle = ((left + right) / 2, (top + bottom) / 2)
    shown = Image.open(io.BytesIO(editor.page.screenshot())).convert("RGB")
    places = [(left, middle[1]), (right - 1, middle[1]), (middle[0], top), (middle[0], bottom - 1)]
    return {shown.getpixel((round(x), round(y))) for x, y in places}  # type: ignore[misc]


def test_any_action_is_found_and_any_key_changed(editor: Editor) -> None:
    page, press = editor.page, editor.page.keyboard.press
    loop = page.get_by_role("button", name="Loop", exact=True)
    sheet = page.get_by_role("dialog", name="Keys and gestures")

    press("?")
    page.keyboard.type("loop")
    assert sheet.locator(".act-line:visible").all_inner_texts() == [
        "C\nLoop", "I\nThe loop begins here", "O\nThe loop ends here", "⇧ C\nLoop the whole clip",
    ]  # fmt: skip
    sheet.get_by_role("button", name="Loop: C. Change").click()
    press("Control+w")
    assert "belongs to the browser" in sheet.get_by_role("status").inner_text()
    press("f")
    assert sheet.get_by_role("status").inner_text().startswith("F is the key of “See all”")
    press("f")
    press("Escape")
    sheet.wait_for(state="hidden")
    press("f")
    assert loop.get_attribute("aria-pressed") == "true" and loop.get_attribute("title") == "Loop (F)"
    page.reload()  # the browser keeps it
    editor.wait("() => window.struck?.store?.view?.project")
    press("?")
    sheet.get_by_role("button", name="Usual keys").click()
    press("Escape")
    assert loop.get_attribute("title") == "Loop (C)"

    for typed, holds in {
        "list of hits": "document.querySelector('#ins-tab-list').ariaSelected === 'true'",
        "light theme": "document.querySelector('.st-app.is-light')",
        "theme of": "!document.querySelector('.st-app.is-light')",
        "show the tour": "document.querySelector('.st-tour:not([hidden])')",
    }.items():
        press("Control+k")
        page.keyboard.type(typed)
        press("Enter")
        assert editor.see(f"Boolean({holds})"), typed
    for title, region in (
        ("Every hit of the clip", ".st-timeline"),
        ("What is struck", ".st-inspector"),
        ("All the rest", ".st-top"),
    ):
        tour = page.get_by_role("dialog", name=title)
        tour.wait_for()
        frame = page.evaluate(
            "(region) => getComputedStyle(document.querySelector(region), '::after').borderColor", region
        )
        wanted = [int(part) for part in re.findall(r"\d+", frame)[:3]]
        assert all(color == pytest.approx(wanted, abs=16) for color in read_frame(editor, region)), region
        tour.get_by_role("button", name=re.compile("Next|Done")).click()
    tour.wait_for(state="hidden")
    page.get_by_role("tab", name="Sound", exact=True).focus()
    press("Tab")  # a control that is reached shows what it does
    page.locator(".st-focus-tip").wait_for()
    assert page.locator(".st-focus-tip").inner_text() == page.locator(":focus").get_attribute("title")
