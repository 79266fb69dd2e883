"""The user's own bank: recordings are added once, duplicates and broken files reported, and nothing is lost."""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors import safe_open
from safetensors.numpy import save

from engine.bank import file as bank_file
from engine.bank import user_bank
from engine.bank.bank import Entry, make_bank, save_bank
from engine.bank.user_bank import (
    add_recordings,
    load_user_bank,
    open_bank,
    parse_file_name,
    remove_entries,
    user_bank_folder,
)
from engine.core.errors import BadInput, Cancelled
from engine.physics.analysis.analyze import analyze_hit
from engine.physics.model import Physics
from engine.physics.synthesis import synthesize
from tests.banks import make_physics
from tests.sounds import BELL, NOISE, RATE, make_modes


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder: a bell, the same bell again under another name and quieter, a wooden plate, and two broken files."""
    folder = tmp_path_factory.mktemp("recordings")
    bell, plate = (
        np.concatenate([np.zeros(1200), 0.5 * synthesize(Physics(modes, NOISE), 0.15)])
        for modes in (
            make_modes([700.0], [-6.0], [12.0], [0.3]),
            make_modes([450.0, 1100.0], [-6.0, -12.0], [40.0, 60.0], [0.0, 1.0]),
        )
    )
    (folder / "kitchen").mkdir()
    soundfile.write(folder / "brass_bell.wav", bell, RATE, subtype="PCM_24")
    soundfile.write(folder / "kitchen" / "wooden plate.flac", plate, RATE)
    soundfile.write(folder / "kitchen" / "quiet bell.wav", 0.25 * bell, RATE, subtype="PCM_24")
    (folder / "broken.wav").write_bytes(b"RIFF" + b"\0" * 40)
    soundfile.write(folder / "silence.wav", np.zeros(RATE), RATE)
    (folder / "notes.txt").write_text("not a sound")
    return folder


@pytest.mark.slow
def test_a_folder_is_added_once_what_is_broken_is_listed_and_entries_go_by_name(
    recordings: Path, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    report = add_recordings([recordings], tmp_path, lambda done, total: told.append((done, total)))
    assert report.added == ("brass bell", "wooden plate")
    assert [(Path(file).name, name) for file, name in report.duplicates] == [("quiet bell.wav", "brass bell")]
    assert [Path(file).name for file, _ in report.broken] == ["broken.wav", "silence.wav"]
    assert all(reason and "\n" not in reason for _, reason in report.broken)
    assert told[0] == (0, 5) and told[-1] == (5, 5)
    own, note = load_user_bank(tmp_path)
    assert not note and [entry.kind for entry in own.entries] == ["user", "user"]
    shutil.copy(recordings / "brass_bell.wav", tmp_path / "copy.wav")
    again = add_recordings([tmp_path / "copy.wav", tmp_path / "missing.wav"], tmp_path)
    assert not again.added and again.duplicates[0][1] == "brass bell" and "does not exist" in again.broken[0][1]
    assert len(load_user_bank(tmp_path)[0]) == 2
    with pytest.raises(BadInput, match="no such bell"):
        remove_entries(["no such bell"], tmp_path)
    assert remove_entries(["brass bell"], tmp_path) == 1
    assert [entry.name for entry in load_user_bank(tmp_path)[0].entries] == ["wooden plate"]
    assert remove_entries(None, tmp_path) == 1 and not len(load_user_bank(tmp_path)[0])


def test_what_ships_is_not_added_again(recordings: Path, tmp_path: Path) -> None:
    physics, _ = analyze_hit(*soundfile.read(recordings / "brass_bell.wav"))
    shipped = make_bank([Entry("Church bell", physics)])
    report = add_recordings([recordings / "brass_bell.wav"], tmp_path, shipped=shipped)
    assert not report.added and report.duplicates[0][1] == "Church bell"


def test_a_cancelled_addition_changes_nothing(recordings: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done:
            raise Cancelled

    with pytest.raises(Cancelled):
        add_recordings([recordings / "brass_bell.wav", recordings / "silence.wav"], tmp_path, stop)
    assert not list(tmp_path.iterdir())


def test_a_damaged_bank_is_set_aside_and_the_one_that_ships_still_opens(recordings: Path, tmp_path: Path) -> None:
    save_bank(make_bank([Entry("Bell", Physics(BELL))]), tmp_path / "shipped")
    own = tmp_path / "own"
    own.mkdir()
    (own / bank_file.NAME).write_bytes(b"no bank at all")
    bank, note = open_bank(own, tmp_path / "shipped")
    assert [entry.name for entry in bank.entries] == ["Bell"]
    assert note.count("\n") == 0 and "damaged" in note
    aside = [path for path in own.iterdir() if "damaged" in path.name]
    assert len(aside) == 1 and aside[0].read_bytes() == b"no bank at all"
    report = add_recordings([recordings / "brass_bell.wav"], own)
    assert report.added and not report.note


@pytest.mark.parametrize("why", ["is of another version", "cannot be read (is a directory)"])
def test_a_bank_that_need_not_be_damaged_stays_in_its_place(why: str, recordings: Path, tmp_path: Path) -> None:
    save_bank(make_bank([Entry("Bell", Physics(BELL))]), tmp_path / "shipped")
    own = tmp_path / "own"
    add_recordings([recordings / "brass_bell.wav"], own)
    file = own / bank_file.NAME
    if "version" in why:
        with safe_open(str(file), "np") as opened:
            header, arrays = opened.metadata(), {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        file.write_bytes(save(arrays, {**header, "version": "9"}))
    else:
        file.unlink()
        file.mkdir()
    before = file.read_bytes() if file.is_file() else b""
    bank, note = open_bank(own, tmp_path / "shipped")
    assert [entry.name for entry in bank.entries] == ["Bell"]
    assert why in note and note.endswith("; going on without your own bank")
    for change in (lambda: add_recordings([recordings / "brass_bell.wav"], own), lambda: remove_entries(None, own)):
        with pytest.raises(BadInput, match=re.escape(why)):
            change()
    assert {path.name for path in own.iterdir()} == {bank_file.NAME, ".lock"}
    assert (file.read_bytes() if file.is_file() else b"") == before


def test_a_bank_whose_last_entry_was_removed_is_empty_and_no_damaged_one(recordings: Path, tmp_path: Path) -> None:
    save_bank(make_bank([Entry("Bell", Physics(BELL))]), tmp_path / "shipped")
    own = tmp_path / "own"
    assert add_recordings([recordings / "brass_bell.wav"], own).added
    assert remove_entries(None, own) == 1
    bank, note = open_bank(own, tmp_path / "shipped")
    assert [entry.name for entry in bank.entries] == ["Bell"] and not note
    assert not [path for path in own.iterdir() if "damaged" in path.name]
    assert add_recordings([recordings / "brass_bell.wav"], own).added


def test_file_names_tell_what_is_struck() -> None:
    assert parse_file_name(Path("kitchen/wooden plates 2.wav"))[0] == "wood"
    material, size_m, hollow = parse_file_name(Path("takes/03 wine_bottle-soft.wav"))
    assert material == "glass" and 0.15 < size_m < 0.5 and hollow == 1.0
    assert parse_file_name(Path("metal/IMG_2034.wav"))[0] == "metal"
    assert parse_file_name(Path("takes/IMG_2034.wav"))[:2] == ("", 0.0)


def test_nothing_to_add_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no audio file"):
        add_recordings([tmp_path], tmp_path)
    assert user_bank_folder(tmp_path) == tmp_path / "bank"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a POSIX thing")
def test_a_folder_with_a_pipe_a_device_and_a_name_that_is_not_utf8_is_added(recordings: Path, tmp_path: Path) -> None:
    folder = tmp_path / "found"
    folder.mkdir()
    os.mkfifo(folder / "endless.wav")
    (folder / "zero.wav").symlink_to("/dev/zero")
    name = os.fsdecode(b"caf\xe9_bell.wav")
    try:
        shutil.copy(recordings / "brass_bell.wav", folder / name)
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    shutil.copy(recordings / "broken.wav", folder / os.fsdecode(b"br\xf6ken.wav"))
    report = add_recordings([folder], tmp_path / "home" / "bank")
    assert report.added == ("caf\\xe9 bell",)
    assert [Path(file).name for file, _ in report.broken] == ["endless.wav", "zero.wav", "br\\xf6ken.wav"]
    own, _ = load_user_bank(tmp_path / "home" / "bank")
    assert [entry.source for entry in own.entries] == ["caf\\xe9_bell.wav"]
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_entries_show_no_folder_of_the_machine(recordings: Path, tmp_path: Path) -> None:
    place = str(tmp_path / "uploads" / ("s" * 32) / "bell.wav")
    save_bank(make_bank([Entry("Bell", Physics(make_modes([700.0], [-6.0], [12.0], [0.3])), source=place)]), tmp_path)
    assert load_user_bank(tmp_path)[0].entries[0].source == "bell.wav"


def test_reading_a_large_file_can_be_called_off(tmp_path: Path) -> None:
    with open(tmp_path / "large.wav", "wb") as file:
        file.truncate(1 << 30)
    calls = []

    def report(done: int, total: int) -> None:
        calls.append(done)
        if len(calls) > 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        add_recordings([tmp_path], tmp_path / "bank", report)
    assert not (tmp_path / "bank").exists()


def add_some(folder: Path, process: int) -> None:
    """Add four files to the bank of a folder, one after another."""
    for number in range(4):
        path = folder / "in" / f"{process} {number}.wav"
        path.write_text(path.name)
        add_recordings([path], folder / "own")


def test_processes_that_add_at_once_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def make_entry(path: Path, group: str) -> Entry:
        return Entry(path.stem, make_physics(int(path.stem.replace(" ", ""))), group=group, source=path.name)

    monkeypatch.setattr(user_bank, "_analyse", make_entry)
    (tmp_path / "in").mkdir()
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=add_some, args=(tmp_path, process)) for process in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    own, note = load_user_bank(tmp_path / "own")
    names = [f"{process} {number}" for process in range(3) for number in range(4)]
    assert sorted(entry.name for entry in own.entries) == names and not note
