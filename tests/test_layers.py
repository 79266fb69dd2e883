"""The import rules of the house, read from the source: who may know whom, and nothing happens at import."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted([*(ROOT / "engine").rglob("*.py"), *(ROOT / "ui").rglob("*.py")])
GROUND = {"errors", "units", "parameters"}
BASE = {"dsp", "device", "weights"}
SIGNAL = {"media", "onsets", "physics", "diffusion", "sight"}
DOCUMENT = {"project", "project_json", "edits", "history", "storage"}
UNSAFE_CALLS = {"open", "exec", "eval", "input", "print"}
UNSAFE_METHODS = {
    "read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "touch", "unlink", "iterdir", "glob",
    "rglob", "load", "load_file", "save", "to", "cuda", "is_available", "device_count", "run", "Popen", "system",
    "listdir", "makedirs", "urlopen", "connect", "mount_gradio_app", "launch",
}  # fmt: skip
ALLOWED_AT_IMPORT = {"files"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def part_of(path: Path) -> str:
    """Part of the engine a file belongs to: its folder or its own name."""
    inside = path.relative_to(ROOT / "engine").parts
    return inside[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """Dotted names of all modules a file imports, at its top or inside functions."""
    package = path.relative_to(ROOT).parts[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            module = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return found


def engine_parts(path: Path) -> set[str]:
    """Parts of the engine a file imports."""
    return {name.split(".")[1] for name in imports_of(path) if name.startswith("engine.")}


def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports_of(path)}


def allowed_parts(path: Path) -> set[str] | None:
    """Parts of the engine that a file of the engine may import; None where it may import any but train and evaluate."""
    part = part_of(path)
    if part in GROUND:
        return GROUND
    if part in BASE:
        return GROUND | {part}
    if part in ("diffusion", "sight"):
        return GROUND | BASE | {part, "physics"}
    if part in SIGNAL or part == "export":
        return GROUND | BASE | {part} | ({"media"} if part == "export" else set())
    if part in DOCUMENT:
        return GROUND | DOCUMENT
    return None


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_module_imports_only_what_lies_below_it(path: Path) -> None:
    if path.is_relative_to(ROOT / "ui"):
        assert "launch" not in tops(path)
        assert not engine_parts(path) & {"train", "evaluate", "corpus"}
        return
    assert not tops(path) & {"ui", "gradio", "gradio_client", "launch"}
    if path.name == "__init__.py" and path.parent == ROOT / "engine":
        assert not imports_of(path)
        return
    part = part_of(path)
    allowed = allowed_parts(path)
    if allowed is not None:
        assert engine_parts(path) <= allowed
    elif part not in ("__main__", "train", "evaluate"):
        assert not engine_parts(path) & {"train", "evaluate"}
    if part in ("train", "evaluate"):
        assert not engine_parts(path) & ({"train", "evaluate"} - {part})


@pytest.mark.parametrize("path", [p for p in FILES if p.is_relative_to(ROOT / "engine")], ids=name_of)
def test_the_document_needs_only_the_standard_library(path: Path) -> None:
    if part_of(path) in DOCUMENT | GROUND:
        assert tops(path) <= set(sys.stdlib_module_names) | {"engine"}


def test_the_launcher_needs_only_the_standard_library() -> None:
    assert tops(ROOT / "launch.py") <= set(sys.stdlib_module_names)


def calls_at_import(tree: ast.Module) -> list[ast.Call]:
    """Calls that run when a module is imported: not those inside functions, lambdas or the main guard."""
    found: list[ast.Call] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for part in [*node.decorator_list, *node.args.defaults, *node.args.kw_defaults]:
                if part is not None:
                    visit(part)
            return
        if isinstance(node, ast.Lambda):
            return
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            return
        if isinstance(node, ast.Call):
            found.append(node)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(tree)
    return found


@pytest.mark.parametrize("path", [*FILES, ROOT / "launch.py"], ids=name_of)
def test_nothing_is_read_or_started_at_import(path: Path) -> None:
    if path.name == "__main__.py":
        return
    for call in calls_at_import(ast.parse(path.read_text(encoding="utf-8"))):
        where = f"{name_of(path)}:{call.lineno}: {ast.unparse(call)}"
        if isinstance(call.func, ast.Name):
            assert call.func.id not in UNSAFE_CALLS, where
        elif isinstance(call.func, ast.Attribute) and call.func.attr not in ALLOWED_AT_IMPORT:
            assert call.func.attr not in UNSAFE_METHODS, where


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_module_turns_telemetry_on(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "analytics_enabled":
            assert isinstance(node.value, ast.Constant) and node.value.value is False
        if isinstance(node, ast.Constant) and node.value == "GRADIO_ANALYTICS_ENABLED":
            assert "True" not in path.read_text(encoding="utf-8").split("GRADIO_ANALYTICS_ENABLED", 1)[1][:20]
