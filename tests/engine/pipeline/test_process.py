"""The main job as events: their order and content, one probe, cancellation, and one result for every consumer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.cli.render import add_arguments
from engine.cli.render import run as render_command
from engine.core.cache import Cache
from engine.core.errors import BadInput, Cancelled, StruckError
from engine.document.project import Project
from engine.document.storage import load_project
from engine.pipeline.events import (
    AnalysisProgress,
    ClipOpened,
    DetectionProgress,
    Done,
    HitsSampled,
    Notice,
    OnsetsFound,
    OnsetsUpdated,
    SoundsFound,
    last_event,
)
from engine.pipeline.process import Document, ProcessSettings, process_clip, process_project
from tests.clips import make_clicks, make_clip
from tests.ui_tab import Tab, make_context
from ui.session import Session

CLICKS_S = (0.5, 1.2)
CLICK_HZ = 1500.0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    return make_clip(folder / "clicks.mp4", sounds=[(0.0, make_clicks(CLICKS_S, 2.0))])


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "silent.mp4")


def process(path: Path, settings: ProcessSettings, stop_after: int | None = None) -> tuple[list[object], Document]:
    """All events, or the first few, with the document that they make."""
    document = Document()
    events: list[object] = []
    for event in process_clip(path, settings, document.current):
        document.apply(event)
        events.append(event)
        if len(events) == stop_after:
            break
    return events, document


@pytest.mark.slow
def test_events_come_in_order_and_bring_the_clicks(clip: Path) -> None:
    settings = ProcessSettings(partial_hits=True, load_sampler=lambda checkpoint: None)
    events, document = process(clip, settings)
    kinds = list(dict.fromkeys(type(event) for event in events))
    assert kinds[0] is ClipOpened and kinds[-1] is Done and isinstance(events[-1], Done)
    firsts = [
        kinds.index(kind) for kind in (DetectionProgress, OnsetsFound, AnalysisProgress, SoundsFound, HitsSampled)
    ]
    assert firsts == sorted(firsts) and OnsetsUpdated in kinds
    opened = events[0]
    assert isinstance(opened, ClipOpened) and opened.info.duration_s == 2.0 and not opened.project.hits
    project = document.current()
    assert [hit.time_s for hit in project.hits] == pytest.approx(CLICKS_S, abs=0.01)
    assert len({hit.sound_id for hit in project.hits}) == 1
    modes = project.sound(project.hits[0].sound_id).modes
    assert modes.frequency_hz[int(np.argmax(modes.power_db))] == pytest.approx(CLICK_HZ, rel=0.01)
    fractions = [event.fraction for event in events if isinstance(event, DetectionProgress)]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    counts = [event.done for event in events if isinstance(event, AnalysisProgress)]
    assert counts[0] == 0 and counts[-1] == len(project.hits) and counts == sorted(counts)
    sampled = [hit_id for event in events if isinstance(event, HitsSampled) for hit_id in event.hits]
    assert sorted(sampled) == sorted(hit.id for hit in project.hits)
    assert last_event(events, Done).project == project


@pytest.mark.slow
def test_hits_are_shown_before_the_clip_is_read_to_its_end(clip: Path) -> None:
    events, _ = process(clip, ProcessSettings(partial_hits=True))
    first = next(k for k, event in enumerate(events) if isinstance(event, OnsetsUpdated))
    end = next(k for k, event in enumerate(events) if isinstance(event, OnsetsFound))
    assert any(isinstance(event, DetectionProgress) for event in events[first:end])
    opened, update = events[0], events[first]
    assert isinstance(opened, ClipOpened) and isinstance(update, OnsetsUpdated)
    times_s = [hit.time_s for hit in update.edit.apply(opened.project).hits]
    assert times_s == pytest.approx(CLICKS_S, abs=0.01)


@pytest.mark.slow
def test_a_clip_is_probed_once(clip: Path, silent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import engine.media.probe as media
    import engine.pipeline.open_clip as opening

    probed: list[str] = []
    real: Callable[..., object] = media.probe

    def count(path: object) -> object:
        probed.append(str(path))
        return real(path)

    monkeypatch.setattr(media, "probe", count)
    monkeypatch.setattr(opening, "probe", count)
    for path in (clip, silent):
        probed.clear()
        process(path, ProcessSettings())
        assert probed == [str(path)]


@pytest.mark.slow
def test_leaving_the_loop_after_any_event_leaves_a_document_to_go_on_from(clip: Path) -> None:
    settings = ProcessSettings()
    whole, document = process(clip, settings)
    stops = [k for k in range(1, len(whole)) if type(whole[k]) is not type(whole[k - 1])]
    for stop in stops:
        _, left = process(clip, settings, stop_after=stop)
        for event in process_project(settings, left.current):
            left.apply(event)
        assert [hit.time_s for hit in left.current().hits] == [hit.time_s for hit in document.current().hits]
        assert [sound.modes for sound in left.current().sounds] == [sound.modes for sound in document.current().sounds]


@pytest.mark.slow
def test_a_check_cancels_between_the_steps_of_sampling(clip: Path) -> None:
    cache = Cache(None)
    _, document = process(clip, ProcessSettings())

    def stop() -> None:
        raise Cancelled

    settings = ProcessSettings(
        detect=False, estimate=False, load_sampler=lambda checkpoint: None, cache=cache, check=stop
    )
    with pytest.raises(Cancelled):
        list(process_project(settings, document.current))
    again = list(process_project(replace(settings, check=lambda: None), document.current))
    assert isinstance(again[0], HitsSampled) and (again[0].done, again[0].total) == (0, 2)


def test_a_second_run_takes_the_onsets_from_the_cache(clip: Path) -> None:
    settings = ProcessSettings(cache=Cache(None), estimate=False)
    first, _ = process(clip, settings)
    second, document = process(clip, settings)
    assert [type(event) for event in second] == [ClipOpened, OnsetsFound, Done] and len(first) > len(second)
    assert [hit.time_s for hit in document.current().hits] == pytest.approx(CLICKS_S, abs=0.01)


def test_a_silent_clip_whose_bank_is_broken_keeps_the_default_sound_and_says_so(silent: Path) -> None:
    def refuse() -> None:
        raise BadInput("the bank is damaged; restore it")

    events, document = process(silent, ProcessSettings(open_bank=refuse))  # type: ignore[arg-type]
    assert last_event(events, Notice).message == "the bank is damaged; restore it; the default sound is used"
    assert [sound.origin for sound in document.current().sounds] == ["preset"]


def test_what_is_no_clip_is_refused_before_any_event(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("hello")
    with pytest.raises(BadInput, match=r"text\.mp4"):
        process(tmp_path / "text.mp4", ProcessSettings())
    with pytest.raises(StruckError):
        Document().current()


@pytest.mark.slow
def test_command_line_and_editor_make_equal_documents(clip: Path, tmp_path: Path) -> None:
    import argparse

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    options = parser.parse_args([str(clip), "--project", str(tmp_path / "p.struck.json")])
    options.device, options.ckpt_dir, options.data_dir = "cpu", None, None
    with open(tmp_path / "out.txt", "w", encoding="utf-8") as stdout:
        render_command(options, stdout)
    tab = Tab(Session(make_context(tmp_path), "editor"))
    tab.ask("open", path=str(clip))
    tab.settle()
    assert not tab.errors
    by_command: Project = load_project(tmp_path / "p.struck.json")
    by_editor = tab.session.require_project()
    assert (by_command.hits, by_command.sounds) == (by_editor.hits, by_editor.sounds)
    assert len(by_editor.hits) == len(CLICKS_S)
