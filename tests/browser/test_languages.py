"""The editor in German and Japanese: its texts are translated, and they fit on a small display."""

from __future__ import annotations

import pytest

from tests.browser.layout_checks import CUT_OFF, SMALL, TOO_NARROW
from tests.browser.struck_page import Editor

TABS = {
    "Deutsch": ("de", ["Schlag", "Klang", "Suchen", "Sampler", "Mix", "Spielen"]),
    "日本語": ("ja", ["ヒット", "音", "検索", "サンプラー", "ミックス", "演奏"]),
}
ALONE = {
    "Deutsch": ["jetzt", "Aufnahme", "Anschlag", "Anstieg", "keiner"],
    "日本語": ["現在", "録音", "打撃", "立ち上がり", "なし"],
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
    check_words_alone(editor, ALONE[language], tabs)
    page.evaluate("() => localStorage.removeItem('struck.language')")
    page.reload()
    editor.wait("() => window.struck?.store?.view?.project")
    page.set_viewport_size({"width": 1440, "height": 900})


def check_words_alone(editor: Editor, words: list[str], tabs: list[str]) -> None:
    """Single words are translated too: of the takes, the legends, the rise and the pre-roll."""
    page = editor.page
    now, recording, strike, rise, none = words
    assert none in page.locator(".st-perform-row select").first.inner_text()
    page.get_by_role("tab", name=tabs[1], exact=True).click()
    assert page.locator(".ins-rises").inner_text() == rise
    page.locator(".mt-fit-button").click()
    page.locator('.mt-large[data-state="ready"]').wait_for()
    legends = page.locator(".mt-plot .mt-key").all_inner_texts()
    assert recording in legends and strike in legends, legends
    page.keyboard.press("Escape")
    page.keyboard.press("v")
    assert page.locator(".arr-take-label").first.inner_text() == now
    page.keyboard.press("Escape")
