"""How well pictures and sounds fit each other: ``launch.py evaluate scene``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from engine.core.files import write_file
from engine.lab.data.scene.pack import ScenePack, read_pack, split_pack
from engine.lab.evaluation.scene.classifier import rank_by_material
from engine.lab.evaluation.scene.scores import RANKS, measure_frechet, measure_recall, recall_by_chance
from engine.pipeline.picture_sound import (
    GUIDANCE,
    STEPS,
    PictureOptions,
    arrange_sheet,
    draw_pictures,
    find_scene_network,
)
from engine.scene.diffusion import sample_pictures
from engine.scene.network import SIDE, SceneNetwork, load_scene_network
from engine.scene.picture import encode_pictures

CANDIDATES = 100
_SIZE, _SHEET = 32, 12


def main(args: Sequence[str]) -> None:
    """The command ``evaluate scene``. Raises BadInput."""
    parser = argparse.ArgumentParser(prog="evaluate scene", description="Recall by sound, and pictures' distance.")
    parser.add_argument("--pack", type=Path, required=True, metavar="F", help="pack whose held-out pairs are used")
    parser.add_argument("--ckpt-dir", default=None, metavar="DIR", help="folder that holds scene and material")
    parser.add_argument("--guidance", type=float, default=GUIDANCE, metavar="G", help="of the pictures drawn")
    parser.add_argument(
        "--pictures", type=int, default=96, metavar="N", help="pictures drawn for the distance; 0: none"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the candidates and of the pictures")
    parser.add_argument("--sheet", type=Path, default=None, metavar="JPG", help="write examples of simulated takes")
    parser.add_argument("--out", type=Path, default=None, metavar="F", help="write the figures as JSON")
    parser.add_argument("--device", choices=("auto", "cpu"), default="auto")
    options = parser.parse_args(list(args))
    learnt, held_out = split_pack(read_pack(options.pack))
    network = load_scene_network(find_scene_network(options.ckpt_dir))
    features = encode_pictures(held_out.pictures)
    figures = evaluate_recall(network, held_out, features, options.ckpt_dir, options.seed)
    if options.pictures:
        figures["pictures"] = evaluate_pictures(
            network, learnt, held_out, features, options.guidance, options.pictures, options.seed
        )
    print(format_figures(figures))
    if options.sheet is not None:
        write_sheet(options.sheet, network, held_out, options.guidance, options.seed)
    if options.out is not None:
        write_file(options.out, (json.dumps(figures, indent=1) + "\n").encode())


def evaluate_recall(
    network: SceneNetwork, pack: ScenePack, features: torch.Tensor, checkpoints: str | None, seed: int
) -> dict[str, dict[str, dict[str, float]]]:
    """Recall of a sound's own picture among CANDIDATES, of all pairs and of each kind alone, by several rankings."""
    with torch.inference_mode():
        heard = network.sounds(torch.from_numpy(pack.sounds.astype(np.float32)))
        aligned = (heard @ network.pictures(features).T).numpy()
    known = (pack.materials[:, None] == pack.materials[None]).astype(float)
    rankings = {"aligned features": aligned, "material known for certain": known}
    rankings["material classifier"] = rank_by_material(pack, checkpoints)
    simulated = np.array([str(group).startswith("sim_") for group in pack.groups])
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name, rows in (("all", np.ones(len(pack), bool)), ("simulated", simulated), ("film", ~simulated)):
        if len(set(pack.groups[rows].tolist())) < 2:
            continue
        groups = pack.groups[rows]
        row = {key: measure_recall(s[np.ix_(rows, rows)], groups, CANDIDATES, seed) for key, s in rankings.items()}
        found[name] = {**row, "chance": recall_by_chance(groups, CANDIDATES)}
    return found


def evaluate_pictures(
    network: SceneNetwork,
    learnt: ScenePack,
    held_out: ScenePack,
    features: torch.Tensor,
    guidance: float,
    count: int,
    seed: int,
) -> dict[str, dict[str, float]]:
    """Fréchet distance to held-out pictures, and the share of drawn pictures that fit their sound better than another.

    Beside drawn pictures: those drawn without the sound, other real ones, and noise.
    """
    random = np.random.default_rng(seed)
    rows = random.permutation(len(held_out))[: min(count, len(held_out))]
    with torch.inference_mode():
        heard = network.sounds(torch.from_numpy(held_out.sounds[rows].astype(np.float32)))
    real = random.permutation(len(learnt))[: len(rows)]
    sets = {
        "drawn": _draw(network, heard, guidance, seed),
        "drawn without the sound": _draw(network, heard, 0.0, seed),
        "real pictures that were learnt": learnt.pictures[real],
        "noise": random.integers(0, 256, (len(rows), SIDE, SIDE, 3), dtype=np.uint8),
    }
    base = encode_pictures(learnt.pictures[random.permutation(len(learnt))[:400]]).numpy()
    found = {}
    for name, pictures in sets.items():
        seen = encode_pictures(pictures)
        with torch.inference_mode():
            scores = (heard @ network.pictures(seen).T).numpy()
        own, other = np.diag(scores), np.roll(scores, 1, axis=1).diagonal()
        found[name] = {
            "frechet": measure_frechet(seen.numpy(), features.numpy(), base),
            "fits_own_sound": float(np.mean(own > other)),
        }
    return found


def _draw(network: SceneNetwork, heard: torch.Tensor, guidance: float, seed: int) -> np.ndarray:
    random = torch.Generator().manual_seed(seed)
    drawn = []
    for part in heard.clone().split(_SIZE):
        noise = torch.randn(len(part), 3, SIDE, SIDE, generator=random)
        drawn.append(sample_pictures(network.denoiser, part, noise, guidance, STEPS))
        print(f"{sum(map(len, drawn))}/{len(heard)} pictures drawn", file=sys.stderr, flush=True)
    shown = ((torch.cat(drawn) + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return np.asarray(shown.permute(0, 2, 3, 1).numpy())


def write_sheet(path: Path, network: SceneNetwork, pack: ScenePack, guidance: float, seed: int) -> None:
    """Two columns of held-out simulated pictures, each followed by three that are drawn of its sound."""
    from PIL import Image

    simulated = np.flatnonzero([str(group).startswith("sim_") for group in pack.groups])
    _, first = np.unique(pack.materials[simulated], return_index=True)  # one of each material
    rows = simulated[np.sort(first)][:_SHEET]
    options = PictureOptions(3, seed, guidance)
    cells = []
    for row in rows:
        with torch.inference_mode():
            point = network.sounds(torch.from_numpy(pack.sounds[row : row + 1].astype(np.float32)))
        cells += [pack.pictures[row], *draw_pictures(network, point, options)]
    Image.fromarray(arrange_sheet(np.stack(cells), 8)).save(path, "JPEG", quality=82)


def format_figures(figures: dict[str, dict[str, dict[str, float]]]) -> str:
    """The figures as tables in Markdown."""
    lines = [
        "| pairs | ranked by | " + " | ".join(f"recall@{k}" for k in RANKS) + " |",
        "|---|---|" + "---|" * len(RANKS),
    ]
    for kind, rows in figures.items():
        if kind == "pictures":
            continue
        for name, row in rows.items():
            among = f"{kind}, among {row['among']:.0f}"
            lines.append(f"| {among} | {name} | " + " | ".join(f"{row[f'recall@{k}']:.3f}" for k in RANKS) + " |")
    if "pictures" in figures:
        lines += ["", "| pictures | Fréchet distance | fit their own sound better than another |", "|---|---|---|"]
        for name, row in figures["pictures"].items():
            lines.append(f"| {name} | {row['frechet']:.2f} | {row['fits_own_sound']:.2f} |")
    return "\n".join(lines)
