"""What goes with a checkpoint of the paper's baseline: a few sounds measured, and the card."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.units import db_to_power, power_to_db
from engine.lab.baselines.ddpm.sampler import DDPM, STEPS, Ddpm, picture_to_magnitude, picture_to_wave
from engine.lab.baselines.ddpm.unet import PAPER_BASE, DdpmConfig
from engine.lab.data.recordings import Recording
from engine.lab.training.ddpm.clips import Clips

FLOOR_DB = -80.0
_BINS, _FRAMES = 25, 4
_AT_ONCE = 4


def measure_sounds(ddpm: Ddpm, clips: Clips, count: int) -> dict[str, Any]:
    """Time and nearness of sounds made for held-out clips from their own physics; nothing where none is held out.

    ``seconds_per_sound`` is what passed, other work of the machine included; ``processor_seconds_per_sound`` what the
    processor worked. ``sound_db``: mean absolute difference in dB to the recording, over regions of 25 bins and 4
    frames, floor 80 dB under the loudest. ``other_recording_db``: the same of another held-out recording, which is no
    answer at all.
    """
    rows = np.flatnonzero(clips.held_out)
    rows = rows[np.linspace(0, rows.size - 1, min(count, rows.size)).astype(int)] if rows.size else rows
    if not rows.size:
        return {}
    started_s, before_s = time.perf_counter(), time.process_time()
    made = []
    for some in np.array_split(rows, -(-rows.size // _AT_ONCE)):
        for picture, row in zip(ddpm.sample_pictures(clips.physics.take(some), list(some)), some, strict=True):
            picture_to_wave(picture, row)
            made.append(measure_regions_db(picture))
    seconds, worked_s = time.perf_counter() - started_s, time.process_time() - before_s
    wanted = [measure_regions_db(clips.pictures[row]) for row in rows]
    near = [float(np.abs(a - b).mean()) for a, b in zip(wanted, made, strict=True)]
    other = [float(np.abs(a - b).mean()) for a, b in zip(wanted, np.roll(wanted, 1, axis=0), strict=True)]
    return {
        "sounds": int(rows.size),
        "seconds_per_sound": round(seconds / rows.size, 2),
        "processor_seconds_per_sound": round(worked_s / rows.size, 2),
        "sound_db": round(float(np.mean(near)), 2),
        "other_recording_db": round(float(np.mean(other)), 2),
    }


def measure_regions_db(picture: np.ndarray) -> np.ndarray:
    """Levels of a picture [1025, 44] over regions of 25 bins and 4 frames, in dB under the loudest, [41, 11]."""
    power = np.square(picture_to_magnitude(picture))
    mean = power.reshape(power.shape[0] // _BINS, _BINS, power.shape[1] // _FRAMES, _FRAMES).mean(axis=(1, 3))
    level: np.ndarray = power_to_db(mean / mean.max() + db_to_power(FLOOR_DB))
    return level


def write_card(
    folder: Path, network: DdpmConfig, facts: dict[str, Any], recordings: Sequence[Recording], command: str
) -> None:
    """CARD.md: what the weights are, what they learnt from, the command, figures and known failures."""
    where = str(facts["device"])
    sources = Counter((recording.path.parent.name, recording.licence) for recording in recordings)
    table = "\n".join(f"| {name} | {licence} | {count} |" for (name, licence), count in sorted(sources.items()))
    reduced = network != DdpmConfig()
    label = "**Reduced width, trained on a CPU: not the paper's figures.**" if "CPU" in where else ""
    if not label:
        label = "**Reduced width: not the paper's figures.**" if reduced else "**Not the paper's data or figures.**"
    millions, examples = facts["parameters"] / 1e6, facts["step"] * facts["batch"]
    patch = " x ".join(str(p) for p in network.patch)
    sizes = f"base {network.base} (the paper's: {PAPER_BASE}), multipliers {', '.join(map(str, network.multipliers))}"
    figures = [
        ("steps of the optimizer", facts["step"]),
        ("mean absolute error of the noise, held-out recordings", facts.get("held_out", "none held out")),
        ("the same when told another recording's physics", facts.get("held_out_other_physics", "none held out")),
    ]
    if "sounds" in facts:
        figures += [
            (f"seconds a sound, {STEPS} steps and Griffin-Lim, {where}", facts["seconds_per_sound"]),
            ("of which the processor worked on it", facts["processor_seconds_per_sound"]),
            (f"distance of {facts['sounds']} sounds from their held-out recordings, dB", facts["sound_db"]),
            ("distance of another held-out recording, dB", facts["other_recording_db"]),
        ]
    rows = "\n".join(f"| {name} | {value} |" for name, value in figures)
    far = ""
    if facts.get("sound_db", 0.0) > facts.get("other_recording_db", 0.0):
        far = (
            "- Its sounds are farther from the recordings they are to be than other recordings are: trained so\n"
            "  little, it leaves noise in the spectrogram and hardly heeds the physics. Its figures\n"
            "  are this checkpoint's, not the method's.\n"
        )
    text = f"""# {folder.name}

{label}

The method of "Physics-driven diffusion models for impact sound synthesis" (Su et al., CVPR 2023), reimplemented as the
baseline that the sampler is measured against: a DDPM over log-magnitude spectrograms of 0.25 s at 44.1 kHz, told the
hit's physics (1025 modes, 100 bands of noise), {STEPS} ancestral steps, then Griffin-Lim. The editor does not use it.

{millions:.1f} M parameters in half precision (format {DDPM.version}); {sizes};
the first layer takes patches of {patch} bins x frames (the paper's: 1 x 1).

Other differences from the paper:

- No visual condition: the corpus has sounds without pictures.
- The residual's 200 numbers are fitted to each recording, on the paper's loss, instead of predicted by a network.
- The physics told is that of the recording itself; the paper takes that of the training clip whose picture is nearest.
- The latent is normalised over the batch before its tanh; otherwise it was soon the same for all hits.
- 1025 x 44 is filled up with zeros to what can be halved.
- Batches of {facts["batch"]} (the paper's: 16), gradients clipped at norm {facts["longest_gradient"]:g}, a rate that
  falls to {facts["last_rate"]} of {facts["learning_rate"]} over the time there is.
- About a tenth of the paper's recordings.

## Trained on

{facts["recordings"]} recordings of single hits; {facts["held_out_recordings"]} of other objects or sessions were held
out. NOTICE credits the authors.

| source | licence | recordings |
|---|---|---|
{table}

The weights are under Struck's licence, Apache-2.0; keep the attribution of NOTICE with them.

## Command

    {command}

{facts["minutes_spent"]} of {facts["minutes"]:g} minutes on {where}, {facts["processor_minutes"]} of them
processor time, {examples} examples seen. config.json has the settings.

## Measured

| | |
|---|---|
{rows}

Distances are mean absolute differences of level over regions of {_BINS} bins and {_FRAMES} frames, down to
{FLOOR_DB:g} dB; `launch.py evaluate sampler` compares it with the sampler.

## Known failures

- 0.25 s only: what rings longer is cut off.
- Phases are guessed by Griffin-Lim: attacks smear and steady tones flutter.
- One mode for each bin with phase 0: frequencies are known to some Hz, and a mode cannot be moved by itself.
- The loudest of long pure tones lie over the scale's upper end and come out up to 2.5 dB too soft.
- Trained for minutes where the paper trained for 200 epochs on some 10 000 recordings: expect noise and blurred modes.
{far}"""
    (folder / "CARD.md").write_text(text, encoding="utf-8")
