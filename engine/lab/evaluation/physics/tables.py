"""The tables of ``evaluate physics`` in Markdown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.lab.baselines.ddpm.physics import STEPS
from engine.lab.evaluation.physics.recordings import MAX_MODES
from engine.lab.evaluation.physics.synthetic import TARGETS

MAX_MATERIALS = 10
_AGAINST = {
    "bins": "1025 bins and 100 bands of noise, whole hit",
    "bins_window": "the same, first 0.25 s",
    "lim": "lim-sample's modes; ours at no more modes, with residual",
    "lim_modes": "lim-sample's modes; ours at no more modes, without",
}
_DISTANCES = {
    "spectrum_512": "spectrum, 11 ms",
    "spectrum_2048": "spectrum, 43 ms",
    "spectrum_8192": "spectrum, 171 ms",
    "envelope": "envelopes, 5 ms",
    "mean": "mean of the four",
}


def format_tables(result: dict[str, Any]) -> str:
    """All tables of a result."""
    parts: list[tuple[str, Callable[[Any], list[str]]]] = [
        ("synthetic", format_synthetic),
        ("stress", format_stress),
        ("pairs", format_pairs),
        ("means", format_means),
        ("recordings", format_materials),
        ("speed", format_speed),
        ("ringing", format_ringing),
        ("takes", format_takes),
    ]
    return "\n\n".join("\n".join(write(result[name])) for name, write in parts if result.get(name))


def format_synthetic(rows: list[dict[str, Any]]) -> list[str]:
    """Recall, errors and false modes at each SNR, and the targets."""
    lines = [
        "| SNR | identifiable modes | found | pitch error, median / 90th | decay error | level error "
        "| false | error / Cramér–Rao bound: pitch, decay, level | targets |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        goal = next(target for target in TARGETS if target.snr_db == row["snr_db"])
        goals = f"{goal.found_percent:g} %, {goal.cents:g} cent, {goal.decay_percent:g} %, {goal.power_db:g} dB, 5 %"
        ratios = ", ".join(_fixed(row[f"{name}_efficiency"], ".2f") for name in ("cents", "decay_percent", "power_db"))
        lines.append(
            f"| {row['snr_db']:g} dB | {row['counted']} of {row['modes']} | {_fixed(row['found_percent'], '.1f')} % "
            f"| {_errors(row, 'cents', '.3f')} cent | {_errors(row, 'decay_percent', '.2f')} % "
            f"| {_errors(row, 'power_db', '.3f')} dB | {row['false']} of {row['reported']} | {ratios} "
            f"| {goals}: {_format_passes(row)} |"
        )
    return lines


def format_stress(rows: list[dict[str, Any]]) -> list[str]:
    """One line for each case."""
    lines = [
        "| case | found | pitch error | decay error | level error | false | onset error | passes |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        found = round((row["found_percent"] or 0.0) * row["counted"] / 100.0)
        lines.append(
            f"| {row['case']} | {found} of {row['counted']} | {_fixed(row['cents'], '.3f')} cent "
            f"| {_fixed(row['decay_percent'], '.2f')} % | {_fixed(row['power_db'], '.3f')} dB "
            f"| {row['false']} of {row['reported']} | {row['onset_ms']:.1f} ms | {_format_passes(row)} |"
        )
    return lines


def format_pairs(rows: list[dict[str, Any]]) -> list[str]:
    """Ours against the baselines."""
    lines = [
        "| baseline | distance | recordings | ours | baseline | ours closer on (95 % interval) |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {_AGAINST[row['against']]} | {_DISTANCES[row['distance']]} | {row['recordings']} "
            f"| {row['ours_db']:.2f} dB | {row['baseline_db']:.2f} dB "
            f"| {row['wins_percent']:.0f} % ({row['low_percent']:.0f} to {row['high_percent']:.0f}) |"
        )
    return lines


def format_means(means: dict[str, list[float]]) -> list[str]:
    """Ours alone, and the distance between two draws of its noise."""
    names = {"ours": "modes and residual", "ours_modes": "modes alone", "floor": "two draws of our own residual"}
    lines = [
        f"| distance in dB, up to {MAX_MODES} modes | {' | '.join(_DISTANCES.values())} |",
        "|---|" + "---|" * len(_DISTANCES),
    ]
    return lines + [f"| {names[name]} | {' | '.join(f'{v:.2f}' for v in values)} |" for name, values in means.items()]


def format_materials(rows: list[dict[str, Any]]) -> list[str]:
    """One line for each of the most recorded materials, and one for all."""
    lines = [
        "| material | recordings | modes + residual | 90th percentile | modes alone | fit | modes | time |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in [*rows[:-1][:MAX_MATERIALS], rows[-1]]:
        lines.append(
            f"| {row['material']} | {row['recordings']} | {row['distance_db']:.2f} dB "
            f"| {row['worst_tenth_db']:.2f} dB | {row['modes_alone_db']:.2f} dB "
            f"| {row['fit']:.2f} | {row['modes']:.0f} | {row['seconds']:.2f} s |"
        )
    return lines


def format_speed(speed: dict[str, Any]) -> list[str]:
    """Times and their ratios to ours."""
    whole, window = speed["whole"], speed["window"]
    sums = {
        "our analysis: modes and residual": ("ours",),
        "our analysis, and the fit of its resynthesis": ("with_fit",),
        "1025 bins as published, in loops": ("loops",),
        "their synthesis as published": ("cosines",),
        f"fit of their residual ({STEPS} steps; the paper's encoder predicts it)": ("noise",),
        "bins and synthesis": ("loops", "cosines"),
        "bins, synthesis and residual": ("loops", "cosines", "noise"),
        "bins and synthesis, vectorised by us": ("vectorised", "ring"),
        "bins, synthesis and residual, vectorised by us": ("vectorised", "ring", "noise"),
        "lim-sample's modes": ("lim",),
    }
    lines = [
        f"| {speed['hits']} hits, threads: {speed['threads']} | {speed['seconds']:.1f} s hit | ratio to ours "
        "| 0.25 s hit | ratio to ours |",
        "|---|---|---|---|---|",
    ]
    for name, steps in sums.items():
        cells = []
        for times in (whole, window):
            total = sum(times[step] for step in steps)
            cells += [f"{total:.0f} ms" if total >= 9.5 else f"{total:.1f} ms", f"{total / times['ours']:.3g}"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    text = f"Synthesis of 100 hits of {MAX_MODES} modes, 1.4 s each: {speed['synthesis']:.0f} ms."
    return [*lines, "", text]


def format_ringing(rows: list[dict[str, Any]]) -> list[str]:
    """Whether modes ring, one line for each kind of object."""
    lines = [
        "| kind | recordings | of which ring | strongest mode is the spectrum's peak | with modes "
        "| tallest falls faster than 800 per s | 400 per s | 200 per s | modes | fit | time |",
        "|---" * 11 + "|",
    ]
    for row in rows:
        over = (_share(row[f"over_{limit}_percent"]) for limit in (800, 400, 200))
        lines.append(
            f"| {row['kind']} | {row['recordings']} | {row['ringing']} | {_share(row['met_percent'])} "
            f"| {row['with_modes']} | {' | '.join(over)} | {row['modes']:.0f} | {row['fit']:.2f} "
            f"| {row['milliseconds']:.0f} ms |"
        )
    return lines


def format_takes(rows: list[dict[str, Any]]) -> list[str]:
    """Whether takes of one object share their modes, and the peaks of their spectra."""
    lines = [
        "| strong lines of a take | objects | in another take within 50 cents | apart, median / 90th | decays apart |",
        "|---" * 5 + "|",
    ]
    for row in rows:
        decays = "" if row["decay_percent"] is None else "{:.0f} / {:.0f} %".format(*row["decay_percent"])
        cents = "{:.1f} / {:.1f} cents".format(*row["cents"])
        lines.append(f"| {row['what']} | {row['objects']} | {_share(row['again_percent'])} | {cents} | {decays} |")
    return lines


def _share(interval: list[float] | None) -> str:
    return "" if interval is None else "{:.0f} % ({:.0f} to {:.0f})".format(*interval)


def _errors(row: dict[str, Any], name: str, form: str) -> str:
    return f"{_fixed(row[name], form)} / {_fixed(row[f'{name}_90th'], form)}"


def _fixed(value: float | None, form: str) -> str:
    return "none" if value is None else format(value, form)


def _format_passes(row: dict[str, Any]) -> str:
    return "yes" if row["passes"] else "no"
