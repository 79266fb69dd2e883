"""Make an animatic by AVSyncD with its published weights: every pixel of the film is generated."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.core.dsp import resample
from engine.core.errors import BadInput
from engine.core.units import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from engine.animate.avsyncd.sampling import AVSyncD, FilmOptions
    from engine.animate.still import Still
    from engine.pipeline.make_animatic import Heard

LONGEST_S = 20.0
"""Ten parts of two seconds; each begins with the last frame of the one before, so faults add up."""
MOST_GUIDANCE = 8.0
_GENERATION_SHARE = 0.97


def animate_published(
    network: AVSyncD,
    still: Still,
    heard: Heard,
    options: FilmOptions,
    target: Path,
    on_progress: Callable[[float], None] = lambda _: None,
) -> int:
    """Write the film as MP4, of the size that the network was trained for, with the sound; returns its frames.

    The still is cut to that size around its middle. ``on_progress`` hears the share that is done, and may raise to
    stop; then nothing is written. Raises BadInput for a sound that is too long or silent.
    """
    from engine.animate.avsyncd.hearing import RATE_HZ
    from engine.animate.avsyncd.sampling import FRAME_RATE, generate_film
    from engine.media.drawn import write_drawn
    from engine.media.stills import cut_middle

    if heard.duration_s > LONGEST_S:
        raise BadInput(f"the sound lasts {heard.duration_s:.0f} s; with --weights at most {LONGEST_S:.0f} s: cut it")
    mono = resample(heard.samples.mean(axis=1).astype(np.float64), SAMPLE_RATE_HZ, RATE_HZ).astype(np.float32)
    if not len(mono) or not np.abs(mono).max() > 1e-6:
        raise BadInput("the sound is silent, so nothing would move by it; give one that is heard")
    rows, columns = network.size
    picture = cut_middle(still.pixels, rows, columns)
    frames = generate_film(network, picture, mono, options, lambda share: on_progress(_GENERATION_SHARE * share))
    frames = frames[: max(2, math.ceil(heard.duration_s * FRAME_RATE - 1e-6))]
    write_drawn(target, frames, (columns, rows), Fraction(FRAME_RATE), heard.samples, SAMPLE_RATE_HZ)
    on_progress(1.0)
    return len(frames)
