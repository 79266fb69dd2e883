"""The iXML chunk: speed, tracks, and the metadata that sound libraries search."""

from __future__ import annotations

from fractions import Fraction
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from engine.core.names import to_text
from engine.core.units import format_frame_rate
from engine.media.export.tags import SoundTags

_TRACKS = {
    1: (("Mono", "M"),),
    2: (("Left", "LEFT"), ("Right", "RIGHT")),
    6: (
        ("Left", "LEFT"),
        ("Right", "RIGHT"),
        ("Centre", "CENTER"),
        ("LFE", "LFE"),
        ("Left surround", "LEFT_SURROUND"),
        ("Right surround", "RIGHT_SURROUND"),
    ),
}


def describe_ixml(tags: SoundTags, rate_hz: int, bits: int, channels: int) -> bytes:
    """Content of the chunk, UTF-8 XML (iXML 3.01)."""
    root = Element("BWFXML")
    _add(root, IXML_VERSION="3.01", PROJECT=tags.title, NOTE=tags.comment)
    speed = SubElement(root, "SPEED")
    reference = max(0, tags.time_reference_samples)
    if tags.frame_rate is not None:
        rate = format_frame_rate(tags.frame_rate)
        _add(speed, MASTER_SPEED=rate, CURRENT_SPEED=rate, TIMECODE_RATE=rate)
        _add(speed, TIMECODE_FLAG="DF" if tags.drop_frame else "NDF")
    _add(
        speed,
        FILE_SAMPLE_RATE=rate_hz,
        AUDIO_BIT_DEPTH=bits,
        DIGITIZER_SAMPLE_RATE=rate_hz,
        TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI=reference >> 32,
        TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO=reference & 0xFFFFFFFF,
        TIMESTAMP_SAMPLE_RATE=rate_hz,
    )
    tracks = SubElement(root, "TRACK_LIST")
    _add(tracks, TRACK_COUNT=channels)
    for number, (name, function) in enumerate(_TRACKS.get(channels, ()), 1):
        track = SubElement(tracks, "TRACK")
        _add(track, CHANNEL_INDEX=number, INTERLEAVE_INDEX=number, NAME=name, FUNCTION=function)
    _add_library_fields(root, tags)
    return b'<?xml version="1.0" encoding="UTF-8"?>' + ElementTree.tostring(root, "utf-8", xml_declaration=False)


def _add_library_fields(root: Element, tags: SoundTags) -> None:
    """The fields of UCS: USER as Soundminer and others read them, ASWG as game studios agreed (G006)."""
    category = tags.category
    if category is None:
        return
    user, aswg = SubElement(root, "USER"), SubElement(root, "ASWG")
    _add(user, CatID=category.cat_id, Category=category.category, SubCategory=category.subcategory)
    _add(user, FXName=tags.fx_name, CreatorID=tags.creator_id, SourceID=tags.source_id, Library=tags.source_id)
    _add(aswg, catId=category.cat_id, category=category.category, subCategory=category.subcategory)
    _add(aswg, fxName=tags.fx_name, creatorId=tags.creator_id, sourceId=tags.source_id, isLoop="false")


def _add(parent: Element, **fields: str | int | Fraction) -> None:
    for name, value in fields.items():
        if value != "":
            SubElement(parent, name).text = _clean(str(value))


def _clean(text: str) -> str:
    """Text without the control characters that XML cannot hold."""
    return "".join(c for c in to_text(text) if c in "\t\n" or ord(c) >= 32)
