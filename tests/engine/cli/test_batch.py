"""Batches: clips into one folder; what is done is not done again, what fails is told and does not stop the rest."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import pytest
import soundfile

from engine.cli.batch_job import list_outputs, make_job
from engine.cli.batch_report import Outcome, write_report
from engine.cli.manifest import MANIFEST_NAME, Manifest
from engine.cli.render import add_arguments
from engine.cli.ucs_names import name_outputs
from tests.clips import make_clicking_clip, make_clip
from tests.delivered_project import deliver, make_project
from tests.engine.cli.test_command_line import refuse, run
from tests.engine.cli.test_outputs import given  # noqa: F401 - a fixture


@pytest.fixture
def clips(given: Path, tmp_path: Path) -> Path:  # noqa: F811
    folder = tmp_path / "clips"
    (folder / "more").mkdir(parents=True)
    make_clicking_clip(folder / "a.mp4")
    make_clicking_clip(folder / "more" / "a.mp4", [0.8])
    (folder / "notes.doc").write_text("none")
    (given / "none").mkdir(exist_ok=True)
    return folder


@pytest.mark.slow
def test_a_folder_is_rendered_resumed_and_reported(
    given: Path,  # noqa: F811
    clips: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    job = ("--out-dir", out, "--formats", "wav", "mid", "--physics", given / "bar.json", "--ckpt-dir", given / "none")
    assert run("render", clips, *job, "--pattern", "{number} {clip}") == 0
    said = capsys.readouterr().err
    assert "rendering 2 clips: 100 %" in said and "sampling" not in said  # one progress for all
    files = {path.name for path in out.iterdir()}
    assert files == {"001 a.wav", "001 a.mid", "002 a.wav", "002 a.mid", "report.html", "struck-batch.jsonl"}
    assert soundfile.info(out / "002 a.wav").frames == 2 * 48_000
    page = (out / "report.html").read_text("utf-8")
    assert page.count("<img") == 2 and 'href="001%20a.mid"' in page and "LUFS" in page
    # A torn clip is added: the others are not rendered again, and it is told.
    before = (out / "001 a.wav").stat().st_mtime_ns
    (clips / "torn.mp4").write_bytes((clips / "a.mp4").read_bytes()[:3000])
    capsys.readouterr()
    assert run("render", clips, *job, "--pattern", "{number} {clip}") == 2
    said = capsys.readouterr().err
    assert "2 of 3 clips are done already" in said and "torn.mp4: " in said
    assert "1 of 3 clips could not be rendered" in said.splitlines()[-1]
    assert (out / "001 a.wav").stat().st_mtime_ns == before and "torn.mp4" in (out / "report.html").read_text("utf-8")
    # Other settings would replace what is there.
    capsys.readouterr()
    assert run("render", clips, *job, "--pattern", "{number} {clip}", "--seed", "5") == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "001 a.wav and 3 more files exist already; add --overwrite to replace them" in said
    # What was deleted is rendered again, and so is what an interrupted batch had begun.
    (out / "001 a.mid").unlink()
    (clips / "torn.mp4").unlink()
    assert run("render", clips, *job, "--pattern", "{number} {clip}") == 0
    assert (out / "001 a.mid").exists() and (out / "001 a.wav").stat().st_mtime_ns > before
    done = Manifest(out).done
    assert len(done) == 2 and Manifest(out).begun.keys().isdisjoint(done)
    (out / MANIFEST_NAME).write_text(json.dumps({"begun": {key: outcome.outputs for key, outcome in done.items()}}))
    assert run("render", clips, *job, "--pattern", "{number} {clip}") == 0
    (out / MANIFEST_NAME).unlink()
    assert run("render", clips, *job, "--pattern", "{number} {clip}") == 2
    assert run("render", clips, *job, "--pattern", "{number} {clip}", "--overwrite") == 0


@pytest.mark.slow
def test_a_warning_names_its_clip_and_stays_in_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_clip(tmp_path / "still.mp4", count=10)
    assert run("render", tmp_path / "still.mp4", "--out-dir", tmp_path / "out") == 0
    assert "warning: " in (said := capsys.readouterr().err) and "still.mp4: no hits" in said
    assert "no hits, so the track is silence" in (tmp_path / "out" / "report.html").read_text("utf-8")
    assert run("render", tmp_path / "still.mp4", "--out-dir", tmp_path / "out") == 0  # done already
    assert "no hits, so the track is silence" in (tmp_path / "out" / "report.html").read_text("utf-8")


@pytest.mark.slow
def test_a_list_is_rendered_by_several_processes(given: Path, clips: Path, tmp_path: Path) -> None:  # noqa: F811
    (clips / "reel.txt").write_text("# two clips\na.mp4\n\nmore/a.mp4\n", "utf-8")
    job = ("--physics", given / "bar.json", "--ckpt-dir", given / "none", "--jobs", "2")
    assert run("render", clips / "reel.txt", "--out-dir", tmp_path / "out", *job) == 0
    assert {path.name for path in (tmp_path / "out").glob("*.wav")} == {"a.wav", "a 2.wav"}


@pytest.mark.slow
def test_a_clip_that_is_added_takes_no_name_of_one_that_is_done(
    given: Path,  # noqa: F811
    clips: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, bar = tmp_path / "out", tmp_path / "bar.json"
    bar.write_bytes((given / "bar.json").read_bytes())
    job = ("render", clips, "--out-dir", out, "--physics", bar, "--ckpt-dir", given / "none")
    assert run(*job) == 0
    before = {path.name: path.read_bytes() for path in out.glob("*.wav")}
    (clips / "0").mkdir()
    make_clicking_clip(clips / "0" / "a.mp4", [0.5])  # the first of all
    assert run(*job) == 0
    assert "2 of 3 clips are done already" in capsys.readouterr().err
    after = {path.name: path.read_bytes() for path in out.glob("*.wav")}
    assert after.keys() - before.keys() == {"a 3.wav"} and before.items() <= after.items()
    # Another physics under the same name is another setting.
    bar.write_text(bar.read_text("utf-8").replace("1500.0", "1800.0"), "utf-8")
    assert bar.read_bytes() != (given / "bar.json").read_bytes()
    assert "a 3.wav and 2 more files exist already; add --overwrite" in refuse(capsys, *job)


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (("a.mp4", "b.mp4"), "several clips need a folder for what is written; give --out-dir"),
        (("a.mp4", "--out-dir", "o", "--out", "x.wav"), "--out is of a single clip; with --out-dir say"),
        (("a.mp4", "--out-dir", "o", "--formats", "exe"), "--formats 'exe' is not known; give some of wav, flac"),
        (("a.mp4", "--out", "x.wav", "--ucs-names"), "--ucs-names is for the files of --out-dir"),
        (("a.mp4", "--out-dir", "o", "--pattern", "{catid}"), "--pattern has {catid}, which is no field"),
        (("a.mp4", "--out", "x.wav", "--jobs", "2"), "--jobs is of a batch; give --out-dir as well, or leave it out"),
        (("a.mp4", "--out", "x.wav", "--hits-rate", "25"), "--hits-rate is of a list of hits; give --hits as well"),
        (
            ("a.mp4", "--out", "x.wav", "--takes", "5"),
            "--takes is of pieces and of Reaper sessions; give --pieces or a",
        ),
        (
            ("a.mp4", "--out-dir", "o", "--takes", "5"),
            "--takes is of pieces and of Reaper sessions; give --formats with",
        ),
        (
            ("a.mp4", "--out", "x.wav", "--normalize", "each"),
            "--normalize is of pieces; give --pieces or a --session that",
        ),
        (
            ("a.mp4", "--out", "x.wav", "--clip-sound", "mix"),
            "--clip-sound is of films; give --video as well, or leave",
        ),
        (
            ("a.mp4", "--out", "x.wav", "--stems-by", "hit"),
            "--stems-by is of stems; give --stems as well, or leave it out",
        ),
        (("a.mp4", "--video", "x.mp4", "--sample-rate", "44100"), "--sample-rate is of sound files, and films have 48"),
        (
            ("a.mp4", "--out", "x.mp3", "--bit-depth", "16"),
            "--bit-depth is of sound files without loss; give an --out without loss, such as a .wav, --stems",
        ),
        (("a.mp4", "--out-dir", "o", "--onsets", "o.csv"), "--onsets is of a single clip; with --out-dir leave it out"),
        ((".", "--out-dir", "o"), "holds no clip; give a folder or a list with at least one"),
    ],
)
def test_what_cannot_be_or_would_change_nothing_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    args: tuple[str, ...],
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert reason in refuse(capsys, "render", *args)


def test_names_by_ucs_are_taken_once_and_given_back(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    options = parser.parse_args(["--ucs-names", "--formats", "wav", "mp4", "stems", "rpp", "--creator", "ANN"])
    jobs = [make_job(options, "clip.mp4", tmp_path, name) for name in ("clip", "clip 2", "clip 3")]
    delivery = deliver(make_project(), creator="ANN")
    stem = "GLASImpt_Clip_ANN_FOLEY"
    names = ["{}.wav", "clip.mp4", "{} stems", "{}.rpp"]
    with name_outputs(jobs[0], delivery):
        assert list(list_outputs(jobs[0])) == [name.format(stem) for name in names]
        (tmp_path / f"{stem} rpp media").mkdir()
        (tmp_path / f"{stem}.wav").write_bytes(b"sound")
        with name_outputs(jobs[1], delivery):  # at the same time, of the same name
            assert jobs[1].file_stem == f"{stem} 2" and jobs[1].out == str(tmp_path / f"{stem} 2.wav")
    # What was written stays and keeps the name; what was not is no empty file.
    assert {path.name for path in tmp_path.iterdir()} == {f"{stem}.wav", f"{stem} rpp media"}
    with name_outputs(jobs[2], delivery):
        assert jobs[2].file_stem == f"{stem} 2"


@pytest.mark.parametrize(
    "changed",
    [{"outputs": 5}, {"outputs": [["a.wav"]]}, {"sounds": [None]}, {"hits": "x"}, {"source": "\ud800"}, {"more": 1}],
    ids=str,
)
def test_a_manifest_with_a_value_of_another_kind_is_as_none(tmp_path: Path, changed: dict[str, object]) -> None:
    row = {"source": "a.mp4", "name": "a", "outputs": ["a.wav"], "sounds": ["Glass"], "hits": 2, "loudness_lufs": -20.0}
    (tmp_path / "a.wav").touch()
    for values, is_done in ((row, True), (row | changed, False)):
        (tmp_path / MANIFEST_NAME).write_text(json.dumps({"done": {"key": values}}))
        assert (Manifest(tmp_path).find("key") is not None) == is_done


def test_a_manifest_grows_by_a_line_for_each_clip_and_keeps_whole_lines(tmp_path: Path) -> None:
    for letter in "abc":
        (tmp_path / f"{letter}.wav").touch()
    manifest, path = Manifest(tmp_path), tmp_path / MANIFEST_NAME
    manifest.begin({letter: [f"{letter}.wav"] for letter in "abc"})
    lengths = [path.stat().st_size]
    for letter in "ab":
        manifest.finish(letter, Outcome(f"{letter}.mp4", letter, (f"{letter}.wav",)))
        lengths.append(path.stat().st_size)
    assert lengths[2] - lengths[1] == lengths[1] - lengths[0]
    os.truncate(path, lengths[2] - 5)  # the process or the machine ended while it wrote
    again = Manifest(tmp_path)
    assert again.find("a") == manifest.find("a") and again.find("b") is None and again.owns("b")
    again.finish("c", Outcome("c.mp4", "c", ("c.wav",)))
    last = Manifest(tmp_path)
    assert list(last.done) == ["a", "c"] and list(last.begun) == ["b"] and last.list_names()[1] == ("c.mp4", "c")


def test_files_belong_to_the_settings_that_wrote_them_last(tmp_path: Path) -> None:
    """Also to those that only began to, and after the manifest is read again."""
    (tmp_path / "a.wav").touch()
    manifest = Manifest(tmp_path)
    for key in ("loud", "soft"):
        manifest.begin({key: ["a.wav"]})
        manifest.finish(key, Outcome("a.mp4", "a", ("a.wav",)))
    for seen in (manifest, Manifest(tmp_path)):
        assert seen.find("loud") is None and not seen.owns("loud") and seen.find("soft") and seen.owns("soft")
    manifest.begin({"loud": ["a.wav"]})
    for seen in (manifest, Manifest(tmp_path)):
        assert seen.find("soft") is None and not seen.owns("soft") and seen.owns("loud")


def test_the_manifest_of_an_earlier_version_is_gone_on_with(tmp_path: Path) -> None:
    row = {"source": "a.mp4", "name": "a", "outputs": ["a.wav"]}
    (tmp_path / "a.wav").touch()
    earlier = {"version": 1, "done": {"a": row}, "begun": {"b": ["b.wav"]}}
    (tmp_path / "struck-batch.json").write_text(json.dumps(earlier, indent=1))
    manifest = Manifest(tmp_path)
    assert not manifest.is_new and manifest.find("a") == Outcome("a.mp4", "a", ("a.wav",)) and manifest.owns("b")
    manifest.begin({"c": ["c.wav"]})
    assert list(Manifest(tmp_path).done) == ["a"] and list(Manifest(tmp_path).begun) == ["b", "c"]


def test_nothing_of_a_manifest_is_html_in_the_report(tmp_path: Path) -> None:
    bad = '"><script>alert(1)</script>'
    write_report(
        tmp_path / "report.html",
        [Outcome(bad, bad, (bad,), sounds=(bad,), picture=bad), Outcome(bad, bad, failure=bad)],
    )
    assert "<script" not in (tmp_path / "report.html").read_text("utf-8")


def test_a_clip_that_is_not_there_is_named_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("render", tmp_path / "none.mp4", "--out-dir", tmp_path / "out") == 2
    said = capsys.readouterr().err.splitlines()
    assert f"{tmp_path / 'none.mp4'}: there is no such file in {tmp_path}; check the path" in said
