"""The listening test: blind, level-matched, nothing lost, and figures that a perfect and a guessing listener expect."""

from __future__ import annotations

import io
import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import soundfile
import uvicorn
from starlette.testclient import TestClient

from engine.core.cache import Cache
from engine.core.errors import BadInput
from engine.diffusion.sampler import Sampler
from engine.lab.data.sampler.hits import AnalysedHit
from engine.lab.listening import command, server, tally
from engine.lab.listening.plan import COMPARISONS, RECORDED, ListeningConfig, draw_trials
from engine.lab.listening.server import ListeningTest, create_app
from engine.lab.listening.sounds import SoundMaker, match_levels
from engine.lab.listening.tally import pool_tallies, resume, summarize
from engine.physics.model import Modes, Physics
from engine.physics.synthesis import synthesize
from tests.samplers import CPU, MODES, NOISE, RATE, SHORT, make_network

CONFIG = ListeningConfig("abx", 12, 3, ("as measured",), tuple(COMPARISONS), 1, "tiny", "made up")
Z = 1.959964


def make_hit(modes: Modes) -> AnalysedHit:
    samples = synthesize(Physics(modes, NOISE), 0.2, seed=99)
    return AnalysedHit(samples, modes, NOISE, RATE / 2, "metal", "made up", True)


HITS = {"bell": make_hit(MODES), "knock": make_hit(SHORT)}


@pytest.fixture(scope="module")
def maker() -> SoundMaker:
    return SoundMaker(HITS, Sampler(make_network(), "tiny", CPU), 1, 3, Cache(None))


def open_test(maker: SoundMaker, path: Path, config: ListeningConfig = CONFIG) -> ListeningTest:
    trials = draw_trials(config, list(HITS))
    return ListeningTest(config, trials, resume(path, config, trials), maker, path)


def connect(test: ListeningTest) -> TestClient:
    return TestClient(create_app(test), base_url="http://127.0.0.1")


def answer_all(test: ListeningTest, choose: Callable[[dict[str, bytes]], str], most: int = 500) -> dict[str, object]:
    """A listener who hears what the page gets and answers by ``choose``; the last state."""
    with connect(test) as client:
        state = client.get("/state").json()
        while "letters" in state and most:
            number, most = state["done"], most - 1
            heard = {letter: client.get(f"/sound/{number}/{letter}").content for letter in state["letters"]}
            body = {"trial": number, "choice": choose(heard), "plays": dict.fromkeys(heard, 1)}
            state = client.post("/answer", json=body).json()
        return dict(state)


def hear_x(heard: dict[str, bytes]) -> str:
    return "a" if heard["x"] == heard["a"] else "b"


@pytest.mark.slow
def test_a_perfect_listener_is_always_right(maker: SoundMaker, tmp_path: Path) -> None:
    state = answer_all(open_test(maker, tmp_path / "tally.json"), hear_x)
    kept = json.loads((tmp_path / "tally.json").read_text())
    assert [row["choice"] == row["x"] for row in kept["answers"]] == [True] * 12
    assert state["summary"] == kept["summary"]
    for row in kept["summary"]:
        assert (row["answers"], row["hits"], row["p"]) == (4, 4, 0.0625)  # a half to the power of four
        assert row["interval"] == pytest.approx([4.0 / (4.0 + Z**2), 1.0], abs=1e-3)  # Wilson, 1927


@pytest.mark.slow
def test_a_guessing_listener_is_at_chance(maker: SoundMaker, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    test = open_test(maker, tmp_path / "tally.json", replace(CONFIG, trials=90))
    for number in range(90):
        test.answer(number, "ab"[int(rng.integers(2))], {})
    rows = json.loads((tmp_path / "tally.json").read_text())["summary"]
    assert [row["answers"] for row in rows] == [30] * 3
    assert abs(sum(row["hits"] for row in rows) - 45) < 3.0 * np.sqrt(90 * 0.25)  # three standard deviations
    assert all(row["interval"][0] < row["share"] < row["interval"][1] and row["p"] > 0.005 for row in rows)


@pytest.mark.slow
def test_a_preference_counts_the_recording(maker: SoundMaker, tmp_path: Path) -> None:
    """A listener who knows the recordings chooses them wherever they are."""
    known = [hit.samples for hit in HITS.values()]

    def prefer(heard: dict[str, bytes]) -> str:
        waves = {letter: soundfile.read(io.BytesIO(data))[0] for letter, data in heard.items()}
        return max(waves, key=lambda letter: max(abs(np.corrcoef(waves[letter], one)[0, 1]) for one in known))

    config = replace(CONFIG, task="preference", trials=8, comparisons=("recorded-sampler", "recorded-prior"))
    answer_all(open_test(maker, tmp_path / "tally.json", config), prefer)
    assert all(row["share"] == 1.0 for row in json.loads((tmp_path / "tally.json").read_text())["summary"])


@pytest.mark.slow
def test_a_level_without_detail_is_completed_from_the_bank(maker: SoundMaker) -> None:
    config = replace(CONFIG, levels=("material and size",), comparisons=("sampler-prior",), trials=1)
    sounds = maker.make_trial(draw_trials(config, ["bell"])[0])
    assert {len(sound) for sound in sounds.values()} == {len(HITS["bell"].samples)}
    assert np.abs(np.corrcoef(sounds["a"], sounds["b"])[0, 1]) < 0.9


@pytest.mark.slow
def test_a_test_goes_on_where_it_was_left(maker: SoundMaker, tmp_path: Path) -> None:
    path = tmp_path / "tally.json"
    answer_all(open_test(maker, path), hear_x, most=5)
    test = open_test(maker, path)
    assert test.describe()["done"] == 5
    answer_all(test, hear_x)
    assert json.loads(path.read_text())["summary"][0]["share"] == 1.0
    with pytest.raises(BadInput, match="seed 3 and this one has 4"):
        resume(path, replace(CONFIG, seed=4), draw_trials(CONFIG, list(HITS)))
    both, _ = pool_tallies([path, path])
    assert both[0]["answers"] == 2 * 4
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(BadInput, match="not the tally"):
        pool_tallies([path, tmp_path / "other.json"])


def test_answers_that_cannot_be_kept_do_not_count(
    maker: SoundMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = open_test(maker, tmp_path / "tally.json")
    monkeypatch.setattr(tally, "write_file", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left")))
    with connect(test) as client:
        refused = client.post("/answer", json={"trial": 0, "choice": "a"})
        assert (refused.status_code, "no space left" in refused.json()["error"].lower()) == (400, True)
        monkeypatch.undo()
        assert client.get("/state").json()["done"] == 0
        for _ in range(2):  # a second click answers no second trial
            assert client.post("/answer", json={"trial": 0, "choice": "a"}).json()["done"] == 1


def test_time_counts_from_the_first_sound_that_is_asked_for(
    maker: SoundMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_s = iter((1000.0, 1007.5, 1010.0))
    monkeypatch.setattr(server, "time", SimpleNamespace(monotonic=lambda: next(clock_s)))  # no other thread's clock
    test = open_test(maker, tmp_path / "tally.json")
    for letter in test.describe()["letters"]:
        test.encode_sound(0, letter)
    for number in range(2):
        test.answer(number, "a", {})
    assert [row["time_s"] for row in test.answers] == [7.5, 2.5]


def test_other_sites_and_nonsense_are_refused(maker: SoundMaker, tmp_path: Path) -> None:
    test = open_test(maker, tmp_path / "tally.json")
    with connect(test) as client:
        assert client.get("/state", headers={"host": "evil.example"}).status_code == 400
        form = {"content-type": "text/plain"}
        assert client.post("/answer", content='{"trial": 0, "choice": "a"}', headers=form).status_code == 400
        for body in (
            {"trial": "0", "choice": "a"},
            {"trial": 0, "choice": "c"},
            {"trial": 0, "choice": "a", "plays": 1},
            [],
        ):
            assert client.post("/answer", json=body).status_code == 400
        for address in ("/sound/0/y", "/sound/7/a", "/sound/-1/a"):
            assert client.get(address).status_code == 400
    assert not (tmp_path / "tally.json").exists()


def test_trials_are_balanced_and_drawn_by_the_seed() -> None:
    config = replace(CONFIG, trials=600, levels=("as measured", "1 mode, 4 bands"))
    trials = draw_trials(config, list("pqrs"))
    assert trials == draw_trials(config, list("pqrs")) != draw_trials(replace(config, seed=4), list("pqrs"))
    assert set(Counter((t.level, t.comparison) for t in trials).values()) == {100}
    assert set(Counter(t.recording for t in trials).values()) == {150}
    for chance in (
        sum(t.x == "a" for t in trials) / 600,
        np.mean([t.a == RECORDED for t in trials if "recorded" in t.comparison]),
    ):
        assert 0.42 < chance < 0.58
    assert all(not t.x and t.letters == ("a", "b") for t in draw_trials(replace(config, task="preference"), ["p"]))


def test_levels_are_matched_as_the_ear_weighs_them() -> None:
    time_s = np.arange(RATE) / RATE
    tones = [0.3 * np.sin(2 * np.pi * hz * time_s).astype(np.float32) for hz in (997.0, 997.0, 38.1)]
    tones[1] *= 0.01
    loud, faint, low = (np.sqrt(np.mean(np.square(one, dtype=float))) for one in match_levels(tones))
    assert loud == pytest.approx(faint, rel=1e-4)
    # BS.1770: a tone of 997 Hz is raised by 0.691 dB; the high pass is down by some 6 dB at 38 Hz
    assert 20.0 * np.log10(low / loud) == pytest.approx(0.691 + 6.0, abs=0.6)
    assert max(float(np.abs(one).max()) for one in match_levels(tones)) == pytest.approx(0.5)
    assert not match_levels([np.zeros(100, np.float32)] * 2)[0].any()


def test_a_summary_is_by_comparison_and_level() -> None:
    cells = itertools.product(COMPARISONS, ("p", "q"), (True, False))
    rows = summarize([{"comparison": c, "level": v, "hit": hit} for c, v, hit in cells], "preference")
    assert [(row["level"], row["answers"], row["share"], row["p"]) for row in rows[:3]] == [
        ("p", 2, 0.5, 1.0), ("q", 2, 0.5, 1.0), ("all", 4, 0.5, 1.0),
    ]  # fmt: skip


def test_the_end_waits_for_the_sound_that_is_being_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch aborts the process where it computes while that ends."""
    begun, made = threading.Event(), []

    def make_ahead(is_ended: Callable[[], bool]) -> None:
        begun.set()
        while not is_ended():
            pass
        made.append("whole")

    def run(server: uvicorn.Server, **_: object) -> None:
        server.started = True
        begun.wait()
        raise KeyboardInterrupt

    monkeypatch.setattr("uvicorn.Server.run", run)
    monkeypatch.setattr("engine.lab.listening.command.create_app", lambda _: None)
    command._serve(cast(ListeningTest, SimpleNamespace(make_ahead=make_ahead)), None, opens_browser=False)
    assert made == ["whole"]
