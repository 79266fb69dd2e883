"""The same project, checkpoint and machine give the same samples, bit for bit, however they are come by."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.core.cache import Cache
from engine.core.paths import ASSETS, CHECKPOINTS, ROOT
from engine.diffusion.group_norm import GroupNorm
from engine.diffusion.pointwise import PointwiseConv
from engine.diffusion.sampler import load_sampler
from engine.document.project import Project
from engine.document.storage import load_project, save_project
from engine.media.open import digest_file
from engine.pipeline.render import render_hits

DEMO = ASSETS / "demo_sound.struck.json"


def digest_samples(samples: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(samples, "<f4").tobytes()).hexdigest()


def load_demo() -> Project:
    """The demo with every fourth of its hits, in half its steps: each is as all others."""
    project = load_project(str(DEMO), digest_of=digest_file)
    return replace(project, hits=project.hits[::4], render=replace(project.render, steps=2))


def render_digests(order_seed: int, cache: Cache) -> dict[str, str]:
    """Digest of the samples of each hit, by render key, the hits in a shuffled order."""
    project = load_demo()
    hits = list(project.hits)
    random.Random(order_seed).shuffle(hits)
    sampler = load_sampler(CHECKPOINTS, project.render.checkpoint, torch.device("cpu"))
    rendered = render_hits(replace(project, hits=tuple(hits)), sampler, cache, include_muted=True)
    return {hit.key: digest_samples(hit.samples) for hit in rendered.values()}


def render_elsewhere(*threads: int) -> list[dict[str, str]]:
    """The same in another process with these numbers of threads, one after another, each in an order of its own."""
    code = f"""
import json, torch
from tests.engine.diffusion.test_determinism import Cache, render_digests
for threads in {threads}:
    torch.set_num_threads(threads)
    print(json.dumps(render_digests(threads, Cache(None))))
"""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(threads[0])), "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in answer.stdout.splitlines()]


@pytest.fixture(scope="module")
def one_thread() -> dict[str, str]:
    return render_elsewhere(1)[0]


@pytest.mark.slow
def test_threads_and_order_change_no_sample(one_thread: dict[str, str]) -> None:
    assert render_elsewhere(2, 3) == [one_thread, one_thread]


@pytest.mark.slow
def test_the_cache_and_the_editor_change_no_sample(one_thread: dict[str, str], tmp_path: Path) -> None:
    from tests.ui_tab import Tab, make_context  # the processes of the other test import this file and need no editor
    from ui.session import Session

    context = make_context(tmp_path, checkpoint_folder=CHECKPOINTS)
    tab = Tab(Session(context, "editor"))
    path = tmp_path / "demo.struck.json"
    save_project(load_demo(), path)
    tab.ask("open", path=str(path))
    tab.settle()
    assert not tab.errors
    mixed = tab.session.renderer.mix()
    assert mixed is not None
    assert {hit.key: digest_samples(hit.samples) for hit in mixed[1].values()} == one_thread
    warm = Cache(context.folder("cache"))  # what the editor left on the disk, read anew
    assert all(warm.get(key) is not None for key in one_thread)
    assert render_digests(5, warm) == one_thread


@pytest.mark.parametrize("pixels", [(64, 8), (64, 32), (128, 64)])
def test_group_norm_is_the_definition_for_any_threads(pixels: tuple[int, int], rng: np.random.Generator) -> None:
    values = rng.standard_normal((1, 48, *pixels)) + 3.0
    norm = GroupNorm(8, 48)
    with torch.no_grad():
        for parameter in norm.parameters():
            parameter.copy_(torch.from_numpy(rng.standard_normal(48)))
        x = torch.from_numpy(values).float().contiguous(memory_format=torch.channels_last)
        usual, results = torch.get_num_threads(), []
        for threads in (1, 2, 3, 7):
            torch.set_num_threads(threads)
            results.append(norm(x).numpy())
        torch.set_num_threads(usual)
    groups = values.reshape(8, -1)
    whitened = (groups - groups.mean(1, keepdims=True)) / np.sqrt(groups.var(1, keepdims=True) + norm.eps)
    weight, bias = (p.detach().double().numpy()[:, None, None] for p in (norm.weight, norm.bias))
    expected = whitened.reshape(values.shape) * weight + bias
    np.testing.assert_allclose(results[0], expected, atol=2e-5)
    assert all(np.array_equal(result, results[0]) for result in results)


@pytest.mark.parametrize("pixels", [(8, 4), (16, 8), (16, 32)])
def test_a_pointwise_convolution_is_the_definition_for_any_threads(
    pixels: tuple[int, int], rng: np.random.Generator
) -> None:
    values = rng.standard_normal((1, 256, *pixels)).astype(np.float32)
    convolution = PointwiseConv(256, 768)
    x = torch.from_numpy(values).contiguous(memory_format=torch.channels_last)
    usual, results = torch.get_num_threads(), []
    with torch.no_grad():
        for threads in (1, 2, 3, 7):
            torch.set_num_threads(threads)
            results.append(convolution(x).numpy())
        torch.set_num_threads(usual)
    weight, bias = (p.detach().double().numpy() for p in (convolution.weight, convolution.bias))
    expected = np.einsum("oi,bihw->bohw", weight[:, :, 0, 0], values.astype(float)) + bias[:, None, None]
    np.testing.assert_allclose(results[0], expected, atol=2e-5)
    assert all(np.array_equal(result, results[0]) for result in results)
