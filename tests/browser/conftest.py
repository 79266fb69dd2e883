"""One app for all files and one tab, with a session of its own, for the tests of a file: starting takes long."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.core.paths import CHECKPOINTS
from tests.app_process import serve
from tests.browser.struck_page import Editor, browse


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the app as it ships; what it keeps for all its sessions (own bank, presets) is shared by all files."""
    with serve(tmp_path_factory.mktemp("app") / "home") as address:
        yield address


@pytest.fixture(scope="session")
def app_without_sampler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an app that renders modes and noise alone, which is done at once; it can look at a picture."""
    folder = tmp_path_factory.mktemp("app")
    for name in ("vision", "vision_pretrained"):
        (folder / name).symlink_to(CHECKPOINTS / name)
    with serve(folder / "home", "--ckpt-dir", str(folder)) as address:
        yield address


@pytest.fixture(scope="module")
def started(app: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    with browse(app, tmp_path_factory.mktemp("editor")) as page:
        yield Editor(page, app)


@pytest.fixture(scope="module")
def started_without_sampler(app_without_sampler: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    with browse(app_without_sampler, tmp_path_factory.mktemp("editor")) as page:
        yield Editor(page, app_without_sampler)


@pytest.fixture
def editor(started: Editor) -> Iterator[Editor]:
    """The demo, as it ships."""
    started.open_demo()
    yield started
    assert not started.problems, "the page threw errors"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder drives a browser, which takes a while to start."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
            item.add_marker("slow")
