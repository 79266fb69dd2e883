"""Names from files are text and nothing else, and the page speaks to its own server alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser

from engine.core.paths import ASSETS
from tests.browser.struck_page import Editor, browse

HOSTILE = "<img src=x onerror=\"window.hacked='{}'\"><script>window.hacked='{}'</script>&amp;'\"`${{7*7}}"


def hostile(place: str) -> str:
    return HOSTILE.replace("{}", place)


def make_project(folder: Path) -> Path:
    """A project whose names, notes and clip's name are markup."""
    clip = folder / "<img src=x onerror=window.hacked='clip'>.mp4"
    shutil.copy(ASSETS / "demo_sound.mp4", clip)
    project = json.loads((ASSETS / "demo_sound.struck.json").read_text())
    project["clip"] |= {"path": str(clip), "relative_path": clip.name}
    for sound in project["sounds"]:
        sound["name"] = hostile("name")[:110]
        sound["source"] |= {"kind": "text", "note": hostile("note"), "borrowed": [["noise", hostile("borrowed")]]}
    path = folder / "<svg onload=window.hacked='project'>.struck.json"
    path.write_text(json.dumps(project))
    return path


def test_names_are_text_and_nothing_is_fetched_from_elsewhere(app: str, browser: Browser, tmp_path: Path) -> None:
    project = make_project(tmp_path)
    with browse(browser, app) as page:
        asked: list[str] = []
        page.context.on("request", lambda request: asked.append(request.url))
        page.on("websocket", lambda socket: asked.append(socket.url))
        policy: list[str] = []
        page.on("console", lambda message: policy.append(message.text) if "Content Security" in message.text else None)
        page.reload()
        editor = Editor(page, app)
        editor.open_demo()
        editor.page.evaluate("(path) => struck.store.send({ type: 'open', path })", str(project))
        editor.wait("() => struck.store.view?.project?.clip.name.startsWith('<img')")
        editor.wait_for_sound()
        hits = editor.project["hits"]
        editor.page.evaluate("(ids) => struck.store.select({ hits: new Set(ids) })", [hits[0]["id"]])
        for tab in page.get_by_role("tab").all():
            tab.click()
        place = editor.locate_hit(hits[0]["id"])
        page.mouse.click(place["x"], place["y"], button="right")
        page.get_by_role("menu").wait_for()
        assert "<img" in page.get_by_role("menu").inner_text()  # "Strike with" every sound
        page.keyboard.press("Escape")
        lost = f"/nowhere/{hostile('error').replace('/', '|')[:200]}.mp4"
        editor.page.evaluate("(path) => struck.store.send({ type: 'open', path })", lost)
        page.locator(".st-toast-text", has_text="<img src=x onerror").first.wait_for()
        editor.page.evaluate("struck.store.send({ type: 'search', by: 'words', text: '<img src=x onerror=1>' })")
        editor.see("void struck.store.on('exported', (message) => { window.exported = message.files; })")
        editor.page.evaluate("struck.store.send({ type: 'export', what: ['markers', 'project'] })")
        editor.wait("() => window.exported?.length === 2")
        assert editor.see("window.hacked") is None
        assert editor.see("document.querySelectorAll('img[src=\"x\"], [onerror], [onload]').length") == 0
        assert not editor.problems and not policy
        own = urlsplit(app).netloc
        places = [urlsplit(url) for url in asked]
        assert len(asked) > 50
        assert not [place for place in places if place.scheme not in ("data", "blob") and place.netloc != own]
