"""One app and browser for all files and one tab, with a session of its own, for those of a file: starts take long."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from engine.lab.benchmarks.growth import leave_sampler_out
from engine.lab.evaluation.editor.page import start_browser
from tests.app_process import serve
from tests.browser.chromium import browser_path
from tests.browser.struck_page import Editor, browse


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the app without its sampler: hits are the prior of their physics, which is rendered at once.

    What it keeps for all its sessions (own bank, presets) is shared by all files.
    """
    folder = tmp_path_factory.mktemp("app")
    with serve(folder / "home", "--ckpt-dir", str(leave_sampler_out(folder / "checkpoints"))) as address:
        yield address


@pytest.fixture(scope="session")
def app_with_sampler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the app as it ships."""
    with serve(tmp_path_factory.mktemp("app") / "home") as address:
        yield address


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser; of this folder alone, as Playwright leaves no thread in which others could run ``asyncio``."""
    with start_browser(tmp_path_factory.mktemp("downloads"), browser_path()) as started:
        yield started


@pytest.fixture(scope="module")
def started(app: str, browser: Browser) -> Iterator[Editor]:
    with browse(browser, app) as page:
        yield Editor(page, app)


@pytest.fixture(scope="module")
def started_with_sampler(app_with_sampler: str, browser: Browser) -> Iterator[Editor]:
    with browse(browser, app_with_sampler) as page:
        yield Editor(page, app_with_sampler)


@pytest.fixture
def editor(started: Editor) -> Iterator[Editor]:
    """The demo."""
    started.open_demo()
    yield started
    assert not started.problems, "the page threw errors"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder drives a browser, which takes a while to start."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
            item.add_marker("slow")
