"""The editor at the sizes of displays: nothing is cut off or too small to hit, and large displays show it larger."""

from __future__ import annotations

import pytest

from tests.browser.struck_page import Editor

SIZES = [(1280, 720), (1440, 900), (1920, 1080), (2560, 1440)]
TABS = ("Hit", "Sound", "Find", "Sampler", "Mix", "Perform")
LEAST_PX = 23.9

CUT_OFF = """() => {
  const panel = [...document.querySelectorAll(".ins-panel")].find((element) => element.clientHeight);
  const room = panel.getBoundingClientRect();
  const ends = (element) => element.getBoundingClientRect();
  const parts = [...panel.querySelectorAll("*")].filter((part) => part.clientWidth && !part.closest(".find-list"));
  return parts.filter((part) => ends(part).bottom > room.bottom + 1 || ends(part).right > room.right + 1)
    .map((part) => part.className);
}"""
SMALL = f"""() => [...document.querySelectorAll("button, a, input, select, [role=slider]")]
  .filter((part) => part.checkVisibility({{ checkVisibilityCSS: true }}) && !(part.type === "checkbox" && part.closest("label")))
  .map((part) => [part.className, part.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.width < {LEAST_PX} || box.height < {LEAST_PX}))
  .map(([name, box]) => `${{name}} ${{box.width}} x ${{box.height}}`)"""  # noqa: E501


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
