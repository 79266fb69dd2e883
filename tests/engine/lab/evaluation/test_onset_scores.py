"""Scores of onsets by known answers, and the baselines they are set beside."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.core.errors import BadInput
from engine.lab.baselines.onset_pickers import find_flow_peaks
from engine.lab.baselines.syncfusion import (
    CHUNK,
    RATE_HZ,
    SYNCFUSION,
    SyncFusionNetwork,
    detect_with_syncfusion,
    draw_chunks,
    load_syncfusion,
    save_syncfusion,
)
from engine.lab.data.greatest_hits import Contact, Take
from engine.lab.data.onsets.fold_networks import Fold
from engine.lab.data.onsets.labels import choose_contacts, measure_levels, to_velocity
from engine.lab.evaluation.onsets.evaluate import nearest_frames
from engine.lab.evaluation.onsets.kinds import (
    CUT,
    FEINT,
    OTHER,
    count_distracted,
    count_kinds,
    describe_hits,
    keep_visible,
)
from engine.lab.evaluation.onsets.misses import count_false, count_misses
from engine.lab.evaluation.onsets.nested import RHYTHMS, choose_by_other_days, find_as_chosen
from engine.lab.evaluation.onsets.networks import choose_fold, usual_lag_s
from engine.lab.evaluation.onsets.scores import (
    Clip,
    average_precision,
    best_shift,
    match_pairs,
    measure,
    measure_foley,
    measure_recall_by_action,
    measure_timing,
    measure_velocity,
    measure_velocity_seen,
)
from engine.lab.evaluation.onsets.tables import print_tables, tabulate
from engine.onsets.network import OnsetNetwork
from engine.onsets.track import Onset
from tests.engine.onsets.test_network import SMALL, make_squares

TRUTH = [0.5 + 0.7 * k for k in range(10)]


def make_clip(onsets: list[Onset], day: str = "2015-01-01") -> Clip:
    velocity = [0.1 * k for k in range(10)]
    action = ["hit"] * 8 + ["scratch"] * 2
    clip = Clip(f"{day}.mp4", day, 8.0, 0.04, TRUTH, [*TRUTH, 7.9], action, velocity, TRUTH)
    clip.tracks["motion"] = onsets
    return clip


def test_a_perfect_finder_scores_one_and_a_late_one_is_late() -> None:
    clip = make_clip([Onset(t, 0.9, 0.1 * k) for k, t in enumerate(TRUTH)])
    assert measure([clip], lambda c: TRUTH, 0.025)["f1"] == 1.0
    assert average_precision([clip], "motion", 0.025) == pytest.approx(1.0)
    assert measure_foley([clip], "motion", 0.5) == {"count_accuracy": 1.0, "average_precision": 1.0}
    assert measure_velocity([clip], "motion", 0.5)["pooled"] == pytest.approx(1.0)
    late = make_clip([Onset(t + 0.06, 0.9) for t in TRUTH])
    assert measure([late], lambda c: [o.time_s for o in c.tracks["motion"]], 0.05)["f1"] == 0.0
    timing = measure_timing([late], "motion", 0.5)
    assert timing["median_ms"] == pytest.approx(60.0) and timing["median_absolute_in_step_ms"] < 1e-6
    assert best_shift(late, "motion", 0.5) == pytest.approx(-0.01)
    assert measure_recall_by_action([late], "motion", 0.5) == {"hit": 0.0, "scratch": 0.0}


def test_velocity_is_also_measured_where_no_hit_was_found() -> None:
    clip = make_clip([])
    assert measure_velocity_seen([clip])["mean_of_clips"] == 0.0  # nothing was read
    clip.velocity_seen.extend(0.4 + 0.2 * value for value in clip.velocity)
    assert measure_velocity_seen([clip, make_clip([])])["mean_of_clips"] == pytest.approx(1.0)
    frames_s = np.arange(50) / 25.0
    assert nearest_frames(frames_s, [0.4, 1.0], 0.08).tolist() == [12, 27]  # the picture is two frames late


def test_what_is_audible_but_not_labelled_is_no_error_and_what_is_neither_is() -> None:
    clip = make_clip([])
    assert measure([clip], lambda c: [*TRUTH, 7.9], 0.05) == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert measure([clip], lambda c: [*TRUTH, 0.1], 0.05)["precision"] == pytest.approx(10 / 11)
    one_frame = measure([clip], lambda c: [t + 0.039 for t in TRUTH], None)
    assert one_frame["f1"] == 1.0 and measure([clip], lambda c: [t + 0.041 for t in TRUTH], None)["f1"] == 0.0


def test_misses_are_counted_by_action_and_false_hits_beside_a_found_one_apart() -> None:
    onsets = [Onset(t, 0.9) for t in TRUTH[:7]] + [Onset(TRUTH[8], 0.2), Onset(TRUTH[0] + 0.09, 0.9), Onset(0.1, 0.9)]
    rows = count_misses([make_clip(onsets)], "motion", 0.5)
    assert rows == [
        {"action": "hit", "nearest": "further", "labelled": 8, "missed": 1, "weak": 0},
        {"action": "scratch", "nearest": "further", "labelled": 2, "missed": 2, "weak": 1},
    ]
    assert count_false([make_clip(onsets)], "motion", 0.5) == {"found": 9, "false": 2, "second": 1}


def test_a_day_has_no_part_in_the_choice_of_its_rhythm_and_threshold() -> None:
    def make_day(day: str, good: int) -> Clip:
        clip = make_clip([], day)
        right, wrong = [Onset(t, 0.45) for t in TRUTH], [Onset(t + 0.3, 0.9) for t in TRUTH]
        clip.rhythm_tracks.extend(right if k == good else wrong for k in range(len(RHYTHMS)))
        return clip

    days = ["2015-01-01", "2015-01-02", "2015-01-03"]
    clips = [make_day(days[0], 5), make_day(days[1], 2), make_day(days[2], 2)]
    chosen = choose_by_other_days(clips)
    assert chosen[days[0]][0] == 2 and chosen[days[0]][1] <= 0.45
    find = find_as_chosen(chosen)
    assert measure(clips[:1], find, 0.05)["f1"] == 0.0 and measure(clips[1:2], find, 0.05)["f1"] == 1.0
    assert choose_by_other_days([make_day(days[0], 7), *clips[1:]])[days[0]] == chosen[days[0]]


def test_simulated_hits_are_told_apart_by_what_hides_them_and_false_ones_by_what_is_there(tmp_path: Path) -> None:
    def contact(time_s: float, shown: bool, speed: float) -> dict:
        return {"time_s": time_s, "in_sight": shown, "by": "stick", "speed_m_per_s": speed}

    contacts = [contact(1.0, True, 3.0), contact(1.2, False, 0.3), contact(3.0, True, 0.3)]
    truth = {"contacts": contacts, "none": [{"time_s": 4.0}], "cuts_s": [5.0]}
    (tmp_path / "t.truth.json").write_text(json.dumps(truth), encoding="utf-8")
    times_s = [1.0, 1.2, 3.0]
    bare = Clip("t", "t", 8.0, 0.04, times_s, times_s, ["hit"] * 3, [0.5] * 3, [])
    clip = describe_hits(Take("t", (), None, tmp_path / "t_mic.mp4"), bare)
    clip.tracks["network"] = [Onset(t, 0.9) for t in (1.0, 4.02, 4.98, 6.0)] + [Onset(3.0, 0.1)]
    rows = {
        (row["of"], row["kind"]): (row["hits"], row["found"], row["weak"])
        for row in count_kinds([clip], "network", 0.5)
    }
    assert rows["sight", "hidden"] == (1, 0, 0) and rows["sight", "in sight"] == (2, 1, 1)
    assert rows["speed", "faster"] == (1, 1, 0) and rows["nearest other", "under 0.25 s"] == (1, 1, 0)
    assert count_distracted([clip], "network", 0.5) == {FEINT: 1, CUT: 1, OTHER: 1}
    assert keep_visible(clip).labelled_s == [1.0, 3.0] and keep_visible(bare) is bare
    print_tables("takes", tabulate([clip], True))


def test_pairs_are_one_to_one_and_the_closest() -> None:
    assert sorted(match_pairs([1.0, 1.05, 3.0], [1.04, 2.0], 0.1)) == [(1, 0)]
    assert match_pairs([], [1.0], 0.1) == []


def test_weak_candidates_cost_average_precision_only_where_they_are_likely() -> None:
    right = [Onset(t, 0.9) for t in TRUTH]
    below = make_clip([*right, Onset(0.1, 0.2)])
    over = make_clip([*right, Onset(0.1, 0.95)])
    assert average_precision([below], "motion", 0.05) > 0.99 > average_precision([over], "motion", 0.05)


def test_tables_are_made_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    clips = [make_clip([Onset(t, 0.6) for t in TRUTH], day) for day in ("2015-01-01", "2015-01-02")]
    result = tabulate(clips, False)
    print_tables("made clips", result)
    text = capsys.readouterr().err
    assert "| motion | default, 0.50 | 1.00 1.00 **1.000**" in text and "best on other days" in text
    json.dumps(result)


def test_every_local_maximum_of_flow_is_a_peak() -> None:
    speeds = np.array([0.0, 1.0, 0.5, 2.0, 1.0, 0.0])
    assert [o.time_s for o in find_flow_peaks(np.arange(6) / 10, speeds)] == [0.1, 0.3]


def test_a_clip_is_evaluated_by_a_fold_that_left_its_day_out() -> None:
    network = Fold(OnsetNetwork(SMALL), 0.4, frozenset({"2015-01-01"}), False, {"a": 0.03, "b": 0.05, "c": -0.02})
    assert choose_fold([network], "2015-01-01") is network and choose_fold([], "2015-01-01") is None
    with pytest.raises(BadInput, match="2015-01-02"):
        choose_fold([network], "2015-01-02")
    frames_s = {"a": 0.04, "b": 0.04, "c": 1 / 30}
    assert usual_lag_s(network, 0.04, frames_s) == pytest.approx(0.04)
    assert usual_lag_s(network, 0.02, frames_s) == 0.0


def test_of_a_rattle_only_the_strongest_visible_contact_is_labelled(tmp_path: Path) -> None:
    def contact(time_s: float, impulse: float, shown: bool = True, speed: float = 1.0) -> dict:
        return {
            "time_s": time_s, "action": "hit", "impulse_n_s": impulse, "speed_m_per_s": speed, "in_picture": shown
        }  # fmt: skip

    contacts = [
        contact(1.0, 0.1),
        contact(1.03, 0.5),
        contact(1.2, 0.2),
        contact(2.0, 0.3, False),
        contact(3, 1, True, 0.01),
    ]
    take = Take("t", tuple(Contact(c["time_s"], "wood", "hit") for c in contacts), None, tmp_path / "t_mic.mp4")
    assert len(choose_contacts(take)[0]) == 5
    (tmp_path / "t.truth.json").write_text(json.dumps({"contacts": contacts}), encoding="utf-8")
    seen, others = choose_contacts(take)
    assert [t for t, _ in seen] == [1.03, 1.2] and others == [1.0, 2.0, 3.0]


def test_levels_of_hits_are_in_db() -> None:
    sound = np.zeros(22_050)
    sound[5000:6000], sound[15_000:16_000] = 0.5, 0.05
    levels = measure_levels(sound, 22_050, [5000 / 22_050, 15_000 / 22_050])
    assert levels[0] == pytest.approx(-6.02, abs=0.05) and levels[0] - levels[1] == pytest.approx(20.0, abs=0.05)
    assert np.allclose(np.diff(to_velocity(levels)), -20 / 24, atol=0.05)
    assert to_velocity(np.zeros(0)).size == 0


@pytest.mark.slow
def test_the_reduced_syncfusion_network_has_an_output_for_every_frame(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = SyncFusionNetwork().eval()
    clip = make_squares(0)
    frames, labels = draw_chunks([clip], 2, np.random.default_rng(0))
    assert frames.shape == (2, CHUNK, 64, 112) and labels.sum() >= 4
    with torch.no_grad():
        assert network(frames).shape == (2, CHUNK)
    found = detect_with_syncfusion(network, clip.times_s, clip.frames, clip.duration_s)
    assert all(abs(o.time_s * RATE_HZ % 1 - 0.5) < 1e-6 and 0 < o.strength < 1 for o in found)
    save_syncfusion(tmp_path, network, {"left_out": ["2015-01-01"]})
    assert load_syncfusion(tmp_path)[1] == {"2015-01-01"}
    path, names = tmp_path / "model.safetensors", {new: old for old, new in SYNCFUSION.key_map.items()}
    stored = {".".join(names.get(part, part) for part in name.split(".")): v for name, v in load_file(path).items()}
    assert "tell.0.weight" in stored and "stages.0.first.across.weight" in stored
    save_file(stored, path)  # as files from before the renaming
    loaded = load_syncfusion(tmp_path)[0].state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in network.state_dict().items())
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BadInput, match="reads onsets syncfusion format 1"):
        load_syncfusion(tmp_path)
