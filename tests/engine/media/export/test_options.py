"""Starts of files, and names and categories of UCS."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from engine.core.errors import BadInput
from engine.core.units import format_timecode, parse_timecode
from engine.media.export.options import DeliveryOptions, find_start
from engine.media.export.tags import Category
from engine.media.export.ucs import NameFields, choose_category, format_name, load_table, make_fx_name

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(
    ("rate", "drop"),
    [(Fraction(25), False), (NTSC, True), (NTSC, False), (Fraction(60000, 1001), True), (Fraction(24), False)],
)
def test_timecode_there_and_back(rate: Fraction, drop: bool) -> None:
    for frame in [*range(0, 4000, 7), 17_981, 17_982, 17_983, 107_892, 2_589_407]:
        if frame < 86_400 * 24:
            assert parse_timecode(format_timecode(frame, rate, drop), rate) == frame
    assert format_timecode(107_892, NTSC, True) == "01:00:00;00"
    assert format_timecode(1800, NTSC, True) == "00:01:00;02"
    assert format_timecode(-1, Fraction(25)) == "23:59:59:24"


@pytest.mark.parametrize(
    ("timecode", "rate", "reason"),
    [
        ("25:00:00:00", Fraction(25), "that of no frame, since days end after 24 hours; give 01:00:00:00"),
        ("01:01:00;00", NTSC, "that of no frame, since drop-frame leaves it out; give 01:01:00;02"),
        ("01:00:00;24", Fraction(25), "its ';' means drop-frame, and 25 frames a second drop none; write it with ':'"),
        ("01:00:00;10", Fraction(24000, 1001), "23.976 frames a second drop none"),
    ],
)
def test_a_start_that_no_frame_has_is_refused(timecode: str, rate: Fraction, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        find_start(DeliveryOptions(start_timecode=timecode), None, rate)
    for fine in ("1:00:00:00", "23:59:59:23", "00:10:00:00"):
        assert find_start(DeliveryOptions(start_timecode=fine), None, rate).timecode == fine.zfill(11)
    assert not find_start(DeliveryOptions(), "01:00:00;10", Fraction(25)).drop_frame  # of a clip that names it so


@pytest.mark.parametrize(
    ("options", "clip", "rate", "timecode", "samples", "lead_s"),
    [
        (DeliveryOptions(), None, Fraction(25), None, 0, 0),
        (DeliveryOptions(), "01:00:00:12", Fraction(25), "01:00:00:12", 3600 * 48_000 + 12 * 1920, 0),
        (DeliveryOptions(), "01:00:00;00", NTSC, "01:00:00;00", round(107_892 * 1001 / 30000 * 48_000), 0),
        (DeliveryOptions(start_timecode="00:00:00:00"), "10:00:00:00", Fraction(25), "00:00:00:00", 0, 0),
        (DeliveryOptions(two_pop=True), None, Fraction(25), "00:59:58:00", 3598 * 48_000, 2),
        (DeliveryOptions(two_pop=True), "10:00:00:00", Fraction(25), "09:59:58:00", 35_998 * 48_000, 2),
        (DeliveryOptions(two_pop=True, start_timecode="00:59:58:00"), "10:00:00:00", Fraction(25), "00:59:58:00",
         3598 * 48_000, 2),
        (DeliveryOptions(two_pop=True, sample_rate_hz=96_000), None, Fraction(24000, 1001), "00:59:58:00",
         round(3598 * 24 * 1001 / 24000 * 96_000), Fraction(48 * 1001, 24000)),
    ],
)  # fmt: skip
def test_where_a_file_begins(
    options: DeliveryOptions, clip: str | None, rate: Fraction, timecode: str, samples: int, lead_s: Fraction
) -> None:
    start = find_start(options, clip, rate)
    assert (start.timecode, start.count_samples(options.sample_rate_hz), start.lead_s) == (timecode, samples, lead_s)


def test_timecode_of_a_hit() -> None:
    start = find_start(DeliveryOptions(two_pop=True), None, Fraction(25))
    assert [start.format_time(t) for t in (0.0, 0.04, 0.0799, 1.0)] == [
        "01:00:00:00", "01:00:00:01", "01:00:00:01", "01:00:01:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"sample_rate_hz": 22_050}, "sample rate '22050' is not offered; choose among 44100, 48000, 88200, 96000"),
        ({"channels": "7.1"}, "channel layout '7.1' is not offered"),
        ({"takes": 99}, "99 takes are out of range; give 0 to 50"),
        ({"start_timecode": "1h"}, "timecode '1h' is not of the form"),
    ],
)
def test_options_that_are_not_offered(values: dict, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        find_start(DeliveryOptions(**values), None, Fraction(25))


# --- UCS --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "material", "cat_id"),
    [
        ("Glass jar", "glass", "GLASImpt"),
        ("Shattered pane break", "glass", "GLASBrk"),
        ("Concrete slab", "concrete", "ROCKImpt"),
        ("Steel drag", "metal", "METLFric"),
        ("Door knock", "wood", "DOORKnck"),
        ("Gong", "metal", "BELLGong"),
        ("Ice", "", "ICEImpt"),
        ("Body", "skin", "FGHTImpt"),
        ("Something", "", "FOLYProp"),
        ("Drum", "membrane", "MUSCPerc"),
        ("Rubber break", "rubber", "RUBRImpt"),  # UCS has no break of rubber
    ],
)
def test_category_from_words_and_material(name: str, material: str, cat_id: str) -> None:
    assert choose_category(name, material).cat_id == cat_id


def test_every_material_and_object_has_a_category() -> None:
    from engine.physics.model import MATERIALS

    table = load_table()
    assert {*MATERIALS, ""} <= set(table["materials"])
    for material in table["materials"]:
        assert choose_category("", material).category
    for name in table["objects"]:
        assert choose_category(name).cat_id.startswith(table["objects"][name])


def test_names_follow_the_pattern() -> None:
    fields = NameFields(
        Category("GLASImpt", "GLASS", "IMPACT"), make_fx_name("big_glass jar: close"), "A_B", "FILM", "Jar"
    )
    assert format_name("{catid}_{fxname}_{creator}_{source}", fields) == "GLASImpt_Big Glass Jar Close_A B_FILM"
    slashed = replace(fields, creator="A/B: <C>")
    assert format_name("{catid}_{creator}_{source}", slashed) == "GLASImpt_A B C_FILM"
    assert format_name("{sound}-{catid}", fields) == "Jar-GLASImpt"
    assert len(make_fx_name("a very long name of a very old bronze temple bell")) < 25
    for pattern, reason in (("{no}", "which is no field"), ("plain", "all files would have one name"), ("{a", "brace")):
        with pytest.raises(BadInput, match=reason):
            format_name(pattern, fields)
