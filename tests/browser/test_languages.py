"""The editor in German and Japanese: its texts are translated, and they fit on a small display."""

from __future__ import annotations

import pytest

from tests.browser.layout_checks import CUT_OFF, SMALL, TOO_NARROW
from tests.browser.struck_page import Editor

TABS = {
    "Deutsch": ("de", ["Schlag", "Klang", "Suchen", "Sampler", "Mix", "Spielen"]),
    "日本語": ("ja", ["ヒット", "音", "検索", "サンプラー", "ミックス", "演奏"]),
}
OPEN_CLIP = {"de": "Clip öffnen", "ja": "クリップを開く"}


@pytest.mark.parametrize("language", TABS)
def test_another_language_is_chosen_kept_and_fits(editor: Editor, language: str) -> None:
    page = editor.page
    tag, tabs = TABS[language]
    page.set_viewport_size({"width": 1280, "height": 720})
    page.evaluate("() => struck.store.select({ hits: new Set([struck.store.view.project.hits[3].id]) })")
    page.keyboard.press("?")
    with page.expect_navigation():
        page.get_by_role("dialog").get_by_role("button", name=language, exact=True).click()
    editor.wait("() => window.struck?.store?.view?.project")
    assert page.locator(".st-app").get_attribute("lang") == tag
    assert page.get_by_role("button", name=OPEN_CLIP[tag]).is_visible()
    page.evaluate("() => struck.store.select({ hits: new Set([struck.store.view.project.hits[3].id]) })")
    for tab in tabs:
        page.get_by_role("tab", name=tab, exact=True).click()
        assert [editor.see(check) for check in (CUT_OFF, SMALL, TOO_NARROW)] == [[], [], []], tab
    page.evaluate("() => localStorage.removeItem('struck.language')")
    page.reload()
    editor.wait("() => window.struck?.store?.view?.project")
    page.set_viewport_size({"width": 1440, "height": 900})
