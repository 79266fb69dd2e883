"""Labelled hits of simulated takes and of real clips, and the frames around each, extracted once and cached."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from engine.core.errors import BadInput
from engine.diffusion.conditioning import name_material
from engine.lab.data.greatest_hits import TIMES, Take, is_greatest_hits, list_takes
from engine.lab.data.onsets.film import find_days
from engine.lab.data.onsets.labels import APART_S, LABELS, LEAST_SPEED_M_PER_S, TRUTH
from engine.media.frames import iter_frames
from engine.vision.crops import (
    BEFORE,
    NEAR_ROWS,
    NEAR_STEPS,
    WIDE_COLUMNS,
    WIDE_ROWS,
    WIDE_STEPS,
    Views,
    gather_views,
)

VERSION = 3
NEAR_COLUMNS = 398
EXCERPTS = Path(__file__).with_name("excerpts.csv")
"""Hits of unlabelled excerpts, labelled by eye: material, and contact position."""
SYNTHETIC_SOUND = "su2023_page"
"""A folder of real film whose sound is generated, so that only its picture is used."""
ELSEWHERE = "elsewhere"
"""The group of excerpts of days on which no other clip was recorded, or of which no day is known."""
MARGIN = 2
"""Extra frames on either side of the span, so that augmentation can shift the onset."""
KEPT_WIDE = tuple(range(-BEFORE - MARGIN, BEFORE + MARGIN))
KEPT_NEAR = (-11, -7, -3, 0, 4, 8)
PER_OBJECT = 3
"""Most hits of one simulated object."""
PER_REAL_OBJECT = 6
"""Most hits of one object of a real clip, which look alike."""
_ALIAS = {"tile": "ceramic"}


@dataclass(frozen=True)
class LabelledHit:
    """Labels of one hit; unknown numbers are NaN, unknown names empty."""

    clip: str
    picture: str  # path of the video
    sound: str  # path of the audio, "" for none
    group: str  # never divided between training and test: day of a real recording, take of a simulated one
    object: str  # unique within its take
    real: bool  # or simulated
    time_s: float
    apart_s: float  # until the next hit
    action: str  # "hit" or "scratch"
    material: str
    size_m: float = math.nan
    striker: str = ""
    x: float = math.nan  # contact, as shares of the picture's width and height
    y: float = math.nan
    timed_by_sound: bool = True  # or by a label, to some hundredths of a second


@dataclass(frozen=True, eq=False)
class HitFrames:
    """Hits with their frames, memory-mapped."""

    hits: tuple[LabelledHit, ...]
    wide: tuple[np.ndarray, ...]  # gray, uint8 [KEPT_WIDE, rows, columns] each
    near: tuple[np.ndarray, ...]  # colour, uint8 [KEPT_NEAR, H, W, 3] each


def list_simulated_hits(folder: Path) -> list[LabelledHit]:
    """Visible contacts in a folder of simulated takes, at most PER_OBJECT of each object; BadInput where it has none.

    Of contacts less than APART_S apart the one of most impulse is kept.
    """
    takes = [take for take in list_takes(folder) if take.picture is not None]
    found = [hit for take in takes for hit in _choose(take, f"{folder.name}/{take.name}")]
    if not found:
        raise BadInput(f"{folder} holds no simulated take with its {TRUTH}; give a folder that simulate wrote")
    return found


def _choose(take: Take, group: str) -> list[LabelledHit]:
    assert take.picture is not None
    path = take.picture.with_name(take.name + TRUTH)
    if not path.is_file():
        return []
    contacts = json.loads(path.read_text(encoding="utf-8"))["contacts"]
    times = sorted(float(contact["time_s"]) for contact in contacts)
    chosen: list[LabelledHit] = []
    for contact in sorted(contacts, key=lambda contact: -float(contact["impulse_n_s"])):
        time_s = float(contact["time_s"])
        shown = contact["in_picture"] and contact.get("in_sight", True)
        if not shown or float(contact["speed_m_per_s"]) < LEAST_SPEED_M_PER_S:
            continue
        if any(abs(time_s - other.time_s) < APART_S for other in chosen):
            continue
        later = [t for t in times if t > time_s + 1e-4]
        chosen.append(
            LabelledHit(
                clip=take.name,
                picture=str(take.picture),
                sound=str(take.sound or take.picture),
                group=group,
                object=f"{group}/{contact['struck']} {float(contact['size_m']):.3f}",
                real=False,
                time_s=time_s,
                apart_s=min(later) - time_s if later else 10.0,
                action="hit" if contact["action"] == "hit" else "scratch",
                material=name_material(contact["struck"]),
                size_m=float(contact["size_m"]),
                striker=str(contact["by"]),
                x=float(contact["x"]),
                y=float(contact["y"]),
            )
        )
    return limit_hits_per_object(sorted(chosen, key=lambda hit: hit.time_s), PER_OBJECT)


def limit_hits_per_object(hits: Sequence[LabelledHit], most: int) -> list[LabelledHit]:
    """At most ``most`` hits of each object, those followed by the longest pauses, in order of clip and time."""
    count: Counter[str] = Counter()
    kept = []
    for hit in sorted(hits, key=lambda hit: -hit.apart_s):
        if count[hit.object] < most:
            count[hit.object] += 1
            kept.append(hit)
    return sorted(kept, key=lambda hit: (hit.clip, hit.time_s))


def list_real_hits(data: Path) -> list[LabelledHit]:
    """Labelled hits of real clips with a known material: of a label table, or of Greatest Hits' own layout.

    Raises BadInput where neither is there.
    """
    table = data / LABELS
    if not table.is_file():
        if is_greatest_hits(data):
            return [hit for take in list_takes(data) if take.picture is not None for hit in _list_contacts(take)]
        raise BadInput(f"{table} is missing, as are takes with {TIMES}; give the folder that holds either with --data")
    with table.open(encoding="utf-8", newline="") as rows:
        labels = [row for row in csv.DictReader(rows) if (data / row["video"]).is_file()]
    found = []
    for row in labels:
        time_s = float(row["t_audio_onset"] or row["t_label"])
        others = [float(o["t_audio_onset"] or o["t_label"]) for o in labels if o["video"] == row["video"]]
        later = [t for t in others if t > time_s + 1e-3]
        material = name_material(_ALIAS.get(row["material"], row["material"]))
        if not material:
            continue
        path = data / row["video"]
        found.append(
            LabelledHit(
                clip=path.stem,
                picture=str(path),
                sound=str(path) if row["t_audio_onset"] else "",
                group=path.name[:10],
                object=f"{path.stem}/{row['material']}",
                real=True,
                time_s=time_s,
                apart_s=min(later) - time_s if later else 10.0,
                action=row["action"],
                material=material,
                striker="stick",
            )
        )
    return sorted(found + _list_excerpts(data), key=lambda hit: (hit.clip, hit.time_s))


def _list_contacts(take: Take) -> Iterator[LabelledHit]:
    """The contacts of a take of Greatest Hits with a known material."""
    for number, contact in enumerate(take.contacts):
        material = name_material(_ALIAS.get(contact.material, contact.material))
        if material:
            following = take.contacts[number + 1 : number + 2]
            yield LabelledHit(
                clip=take.name,
                picture=str(take.picture),
                sound=str(take.sound or ""),
                group=take.name[:10],
                object=f"{take.name}/{contact.material}",
                real=True,
                time_s=contact.time_s,
                apart_s=following[0].time_s - contact.time_s if following else 10.0,
                action=contact.action,
                material=material,
                striker="stick",
                timed_by_sound=False,
            )


def _list_excerpts(data: Path) -> list[LabelledHit]:
    """Hits of the excerpts in EXCERPTS whose clips are in a folder of data."""
    with EXCERPTS.open(encoding="utf-8", newline="") as rows:
        labels = [row for row in csv.DictReader(rows) if (data / row["clip"]).is_file()]
    found = []
    for row in labels:
        path, time_s = data / row["clip"], float(row["time_s"])
        later = [t for o in labels if o["clip"] == row["clip"] and (t := float(o["time_s"])) > time_s + 1e-3]
        folder, stem = path.parent.name, path.stem
        found.append(
            LabelledHit(
                clip=f"{folder}/{stem}",
                picture=str(path),
                sound="" if folder == SYNTHETIC_SOUND else str(path),
                group=" or ".join(find_days(stem)) or ELSEWHERE,
                object=f"{folder}/{stem}/{row['material']}",
                real=True,
                time_s=time_s,
                apart_s=min(later) - time_s if later else 0.4,
                action="hit",
                material=row["material"],
                striker="" if row["material"] == "food" else "stick",
                x=float(row["x"]),
                y=float(row["y"]),
            )
        )
    return found


def was_recorded_on(hit: LabelledHit, days: Sequence[str]) -> bool:
    """Whether a real hit was, or may have been, recorded on one of these days."""
    return any(day in days for day in hit.group.split(" or "))


def is_certain_of_day(hit: LabelledHit) -> bool:
    """Whether a real hit's recording day is known to be one, so that it can be held out."""
    return " or " not in hit.group


def load_hit_frames(hits: Sequence[LabelledHit], work: Path) -> HitFrames:
    """Hits with their frames, extracted once and cached in a work folder; hits of unreadable clips are left out."""
    key = json.dumps([VERSION, [(hit.picture, round(hit.time_s, 4)) for hit in hits]])
    folder = work / "seen" / hashlib.sha256(key.encode()).hexdigest()[:16]
    if not (folder / "hits.json").is_file():
        _cut(hits, folder)
    kept = json.loads((folder / "hits.json").read_text(encoding="utf-8"))
    wide, near = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("wide", "near"))
    return HitFrames(tuple(hits[k] for k in kept), tuple(wide[: len(kept)]), tuple(near[: len(kept)]))


def _cut(hits: Sequence[LabelledHit], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shapes = {
        "wide": (len(hits), len(KEPT_WIDE), WIDE_ROWS, WIDE_COLUMNS),
        "near": (len(hits), len(KEPT_NEAR), NEAR_ROWS, NEAR_COLUMNS, 3),
    }
    arrays = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.uint8, shape) for name, shape in shapes.items()
    }
    kept: list[int] = []
    clips = sorted({hit.picture for hit in hits})
    for done, picture in enumerate(clips, 1):
        chosen = sorted((k for k, hit in enumerate(hits) if hit.picture == picture), key=lambda k: hits[k].time_s)
        try:
            for k, views in zip(chosen, _view(Path(picture), [hits[k].time_s for k in chosen]), strict=False):
                arrays["wide"][len(kept)], arrays["near"][len(kept)] = views.wide, _fit(views.near)
                kept.append(k)
        except BadInput as error:
            print(f"left out: {error}", file=sys.stderr)
        if done % 50 == 0 or done == len(clips):
            print(f"frames of hits: {done} of {len(clips)} clips read", file=sys.stderr, flush=True)
    for array in arrays.values():
        array.flush()
    (folder / "hits.json").write_text(json.dumps(kept), encoding="utf-8")


def _view(picture: Path, times_s: list[float]) -> Iterator[Views]:
    margin_s = 1.0
    frames = iter_frames(picture, NEAR_ROWS, max(0.0, times_s[0] - margin_s), times_s[-1] + margin_s, gray=False)
    return gather_views(frames, times_s, KEPT_WIDE, KEPT_NEAR)


def _fit(near: np.ndarray) -> np.ndarray:
    """Frames resampled to NEAR_ROWS by NEAR_COLUMNS."""
    if near.shape[1:3] == (NEAR_ROWS, NEAR_COLUMNS):
        return near
    values = torch.from_numpy(near).permute(0, 3, 1, 2).float()
    small = F.interpolate(values, (NEAR_ROWS, NEAR_COLUMNS), mode="bilinear", align_corners=False, antialias=True)
    return small.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()


def fill_contacts(dataset: HitFrames, contacts: np.ndarray) -> HitFrames:
    """The hits with unknown contacts set to ``contacts`` [N, 2]."""
    hits = [
        hit if math.isfinite(hit.x) else replace(hit, x=float(x), y=float(y))
        for hit, (x, y) in zip(dataset.hits, contacts, strict=True)
    ]
    return HitFrames(tuple(hits), dataset.wide, dataset.near)


def select_hits(dataset: HitFrames, index: Sequence[int] | np.ndarray) -> HitFrames:
    """The hits at these indices."""
    return HitFrames(*(tuple(values[int(k)] for k in index) for values in (dataset.hits, dataset.wide, dataset.near)))  # type: ignore[arg-type]


def make_views(dataset: HitFrames) -> list[Views]:
    """The network's input for these hits, as ``gather_views`` makes it from a clip."""
    wide = [KEPT_WIDE.index(step) for step in WIDE_STEPS]
    near = [KEPT_NEAR.index(step) for step in NEAR_STEPS]
    rows = zip(dataset.hits, dataset.wide, dataset.near, strict=True)
    return [Views(hit.time_s, np.asarray(w)[wide], np.asarray(n)[near]) for hit, w, n in rows]


def join_hits(*parts: HitFrames) -> HitFrames:
    """Concatenate sets of hits."""
    return HitFrames(
        tuple(hit for part in parts for hit in part.hits),
        tuple(frames for part in parts for frames in part.wide),
        tuple(frames for part in parts for frames in part.near),
    )
