"""Model card of the DDPM baseline, and the distances of a few sampled sounds that it reports."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.core.units import db_to_power, power_to_db
from engine.lab.baselines.ddpm.sampler import DDPM, STEPS, Ddpm, expand_magnitude, invert_spectrogram
from engine.lab.baselines.ddpm.unet import PAPER_BASE, DdpmConfig
from engine.lab.data.recordings import Recording
from engine.lab.training.ddpm.clips import Clips

FLOOR_DB = -80.0
_BINS, _FRAMES = 25, 4
_BATCH = 4
_RINGING = slice(4, 24)
_PEAK_BINS = 2
"""The strongest line is sought between 23 and 134 ms after the onset; two of them are one where so many bins apart."""


def measure_sounds(ddpm: Ddpm, clips: Clips, count: int) -> dict[str, Any]:
    """Sample sounds of held-out clips from their physics; times and distances, nothing where no clip is held out.

    ``seconds_per_sound`` is wall time, ``processor_seconds_per_sound`` processor time. ``sound_db``: mean absolute
    difference in dB to the recording, over regions of 25 bins and 4 frames, floor 80 dB under the loudest.
    ``other_recording_db``: the same for another held-out recording in place of the sound, for comparison.
    ``peak_percent``: share of the sounds whose strongest line is their recording's; ``other_peak_percent``: that of
    other recordings.
    """
    rows = np.flatnonzero(clips.held_out)
    rows = rows[np.linspace(0, rows.size - 1, min(count, rows.size)).astype(int)] if rows.size else rows
    if not rows.size:
        return {}
    started_s, before_s = time.perf_counter(), time.process_time()
    sampled_db, peaks = [], []
    for batch in np.array_split(rows, -(-rows.size // _BATCH)):
        sampled = ddpm.sample_spectrograms(clips.physics.take(batch), list(batch))
        for spectrogram, row in zip(sampled, batch, strict=True):
            invert_spectrogram(spectrogram, row)  # for its time
            sampled_db.append(measure_regions_db(spectrogram))
            peaks.append(find_peak(spectrogram))
    seconds, cpu_s = time.perf_counter() - started_s, time.process_time() - before_s
    recorded_db = [measure_regions_db(clips.spectrograms[row]) for row in rows]
    recorded = np.array([find_peak(clips.spectrograms[row]) for row in rows])
    distances = [float(np.abs(a - b).mean()) for a, b in zip(recorded_db, sampled_db, strict=True)]
    other = [float(np.abs(a - b).mean()) for a, b in zip(recorded_db, np.roll(recorded_db, 1, axis=0), strict=True)]
    return {
        "sounds": int(rows.size),
        "seconds_per_sound": round(seconds / rows.size, 2),
        "processor_seconds_per_sound": round(cpu_s / rows.size, 2),
        "sound_db": round(float(np.mean(distances)), 2),
        "other_recording_db": round(float(np.mean(other)), 2),
        "peak_percent": round(100.0 * float(np.mean(np.abs(recorded - peaks) <= _PEAK_BINS)), 1),
        "other_peak_percent": round(100.0 * float(np.mean(np.abs(recorded - np.roll(recorded, 1)) <= _PEAK_BINS)), 1),
    }


def find_peak(log_magnitude: np.ndarray) -> int:
    """Bin of the strongest line of a spectrogram [1025, 44] after the attack."""
    return int(np.square(expand_magnitude(log_magnitude[:, _RINGING])).mean(axis=1).argmax())


def measure_regions_db(log_magnitude: np.ndarray) -> np.ndarray:
    """Levels of a spectrogram [1025, 44] over regions of 25 bins and 4 frames, in dB under the loudest, [41, 11]."""
    power = np.square(expand_magnitude(log_magnitude))
    mean = power.reshape(power.shape[0] // _BINS, _BINS, power.shape[1] // _FRAMES, _FRAMES).mean(axis=(1, 3))
    level: np.ndarray = power_to_db(mean / mean.max() + db_to_power(FLOOR_DB))
    return level


def write_card(
    folder: Path, network: DdpmConfig, facts: dict[str, Any], recordings: Sequence[Recording], command: str
) -> None:
    """Write CARD.md: what the weights are, training data, the command, figures and known failures."""
    where = str(facts["device"])
    sources = Counter((recording.path.parent.name, recording.licence) for recording in recordings)
    table = "\n".join(f"| {name} | {licence} | {count} |" for (name, licence), count in sorted(sources.items()))
    reduced = network != DdpmConfig()
    label = "**Reduced width, trained on a CPU: not the paper's figures.**" if "CPU" in where else ""
    if not label:
        label = "**Reduced width: not the paper's figures.**" if reduced else "**Not the paper's data or figures.**"
    millions, examples = facts["parameters"] / 1e6, facts["step"] * facts["batch"]
    epochs = examples / max(1, facts["recordings"])
    patch = " x ".join(str(p) for p in network.patch)
    sizes = f"base {network.base} (the paper's: {PAPER_BASE}), multipliers {', '.join(map(str, network.multipliers))}"
    target = "velocity" if network.clean else "noise"
    figures = [
        ("steps of the optimizer", facts["step"]),
        (f"mean absolute error of the {target}, held-out recordings", facts.get("held_out", "none held out")),
        ("the same, conditioned on another recording's physics", facts.get("held_out_other_physics", "none held out")),
    ]
    if "sounds" in facts:
        figures += [
            (f"seconds a sound, {STEPS} steps and Griffin-Lim, {where}", facts["seconds_per_sound"]),
            ("processor seconds a sound", facts["processor_seconds_per_sound"]),
            (f"distance of {facts['sounds']} sounds from their held-out recordings, dB", facts["sound_db"]),
            ("distance of another held-out recording, dB", facts["other_recording_db"]),
            ("sounds whose strongest line is their recording's, %", facts["peak_percent"]),
            ("the same of another held-out recording, %", facts["other_peak_percent"]),
        ]
    rows = "\n".join(f"| {name} | {value} |" for name, value in figures)
    warning = ""
    if facts.get("sound_db", 0.0) > facts.get("other_recording_db", 0.0):
        warning = (
            "- Its sounds are farther from their recordings than other recordings are: noise remains in the\n"
            "  spectrogram. The figures are this checkpoint's, not the method's.\n"
        )
    changes = ""
    if network.drawn:
        changes = (
            "- The physics is drawn for the U-Net as well, as spectrograms of modes and of noise: a vector alone is\n"
            "  hardly heeded by a network that has seen a thousand recordings.\n"
        )
    if network.clean:
        changes += (
            "- The network predicts the clean spectrogram (Li and He 2025), its errors weighed as those of velocity:\n"
            "  so narrow, and in patches, it cannot copy noise, and left its own in every sound that it predicted so.\n"
        )
    text = f"""# {folder.name}

{label}

The method of "Physics-driven diffusion models for impact sound synthesis" (Su et al., CVPR 2023), reimplemented as the
baseline that the sampler is compared with: a DDPM over log-magnitude spectrograms of 0.25 s at 44.1 kHz, conditioned on
the hit's physics (1025 modes, 100 bands of noise), {STEPS} ancestral steps, then Griffin-Lim. Not used by the editor.

{millions:.1f} M parameters in 8 bits (format {DDPM.version}); {sizes};
the first layer takes patches of {patch} bins x frames (the paper's: 1 x 1).

Other differences from the paper:

{changes}- No visual condition: the corpus has sounds without video.
- The residual's 200 parameters are fitted to each recording, on the paper's loss, instead of predicted by a network.
- The condition is the recording's own physics; the paper takes that of the training clip with the nearest video.
- Batch norm before the latent's tanh, without which the latent soon was the same for all hits.
- 1025 x 44 is zero-padded to sizes that can be halved.
- Batches of {facts["batch"]} (the paper's: 16), gradients clipped at norm {facts["max_gradient_norm"]:g}, a learning
  rate that falls from {facts["learning_rate"]} to {facts["final_rate"]} of it.
- About a tenth of the paper's recordings.

## Training data

{facts["recordings"]} recordings of single hits; {facts["held_out_recordings"]} of other objects or sessions were held
out. NOTICE credits the authors.

| source | licence | recordings |
|---|---|---|
{table}

The weights are under Struck's licence, Apache-2.0; keep the attribution of NOTICE with them.

## Command

    {command}

{facts["minutes_spent"]} minutes on {where}, {facts["processor_minutes"]} minutes of processor time; {examples}
examples. config.json has the settings.

## Measured

| | |
|---|---|
{rows}

Distances are mean absolute differences of level over regions of {_BINS} bins and {_FRAMES} frames, down to
{FLOOR_DB:g} dB; `launch.py evaluate sampler` compares the baseline with the sampler.

## Known failures

- 0.25 s only: longer sounds are cut off.
- Griffin-Lim phases: attacks smear and steady tones flutter.
- One mode for each bin with phase 0: frequencies are known to some Hz, and a mode cannot be moved by itself.
- The loudest of long pure tones exceed the scale's upper end and are up to 2.5 dB too soft.
- Trained for {epochs:.0f} epochs, where the paper had 200 of some 10 000 recordings: expect noise and blurred modes.
{warning}"""
    (folder / "CARD.md").write_text(text, encoding="utf-8")
