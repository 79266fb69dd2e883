"""The open editor, its panels and its dialogs, in both themes, as axe-core checks pages against WCAG 2.2 A and AA."""

from __future__ import annotations

import os
import shutil

import pytest

from engine.core.paths import ROOT
from tests.browser.struck_page import Editor
from tests.js.tools import install_tools

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
CHECK = """async (root) => {
  const runOnly = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"];
  const { violations } = await axe.run(root, { runOnly, resultTypes: ["violations"] });
  return violations.filter(({ impact }) => ["serious", "critical"].includes(impact))
    .flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target}`));
}"""
TABS = ("Hit", "List", "Sound", "Find", "Sampler", "Mix", "Perform")
DIALOGS = {
    "?": "Keys and gestures",
    "Control+k": "All actions",
    "Control+o": "Open a clip",
    "q": "Quantise",
    "b": "Pattern of blows",
}


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
    found = {"the page": page.evaluate(CHECK, ".st-app")}
    for tab in TABS:
        page.get_by_role("tab", name=tab, exact=True).click()
        found[tab] = page.evaluate(CHECK, ".st-inspector")
    page.locator("canvas.st-lanes").focus()
    for key, name in DIALOGS.items():
        page.keyboard.press(key)
        page.get_by_role("dialog", name=name).wait_for()
        found[name] = page.evaluate(CHECK, f"[role=dialog][aria-label^='{name}']")
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Export", exact=True).click()
    found["Export"] = page.evaluate(CHECK, ".st-export-menu")
    page.keyboard.press("Escape")
    page.emulate_media(color_scheme="dark", reduced_motion="no-preference")
    problems = [f"{place}: {problem}" for place, some in found.items() for problem in some]
    assert not problems, "\n".join(problems)
