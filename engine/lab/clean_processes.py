"""Processes that inherit no threads: the fork server of multiprocessing, which has imported what they need."""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerContext

MODULES = (
    "engine.lab.evaluation.robustness.kills",
    "engine.lab.evaluation.robustness.readers",
    "engine.lab.training.sampler.train",
    "engine.lab.training.vision.train",
    "engine.onsets.audio",
    "engine.physics.synthesis",
    "soundfile",
)
"""Imported once, by the server. It keeps the list of whoever starts it, so there is one for all."""


def make_context() -> ForkServerContext:
    """A context of multiprocessing whose processes are forked from a server without threads.

    One that is forked from a process with threads may inherit a lock that a thread held, of PyTorch or of an encoder,
    and wait for it without end or break.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(MODULES))
    return context
