"""A project saved as a folder from the editor, and the page that tells what Struck is made of."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from engine.document.storage import load_project
from tests.ui_tab import Tab, check_sentence, make_context
from ui.server import create_app
from ui.session import Session
from ui.welcome import recent


@pytest.mark.slow
def test_a_project_is_saved_as_a_folder_and_later_saves_go_into_it(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    tab = Tab(Session(context, "collector"))
    tab.open_demo()
    tab.ask("collect_project", inside=str(tmp_path / "out"))
    tab.settle()
    folder = tmp_path / "out" / "demo_sound"
    assert not tab.errors and {file.name for file in folder.iterdir()} == {"demo_sound.mp4", "demo_sound.struck.json"}
    assert tab.last("document")["project"]["saved"] and Path(recent(context)[0]).parent == folder
    tab.edit("set_mix", gain_db=-4.0)
    tab.ask("save")
    assert load_project(folder / "demo_sound.struck.json").mix.gain_db == -4.0
    assert len(list(folder.iterdir())) == 2 and not tab.errors


@pytest.mark.slow
def test_a_folder_that_cannot_be_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    tab = Tab(Session(make_context(tmp_path), "collector"))
    tab.open_demo()
    tab.ask("collect_project", inside=str(tmp_path / "file"))
    tab.settle()
    check_sentence(tab.errors.pop())
    public = Tab(Session(make_context(tmp_path / "other", listen=True), "collector"))
    public.open_demo()
    public.ask("collect_project", inside=str(tmp_path))
    check_sentence(public.errors.pop())


def test_the_about_page_names_licences_of_code_weights_data_and_packages(tmp_path: Path) -> None:
    with TestClient(create_app(make_context(tmp_path)), base_url="http://127.0.0.1") as client:
        about = client.get("/struck/about").json()
    assert "Apache License" in about["licence"] and "Copyright" in about["notice"]
    assert {card["kind"] for card in about["cards"]} == {"weights", "data"}
    assert all(card["text"] for card in about["cards"])
    packages = {package["name"].lower(): package for package in about["packages"]}
    assert packages["numpy"]["version"] and "BSD" in packages["numpy"]["licence"]
