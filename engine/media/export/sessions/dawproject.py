"""DAWproject 1.0: tracks by sound, clips at hits with gain and pan, markers; the sound files are inside."""

from __future__ import annotations

import zipfile
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from engine.core.files import create_file
from engine.core.names import to_text
from engine.core.units import db_to_gain
from engine.media.export.sessions.session import Item, Session, Track


def write_dawproject(path: Path, session: Session) -> None:
    """Write a .dawproject, a ZIP of project.xml, metadata.xml and the sound files beside ``path``. Raises BadInput."""
    with create_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.xml", _to_bytes(_describe_metadata(session)))
        archive.writestr("project.xml", _to_bytes(_describe(session)))
        for track in session.tracks:
            for item in track.items:
                for take in item.takes[:1]:
                    archive.write(path.parent / take.file, f"audio/{Path(take.file).name}", zipfile.ZIP_STORED)


def _describe_metadata(session: Session) -> Element:
    root = Element("MetaData")
    SubElement(root, "Title").text = to_text(session.title)
    SubElement(root, "Comment").text = f"Starts at {session.start.timecode or '00:00:00:00'}"
    return root


def _describe(session: Session) -> Element:
    root = Element("Project", version="1.0")
    SubElement(root, "Application", name="Struck", version="0.1")
    transport = SubElement(root, "Transport")
    SubElement(transport, "Tempo", id="tempo", unit="bpm", value="120.0", min="20.0", max="666.0")
    SubElement(transport, "TimeSignature", id="signature", numerator="4", denominator="4")
    structure = SubElement(root, "Structure")
    for number, track in enumerate(session.tracks):
        _add_track(structure, track, number)
    master = SubElement(structure, "Track", id="master", name="Master", contentType="audio", loaded="true")
    SubElement(master, "Channel", id="master_channel", role="master", audioChannels="2", solo="false")
    arrangement = SubElement(root, "Arrangement", id="arrangement")
    lanes = SubElement(arrangement, "Lanes", id="lanes", timeUnit="seconds")
    for number, track in enumerate(session.tracks):
        lane = SubElement(lanes, "Lanes", id=f"lanes{number}", track=f"track{number}")
        clips = SubElement(lane, "Clips", id=f"clips{number}")
        for index, item in enumerate(track.items):
            if item.takes:
                _add_clip(clips, session, item, f"{number}_{index}")
    hits = session.hits()
    if hits:
        markers = SubElement(arrangement, "Markers", id="markers", timeUnit="seconds")  # else they count beats
        for _, item in hits:
            time_s = session.hit_sample(item) / session.sample_rate_hz
            SubElement(markers, "Marker", time=f"{time_s:.9f}", name=to_text(item.name))
    SubElement(root, "Scenes")
    return root


def _add_track(structure: Element, track: Track, number: int) -> None:
    element = SubElement(
        structure,
        "Track",
        id=f"track{number}",
        name=to_text(track.name),
        color=f"#{track.color:06x}",
        contentType="audio",
        loaded="true",
    )
    channel = SubElement(
        element,
        "Channel",
        id=f"channel{number}",
        audioChannels="2",
        destination="master_channel",
        role="regular",
        solo="false",
    )
    SubElement(channel, "Mute", id=f"mute{number}", value="false")
    SubElement(channel, "Pan", id=f"pan{number}", unit="normalized", min="0.0", max="1.0", value="0.5")
    SubElement(channel, "Volume", id=f"volume{number}", unit="linear", min="0.0", max="2.0", value="1.0")


def _add_clip(clips: Element, session: Session, item: Item, identity: str) -> None:
    rate, take = session.sample_rate_hz, item.takes[0]
    length_s = f"{take.length / rate:.9f}"
    clip = SubElement(
        clips,
        "Clip",
        time=f"{item.first_sample / rate:.9f}",
        duration=length_s,
        contentTimeUnit="seconds",
        playStart="0.0",
        name=to_text(item.name),
    )
    lanes = SubElement(clip, "Lanes", id=f"content{identity}")
    audio = SubElement(
        lanes,
        "Audio",
        id=f"audio{identity}",
        algorithm="raw",
        channels=str(take.channels),
        sampleRate=str(rate),
        duration=length_s,
    )
    SubElement(audio, "File", path=f"audio/{Path(take.file).name}")
    _add_expression(lanes, "gain", "linear", db_to_gain(item.gain_db), f"gain{identity}")
    if item.pan:
        _add_expression(lanes, "pan", "normalized", (item.pan + 1.0) / 2.0, f"panning{identity}")


def _add_expression(lanes: Element, name: str, unit: str, value: float, identity: str) -> None:
    points = SubElement(lanes, "Points", id=identity, unit=unit)
    SubElement(points, "Target", expression=name)
    SubElement(points, "RealPoint", time="0.0", value=f"{value:.9f}", interpolation="hold")


def _to_bytes(root: Element) -> bytes:
    ElementTree.indent(root)
    return ElementTree.tostring(root, "utf-8", xml_declaration=True)
