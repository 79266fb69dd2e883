"""Edits of hits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from engine.core.errors import BadInput
from engine.document.edits.strokes import check_stroke
from engine.document.edits.values import (
    DECAY_RATIO_RANGE,
    DISTANCE_OFFSET_RANGE_M,
    GAIN_RANGE_DB,
    MAX_HITS,
    PITCH_RANGE_CENTS,
    RESIDUAL_RANGE_DB,
    VELOCITY_RANGE_DB,
    Edit,
    check_hits,
    check_label,
    check_number,
    check_seed,
    check_truth,
    count_of_hits,
    find_sound,
    free_name,
    next_ids,
    quote,
    with_hits,
)
from engine.document.project import Hit, Project
from engine.document.seeds import derive_seed

SAME_HIT_S = 0.030
"""A detected hit this near to an edited or deleted one is taken for it."""

MIN_SHIFT_S, ALIKE_S = 0.01, 0.02
"""A common shift is at least the one; hits shifted alike differ by the other, as far as analysis refines their time."""


def add_hit(time_s: float, velocity_db: float = 0.0, sound_id: str | None = None) -> Edit:
    """Add a hit; without a sound it takes that of the hit nearest in time."""

    def apply(project: Project) -> Project:
        at_s = check_number(time_s, "time_s", (0.0, project.clip.duration_s))
        if len(project.hits) >= MAX_HITS:
            raise BadInput(f"the project holds {MAX_HITS} hits already; delete some first")
        sound = find_sound(project, sound_id if sound_id is not None else nearest_sound_id(project, at_s))
        (hit_id,) = next_ids((hit.id for hit in project.hits), "h")
        velocity = check_number(velocity_db, "velocity_db", VELOCITY_RANGE_DB)
        seed = derive_seed(project.render.seed, hit_id)
        hit = Hit(hit_id, at_s, sound.id, seed, velocity_db=velocity, touched=True)
        return with_hits(project, (*project.hits, hit))

    return Edit("Add hit", apply)


def play_hit(time_s: float, velocity_db: float, sound_id: str) -> Edit:
    """Add a hit that was played; the hits of a take are one gesture, and so one entry of the history."""
    return replace(add_hit(time_s, velocity_db, sound_id), label="Record take")


def nearest_sound_id(project: Project, time_s: float) -> str:
    """Sound of the hit nearest in time, else the first sound; BadInput when there is no sound."""
    if project.hits:
        return min(project.hits, key=lambda hit: abs(hit.time_s - time_s)).sound_id
    if not project.sounds:
        raise BadInput("the project has no sound; choose a preset first")
    return project.sounds[0].id


def move_hits(ids: Sequence[str], delta_s: float) -> Edit:
    """Shift hits together, as far as the clip's ends allow."""

    def apply(project: Project) -> Project:
        wanted = check_hits(project, ids)
        duration_s = project.clip.duration_s
        times_s = [hit.time_s for hit in project.hits if hit.id in wanted]
        step_s = check_number(delta_s, "delta_s", (-min(times_s), max(0.0, duration_s - max(times_s))))
        if step_s == 0.0:
            return project

        def shift(hit: Hit) -> Hit:
            return replace(touch_hit(hit), time_s=min(max(hit.time_s + step_s, 0.0), duration_s))

        return with_hits(project, (shift(hit) if hit.id in wanted else hit for hit in project.hits))

    return Edit(f"Move {count_of_hits(ids)}", apply)


_HIT_NUMBERS = {
    "velocity_db": VELOCITY_RANGE_DB,
    "gain_db": GAIN_RANGE_DB,
    "pan": (-1.0, 1.0),
    "distance_m": DISTANCE_OFFSET_RANGE_M,
}
_TWEAK_NUMBERS = {
    "pitch_cents": PITCH_RANGE_CENTS,
    "decay_ratio": DECAY_RATIO_RANGE,
    "residual_db": RESIDUAL_RANGE_DB,
}
_HIT_WORDS = {
    "velocity_db": "velocity",
    "gain_db": "level",
    "sound_id": "sound",
    "time_s": "time",
    "pitch_cents": "pitch",
    "decay_ratio": "decay",
    "residual_db": "residual",
    "distance_m": "distance",
    "stroke": "scrape",
}


def set_hits(ids: Sequence[str], values: Mapping[str, Any]) -> Edit:
    """Set the same absolute values for hits: their fields but the id, and their offsets."""

    def apply(project: Project) -> Project:
        wanted = check_hits(project, ids)
        new = check_values(project, values)
        return with_hits(project, (set_hit(hit, *new) if hit.id in wanted else hit for hit in project.hits))

    return Edit(_set_label(values, ids), apply)


def set_each_hit(values: Mapping[str, Mapping[str, Any]]) -> Edit:
    """Set absolute values for each hit, by id; the values as in ``set_hits``. Raises BadInput."""
    for hit_id, own in values.items():
        if not isinstance(own, Mapping):
            raise BadInput(f"the new values of hit {quote(hit_id)} are {quote(own)}, not an object; reload the page")

    def apply(project: Project) -> Project:
        check_hits(project, list(values))
        new = {hit_id: check_values(project, own) for hit_id, own in values.items()}
        return with_hits(project, (set_hit(hit, *new[hit.id]) if hit.id in new else hit for hit in project.hits))

    return Edit(_set_label(dict.fromkeys(name for own in values.values() for name in own), values), apply)


def _set_label(names: Iterable[str], ids: Iterable[str]) -> str:
    return f"Set {', '.join(_HIT_WORDS.get(str(name), str(name)) for name in names)} of {count_of_hits(ids)}"


def check_values(project: Project, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, float]]:
    """Checked new fields of a hit and of its offsets. Raises BadInput."""
    fields: dict[str, Any] = {}
    offsets: dict[str, float] = {}
    for name, value in values.items():
        if name in _HIT_NUMBERS:
            fields[name] = check_number(value, name, _HIT_NUMBERS[name])
        elif name in _TWEAK_NUMBERS:
            offsets[name] = check_number(value, name, _TWEAK_NUMBERS[name])
        elif name == "time_s":
            fields[name] = check_number(value, name, (0.0, project.clip.duration_s))
        elif name in ("name", "group"):
            fields[name] = check_label(value)
        elif name == "stroke":
            fields[name] = check_stroke(value)
        elif name == "mute":
            fields[name] = check_truth(value, name)
        elif name == "seed":
            fields[name] = check_seed(value)
        elif name == "sound_id":
            fields[name] = find_sound(project, value).id
        else:
            raise BadInput(f"a hit has no {quote(name)}; set a property that it has")
    return fields, offsets


def set_hit(hit: Hit, fields: Mapping[str, Any], offsets: Mapping[str, float]) -> Hit:
    """The hit with checked values, marked as edited where one differs."""
    changed = replace(hit, **fields, offsets=replace(hit.offsets, **offsets))
    return hit if changed == hit else replace(touch_hit(hit), **fields, offsets=changed.offsets)


def delete_hits(ids: Sequence[str], ripple: bool = False) -> Edit:
    """Delete hits; their sounds stay, and detection does not bring deleted hits back.

    With ``ripple`` later hits move up, so that what followed a deleted hit stands in its place.
    """

    def apply(project: Project) -> Project:
        wanted = check_hits(project, ids)
        refused = [_found_s(hit) for hit in project.hits if hit.id in wanted]
        kept_s = (*project.detection.dismissed_onsets_s, *(time_s for time_s in refused if time_s is not None))
        project = replace(project, detection=replace(project.detection, dismissed_onsets_s=kept_s[-MAX_HITS:]))
        left = [hit for hit in project.hits if hit.id not in wanted]
        if check_truth(ripple, "ripple"):
            times_s = close_gaps(project.hits, wanted)
            left = [
                hit if times_s[hit.id] == hit.time_s else replace(touch_hit(hit), time_s=times_s[hit.id])
                for hit in left
            ]
        return with_hits(project, left)

    closing = " and close the gap" if ripple else ""
    return Edit(f"Delete {count_of_hits(ids)}{closing}", apply)


def close_gaps(hits: Sequence[Hit], deleted: set[str]) -> dict[str, float]:
    """New times of the hits that stay when others are deleted and later ones move up, by the hits' ids.

    A deleted hit takes the time up to the next hit with it, so that what followed it stands in its place. The last hit
    takes none.
    """
    ordered = sorted(hits, key=lambda hit: (hit.time_s, hit.id))
    gone_s = 0.0
    times_s = {}
    for index, hit in enumerate(ordered):
        if hit.id not in deleted:
            times_s[hit.id] = hit.time_s - gone_s
        elif index + 1 < len(ordered):
            gone_s += ordered[index + 1].time_s - hit.time_s
    return times_s


def detach_hits(ids: Sequence[str]) -> Edit:
    """Give each hit its own copy of the sound it shares; the last hit of a sound keeps it."""

    def apply(project: Project) -> Project:
        check_hits(project, ids)
        sound_of = {hit.id: hit.sound_id for hit in project.hits}
        users = Counter(sound_of.values())
        values = {}
        for hit_id in dict.fromkeys(ids):
            shared = find_sound(project, sound_of[hit_id])
            if users[shared.id] > 1:
                users[shared.id] -= 1
                (sound_id,) = next_ids((s.id for s in project.sounds), "s")
                own = replace(shared, id=sound_id, name=free_name(project, shared.name))
                project = replace(project, sounds=(*project.sounds, own))
                values[hit_id] = {"sound_id": sound_id}
        return set_each_hit(values).apply(project) if values else project

    whose = "its own sound" if len(set(ids)) == 1 else "their own sounds"
    return Edit(f"Give {count_of_hits(ids)} {whose}", apply)


def replace_detected_hits(found: Sequence[tuple[float, float, float]], label: str = "Detect hits") -> Edit:
    """Replace untouched hits by detected ones (time_s, strength, velocity_db).

    A detected hit within 1 ms of the detected time of an untouched one keeps that one's id, seed and sound. A detected
    hit within SAME_HIT_S of a touched one, of its detected time, or of the detected time of a deleted one, is dropped.
    Where the user has shifted the hits as a whole, new ones are shifted alike.
    """

    def apply(project: Project) -> Project:
        touched = [hit for hit in project.hits if hit.touched]
        old = [hit for hit in project.hits if not hit.touched]
        shift_s = find_common_shift(project.hits)
        settled_s = [hit.time_s - shift_s for hit in touched]
        settled_s += [hit.found_s for hit in touched if hit.found_s is not None]
        settled_s += project.detection.dismissed_onsets_s
        fresh = sorted(
            (check_number(t, "time_s", (0.0, project.clip.duration_s)), check_number(s, "strength", (0.0, 1.0)), v)
            for t, s, v in found
        )
        fresh = [row for row in fresh if all(abs(row[0] - time_s) > SAME_HIT_S for time_s in settled_s)]
        if len(fresh) > MAX_HITS:
            fresh = sorted(sorted(fresh, key=lambda row: -row[1])[:MAX_HITS])
        new_ids = iter(next_ids((hit.id for hit in project.hits), "h", len(fresh)))
        hits = list(touched)
        for time_s, strength, velocity_db in fresh:
            kept = next((hit for hit in old if _was_found_at(hit, time_s)), None)
            if kept is not None:
                old.remove(kept)
                hits.append(kept)
                continue
            hit_id = next(new_ids)
            velocity = check_number(velocity_db, "velocity_db", VELOCITY_RANGE_DB)
            seed = derive_seed(project.render.seed, hit_id)
            sound_id = nearest_sound_id(project, time_s)
            at_s = min(max(time_s + shift_s, 0.0), project.clip.duration_s)
            hits.append(Hit(hit_id, at_s, sound_id, seed, velocity, strength=strength, found_s=time_s))
        return with_hits(project, hits)

    return Edit(label, apply)


def find_common_shift(hits: Sequence[Hit]) -> float:
    """Seconds by which the user moved most of the detected hits together; 0 where there is no such shift."""
    found = [hit for hit in hits if hit.found_s is not None]
    shifts_s = [hit.time_s - hit.found_s for hit in found if hit.touched and hit.found_s is not None]
    if not shifts_s:
        return 0.0
    usual_s = median(shifts_s)
    alike = sum(abs(shift_s - usual_s) <= ALIKE_S for shift_s in shifts_s)
    return usual_s if 2 * alike > len(found) and abs(usual_s) >= MIN_SHIFT_S else 0.0


def touch_hit(hit: Hit) -> Hit:
    """The hit as one that the user has edited; its detected time is kept."""
    return replace(hit, touched=True, found_s=_found_s(hit))


def _was_found_at(hit: Hit, time_s: float) -> bool:
    """Whether an untouched hit was detected at this time; hits of older projects do not store the detected time."""
    return abs(hit.time_s - time_s) <= SAME_HIT_S if hit.found_s is None else abs(hit.found_s - time_s) <= 0.001


def _found_s(hit: Hit) -> float | None:
    """Detected time of a hit, None where unknown: touched hits of older projects."""
    return hit.time_s if hit.found_s is None and not hit.touched else hit.found_s
