"""A clip in the editor as a user has it: opened, a hit and a mode dragged, exported: ``launch.py evaluate editor``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from engine.cli.console import check_json_target, say, write_json
from engine.core.errors import BadInput, StruckError
from engine.core.units import SAMPLE_RATE_HZ
from engine.lab.benchmarks.tab import start_server
from engine.lab.evaluation.editor.measure import is_picture_untouched, measure_mode, measure_move
from engine.lab.evaluation.editor.page import STORE, EditorPage, browse
from engine.media.probe import probe

HIT_PX, MODE_PX = -24.0, 60.0
"""How far a hit and a mode are dragged to the right."""
SIZES_PX = ((1440, 900), (1100, 720), (820, 1100))
MOST_OFF_S, MOST_OFF = 0.001, 0.005
"""A dragged hit is heard this close to its place and a mode this close, as a share, to its frequency, or it is told."""
LEAST_WAV = 1e-6


def main(args: list[str]) -> int:
    """The command ``evaluate editor``; raises BadInput, and StruckError where the editor does not do what it shows."""
    parser = argparse.ArgumentParser(prog="evaluate editor", description=__doc__)
    parser.add_argument("clips", nargs="+", type=Path, metavar="CLIP", help="clips with sound of things being struck")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write screenshots into a folder")
    parser.add_argument("--ckpt-dir", help="folder of the checkpoints that the editor uses")
    parser.add_argument("--json", metavar="F", help="write the figures to a file; - is standard output")
    options = parser.parse_args(args)
    check_json_target(options.json)
    for clip in options.clips:
        if not clip.is_file():
            raise BadInput(f"{clip} is not a file; give clips")
        if not probe(clip).has_audio:
            raise BadInput(f"{clip} is silent, and what it shows may have to be chosen by hand; give clips with sound")
    results = [try_clip(clip.absolute(), options.out, options.ckpt_dir) for clip in options.clips]
    if options.json != "-":
        sys.stdout.writelines(line + "\n" for result in results for line in describe_trial(result))
    if options.json is not None:
        write_json(results, options.json, sys.stdout)
    wrong = [f"{result['clip']}: {fault}" for result in results for fault in result["faults"]]
    if wrong:
        raise StruckError("; ".join(wrong))
    return 0


def try_clip(clip: Path, out: Path | None, checkpoints: str | None) -> dict[str, Any]:
    """Figures of one clip in an app of its own."""
    arguments = () if checkpoints is None else ("--ckpt-dir", checkpoints)
    with tempfile.TemporaryDirectory(prefix="struck-trial-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "temporary").mkdir()
        with (
            start_server(folder / "home", folder / "temporary", *arguments) as (_, address),
            browse(f"http://{address}", folder) as editor,
        ):
            began_s = time.monotonic()
            say(f"opening {clip.name}")
            editor.open_clip(clip)
            result: dict[str, Any] = {"clip": clip.name, "hits": len(editor.project["hits"])}
            result["open_s"] = round(time.monotonic() - began_s, 2)
            result |= drag_hit(editor)
            result |= drag_mode(editor)
            result |= export_track(editor, clip)
            result["sync"] = read_meter(editor)
            if out is not None:
                take_pictures(editor, out, clip.stem)
            result["page_errors"] = editor.problems
    return result | {"faults": find_faults(result)}


def drag_hit(editor: EditorPage) -> dict[str, Any]:
    """Drag the hit with the longest silence before it, and measure by how much it is heard elsewhere."""
    hits = sorted(editor.project["hits"], key=lambda hit: float(hit["time_s"]))
    gaps = np.diff([0.0, *(hit["time_s"] for hit in hits)])
    hit = hits[int(np.argmax(gaps))]
    before = editor.track()
    mute = f"(id) => void {STORE}.edit({{ kind: 'set_hits', ids: [id], values: {{ mute: true }} }})"
    editor.change(lambda: editor.page.evaluate(mute, hit["id"]))
    without = editor.track()
    editor.change(lambda: editor.page.keyboard.press("Control+z"))
    place = editor.locate_hit(hit["id"])
    editor.change(lambda: editor.drag(place, {"x": place["x"] + HIT_PX, "y": place["y"]}))
    moved_s = next(h["time_s"] for h in editor.project["hits"] if h["id"] == hit["id"]) - hit["time_s"]
    heard_s = measure_move(without, before, editor.track(), SAMPLE_RATE_HZ)
    return {"moved_ms": round(1000 * moved_s, 3), "heard_moved_ms": round(1000 * heard_s, 3)}


def drag_mode(editor: EditorPage) -> dict[str, Any]:
    """Drag the strongest mode of the sound that is struck most, and measure the frequency at which it is heard."""
    project = editor.project
    struck = [hit["sound_id"] for hit in project["hits"]]
    ringing = [sound for sound in project["sounds"] if sound["modes"]["power_db"] and sound["id"] in struck]
    if not ringing:
        return {"mode_hz": None, "heard_mode_hz": None}
    sound = max(ringing, key=lambda one: struck.count(one["id"]))
    index = int(np.argmax(sound["modes"]["power_db"]))
    hit = max((h for h in project["hits"] if h["sound_id"] == sound["id"]), key=lambda h: float(h["velocity_db"]))
    editor.page.evaluate(
        "([soundId, hit]) => window.struck.store.select({ soundId, hits: new Set([hit]) })", [sound["id"], hit["id"]]
    )
    before = editor.track()
    place = editor.locate_mode(sound["id"], index)
    editor.change(lambda: editor.drag(place, {"x": place["x"] + MODE_PX, "y": place["y"]}))
    modes = next(one for one in editor.project["sounds"] if one["id"] == sound["id"])["modes"]
    put_hz = float(modes["frequency_hz"][index])
    heard_hz = measure_mode(before, editor.track(), hit["time_s"], put_hz, SAMPLE_RATE_HZ)
    was_hz = float(sound["modes"]["frequency_hz"][index])
    return {"mode_was_hz": round(was_hz, 1), "mode_hz": round(put_hz, 1), "heard_mode_hz": round(heard_hz, 1)}


def export_track(editor: EditorPage, clip: Path) -> dict[str, Any]:
    """Export, and compare the sound with the track and the picture with the clip's."""
    import soundfile

    files = editor.export()
    track = editor.track()
    exported, _ = soundfile.read(files["wav"], dtype="float32", always_2d=True)
    length = min(len(track), len(exported))
    film = next(path for ending, path in files.items() if ending != "wav")
    return {
        "wav_difference": float(np.abs(track[:length] - exported[:length]).max()),
        "peak": round(float(np.abs(track).max()), 4),
        "picture_untouched": is_picture_untouched(clip, film),
    }


def read_meter(editor: EditorPage) -> str:
    """What the sync meter tells of Struck's hits; it stays open."""
    editor.page.get_by_role("button", name="Sync", exact=True).click()
    panel = editor.page.get_by_role("dialog", name="Sync meter")
    panel.get_by_role("button", name="Stop").wait_for(state="hidden")
    return str(panel.locator(".sync-words").inner_text())


def take_pictures(editor: EditorPage, out: Path, name: str) -> None:
    """Screenshots with the sync meter open, and without it at every size."""
    out.mkdir(parents=True, exist_ok=True)
    editor.page.screenshot(path=str(out / f"{name}_sync.png"))
    editor.page.keyboard.press("Escape")
    for width, height in SIZES_PX:
        editor.page.set_viewport_size({"width": width, "height": height})
        editor.page.wait_for_timeout(500)
        editor.page.screenshot(path=str(out / f"{name}_{width}x{height}.png"))


def find_faults(result: dict[str, Any]) -> list[str]:
    """Sentences about what is heard or exported otherwise than shown."""
    faults = list(result["page_errors"])
    if abs(result["moved_ms"] - result["heard_moved_ms"]) > 1000.0 * MOST_OFF_S:
        faults.append(f"a hit moved by {result['moved_ms']} ms is heard moved by {result['heard_moved_ms']} ms")
    if result["mode_hz"] and abs(result["heard_mode_hz"] / result["mode_hz"] - 1.0) > MOST_OFF:
        faults.append(f"a mode put at {result['mode_hz']} Hz is heard at {result['heard_mode_hz']} Hz")
    if result["peak"] <= 1.0 and result["wav_difference"] > LEAST_WAV:
        faults.append(f"the exported sound differs from the track by {result['wav_difference']:.1e}")
    if not result["picture_untouched"]:
        faults.append("the exported picture is not the clip's")
    return faults


def describe_trial(result: dict[str, Any]) -> list[str]:
    """The figures of one clip in words."""
    mode = "no mode to drag"
    if result["mode_hz"]:
        mode = f"mode {result['mode_was_hz']:g} to {result['mode_hz']:g} Hz, heard at {result['heard_mode_hz']:g} Hz"
    return [
        f"{result['clip']}: {result['hits']} hits, heard {result['open_s']:g} s after it was chosen",
        f"  hit moved by {result['moved_ms']:g} ms, heard moved by {result['heard_moved_ms']:g} ms; {mode}",
        f"  exported sound within {result['wav_difference']:.1e} of the track (peak {result['peak']:g}); "
        f"picture {'untouched' if result['picture_untouched'] else 'changed'}",
        f"  sync: {result['sync']}",
    ]
