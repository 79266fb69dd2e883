"""Storyboards: panels in order, readable at any number, in bounds, and the same file from the same panels."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from pypdf import PdfReader

from engine.core.errors import BadInput
from engine.core.paths import ASSETS
from engine.document.storage import load_project
from engine.media.export.storyboard import MOST_PANELS, WIDTH_PX, Heading, Panel, encode_storyboard
from engine.pipeline.make_storyboard import list_project, list_recording
from tests.engine.cli.test_command_line import refuse, run

HEADING = Heading("A day", "some hits", "drawn")


def make_panels(count: int, aspect: float = 1.0) -> list[Panel]:
    """Panels whose pictures are each of one colour, all different."""
    shades = np.linspace(20, 235, count).round().astype(np.uint8)
    shape = (36, round(36 * aspect), 3)
    return [
        Panel(
            f"00:00:00:{k:02}",
            "Name 木 " + k * "x",
            "detail",
            -k % 40,
            np.full(shape, shade, np.uint8) * np.uint8([1, 0, 1]),
        )
        for k, shade in enumerate(shades)
    ]


def read(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


@pytest.mark.parametrize("count", [1, 12, 50])
def test_every_panels_picture_stands_on_the_sheet_in_order_of_reading(count: int) -> None:
    sheet = read(encode_storyboard(make_panels(count), HEADING, True, ".png"))
    assert sheet.shape[1] == WIDTH_PX
    found: list[int] = []
    row_of_last = -1
    # green is absent only in the pictures: along each row of pictures their shades rise from left to right
    bare = (sheet[:, :, 1] == 0) & (sheet[:, :, 0] == sheet[:, :, 2])
    for y in np.flatnonzero(bare.sum(axis=1) > 100):
        shades = sheet[y, bare[y], 0]
        if y > row_of_last + 1:
            found += list(dict.fromkeys(shades.tolist()))
        row_of_last = y
    assert found == np.linspace(20, 235, count).round().astype(int).tolist()


def test_a_pdf_has_pages_for_any_number_and_the_same_panels_give_the_same_file() -> None:
    data = encode_storyboard(make_panels(70, 16 / 9), HEADING, False, ".pdf")
    pages = PdfReader(io.BytesIO(data)).pages
    assert 2 <= len(pages) <= 5
    for page in pages:
        width, height = page.mediabox.width, page.mediabox.height
        assert float(width) == pytest.approx(841.7, abs=1) and float(height) == pytest.approx(595.3, abs=1)  # A4
    assert data == encode_storyboard(make_panels(70, 16 / 9), HEADING, False, ".pdf")


def test_a_panel_for_each_hit_or_each_sound_and_no_more_than_can_be_read() -> None:
    project = load_project(ASSETS / "demo_sound.struck.json", (ASSETS,))
    hits = list_project(project, "demo", None, "hit")
    assert [cue.time_s for cue in hits.cues] == sorted(hit.time_s for hit in project.hits) and hits.hits == 12
    sounds = list_project(project, "demo", None, "sound")
    assert [cue.name for cue in sounds.cues] == ["Steel bin", "Wooden block", "Glass jar"]
    assert sum(int(cue.detail.split()[0]) for cue in sounds.cues) == 12
    many = replace(project, hits=tuple(replace(project.hits[0], id=f"m{k}") for k in range(MOST_PANELS + 1)))
    with pytest.raises(BadInput, match=f"{MOST_PANELS + 1} panels.*--each sound"):
        list_project(many, "demo", None, "hit")
    with pytest.raises(BadInput, match="no hits"):
        list_project(replace(project, hits=()), "demo", None, "sound")


@pytest.mark.slow
def test_the_command_writes_frames_of_a_project_and_refuses_what_does_not_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "board.png"
    project = ASSETS / "demo_sound.struck.json"
    assert run("scene", project, "--storyboard", "--out", out) == 0
    sheet = read(out.read_bytes())
    assert json.loads(project.read_text())["clip"]["width"] > 0
    reddish = (sheet[:, :, 0] - sheet[:, :, 2] > 40).mean()  # the wooden table of the demo
    assert sheet.shape[1] == WIDTH_PX and reddish > 0.2
    assert "--storyboard" in refuse(capsys, "scene", project, "--drawn", "--out", out)
    assert "--count" in refuse(capsys, "scene", project, "--storyboard", "--count", "2", "--out", out)
    assert "--amount" in refuse(capsys, "scene", project, "--storyboard", "--amount", "0.2", "--out", out)
    assert "no names" in refuse(
        capsys, "scene", ASSETS / "demo_sound.mp4", "--storyboard", "--each", "sound", "--out", out
    )


@pytest.mark.slow
def test_a_recordings_hits_are_listed_as_they_are_heard(tmp_path: Path) -> None:
    struck = ((0.5, 400.0, 0.5), (1.5, 1200.0, 0.25), (2.4, 3000.0, 0.5))
    times_s = np.arange(3 * 48_000) / 48_000
    sound = sum(
        level
        * np.where(times_s >= at, np.exp(-20 * (times_s - at).clip(0)) * np.sin(2 * np.pi * f * (times_s - at)), 0)
        for at, f, level in struck
    )
    soundfile.write(tmp_path / "three.wav", sound, 48_000)
    hits = list_recording(tmp_path / "three.wav", "hit")
    assert hits.clip is None and hits.hits == 3 and hits.duration_s == pytest.approx(3.0)
    for cue, (at, frequency, level) in zip(hits.cues, struck, strict=True):
        assert cue.time_s == pytest.approx(at, abs=0.02)
        assert cue.velocity_db == pytest.approx(20 * np.log10(level / 0.5), abs=1.0)
        spectrum = np.abs(np.fft.rfft(cue.samples))  # of this hit alone
        assert spectrum.argmax() * 48_000 / len(cue.samples) == pytest.approx(frequency, rel=0.03)
