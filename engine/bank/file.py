"""The bank's file format: one safetensors file of concatenated arrays, with text columns as JSON in its header.

Frequencies are stored as float32 logarithms (0.01 cent), decays as half-precision logarithms (0.3 %), levels in half
precision (0.06 dB at 100 dB).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.bounded_json import parse_json
from engine.core.errors import BadInput
from engine.core.files import write_file
from engine.core.units import SILENCE_DB, power_to_db
from engine.physics.model import NOISE_COMPONENTS, Modes, NoiseComponent, Physics, Residual

NAME = "bank.safetensors"
MAX_MODES = 32
TEXT_FIELDS = ("name", "material", "striker", "source", "group", "licence", "kind")
NUMBER_FIELDS = ("size_m", "hollow")
FIELDS = (*TEXT_FIELDS, *NUMBER_FIELDS)
_VERSION = "1"
_MAX_BYTES = 256 << 20
_MAX_ENTRIES = 200_000
_INAUDIBLE_DB = -150.0


class Unreadable(BadInput):
    """A bank that need not be damaged: it cannot be read now, or is of another version of Struck."""


@dataclass(frozen=True)
class Stored:
    """Content of a file: physics, a row of FIELDS for each, descriptors and embeddings."""

    physics: Sequence[Physics]
    rows: Sequence[dict[str, Any]]
    descriptors: np.ndarray
    embeddings: np.ndarray


def write(path: Path, stored: Stored) -> None:
    """Write the file atomically. Raises OSError."""
    from safetensors.numpy import save

    words = {name: json.dumps([row[name] for row in stored.rows], ensure_ascii=False) for name in TEXT_FIELDS}
    arrays = _pack_modes(stored.physics) | _pack_residuals(stored.physics)
    arrays |= {name: np.array([row[name] for row in stored.rows], np.float32) for name in NUMBER_FIELDS}
    arrays |= {"latents": stored.descriptors.astype(np.float16), "embeddings": stored.embeddings.astype(np.float16)}
    arrays["sample_rate_hz"] = np.array([p.sample_rate_hz for p in stored.physics], np.int32)
    data = save({name: np.ascontiguousarray(a) for name, a in arrays.items()}, {"version": _VERSION, **words})
    write_file(path, data, sync=True)


def read(path: Path) -> Stored:
    """Read and check the file; BadInput where it is damaged, Unreadable where it is not there or of another version."""
    from safetensors import SafetensorError, safe_open

    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError("it is far larger than any bank")
        with open(path, "rb"), safe_open(str(path), "np") as file:
            header = file.metadata() or {}
            if header.get("version", _VERSION) != _VERSION:
                raise Unreadable(f"the bank {path} is of another version of Struck; build it anew or restore the file")
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        words = {name: parse_json(header[name]) for name in TEXT_FIELDS}
        return _unpack(arrays, words)
    except (OSError, MemoryError) as error:
        reason = (getattr(error, "strerror", None) or "not enough memory").lower()
        raise Unreadable(
            f"the bank {path} cannot be read ({reason}); restore the file or the rights to read it"
        ) from None
    except (SafetensorError, ValueError, KeyError, IndexError, TypeError, OverflowError) as error:
        raise BadInput(
            f"the bank {path} is damaged ({_describe_error(error)}); restore the file or remove it"
        ) from None


def _describe_error(error: Exception) -> str:
    text = str(error).splitlines()[0].removeprefix("Error while deserializing header: ")[:80] if str(error) else ""
    return f"{text} is missing" if isinstance(error, KeyError) else text


def _unpack(arrays: dict[str, np.ndarray], words: dict[str, list[Any]]) -> Stored:
    for name, array in arrays.items():
        if array.ndim != (2 if name in ("latents", "embeddings") else 1):
            raise ValueError(f"{name} is of the wrong form")
    count = len(arrays["sample_rate_hz"])
    if count > _MAX_ENTRIES:
        raise ValueError(f"it has more than {_MAX_ENTRIES} entries")
    columns = {**words, **{name: arrays[name].astype(np.float64).tolist() for name in NUMBER_FIELDS}}
    if any(len(column) != count for column in columns.values()) or any(
        not isinstance(word, str) for name in TEXT_FIELDS for word in words[name]
    ):
        raise ValueError("its lists differ in length")
    modes, residuals = _unpack_modes(arrays), _unpack_residuals(arrays)
    descriptors, embeddings = (arrays[name].astype(np.float32) for name in ("latents", "embeddings"))
    if not len(modes) == len(residuals) == len(descriptors) == len(embeddings) == count:
        raise ValueError("its arrays differ in length")
    if not np.isfinite(descriptors).all() or not np.isfinite(embeddings).all():
        raise ValueError("it holds values that are not finite")
    rates = arrays["sample_rate_hz"].tolist()
    if any(not 1000 <= rate <= 768_000 or rate != int(rate) for rate in rates):
        raise ValueError("it holds a sample rate out of range")
    if np.isinf(arrays["hollow"]).any() or not np.isfinite(arrays["size_m"]).all():
        raise ValueError("it holds values that are not finite")
    physics = [Physics(m, r, rate) for m, r, rate in zip(modes, residuals, rates, strict=True)]
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return Stored(physics, rows, descriptors, embeddings)


def strongest_modes(modes: Modes, most: int = MAX_MODES) -> Modes:
    """The ``most`` unmuted modes of most energy, in their order."""
    sounding = [k for k in range(len(modes)) if not modes.mute_mask[k] and modes.frequency_hz[k] > 0.0]
    energy_db = [modes.power_db[k] - power_to_db(modes.decay_per_s[k] + 1.0) for k in range(len(modes))]
    kept = sorted(sorted(sounding, key=lambda k: -energy_db[k])[:most])
    phase = modes.phase_rad or (0.0,) * len(modes)
    frequency, power, decay, phases = (
        tuple(column[k] for k in kept) for column in (modes.frequency_hz, modes.power_db, modes.decay_per_s, phase)
    )
    return Modes(frequency, power, decay, phases, (False,) * len(kept))


def _pack_modes(physics: Sequence[Physics]) -> dict[str, np.ndarray]:
    kept = [strongest_modes(p.modes) for p in physics]

    def flat(name: str) -> np.ndarray:
        return np.array([value for modes in kept for value in getattr(modes, name)], np.float64)

    return {
        "mode_count": np.array([len(modes) for modes in kept], np.int32),
        "mode_log2_hz": np.log2(flat("frequency_hz")).astype(np.float32),
        "mode_power_db": flat("power_db").astype(np.float16),
        "mode_log2_decay": _log2(flat("decay_per_s")),
        "mode_phase": np.remainder(flat("phase_rad") + np.pi, 2.0 * np.pi).astype(np.float16) - np.float16(np.pi),
    }


def _unpack_modes(arrays: dict[str, np.ndarray]) -> list[Modes]:
    ends = _find_ends(arrays["mode_count"])
    columns = (
        np.exp2(arrays["mode_log2_hz"].astype(np.float64)),
        arrays["mode_power_db"].astype(np.float64),
        np.exp2(arrays["mode_log2_decay"].astype(np.float64)),
        arrays["mode_phase"].astype(np.float64),
    )
    total = ends[-1] if ends else 0
    if any(len(column) != total or not np.isfinite(column).all() for column in columns):
        raise ValueError("its modes are not whole")
    frequency, power, decay, phase = (tuple(column.tolist()) for column in columns)
    return [
        Modes(frequency[a:b], power[a:b], decay[a:b], phase[a:b], (False,) * (b - a))
        for a, b in itertools.pairwise([0, *ends])
    ]


def _pack_residuals(physics: Sequence[Physics]) -> dict[str, np.ndarray]:
    """Bit mask of the NOISE_COMPONENTS of each; all levels and decays, concatenated; a table of distinct bands."""
    residuals = [p.residual for p in physics]
    sets = sorted({r.edges_hz for r in residuals})
    set_index = {edges: number for number, edges in enumerate(sets)}
    power = [p for r in residuals for _, component in r.components for p in component.power_db]
    decay = [d for r in residuals for _, component in r.components for d in component.decay_per_s]
    return {
        "edge_count": np.array([len(edges) for edges in sets], np.int32),
        "edges_hz": np.array([edge for edges in sets for edge in edges], np.float32),
        "edge_set": np.array([set_index[r.edges_hz] for r in residuals], np.int32),
        "stages": np.array(
            [sum(1 << NOISE_COMPONENTS.index(name) for name, _ in r.components) for r in residuals], np.uint8
        ),
        "band_power_db": _drop_inaudible(np.array(power, np.float64)).astype(np.float16),
        "band_log2_decay": _log2(np.array(decay, np.float64)),
        "rise_s": np.array([r.rise_s for r in residuals], np.float32),
        "envelope_count": np.array([len(r.envelope_db) for r in residuals], np.int32),
        "envelope_db": np.array([v for r in residuals for v in r.envelope_db], np.float64).astype(np.float16),
    }


def _unpack_residuals(arrays: dict[str, np.ndarray]) -> list[Residual]:
    sets = _split(arrays["edges_hz"], arrays["edge_count"])
    # One for all that share the bands: what a file makes of them in memory grows with the file alone.
    silences = [_make_silence(max(0, len(edges) - 1)) for edges in sets]
    envelopes = _split(arrays["envelope_db"], arrays["envelope_count"])
    powers, decays = arrays["band_power_db"].astype(np.float64), np.exp2(arrays["band_log2_decay"].astype(np.float64))
    power, decay = tuple(powers.tolist()), tuple(decays.tolist())
    finite = (powers, decays, *(arrays[name] for name in ("edges_hz", "rise_s", "envelope_db")))
    if not all(np.isfinite(values).all() for values in finite) or (arrays["edge_set"] < 0).any():
        raise ValueError("its bands are not whole")
    at, result = 0, []
    rises_s = arrays["rise_s"].astype(np.float64).round(6).tolist()
    heads = zip(arrays["edge_set"].tolist(), arrays["stages"].tolist(), rises_s, envelopes, strict=True)
    for number, bits, rise_s, envelope_db in heads:
        edges = sets[number]
        silent = silences[number]
        bands = len(silent.power_db)
        residual = Residual(edges, silent.power_db, silent.decay_per_s, rise_s=rise_s, envelope_db=envelope_db)
        for bit, name in enumerate(NOISE_COMPONENTS):
            if bits >> bit & 1:
                residual = residual.with_component(name, NoiseComponent(power[at : at + bands], decay[at : at + bands]))
                at += bands
                if at > len(power):
                    raise ValueError("its bands are not whole")
        result.append(residual)
    if at != len(power) or at != len(decay):
        raise ValueError("its bands are not whole")
    return result


def _split(values: np.ndarray, counts: np.ndarray) -> list[tuple[float, ...]]:
    flat = tuple(values.astype(np.float64).tolist())
    ends = _find_ends(counts)
    if (ends[-1] if ends else 0) != len(flat):
        raise ValueError("its lists are not whole")
    return [flat[a:b] for a, b in itertools.pairwise([0, *ends])]


def _find_ends(counts: np.ndarray) -> list[int]:
    if (counts < 0).any():
        raise ValueError("it holds a negative count")
    ends: list[int] = np.cumsum(counts.astype(np.int64)).tolist()
    return ends


def _make_silence(bands: int) -> NoiseComponent:
    return NoiseComponent((SILENCE_DB,) * bands, (50.0,) * bands)


def _drop_inaudible(power_db: np.ndarray) -> np.ndarray:
    """Levels with inaudible ones set to SILENCE_DB, so that no band is synthesised for them."""
    result: np.ndarray = np.where(power_db < _INAUDIBLE_DB, SILENCE_DB, power_db)
    return result


def _log2(values: np.ndarray) -> np.ndarray:
    """Base-2 logarithms in half precision; 0 becomes minus infinity, which is read back as 0."""
    with np.errstate(divide="ignore"):
        return np.log2(values).astype(np.float16)
