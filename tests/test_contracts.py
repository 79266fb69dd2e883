"""The import contracts of pyproject.toml hold, and importing a module reads, writes and starts nothing."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.core.paths import ROOT

MODULES = sorted([*(ROOT / "engine").rglob("*.py"), *(ROOT / "ui").rglob("*.py")])
UNSAFE_CALLS = {"open", "exec", "eval", "input", "print"}
UNSAFE_METHODS = {
    "read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "touch", "unlink", "iterdir", "glob",
    "rglob", "load", "load_file", "save", "to", "cuda", "is_available", "device_count", "run", "Popen", "system",
    "listdir", "makedirs", "urlopen", "connect", "mount_gradio_app", "launch",
}  # fmt: skip


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported_packages(path: Path) -> set[str]:
    """Top-level packages that a module imports, at its top or inside functions."""
    found: set[str] = set()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def calls_at_import(node: ast.AST) -> Iterator[ast.Call]:
    """Calls that run when a module is imported: not those inside functions, lambdas or the main guard."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        for part in [*node.decorator_list, *node.args.defaults, *node.args.kw_defaults]:
            if part is not None:
                yield from calls_at_import(part)
        return
    if isinstance(node, ast.Lambda) or (isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)):
        return
    if isinstance(node, ast.Call):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from calls_at_import(child)


def is_unsafe(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Name):
        return call.func.id in UNSAFE_CALLS
    return isinstance(call.func, ast.Attribute) and call.func.attr in UNSAFE_METHODS


def test_import_contracts_hold() -> None:
    from importlinter.application.use_cases import lint_imports
    from importlinter.configuration import configure

    configure()
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), cache_dir=None), "run lint-imports to see why"


def test_the_document_needs_only_the_standard_library() -> None:
    allowed = set(sys.stdlib_module_names) | {"engine"}
    paths = [*(ROOT / "engine" / "document").rglob("*.py"), ROOT / "engine" / "physics" / "model.py"]
    assert {path.name: imported_packages(path) - allowed for path in paths if imported_packages(path) - allowed} == {}


@pytest.mark.slow
def test_the_launcher_needs_only_the_standard_library() -> None:
    """Its own parts are in engine/install, which imports nothing else of the engine."""
    allowed = set(sys.stdlib_module_names) | {"engine"}
    for path in [ROOT / "launch.py", *(ROOT / "engine" / "install").glob("*.py")]:
        assert imported_packages(path) <= allowed, path
        for node in ast.walk(parse(path)):
            name = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            assert not name.startswith("engine.") or name.startswith("engine.install"), path


@pytest.mark.slow
def test_nothing_is_read_or_started_at_import() -> None:
    unsafe = [
        f"{path.relative_to(ROOT)}:{call.lineno}: {ast.unparse(call)}"
        for path in [*MODULES, ROOT / "launch.py"]
        if path.name != "__main__.py"
        for call in calls_at_import(parse(path))
        if is_unsafe(call)
    ]
    assert unsafe == []


@pytest.mark.slow
def test_telemetry_stays_off() -> None:
    for path in MODULES:
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.keyword) and node.arg == "analytics_enabled":
                assert isinstance(node.value, ast.Constant) and node.value.value is False, path
    assert (
        '"False"'
        in (ROOT / "engine" / "install" / "state.py")
        .read_text(encoding="utf-8")
        .split("GRADIO_ANALYTICS_ENABLED=")[1][:8]
    )
