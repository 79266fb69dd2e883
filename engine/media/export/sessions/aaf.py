"""AAF with linked mono WAV files, for Pro Tools, Resolve and Media Composer; written by pyaaf2."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import quote

from engine.core.files import check_target, make_write_error, replace_file
from engine.core.names import to_text
from engine.core.units import frames_a_second
from engine.media.export.sessions.session import Item, Session, Track, separate

_AUDIO_PAN = "9d2ea893-0968-11d3-8a38-0050040ef7d2"
_PAN = "e4962322-2267-11d3-8a4c-0050040ef7d2"
_CONSTANT = 2
"""ControlPointSource of points set by the user."""


def write_aaf(path: Path, session: Session, portable: bool = False) -> None:
    """Write a .aaf: one composition, its timecode, a track a sound, clips at hits, markers.

    Sound is counted in samples. The files hold the levels; pan is an effect of the track. Their places are absolute, or
    with ``portable`` relative, for a session that is moved; readers then look for them by name. Raises BadInput.
    """
    import aaf2

    target = check_target(path)
    try:
        with replace_file(target) as partial, aaf2.open(str(partial), "w") as file:
            _Writer(file, session, path.absolute().parent, portable).write()
    except OSError as error:
        raise make_write_error(target, error) from None


class _Writer:
    """Builds one AAF; owns the mobs of the sound files."""

    def __init__(self, file: Any, session: Session, folder: Path, portable: bool) -> None:
        self.file, self.session, self.folder, self.portable = file, session, folder, portable
        self.masters: dict[str, Any] = {}

    def write(self) -> None:
        session, create = self.session, self.file.create
        composition = create.CompositionMob(to_text(session.title))
        composition.usage = "Usage_TopLevel"
        self.file.content.mobs.append(composition)
        self._add_timecode(composition)
        for track in session.tracks:
            for number, items in enumerate(separate(track), 1):
                self._add_track(composition, track.name if number == 1 else f"{track.name} {number}", track, items)
        self._add_markers(composition)

    def _add_timecode(self, composition: Any) -> None:
        start = self.session.start
        slot = composition.create_timeline_slot(edit_rate=start.frame_rate)
        slot["PhysicalTrackNumber"].value = 1
        slot.name = "TC"
        frames = max(1, -(-self.session.length * start.frame_rate // self.session.sample_rate_hz).__trunc__())
        timecode = self.file.create.Timecode(frames_a_second(start.frame_rate), start.drop_frame, length=frames)
        timecode.start = start.frame
        slot.segment = timecode

    def _add_track(self, composition: Any, name: str, track: Track, items: list[Item]) -> None:
        create, rate = self.file.create, self.session.sample_rate_hz
        slot = composition.create_sound_slot(edit_rate=rate)
        slot.name = to_text(name)
        slot["PhysicalTrackNumber"].value = len([s for s in composition.slots if s.media_kind == "Sound"])
        sequence = slot.segment
        last = items[-1]
        length = max(self.session.length, last.first_sample + last.takes[0].length)
        if any(item.pan for item in items):
            slot.segment = group = self._make_pan(items, length)
            sequence = create.Sequence(media_kind="sound")
            sequence["Components"].value = []
            group.segments.append(sequence)
        position = 0
        for item in items:
            if item.first_sample > position:
                sequence.components.append(create.Filler("sound", item.first_sample - position))
            taken = item.takes[0].length
            sequence.components.append(self._open_master(item).create_source_clip(slot_id=1, start=0, length=taken))
            position = item.first_sample + taken
        if position < length:
            sequence.components.append(create.Filler("sound", length - position))
        sequence.length = length

    def _open_master(self, item: Item) -> Any:
        """The master mob of an item's file, which leads to the file itself."""
        take = item.takes[0]
        if take.file in self.masters:
            return self.masters[take.file]
        rate = self.session.sample_rate_hz
        stream = {
            "codec_type": "audio",
            "codec_name": "pcm",
            "sample_rate": str(rate),
            "duration_ts": take.length,
            "channels": 1,
        }
        place = self.folder / take.file
        metadata = {"format": {"format_name": "wav", "filename": str(place)}, "streams": [stream]}
        master, source, _ = self.file.content.link_external_wav(metadata)
        master.name = to_text(item.name)
        if self.portable:
            for locator in source.descriptor["Locator"].value:
                locator["URLString"].value = quote(take.file)
        self.masters[take.file] = master
        return master

    def _make_pan(self, items: list[Item], length: int) -> Any:
        """A pan effect whose value is constant over each item, for the track's sequence to lie in."""
        from aaf2.auid import AUID
        from aaf2.misc import LinearInterp
        from aaf2.rational import AAFRational

        create, dictionary = self.file.create, self.file.dictionary
        parameter = create.ParameterDef(AUID(_PAN), "Pan", "Pan", dictionary.lookup_typedef("Rational"))
        dictionary.register_def(parameter)
        interpolation = create.InterpolationDef(LinearInterp, "LinearInterp", "LinearInterp")
        dictionary.register_def(interpolation)
        operation = create.OperationDef(AUID(_AUDIO_PAN), "Audio Pan")
        operation.media_kind = "sound"
        operation["NumberInputs"].value = 1
        dictionary.register_def(operation)
        values = create.VaryingValue()
        values.parameterdef = parameter
        values["Interpolation"].value = interpolation
        for item in items:
            for at in (item.first_sample, item.first_sample + item.takes[0].length - 1):
                point = create.ControlPoint()
                point["Time"].value = AAFRational(min(Fraction(1), Fraction(at, length)))
                point["Value"].value = AAFRational(Fraction((item.pan + 1.0) / 2.0).limit_denominator(1000))
                point["ControlPointSource"].value = _CONSTANT
                values["PointList"].append(point)
        group = create.OperationGroup(operation)
        group.media_kind, group.length = "sound", length
        group.parameters.append(values)
        return group

    def _add_markers(self, composition: Any) -> None:
        """Markers at hits, attached to the first sound track."""
        session, create = self.session, self.file.create
        described = next((slot.slot_id for slot in composition.slots if slot.media_kind == "Sound"), None)
        if described is None or not session.hits():
            return
        slot = create.EventMobSlot()
        slot["EditRate"].value = session.sample_rate_hz
        slot["SlotID"].value = 1000
        slot["PhysicalTrackNumber"].value = 1
        slot.name = "Markers"
        sequence = create.Sequence(media_kind="DescriptiveMetadata")
        sequence["Components"].value = []
        for _, item in session.hits():
            marker = create.DescriptiveMarker()
            marker["Comment"].value = to_text(item.name)
            marker["Position"].value = session.hit_sample(item)
            marker["Length"].value = 1
            marker["DescribedSlots"].value = {described}
            sequence.components.append(marker)
        slot.segment = sequence
        composition.slots.append(slot)
