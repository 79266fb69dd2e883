"""Rendered hits beside those of the clips that they were measured from: ``launch.py evaluate clips``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import signal

from engine.cli.console import check_json_target, whole_number, write_json
from engine.core.cache import Cache
from engine.core.errors import BadInput
from engine.core.paths import CHECKPOINTS
from engine.core.units import SAMPLE_RATE_HZ, gain_to_db, power_to_db, seconds_to_samples
from engine.diffusion.sampler import load_sampler
from engine.document.project import Project
from engine.lab.evaluation.physics.evaluate import count_cores, workers
from engine.lab.evaluation.physics.recordings import BOOTSTRAP_DRAWS
from engine.lab.evaluation.sampler.shape import measure_shape
from engine.media.sound import read_clip_audio
from engine.physics.analysis.background import choose_quiet, find_steady
from engine.pipeline.headroom import keep_headroom
from engine.pipeline.limiter import LimiterGain
from engine.pipeline.open_clip import open_clip
from engine.pipeline.process import Document, ProcessSettings, estimate_sounds, find_hits
from engine.pipeline.render import render_hits
from engine.pipeline.track import place_hits

CLIP_FOLDERS = ("greatest_hits_syncfusion", "greatest_hits_stable_v2a")
PRIOR, SAMPLED = "prior", "sampler"
UNTRIMMED, LIMITED, EXACT = "before headroom", "limited", "exact copy"
"""Systems: hits as the analysis made them, none lowered that would clip; the same through the mix's limiter; and what
the measures read of the prior's track itself over the clip's background, 0 but for their own error."""

BANDS_HZ = {"low": (40.0, 1000.0), "middle": (1000.0, 6000.0), "high": (6000.0, 20_000.0)}
LEVEL_S, BAND_S, SHORTEST_S = 0.3, 0.1, 0.1
TAIL_S, SHORTEST_TAIL_S = (0.3, 1.0), 0.2
GUARD_S = 0.01
"""What is compared ends so long before the next hit."""

MEASURES = {
    "peak_db": "peak, dB",
    "energy_db": "energy, dB",
    "low_db": "under 1 kHz, dB",
    "middle_db": "1 to 6 kHz, dB",
    "high_db": "over 6 kHz, dB",
    "treble_db": "over 6 kHz, of all that sounds then, dB",
    "attack_ms": "attack, ms",
    "tail_db": "tail under 1 kHz, dB",
    "excess_db": "tail and background over the clip's, dB",
}
_QUIET_FRAME_S, _QUIET_PERCENT = 0.1, 10.0
_FAINT = 0.1  # of the background's power: less cannot be told from it
_TAIL_STANDS_OUT = 2.0  # times the background's power: under it a tail is mostly background
_STANDS_OUT_DB = 10.0


def main(args: list[str]) -> None:
    """The command ``evaluate clips``. Raises BadInput."""
    parser = argparse.ArgumentParser(
        prog="evaluate clips", description="Measure rendered hits beside those of the clips they were measured from."
    )
    parser.add_argument("clips", nargs="*", metavar="CLIP", help="by default those in --data with their own sound")
    parser.add_argument("--data", "--data-dir", dest="data", default="../shared/data")
    parser.add_argument("--ckpt-dir", default=str(CHECKPOINTS))
    parser.add_argument("--device", default="cpu", help=argparse.SUPPRESS)
    parser.add_argument("--limit", type=whole_number(0, 10_000), default=0, help="at most so many clips; 0 for all")
    parser.add_argument("--steps", type=whole_number(0, 64), default=4, help="of the sampler; 0: the bare prior alone")
    parser.add_argument("--jobs", type=whole_number(0, 64), default=0, help="processes; by default one a core")
    parser.add_argument("--json", help="write the figures to a file, or - for standard output")
    options = parser.parse_args(args)
    check_json_target(options.json)
    clips = options.clips or list_clips(options.data, options.limit)
    with workers(options.jobs or count_cores()) as run:
        rows = run(measure_clip, [(clip, options.ckpt_dir, options.steps) for clip in clips], "clips")
    table = tabulate_clips(rows)
    print("\n".join([*format_clips(table), "", *format_each(rows)]), file=sys.stderr)
    if options.json:
        write_json({"clips": table, "each": rows}, options.json, sys.stdout)


def list_clips(data_dir: str, limit: int) -> list[str]:
    """At most ``limit`` (0 for all) of the data's clips with their own sound. Raises BadInput where there are none."""
    folders = [Path(data_dir) / "video" / name for name in CLIP_FOLDERS]
    found = sorted(str(path) for folder in folders for path in folder.glob("*.mp4"))
    if not found:
        raise BadInput(f"{data_dir} holds no clips in {' or '.join(CLIP_FOLDERS)}; name some after the command")
    return [found[int(k)] for k in np.linspace(0, len(found) - 1, min(limit, len(found)))] if limit else found


def measure_clip(path: str, ckpt_dir: str, steps: int) -> dict[str, Any]:
    """Differences of the generated track from the clip's sound at each measured hit, by prior and sampler.

    Hits are found in the sound alone. ``lowered_db`` is by how much the mix must be lowered not to clip,
    once hits that clip alone are.
    """
    project = open_clip(path).project
    if not project.clip.has_audio:
        raise BadInput(f"{Path(path).name} has no sound to measure hits in; name another clip")
    project = replace(project, detection=replace(project.detection, source="audio"))
    document, settings = Document(project), ProcessSettings()
    for event in find_hits(project, settings):
        document.apply(event)
    for sound_event in estimate_sounds(document.current(), settings):
        document.apply(sound_event)
    project = document.current()
    own = read_clip_audio(path, SAMPLE_RATE_HZ, track=project.clip.audio_track)
    result: dict[str, Any] = {"clip": Path(path).stem, "hits": len(project.hits), "systems": {}}
    result["peak_dbfs"] = float(gain_to_db(np.abs(own).max(initial=1e-9)))
    for name, checkpoint in {PRIOR: "", SAMPLED: "sampler"}.items() if steps else ((PRIOR, ""),):
        made = replace(project, render=replace(project.render, checkpoint=checkpoint, steps=max(1, steps)))
        sampler = load_sampler(ckpt_dir, checkpoint, torch.device("cpu")) if checkpoint else None
        rendered = render_hits(made, sampler, Cache(None))
        track = place_hits(made, rendered, "mono")
        loud, limited = track[:, 0], LimiterGain(track).apply(track, 0)[:, 0]
        tracks = {f"{name}, {UNTRIMMED}": (own, loud), f"{name}, {LIMITED}": (own, limited)}
        if name == PRIOR:
            tracks[EXACT] = (loud + _lay_background(own, len(loud)), loud)
        for title, (reference, one) in tracks.items():
            result["systems"][title] = {"lowered_db": 0.0, "each": compare_track(made, reference, one)}
        quieter = keep_headroom(made, rendered)
        kept = made if quieter is None else quieter.apply(made)
        made, lowered_db = replace(kept, mix=made.mix), made.mix.gain_db - kept.mix.gain_db
        track = place_hits(made, rendered, "mono")[:, 0]
        result["systems"][name] = {"lowered_db": lowered_db, "each": compare_track(made, own, track)}
    return result


def compare_track(project: Project, own: np.ndarray, track: np.ndarray) -> list[dict[str, float]]:
    """One row of MEASURES for each hit measured from the clip: the track [N] minus the clip's sound [N], in dB.

    Both hold what else sounds then. The clip's background, the 10th percentile of its power in frames of 0.1 s, is
    added to the track. Hits that stand less than 10 dB out of the background, or are followed within 0.1 s, are left
    out. ``treble_db`` is the share over 6 kHz in the first 0.1 s, which a gain hardly changes. The tail, 0.3 to 1 s
    after the onset, is compared without the mean background of steady stretches, where it stands 3 dB out of that;
    ``excess_db``, of all tails, is by how much tail and background together exceed the clip's.
    """
    length = min(len(own), len(track))
    parts = [(own[:length], track[:length])]
    for low_hz, high_hz in BANDS_HZ.values():
        sections = signal.butter(6, (low_hz, high_hz), "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
        parts.append((signal.sosfilt(sections, own[:length]), signal.sosfilt(sections, track[:length])))
    powers = [tuple(np.cumsum(np.square(np.pad(x, (1, 0)), dtype=np.float64)) for x in pair) for pair in parts]
    quiet = [_quiet_power(pair[0]) for pair in parts]
    background = _background_power(own[:length], quiet[1])
    times_s = sorted(hit.time_s for hit in project.hits)
    rows = []
    for hit in project.hits:
        if project.sound(hit.sound_id).origin != "clip" or hit.mute:
            continue
        next_s = next((t for t in times_s if t > hit.time_s + 0.001), length / SAMPLE_RATE_HZ) - GUARD_S
        at_s = hit.time_s
        if next_s - at_s < SHORTEST_S or next_s * SAMPLE_RATE_HZ > length:
            continue
        span = _span(at_s, min(next_s, at_s + LEVEL_S))
        energy = _mean(powers[0][0], span)
        if power_to_db(energy / (quiet[0] + 1e-20)) < _STANDS_OUT_DB:
            continue
        own_peak, made_peak = (float(np.abs(x[span]).max()) for x in parts[0])
        own_ms, made_ms = (measure_shape(x[span], SAMPLE_RATE_HZ / 2)["attack_ms"] for x in parts[0])
        row = {
            "peak_db": float(gain_to_db((made_peak + 1e-9) / (own_peak + 1e-9))),
            "energy_db": _compare(energy, _mean(powers[0][1], span), quiet[0]),
            "attack_ms": made_ms - own_ms,
        }
        early = _span(at_s, min(next_s, at_s + BAND_S))
        for band, power, floor in zip(BANDS_HZ, powers[1:], quiet[1:], strict=True):
            row[f"{band}_db"] = _compare(_mean(power[0], early), _mean(power[1], early), floor)
        whole_db = _compare(_mean(powers[0][0], early), _mean(powers[0][1], early), quiet[0])
        row["treble_db"] = row["high_db"] - whole_db
        late = _span(at_s + TAIL_S[0], min(next_s, at_s + TAIL_S[1]))
        if late.stop - late.start >= SHORTEST_TAIL_S * SAMPLE_RATE_HZ:
            own_tail, made_tail = (_mean(power, late) for power in powers[1])
            if own_tail > _TAIL_STANDS_OUT * background + 1e-14:
                row["tail_db"] = float(power_to_db(max(made_tail, _FAINT * background) / (own_tail - background)))
            row["excess_db"] = float(
                power_to_db((made_tail + background + 1e-14) / (max(own_tail, background) + 1e-14))
            )
        rows.append(row)
    return rows


def _span(start_s: float, end_s: float) -> slice:
    return slice(seconds_to_samples(start_s, SAMPLE_RATE_HZ), seconds_to_samples(end_s, SAMPLE_RATE_HZ))


def _mean(cumulative: np.ndarray, span: slice) -> float:
    return float(cumulative[span.stop] - cumulative[span.start]) / max(1, span.stop - span.start)


def _compare(own: float, made: float, background: float) -> float:
    return float(power_to_db((made + background + 1e-14) / (own + 1e-14)))


def _quiet_power(x: np.ndarray) -> float:
    """Power of the background: the 10th percentile of frames of 0.1 s that are not digital silence."""
    frame = round(_QUIET_FRAME_S * SAMPLE_RATE_HZ)
    powers = np.square(x[: len(x) // frame * frame].reshape(-1, frame), dtype=np.float64).mean(axis=1)
    heard = powers[powers > 1e-12]
    return float(np.percentile(heard, _QUIET_PERCENT)) if heard.size else 0.0


def _background_power(own: np.ndarray, otherwise: float) -> float:
    """Mean power under 1 kHz of the clip's steady, quiet stretches."""
    stretches = choose_quiet(find_steady(own, SAMPLE_RATE_HZ), SAMPLE_RATE_HZ)
    if not len(stretches):
        return otherwise
    sections = signal.butter(6, BANDS_HZ["low"], "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    mirrored = np.concatenate([stretches[:, ::-1], stretches], axis=1)  # so that the filter has settled
    return float(np.square(signal.sosfilt(sections, mirrored)[:, stretches.shape[1] :]).mean())


def _lay_background(own: np.ndarray, length: int) -> np.ndarray:
    """The clip's steady, quiet stretches in random order, cross-faded, [length]; silence where it has none."""
    stretches = choose_quiet(find_steady(own, SAMPLE_RATE_HZ), SAMPLE_RATE_HZ)
    if not len(stretches):
        return np.zeros(length)
    size = stretches.shape[1]
    fade, rng = np.sin(np.pi * (np.arange(size) + 0.5) / size), np.random.default_rng(0)
    result = np.zeros(length + 2 * size)
    for start in range(0, length + size, size // 2):
        result[start : start + size] += fade * stretches[rng.integers(len(stretches))]
    return result[size // 2 : size // 2 + length]


def tabulate_clips(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a system: median, its interval by resampling clips, and the 10th and 90th percentile of each measure."""
    table = []
    for name in results[0]["systems"]:
        each = [result["systems"][name]["each"] for result in results]
        row: dict[str, Any] = {"system": name, "clips": len(each), "hits": sum(map(len, each))}
        for measure in MEASURES:
            row[measure] = _summarize([np.array([hit[measure] for hit in hits if measure in hit]) for hits in each])
        lowered = [result["systems"][name]["lowered_db"] for result in results]
        row["lowered_clips"], row["most_lowered_db"] = sum(db > 0.0 for db in lowered), max(lowered)
        table.append(row)
    return table


def _summarize(clips: Sequence[np.ndarray]) -> list[float] | None:
    known = [values for values in clips if values.size]
    if not known:
        return None
    together, rng = np.concatenate(known), np.random.default_rng(0)
    draws = rng.integers(len(known), size=(BOOTSTRAP_DRAWS, len(known)))
    medians = [float(np.median(np.concatenate([known[k] for k in draw]))) for draw in draws]
    ends = [*np.percentile(medians, [2.5, 97.5]), *np.percentile(together, [10, 90])]
    return [float(np.median(together)), *map(float, ends)]


def format_clips(rows: Sequence[dict[str, Any]]) -> list[str]:
    """One line a measure, both systems beside one another."""
    columns = "".join(f" {row['system']}, median | 10 to 90 % of hits |" for row in rows)
    count = f"{rows[0]['hits']} hits of {rows[0]['clips']} clips"
    lines = [f"| made minus recorded, {count} |{columns}", "|---" * (1 + 2 * len(rows)) + "|"]
    for measure, label in MEASURES.items():
        cells = ""
        for row in rows:
            values = row[measure]
            one = "{:.1f} ({:.1f} to {:.1f}) | {:.1f} to {:.1f}"
            cells += f" {one.format(*values) if values else ' | '} |"
        lines.append(f"| {label} |{cells}")
    lowered = "".join(f" {row['lowered_clips']} | at most {row['most_lowered_db']:.1f} dB |" for row in rows)
    return [*lines, f"| clips whose mix must be lowered |{lowered}"]


def format_each(results: Sequence[dict[str, Any]]) -> list[str]:
    """One line a clip: its peak, and the medians of its hits."""
    systems = [name for name in results[0]["systems"] if name in (PRIOR, SAMPLED)]
    cells = "".join(f" {name}: lowered | {' | '.join(MEASURES.values())} |" for name in systems)
    lines = [f"| clip | hits | its peak |{cells}", "|---" * (3 + len(systems) * (1 + len(MEASURES))) + "|"]
    for result in results:
        line = f"| {result['clip']} | {result['hits']} | {result['peak_dbfs']:.1f} dBFS |"
        for name in systems:
            system = result["systems"][name]
            each = {measure: [row[measure] for row in system["each"] if measure in row] for measure in MEASURES}
            medians = [np.median(values) if values else None for values in each.values()]
            line += f" {system['lowered_db']:.1f} dB |"
            line += "".join(f" {'' if median is None else f'{median:.1f}'} |" for median in medians)
        lines.append(line)
    return lines
