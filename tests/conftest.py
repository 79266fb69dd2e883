"""What tests share: the checkout on the path, quiet telemetry, a seeded generator."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from tests.ui_tab import Tab
    from ui.context import AppContext

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("MPLBACKEND", "Agg")
from engine.lab.realtime import forbid_realtime  # noqa: E402 (the checkout has to be on the path)

forbid_realtime()
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells start what runs in their background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # else no program that a test starts hears Ctrl-C
if "PYTEST_XDIST_WORKER" in os.environ:  # one process a core: more threads would only get in each other's way
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
gc.disable()  # until all tests are collected: pytest keeps millions of objects, which every collection walks over


LONGEST = (
    "engine/farm/test_farm.py",
    "browser/test_editor.py",
    "engine/lab/training/test_training.py",
    "test_code_quality.py",
    "engine/farm/test_sampler_service.py",
    "engine/lab/training/test_ranks.py",
    "browser",
    "engine/farm",
    "engine/cli",
    "ui",
    "engine/lab",
)
"""Files and folders of ``tests`` that take longest."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest where several processes share the files, so that none ends long before another."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))

    def rank(item: pytest.Item) -> tuple[int, int]:
        path = item.path.relative_to(ROOT / "tests")
        found = (k for k, name in enumerate(LONGEST) if path == Path(name) or Path(name) in path.parents)
        return next(found, len(LONGEST)), -slow[item.path]

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """Collect garbage again, without the objects of the tests themselves, which stay."""
    gc.freeze()
    gc.enable()


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(1234)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> AppContext:
    """An app context with its data in a folder of its own, without samplers."""
    from tests.ui_tab import make_context

    return make_context(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def client(context: AppContext) -> Iterator[TestClient]:
    """A client of its server, as a browser on this machine reaches it."""
    from starlette.testclient import TestClient

    from ui.server import create_app

    with TestClient(create_app(context), base_url="http://127.0.0.1") as made:
        yield made


@pytest.fixture
def tab(client: TestClient) -> Tab:
    """A tab with the demo open."""
    from tests.ui_tab import open_tab

    return open_tab(client.app.state.sessions)  # type: ignore[attr-defined]
