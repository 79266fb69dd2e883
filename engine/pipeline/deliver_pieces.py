"""One-shots of a project as packs of variations, and sessions with a sound file a hit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.core.files import check_folder, make_folder, write_together
from engine.core.names import make_file_stem
from engine.core.units import SAMPLE_RATE_HZ, db_to_gain, gain_to_db
from engine.document.project import Hit, Project, Sound
from engine.document.seeds import derive_seed
from engine.media.export.endings import find_media_folder
from engine.media.export.pieces import assign_layers, find_peak, normalize, trim
from engine.media.export.samples import count_channels
from engine.media.export.sessions.session import COLORS, Item, Session, Take, Track
from engine.media.export.sessions.write import MONO, PACKS, WITH_SOUND, WITHOUT_LEVELS, write_session
from engine.media.export.sessions.wwise import PackFile, write_wwise
from engine.media.export.stems import UniqueNames
from engine.media.export.wave import write_wave
from engine.pipeline.channel_strip import Biquad, apply_filters, find_distance, find_pan, list_filters, room_gain
from engine.pipeline.delivery import Delivery, categorize, check_hits, convert_rate, find_picture
from engine.pipeline.events import RenderedHit
from engine.pipeline.part_strikes import hit_lead
from engine.pipeline.placement import first_sample, place_hit
from engine.pipeline.track import hit_room, hit_side, pan_gains, side_gain

LAYER_STEP_DB = 6.0
"""Velocity between the layers of strikes that are rendered anew; the loudest is the sound as stored."""

_ENDLESS = 1 << 60
"""Length of a track that cuts no hit."""

_MOST_PAN = 0.5
"""Of items whose files have a room: to one side it is raised by 6 dB in them there."""

_RESAMPLER_REACH = 512
"""Samples over which a resampled edge spreads."""

Sample = Callable[[Project], Mapping[str, RenderedHit]]
"""Renders the hits of a project."""


# --- one-shots --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Strikes:
    """Hits that become pieces, by sound and velocity layer, and what renders them."""

    hits: tuple[Hit, ...]
    layers: Mapping[str, int]
    rendered: Mapping[str, RenderedHit]


def _list_strikes(delivery: Delivery, sample: Sample) -> _Strikes:
    """The hits themselves, or ``takes`` rendered anew in each layer with seeds of their own; BadInput without a hit."""
    options, project = delivery.options, delivery.project
    hits = check_hits(delivery)
    sounds = [sound for sound in project.sounds if any(hit.sound_id == sound.id for hit in hits)]
    if options.takes:
        made = replace(project, hits=tuple(hit for sound in sounds for hit in _strike(delivery, sound)))
        layers = {hit.id: int(hit.id.rsplit("_", 2)[1]) for hit in made.hits}
        return _Strikes(made.hits, layers, sample(made))
    layers, ordered = {}, []
    for sound in sounds:
        own = [hit for hit in hits if hit.sound_id == sound.id]
        numbers = assign_layers([hit.velocity_db for hit in own], options.layers)
        layers |= {hit.id: number for hit, number in zip(own, numbers, strict=True)}
        ordered += sorted(own, key=lambda hit: layers[hit.id])
    return _Strikes(tuple(ordered), layers, delivery.rendered)


def _cut_piece(delivery: Delivery, strikes: _Strikes, hit: Hit) -> np.ndarray:
    """A hit's sound trimmed and at the delivery's rate, with its whole tail, past the clip's end too.

    Of its strip it has level and filters; distance and room are left to where the piece is played.
    """
    delivery.check()
    options, strip = delivery.options, delivery.project.sound(hit.sound_id).strip
    gain = db_to_gain(hit.gain_db + strip.gain_db + delivery.project.mix.gain_db)
    sound = apply_filters(strikes.rendered[hit.id].samples, list_filters(strip))
    samples = convert_rate(sound * np.float32(gain), options.sample_rate_hz)
    return trim(samples, options.sample_rate_hz)


def _find_peaks(delivery: Delivery, strikes: _Strikes) -> dict[str, float]:
    """Peak of the loudest piece of each sound."""
    peaks: dict[str, float] = {}
    for hit in strikes.hits:
        peaks[hit.sound_id] = max(peaks.get(hit.sound_id, 0.0), find_peak(_cut_piece(delivery, strikes, hit)))
    return peaks


def _strike(delivery: Delivery, sound: Sound) -> list[Hit]:
    """Strikes of a sound: ``takes`` in each velocity layer, the last layer at the velocity of the sound as stored."""
    options, hits = delivery.options, []
    for layer in range(1, options.layers + 1):
        velocity_db = LAYER_STEP_DB * (layer - options.layers)
        for take in range(1, options.takes + 1):
            identity = f"{sound.id}_{layer}_{take}"
            seed = derive_seed(delivery.project.render.seed, f"piece {identity}")
            hits.append(Hit(identity, 0.0, sound.id, seed, velocity_db))
    return hits


@write_together()
def deliver_pieces(delivery: Delivery, folder: Path, sample: Sample) -> list[PackFile]:
    """Write one-shots as mono WAV, a folder a sound, named by the pattern and ``_v1_01``; the files, relative.

    Raises BadInput; then no file of a pack that was begun stays.
    """
    options, project = delivery.options, delivery.project
    check_folder(folder)
    strikes = _list_strikes(delivery, sample)
    # One piece at a time is in memory, so the loudest are looked for first.
    peaks = _find_peaks(delivery, strikes) if options.normalize == "sound" else {}
    names, stems = UniqueNames(), UniqueNames()
    places = {}
    for sound in project.sounds:
        inside = names.take(make_file_stem(sound.name, " 99"))
        places[sound.id] = (sound, inside, stems.take(delivery.name(sound, "_v10_999.wav")))
    layered = max(strikes.layers.values()) > 1
    counts: dict[tuple[str, int], int] = {}
    files = []
    for hit in strikes.hits:
        layer = strikes.layers[hit.id]
        counts[hit.sound_id, layer] = counts.get((hit.sound_id, layer), 0) + 1
        sound, inside, stem = places[hit.sound_id]
        name = f"{stem}{f'_v{layer}' if layered else ''}_{counts[hit.sound_id, layer]:02d}"
        path = make_folder(folder / inside) / f"{name}.wav"
        piece = normalize(_cut_piece(delivery, strikes, hit), options.normalize, peaks.get(hit.sound_id))
        tags = replace(delivery.tags(name, sound=sound), time_reference_samples=0)
        clipped = write_wave(path, piece, options.sample_rate_hz, options.bits, tags)
        files.append(PackFile(f"{inside}/{path.name}", inside, layer, clipped))
    return files


# --- sessions ---------------------------------------------------------------------------------


@write_together()
def deliver_session(delivery: Delivery, path: Path, sample: Sample, portable: bool = False) -> list[Path]:
    """Write a session in the format of the name's ending, its sound files in a folder ``NAME rpp media`` beside it.

    ``portable`` leaves out paths of this machine. Returns the files that were written beside it. Raises BadInput; then
    none of them stays.
    """
    ending = path.suffix.lower()
    media = find_media_folder(path)
    if ending in PACKS:
        files = deliver_pieces(delivery, media, sample)
        write_wwise(path, [replace(file, file=f"{media.name}/{file.file}") for file in files])
        return [media / file.file for file in files]
    clip = find_picture(delivery.project.clip)
    session = build_session(delivery, clip, portable)
    if ending in WITH_SOUND:
        check_hits(delivery)
        levels = ending not in WITHOUT_LEVELS
        takes = [delivery]
        if ending == ".rpp":
            takes += _render_takes(delivery, sample)
        session = _write_media(takes, session, media, levels, ending in MONO)
    write_session(path, session, clip, portable)
    return [path.parent / take.file for track in session.tracks for item in track.items for take in item.takes]


def build_session(delivery: Delivery, clip: Path | None, portable: bool) -> Session:
    """Tracks by sound with an item a hit that is not muted, without sound files."""
    project, options = delivery.project, delivery.options
    rate, start = options.sample_rate_hz, delivery.start
    lead = round(start.lead_s * rate)
    tracks = []
    for number, sound in enumerate(project.sounds):
        hits = sorted((h for h in project.heard_hits() if h.sound_id == sound.id), key=lambda h: (h.time_s, h.id))
        if not hits:
            continue
        items = tuple(
            Item(
                _item_name(hit, sound),
                hit.time_s,
                lead + _first_sample(hit, rate),
                gain_db=_item_gain(project, hit, sound),
                pan=find_pan(sound.strip, hit),
                velocity_db=hit.velocity_db,
            )
            for hit in hits
        )
        tracks.append(Track(sound.name, items, categorize(sound), COLORS[number % len(COLORS)]))
    duration_s = project.clip.duration_s
    picture = Path(clip.name) if clip is not None and portable else clip
    length = lead + round(duration_s * rate)
    return Session(delivery.title, rate, start, length, tuple(tracks), picture, duration_s)


def _item_name(hit: Hit, sound: Sound) -> str:
    """Name of a hit's item, which no other hit has: its sound, its id and what it is called."""
    return " ".join(filter(None, (sound.name, hit.id, hit.name)))


def _item_gain(project: Project, hit: Hit, sound: Sound) -> float:
    """Gain of a hit's item in dB: level and distance of hit, sound and mix."""
    level_db = hit.gain_db + sound.strip.gain_db + project.mix.gain_db
    distance_m = find_distance(sound.strip, hit)
    return level_db - float(gain_to_db(distance_m)) if distance_m > 1.0 else level_db


def _first_sample(hit: Hit, rate_hz: int) -> int:
    """Where a hit's file begins, on the grid of the session's rate, from the picture's first frame."""
    return int(np.floor(hit.time_s * rate_hz))


def _render_takes(delivery: Delivery, sample: Sample) -> list[Delivery]:
    """Alternatives of the hits with other seeds: ``takes`` of the options with the hits as they are."""
    takes = []
    for number in range(2, delivery.options.takes + 1):
        delivery.check()
        project = delivery.project
        hits = tuple(
            replace(hit, seed=derive_seed(project.render.seed, f"take {number} of {hit.id}")) for hit in project.hits
        )
        project = replace(project, hits=hits)
        takes.append(replace(delivery, project=project, rendered=sample(project)))
    return takes


def _write_media(takes: list[Delivery], session: Session, media: Path, levels: bool, mono: bool) -> Session:
    """Write a WAV a hit and take and return the session with them; the first of ``takes`` are the hits as they are.

    With ``levels`` the files are the hits without gain, but not over full scale, and the session has the rest; without,
    the files hold it, as 32-bit float where it is over full scale. In a wide mix they are stereo, unless ``mono``.
    """
    make_folder(media)
    delivery, names, lead = takes[0], UniqueNames(), session.lead_samples
    by_name = {_item_name(hit, delivery.project.sound(hit.sound_id)): hit for hit in delivery.project.hits}
    tracks = []
    for track in session.tracks:
        items = []
        for item in track.items:
            hit = by_name[item.name]
            sounds = [_place_take(take, take.project.hit(hit.id), mono) for take in takes if hit.id in take.rendered]
            peak = max((float(np.abs(samples).max(initial=0.0)) for _, samples in sounds), default=0.0)
            gain_db = min(0.0, -gain_to_db(peak)) if levels and peak > 1.0 else 0.0
            gain = db_to_gain(gain_db if levels else item.gain_db)
            # The limiter is of the whole track, so the level of a single hit may pass full scale; float holds it.
            bits = 32 if not levels and peak * gain > 1.0 else delivery.options.bits
            files = []
            for number, (_, samples) in enumerate(sounds, 1):
                delivery.check()
                stem = f"{item.name} {number}" if number > 1 else item.name
                file = media / f"{names.take(make_file_stem(stem, ' 9999.wav'))}.wav"
                sound = delivery.project.sound(hit.sound_id)
                tags = delivery.tags(item.name, lead + sounds[0][0], sound)
                write_wave(file, samples * np.float32(gain), session.sample_rate_hz, bits, tags)
                files.append(Take(f"{media.name}/{file.name}", len(samples), count_channels(samples)))
            own = item.gain_db - gain_db if levels else 0.0
            pan = 0.0 if not mono and _holds_pan(delivery.project, hit) else item.pan
            items.append(replace(item, first_sample=lead + sounds[0][0], takes=tuple(files), gain_db=own, pan=pan))
        tracks.append(replace(track, items=tuple(items)))
    return replace(session, tracks=tuple(tracks))


def _place_take(delivery: Delivery, hit: Hit, mono: bool) -> tuple[int, np.ndarray]:
    """A hit's sound at the session's rate, [N] or [N, 2], and the sample at which it begins: items sum to the track."""
    rate, samples = delivery.options.sample_rate_hz, delivery.rendered[hit.id].samples
    sound = delivery.project.sound(hit.sound_id)
    filters = list_filters(sound.strip, find_distance(sound.strip, hit))
    lead = hit_lead(delivery.project, hit)
    first, placed = first_sample(hit, lead), place_hit(hit, apply_filters(samples, filters), _ENDLESS, lead)
    placed = _widen(delivery.project, hit, placed, len(samples), mono)
    if rate == SAMPLE_RATE_HZ:
        return first, placed
    # The file begins at a sample of both rates, early enough for what a resampled attack needs before it.
    grid = SAMPLE_RATE_HZ // int(np.gcd(SAMPLE_RATE_HZ, rate))
    before = min(first, first % grid + grid * -(-_RESAMPLER_REACH // grid))
    padding = ((before, _RESAMPLER_REACH), (0, 0))[: placed.ndim]
    return (first - before) * rate // SAMPLE_RATE_HZ, convert_rate(np.pad(placed, padding), rate)


def _added_room(project: Project, hit: Hit) -> float:
    """Gain of the room of a hit's strip, in an item whose gain has the distance."""
    distance_m = find_distance(project.sound(hit.sound_id).strip, hit)
    return room_gain(project, hit, distance_m) * distance_m


def _holds_pan(project: Project, hit: Hit) -> bool:
    """Whether a hit's file is panned, and its item is not.

    A room, which is on both sides, would have to be raised by as much as the item's pan lowers the far one.
    """
    return abs(find_pan(project.sound(hit.sound_id).strip, hit)) > _MOST_PAN and _added_room(project, hit) > 0.0


def _widen(project: Project, hit: Hit, placed: np.ndarray, length: int, mono: bool) -> np.ndarray:
    """A placed hit with its side and the room of its strip, [N, 2], where it has any; else [N].

    The balance law at its item's pan, and the item's gain, make its part of the track of it. In ``mono`` it has no
    side, and the middle of its room, which the item's pan moves with it.
    """
    sound, added = project.sound(hit.sound_id), _added_room(project, hit)
    width = 0.0 if mono else project.mix.width
    distance_m, pan, lead = find_distance(sound.strip, hit), find_pan(sound.strip, hit), hit_lead(project, hit)
    if not width and not added:
        return placed
    gains, left, right = (1.0, 1.0), 1.0, 1.0
    if not mono and _holds_pan(project, hit):
        gains = pan_gains(pan)
    elif not mono:
        left, right = ((1.0 / gain if gain else 0.0) for gain in pan_gains(pan))

    def place(samples: np.ndarray, filters: Sequence[Biquad]) -> np.ndarray:
        return place_hit(hit, apply_filters(samples, filters), _ENDLESS, lead)

    channels: list[np.ndarray] = [np.float32(gain) * placed for gain in gains]
    if width:
        side = place(hit_side(project, hit, length), list_filters(sound.strip, distance_m))
        wide = side_gain(width, pan)
        channels = [channels[0] + np.float32(wide * left) * side, channels[1] - np.float32(wide * right) * side]
    if added:
        middle, side = (place(samples, list_filters(sound.strip)) for samples in hit_room(project, hit, length))
        rooms = [
            np.float32(added * share) * (middle + np.float32(wide) * side)
            for share, wide in ((left, width), (right, -width))
        ]
        longest = max(len(middle), len(placed))
        channels = [_pad(channel, longest) + _pad(room, longest) for channel, room in zip(channels, rooms, strict=True)]
    return channels[0] if mono else np.stack(channels, axis=1)


def _pad(samples: np.ndarray, length: int) -> np.ndarray:
    return np.pad(samples, (0, length - len(samples)))
