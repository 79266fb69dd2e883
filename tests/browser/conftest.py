"""One app and one tab for the tests of a file: starting them takes longer than most tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app_process import serve
from tests.browser.struck_page import Editor, browse


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    folder = tmp_path_factory.mktemp("editor")
    with serve(folder / "home") as address, browse(address, folder) as page:
        yield Editor(page, address)


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
