"""What the engine computes, for tests of the editor's JavaScript to compare with.

``python -m tests.js.fixtures`` writes the files anew; ``test_fixtures.py`` fails where the engine has moved on.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.dsp import erb_edges
from engine.physics.macros import apply_macros
from engine.physics.model import MACRO_NAMES, Macros, Modes, NoiseComponent, Residual
from engine.pipeline.placement import delay_kernel
from ui.document_state import modes_state, residual_state

DATA = Path(__file__).parent / "data"
CASES = 24
FRACTIONS = (0.25, 0.5, 0.984375)


def some_sound(rng: np.random.Generator) -> tuple[Modes, Residual]:
    """A sound at random, with any of the noise components, or none."""

    def numbers(low: float, high: float, count: int) -> tuple[float, ...]:
        return tuple(float(v) for v in rng.uniform(low, high, count).round(3))

    count, bands = int(rng.integers(0, 8)), int(rng.integers(0, 3)) * 4
    frequency = tuple(float(v) for v in np.exp(rng.uniform(3, 10, count)).round(3))
    muted = tuple(bool(v) for v in rng.random(count) < 0.2)
    modes = Modes(frequency, numbers(-80, 0, count), numbers(0.5, 300, count), numbers(-3, 3, count), muted)
    if not bands:
        return modes, Residual(rise_s=float(rng.choice([0.0, 0.001])))
    edges = tuple(float(v) for v in erb_edges(20.0, float(rng.choice([22_050, 24_000])), bands).round(3))
    components = [
        NoiseComponent(numbers(-90, -20, bands), numbers(2, 900, bands)) if rng.random() < 0.6 else None
        for _ in range(3)
    ]
    power = tuple(-200.0 if rng.random() < 0.1 else p for p in numbers(-90, -20, bands))
    rise_s = float(rng.choice([0.0, 0.0004, 0.003]))
    envelope = numbers(-40, 20, int(rng.choice([0, 7])))
    return modes, Residual(edges, power, numbers(5, 300, bands), *components, rise_s, envelope)


def physics_value(modes: Modes, residual: Residual) -> dict[str, Any]:
    """Modes and residual in the shape of the protocol, at full precision."""
    components = {
        name: None if residual.component(name) is None else asdict(residual.component(name)) for name in COMPONENTS
    }
    values = {name: list(getattr(residual, name)) for name in ("edges_hz", "power_db", "decay_per_s", "envelope_db")}
    names = ("frequency_hz", "power_db", "decay_per_s", "phase_rad", "muted")
    return {
        "modes": {name: list(getattr(modes, name)) for name in names},
        "residual": {**values, "rise_s": residual.rise_s, **components},
    }


COMPONENTS = ("tail", "room", "attack")


def macro_cases() -> list[dict[str, Any]]:
    """Sounds, macros and velocities, each with what the engine makes of it."""
    rng = np.random.default_rng(11)
    cases = []
    for number in range(CASES):
        modes, residual = some_sound(rng)
        kinds = [0.0, -1.0, 1.0, *rng.uniform(-1, 1, 5).round(3)]
        macros = Macros(*(float(rng.choice(kinds)) for _ in MACRO_NAMES), keep_loudness=number % 2 == 1)
        velocity_db = float(rng.choice([0.0, -60.0, 12.0, -7.3]))
        given = {"modes": asdict(modes_state(modes)), "residual": asdict(residual_state(residual))}
        expected = physics_value(*apply_macros(modes, residual, macros, velocity_db))
        cases.append({**given, "macros": vars(macros), "velocity_db": velocity_db, "expected": expected})
    return cases


def delay_cases() -> list[dict[str, Any]]:
    """Fractions of a sample and the engine's kernel for each."""
    return [{"fraction": fraction, "kernel": delay_kernel(fraction).tolist()} for fraction in FRACTIONS]


FILES = {"macros.json": macro_cases, "delay_kernels.json": delay_cases}


def rounded(value: Any) -> Any:
    """A value with nine significant digits, in plain JSON types."""
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(part) for part in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def main() -> None:
    DATA.mkdir(exist_ok=True)
    for name, make in FILES.items():
        (DATA / name).write_text(json.dumps(rounded(make())) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
