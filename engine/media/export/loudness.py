"""Loudness and true peak of a sound (ITU-R BS.1770, EBU R 128), measured by FFmpeg's ebur128 filter."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import av
import av.error
import numpy as np
from av.audio.frame import AudioFrame

from engine.core.units import gain_to_db
from engine.media.export.samples import Samples, count_channels, iter_blocks

_BLOCK = 1 << 16
_SILENT_LUFS = -69.9
"""Gated loudness at or under the absolute gate: nothing was measured."""

_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
_PREFIX = "lavfi.r128."


class Loudness(NamedTuple):
    """Integrated loudness, range, true peak, highest momentary and short-term loudness; NaN where undefined."""

    integrated_lufs: float = math.nan
    range_lu: float = math.nan
    true_peak_dbtp: float = math.nan
    momentary_lufs: float = math.nan
    short_term_lufs: float = math.nan


def can_measure() -> bool:
    """Whether the libraries here tell what FFmpeg's meter measures; those for Python 3.10 do not."""
    return hasattr(AudioFrame, "metadata")


class LoudnessMeter:
    """Measures a sound that comes in blocks of float32 [n, C], C being 1, 2 or 6; others have no loudness here."""

    def __init__(self, channels: int, sample_rate_hz: int) -> None:
        self._layout = _LAYOUTS.get(channels) if 8_000 <= sample_rate_hz <= 192_000 and can_measure() else None
        self._channels, self._rate_hz, self._count = channels, sample_rate_hz, 0
        self._momentary, self._short_term = -math.inf, -math.inf
        self._last: dict[str, str] = {}
        if self._layout is None:
            return
        self._graph = av.filter.Graph()
        self._source = self._graph.add_abuffer(
            sample_rate=sample_rate_hz, format="fltp", layout=self._layout, time_base=Fraction(1, sample_rate_hz)
        )
        meter, self._sink = self._graph.add("ebur128", "metadata=1:peak=true"), self._graph.add("abuffersink")
        self._source.link_to(meter)
        meter.link_to(self._sink)
        self._graph.configure()

    def add(self, block: np.ndarray) -> None:
        """Measure the next samples."""
        if self._layout is None or not len(block):
            return
        planes = np.ascontiguousarray(block.T, np.float32)
        frame = AudioFrame.from_ndarray(planes, format="fltp", layout=self._layout)
        frame.sample_rate, frame.pts, frame.time_base = self._rate_hz, self._count, Fraction(1, self._rate_hz)
        self._count += len(block)
        self._source.push(frame)
        while True:
            try:
                self._last = self._sink.pull().metadata
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            self._momentary = max(self._momentary, _read(self._last, "M"))
            self._short_term = max(self._short_term, _read(self._last, "S"))

    def finish(self) -> Loudness:
        """The loudness of all samples; undefined for silence. The end is padded to the 100 ms of the filter."""
        self.add(np.zeros((-self._count % (self._rate_hz // 10), self._channels), np.float32))
        if not self._last:
            return Loudness()
        integrated = _read(self._last, "I")
        heard = integrated > _SILENT_LUFS
        peaks = [float(value) for name, value in self._last.items() if name.startswith(f"{_PREFIX}true_peaks_ch")]
        peak = max(peaks, default=0.0)
        return Loudness(
            integrated if heard else math.nan,
            _read(self._last, "LRA") if heard else math.nan,
            gain_to_db(peak) if peak > 0.0 else math.nan,
            self._momentary if self._momentary > -120.0 else math.nan,
            self._short_term if self._short_term > -120.0 else math.nan,
        )


def measure_loudness(samples: Samples, sample_rate_hz: int) -> Loudness:
    """Loudness of samples [N] or [N, C]."""
    meter = LoudnessMeter(count_channels(samples), sample_rate_hz)
    for block in iter_blocks(samples, _BLOCK):
        meter.add(block)
    return meter.finish()


def _read(metadata: dict[str, str], name: str) -> float:
    return float(metadata.get(f"{_PREFIX}{name}", "nan"))
