"""``bench timeline``: frames of the editor's timeline in a browser, with many hits on a long clip."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from engine.cli.console import check_json_target, say, write_json
from engine.core.errors import BadInput, StruckError
from engine.core.units import SAMPLE_RATE_HZ
from engine.document.project import Hit, RenderSettings
from engine.document.storage import save_project
from engine.lab.benchmarks.browser import find_browser
from engine.lab.benchmarks.clip import choose_sounds
from engine.lab.benchmarks.long_clip import LOOP_S, make_loop_sound, repeat_picture
from engine.lab.benchmarks.machine import describe_machine
from engine.lab.benchmarks.tab import start_server
from engine.lab.data.clip_writer import write_clip
from engine.lab.realtime import forbid_realtime
from engine.media.mux import add_sound, create_video, mux_in_order
from engine.pipeline.open_clip import open_clip

WIDTH, HEIGHT, FRAME_RATE = 640, 360, 25
MOST_MS = 20.0
AIM = 0.95
"""Share of the frames that come within MOST_MS of the one before."""

WAIT_MS = 600_000.0
WARM_UP = 10  # frames that are not counted

SCENES = {
    "scroll": "({ deltaY: 60, shiftKey: true })",
    "zoom": "({ deltaY: Math.floor(frame / 90) % 2 ? 30 : -30 })",
    "play": "null",
    "select": "null",
}
"""What the wheel does in each frame; in a scene without, the clip plays, or all hits are selected and moved."""

WATCH = """() => {
  const request = window.requestAnimationFrame.bind(window);
  const work = { now_ms: -1, spent_ms: 0, frames: [] };
  window.bench = work;
  window.requestAnimationFrame = (react) => request((now_ms) => {
    if (now_ms !== work.now_ms) {
      if (work.now_ms >= 0) work.frames.push([now_ms - work.now_ms, work.spent_ms]);
      Object.assign(work, { now_ms, spent_ms: 0 });
    }
    const began_ms = performance.now();
    react(now_ms);
    work.spent_ms += performance.now() - began_ms;
  });
}"""
DRIVE = """([count, name, px_per_s]) => new Promise((done) => {
  const { timeline, player, store } = window.struck;
  const canvas = document.querySelector("canvas.st-lanes");
  const box = canvas.getBoundingClientRect();
  const at = { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2, bubbles: true, cancelable: true };
  timeline.fit();
  timeline.scale.zoom(px_per_s / timeline.scale.px_per_s, 20);
  timeline.moved();
  if (name === "play") player.play();
  const all = new Set(name === "select" ? store.view.project.hits.map((hit) => hit.id) : []);
  store.select({ hits: all });
  let frame = 0;
  const step = () => {
    if (frame === WARM_UP) window.bench.frames = [];
    const wheel = (SCENE)(frame);
    if (wheel) canvas.dispatchEvent(new WheelEvent("wheel", { ...at, ...wheel }));
    if (all.size) store.hold({ kind: "move_hits", ids: [...all], delta_s: 0.01 * (frame % 50) });
    if (frame++ < count + WARM_UP) return void requestAnimationFrame(step);
    store.hold(null);
    player.pause();
    done(window.bench.frames);
  };
  requestAnimationFrame(step);
})"""


def run(args: list[str]) -> int:
    """The command ``bench timeline``. Raises BadInput, and StruckError where fewer frames than AIM are in time."""
    parser = argparse.ArgumentParser(prog="bench timeline", description="Frames of the timeline in a browser.")
    parser.add_argument("--hits", type=int, default=500, metavar="N")
    parser.add_argument("--minutes", type=float, default=30.0, metavar="M")
    parser.add_argument("--frames", type=int, default=300, metavar="N", help="frames of each scene")
    parser.add_argument("--clip", type=Path, metavar="MP4", help="a clip to look at; made where it is not there")
    parser.add_argument("--json", metavar="F", help="write the figures to a file; - is standard output")
    options = parser.parse_args(args)
    if not 1 <= options.hits <= 10_000:
        raise BadInput(f"--hits {options.hits} is out of range; give 1 to 10000")
    if not 0.3 <= options.minutes <= 180.0:
        raise BadInput(f"--minutes {options.minutes:g} is out of range; give 0.3 to 180")
    if not 20 <= options.frames <= 10_000:
        raise BadInput(f"--frames {options.frames} is out of range; give 20 to 10000")
    check_json_target(options.json)
    with tempfile.TemporaryDirectory(prefix="struck-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        clip = (options.clip or folder / "long.mp4").absolute()
        if not clip.is_file():
            say(f"making a clip of {options.minutes:g} minutes at {WIDTH} x {HEIGHT}")
            make_clip(clip, options.minutes)
        project = write_project(clip, options.hits, folder)
        scenes = measure(project, options.hits, options.frames, folder)
    report = {"machine": describe_machine(), "scenes": scenes}
    if options.json != "-":
        sys.stdout.write(format_report(report))
    if options.json is not None:
        write_json(report, options.json, sys.stdout)
    missed = [name for name, scene in scenes.items() if scene["in_time"] < AIM]
    if missed:
        raise StruckError(f"fewer than {AIM:.0%} of the frames were in time in {'; '.join(missed)}")
    return 0


def make_clip(path: Path, minutes: float) -> None:
    """Noise that moves and brightens, with the sounds of presets; LOOP_S are filmed, and repeated as they are."""
    loops = max(1, round(60.0 * minutes / LOOP_S))
    rng = np.random.default_rng(40)
    grain = rng.integers(60, 120, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    frames = (
        np.roll(grain, 4 * number, axis=1) + np.uint8(number % 100) for number in range(round(LOOP_S * FRAME_RATE))
    )
    loop = path.with_name("loop.mp4")
    write_clip(loop, frames, Fraction(FRAME_RATE), None, {"preset": "ultrafast", "crf": "26"})
    sound = make_loop_sound()
    with av.open(str(loop)) as source, create_video(path) as output:
        picture = output.add_stream_from_template(source.streams.video[0])
        sounds = add_sound(output, (sound for _ in range(loops)), 1, SAMPLE_RATE_HZ)
        mux_in_order(output, [repeat_picture(loop, picture, loops), sounds], lambda time_s: None)
    loop.unlink()


def write_project(clip: Path, hits: int, folder: Path) -> Path:
    """A project of evenly spread hits of five sounds, rendered without the network; hits are found by sound alone."""
    project = open_clip(clip).project
    sounds = tuple(choose_sounds())
    times_s = np.linspace(0.5, project.clip.duration_s - 2.0, hits)
    rng = np.random.default_rng(41)
    placed = tuple(
        Hit(f"h{k}", float(time_s), sounds[k % len(sounds)].id, seed=k % 40, velocity_db=float(rng.uniform(-20.0, 0.0)))
        for k, time_s in enumerate(times_s)
    )
    detection = replace(project.detection, source="audio")
    project = replace(project, sounds=sounds, hits=placed, detection=detection, render=RenderSettings(checkpoint=""))
    return save_project(project, folder / "timeline.struck.json")


def measure(project: Path, hits: int, frames: int, folder: Path) -> dict[str, dict[str, float]]:
    """Figures of each scene, seen close (20 s across) and as a whole. Raises StruckError where nothing starts."""
    from playwright.sync_api import sync_playwright

    forbid_realtime()
    temporary = folder / "temporary"
    temporary.mkdir()
    scenes = {}
    with start_server(folder / "data", temporary) as (_, address), sync_playwright() as playwright:
        flags = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=find_browser(), args=flags)
        page = browser.new_context(viewport={"width": 1920, "height": 1080}).new_page()
        page.add_init_script(f"localStorage.setItem('struck.tour', 'left'); ({WATCH})()")
        page.set_default_timeout(WAIT_MS)
        page.goto(f"http://{address}")
        page.wait_for_function("window.struck?.store.connection === 'open' && window.struck.store.welcome")
        chrome = page.context.new_cdp_session(page)
        chrome.send("Performance.enable", {"timeDomain": "threadTicks"})
        say(f"opening {hits} hits")
        page.evaluate("(path) => struck.store.send({ type: 'open', path })", str(project))
        page.wait_for_function("(n) => struck.store.rendered.size === n && struck.store.media.curve", arg=hits)
        page.wait_for_timeout(3000)
        for name, wheel in SCENES.items():
            for view, px_per_s in (("near", 90.0), ("whole", 0.1)):
                if name == "scroll" and view == "whole":
                    continue  # there is nothing to scroll
                drive = DRIVE.replace("SCENE", f"(frame) => {wheel}").replace("WARM_UP", str(WARM_UP))
                page.evaluate(drive, [40, name, px_per_s])  # what is seen for the first time is drawn and fetched
                page.wait_for_timeout(1500)
                before_s = read_processor_s(chrome)
                seen = page.evaluate(drive, [frames, name, px_per_s])
                processor_ms = 1000.0 * (read_processor_s(chrome) - before_s) / (frames + WARM_UP)
                scenes[f"{name}, {view}"] = summarize(seen) | {"processor_ms": processor_ms}
        browser.close()
    return scenes


def read_processor_s(chrome: Any) -> float:
    """Processor time of the page's own thread so far: script, layout and painting, whatever else the machine does."""
    metrics = chrome.send("Performance.getMetrics")["metrics"]
    return next(float(metric["value"]) for metric in metrics if metric["name"] == "TaskDuration")


def summarize(frames: list[list[float]]) -> dict[str, float]:
    """Of frames as [ms since the one before, ms of script]: medians, the 95th percentiles, and the share in time."""
    apart_ms, script_ms = np.array(frames).T
    return {
        "frames": len(frames),
        "in_time": float((apart_ms < MOST_MS).mean()),
        "apart_median_ms": float(np.median(apart_ms)),
        "apart_95_ms": float(np.percentile(apart_ms, 95)),
        "script_median_ms": float(np.median(script_ms)),
        "script_95_ms": float(np.percentile(script_ms, 95)),
    }


def format_report(report: dict[str, Any]) -> str:
    """The figures as a table."""
    lines = [
        report["machine"],
        f"{'':16}under {MOST_MS:.0f} ms   apart: median, 95 %   script: median, 95 %   processor",
    ]
    for name, scene in report["scenes"].items():
        apart = f"{scene['apart_median_ms']:6.1f} {scene['apart_95_ms']:6.1f} ms"
        script = f"{scene['script_median_ms']:6.1f} {scene['script_95_ms']:6.1f} ms"
        lines.append(
            f"{name:16}{100 * scene['in_time']:9.1f} %   {apart:>21}   {script:>21}   {scene['processor_ms']:6.1f} ms"
        )
    return "\n".join(lines) + "\n"
