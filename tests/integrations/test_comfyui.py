"""The ComfyUI nodes, imported as ComfyUI imports a folder of custom nodes, on a made clip."""

from __future__ import annotations

import importlib.util
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from engine.core.paths import ROOT
from tests.clips import make_clicking_clip

FOLDER = ROOT / "integrations" / "comfyui"
HITS_S = (0.5, 1.2)


@pytest.fixture(scope="module")
def nodes() -> Iterator[ModuleType]:
    """The module under a name that is the folder's path, as ComfyUI loads it."""
    name = str(FOLDER).replace(".", "_x_")
    spec = importlib.util.spec_from_file_location(name, FOLDER / "__init__.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    for loaded in [known for known in sys.modules if known.startswith(name)]:
        del sys.modules[loaded]


@pytest.fixture
def command(nodes: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Struck's command without what launch.py does first: making an environment."""
    (tmp_path / "none").mkdir()
    run = f"import sys; sys.path[0] = {str(ROOT)!r}; from engine.__main__ import main; sys.exit(main())"
    module = sys.modules[f"{nodes.__name__}.command"]
    monkeypatch.setattr(
        module, "make_command", lambda: [sys.executable, "-c", run, "--ckpt-dir", str(tmp_path / "none")]
    )


def run_node(nodes: ModuleType, name: str, **inputs: object) -> tuple:
    """Run a node as ComfyUI does: made anew, its function called by name with the declared inputs."""
    cls = nodes.NODE_CLASS_MAPPINGS[name]
    declared = cls.INPUT_TYPES()
    assert set(declared["required"]) <= set(inputs) <= {*declared["required"], *declared.get("optional", {})}
    result = getattr(cls(), cls.FUNCTION)(**inputs)
    assert len(result) == len(cls.RETURN_TYPES)
    return result


@pytest.mark.slow
@pytest.mark.usefixtures("command")
def test_a_clip_is_loaded_detected_and_rendered(nodes: ModuleType, tmp_path: Path) -> None:
    path = make_clicking_clip(tmp_path / "c.mp4", HITS_S)
    (clip,) = run_node(nodes, "StruckLoadClip", path=str(path))
    hits, text = run_node(nodes, "StruckDetect", clip=clip, source="audio")
    assert [hit["time_s"] for hit in hits] == pytest.approx(HITS_S, abs=0.02)
    assert [float(line) for line in text.splitlines()] == pytest.approx([hit["time_s"] for hit in hits], abs=1e-4)
    settings = {"seed": 3, "steps": 1, "detail": 100, "variation": 0}
    (audio,) = run_node(nodes, "StruckRender", clip=clip, hits=hits[1:], **settings)
    assert audio["sample_rate"] == 48_000 and audio["waveform"].dtype == torch.float32
    assert audio["waveform"].shape == (1, 2, 2 * 48_000)
    heard = audio["waveform"][0].abs().amax(0).numpy()
    first = int(np.flatnonzero(heard > 0.3 * heard.max())[0])
    assert first / 48_000 == pytest.approx(HITS_S[1], abs=0.02)  # the first hit was not among those given


@pytest.mark.slow
@pytest.mark.usefixtures("command")
def test_a_video_of_another_node_is_taken_and_faults_are_sentences(nodes: ModuleType, tmp_path: Path) -> None:
    video = SimpleNamespace(get_stream_source=lambda: io.BytesIO(b"no film"))
    (clip,) = run_node(nodes, "StruckLoadClip", path="", video=video)
    assert Path(clip).read_bytes() == b"no film"
    with pytest.raises(RuntimeError, match="is not a clip that can be read: its format"):
        run_node(nodes, "StruckDetect", clip=clip, source="both")
    Path(clip).unlink()
    with pytest.raises(RuntimeError, match=r"nowhere\.mp4 is no file; give the path of a clip"):
        run_node(nodes, "StruckLoadClip", path="/nowhere.mp4")


def test_of_a_trimmed_video_the_part_is_taken(nodes: ModuleType, tmp_path: Path) -> None:
    whole = tmp_path / "whole.mp4"
    whole.write_bytes(b"whole")
    video = SimpleNamespace(
        get_stream_source=lambda: str(whole),
        get_active_trim_window=lambda: (1.0, 0.0),
        save_to=lambda path: Path(path).write_bytes(b"part"),
    )
    (clip,) = run_node(nodes, "StruckLoadClip", path="", video=video)
    assert Path(clip).read_bytes() == b"part"
    Path(clip).unlink()
    video.get_active_trim_window = lambda: (0.0, 0.0)
    assert run_node(nodes, "StruckLoadClip", path="", video=video) == (str(whole),)


def test_the_nodes_wave_reader_agrees_with_libsndfile(nodes: ModuleType, tmp_path: Path) -> None:
    sound = np.random.default_rng(1).standard_normal((1001, 2)).astype(np.float32)
    soundfile.write(tmp_path / "s.wav", sound, 44_100, subtype="FLOAT")
    read, rate_hz = sys.modules[f"{nodes.__name__}.nodes"].read_float_wave((tmp_path / "s.wav").read_bytes())
    assert rate_hz == 44_100 and np.array_equal(read, sound)
