"""``bench edits``: hours of one person's edits on one session, as fast as the server takes them; nothing may grow."""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.cli.console import check_json_target, make_progress, write_json
from engine.core.errors import BadInput
from engine.lab.benchmarks.draw_edits import DRAWS, draw_edit
from engine.lab.benchmarks.machine import count_open_files, count_threads, describe_machine, find_resident_mb
from engine.lab.benchmarks.tab import Tab, start_server

EDIT_S = 10.0
"""Simulated time between two edits."""

REOPEN_S, SAMPLE_S, REQUEST_S = 7200.0, 1200.0, 40.0
"""Simulated time between openings of a demo, samplings by the network, and other requests."""

RENDER_EDITS = 10
"""Number of edits between two waits for all hits, which are synthesised: sampling would take the simulated hours."""

HELD_EDITS = 50
"""Number of edits between two records of the server's resources."""

REST_S = 45.0
"""Time from closing the tab to reading memory."""

MOST_GROWTH_MB = 32.0
MOST_UNDOS = 500
FIRST_SHARE, FILL_HOURS = 0.25, 1.0
"""Share of the time in which caches fill, and its minimum; shorter runs have no verdict on growth."""


@dataclass(frozen=True)
class Held:
    """What the server's process holds at a simulated time; None where the system does not report it."""

    hours: float
    memory_mb: float | None
    threads: int | None
    open_files: int | None
    temporary_files: int
    data_files: int


def run(args: list[str]) -> int:
    """The command ``bench edits``; 1 where something grows. Raises BadInput and StruckError."""
    parser = argparse.ArgumentParser(prog="bench edits", description="Hours of edits, simulated fast.")
    parser.add_argument("--hours", type=float, default=8.0, metavar="H", help=f"an edit every {EDIT_S:g} s of them")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--json", metavar="F", help="write the figures to a file; - is standard output")
    options = parser.parse_args(args)
    if not 0.05 <= options.hours <= 100.0:
        raise BadInput(f"--hours {options.hours:g} is out of range; give 0.05 to 100")
    check_json_target(options.json)
    report = measure(options.hours, options.seed)
    if options.json != "-":
        sys.stdout.write(format_report(report))
    if options.json is not None:
        write_json(report, options.json, sys.stdout)
    return 1 if report["faults"] else 0


def measure(hours: float, seed: int) -> dict[str, Any]:
    """Serve, edit for ``hours`` of simulated time, and gather what the server holds meanwhile and after."""
    with tempfile.TemporaryDirectory(prefix="struck-bench-", ignore_cleanup_errors=True) as folder:
        data, temporary = Path(folder) / "data", Path(folder) / "temporary"
        temporary.mkdir()
        began_s = time.monotonic()
        with start_server(data, temporary) as (pid, address):
            tab = Tab(address)
            try:
                held = edit_for(tab, hours, seed, lambda hour: look(pid, hour, data, temporary))
                undos = count_undos(tab)
            finally:
                tab.close()
            time.sleep(REST_S)
            after = look(pid, hours, data, temporary)
    report = {
        "machine": describe_machine(),
        "hours": hours,
        "took_s": time.monotonic() - began_s,
        "asked": dict(sorted(tab.asked.items())),
        "held": [asdict(each) for each in held],
        "after_the_tab": asdict(after),
        "undos": undos,
    }
    return report | {"faults": find_growth(held) + find_faults(tab, undos)}


def look(pid: int, hours: float, data: Path, temporary: Path) -> Held:
    """The server's resources now; the cache's files are not counted, since they are bounded by size."""
    files = [path for path in data.rglob("*") if path.is_file() and path.relative_to(data).parts[0] != "cache"]
    return Held(
        hours,
        find_resident_mb(pid),
        count_threads(pid),
        count_open_files(pid),
        sum(path.is_file() for path in temporary.rglob("*")),
        len(files),
    )


# ---- a person at work ------------------------------------------------------------------------


def edit_for(tab: Tab, hours: float, seed: int, look_at: Callable[[float], Held]) -> list[Held]:
    """Edit as a person does, in simulated time; what the server held every HELD_EDITS edits."""
    draw = random.Random(seed)
    tab.wait(lambda: tab.project is not None, "opening the demo")
    requests = list_requests(tab, draw)
    held = []
    count = round(hours * 3600.0 / EDIT_S)
    progress = make_progress("editing")
    for number in range(count):
        if is_due(number, REOPEN_S):
            tab.open(draw.choice(("sound", "silent")))
        tab.leave_network()
        kind, edit = draw_edit(draw, tab.document)
        for turn in range(draw.choice((1, 1, 1, 4))):  # a drag is several edits of one gesture
            if turn:
                kind, edit = draw_edit(draw, tab.document, kind)
            tab.change(f"gesture-{number}", kind=kind, **edit)
        if kind in ("set_source", "set_track"):
            tab.wait_for_quiet()  # hits are looked for anew
        if draw.random() < 0.15:
            tab.step("undo")
            if draw.random() < 0.5:
                tab.step("redo")
        if number % RENDER_EDITS == 0:
            tab.hear()
        if is_due(number, REQUEST_S):
            next(requests)
        if is_due(number + 1, SAMPLE_S):
            sample(tab)
        if number % HELD_EDITS == 0:
            held.append(look_at(number * EDIT_S / 3600.0))
        progress((number + 1) / count)
    held.append(look_at(hours))
    return held


def is_due(number: int, every_s: float) -> bool:
    """Whether something that happens every so often happens before an edit."""
    return number % max(1, round(every_s / EDIT_S)) == 0


def sample(tab: Tab) -> None:
    """Sample the first hits by the network, and undo that."""
    first = min(tab.document["hits"], key=lambda hit: hit["time_s"])
    others = [hit["id"] for hit in tab.document["hits"] if hit["id"] != first["id"]]
    tab.change(None, kind="delete_hits", ids=others)
    tab.change(None, kind="set_render", checkpoint="sampler", steps=1)
    tab.wait_for_hits()
    tab.step("undo")
    tab.step("undo")
    tab.leave_network()


def list_requests(tab: Tab, draw: random.Random) -> Iterator[None]:
    """All other requests of the editor, one at a time, endlessly."""
    session = "bench-edits"

    def sound() -> str:
        return str(draw.choice(tab.document["sounds"])["id"])

    def use_candidate() -> None:
        found = tab.ask("search_results", type="search", by="sound", request=1, sound_id=sound())
        if not found:
            return
        tab.asked["use_candidate"] += 1
        tab.send_numbered({"type": "use_candidate", "id": found["candidates"][0]["id"], "sound_id": sound()})
        tab.wait(lambda: tab.is_settled, "using a candidate")

    def reconnect() -> None:
        tab.asked["reconnect"] += 1
        tab.reconnect()
        tab.wait(lambda: tab.is_settled, "connecting again")

    def export() -> None:
        what = ["wav", "mp4", "stems", "markers", "project"]
        for file in tab.ask("exported", type="export", what=what, existing="replace")["files"]:
            tab.fetch(file["url"].removeprefix("/struck/"))

    def filmstrip() -> None:
        start_s = draw.uniform(0.0, tab.document["clip"]["duration_s"] - 1.0)
        span = {"start_s": start_s, "end_s": start_s + draw.uniform(0.1, 1.0), "count": 12, "height": 60}
        tab.fetch(f"filmstrip/{session}?{urllib.parse.urlencode(span)}")

    def search_words() -> None:
        words = draw.choice(("thin glass bottle", "heavy wooden door", "small coin on a table", "big cast iron pan"))
        tab.ask("search_results", type="search", by="words", request=2, text=words)

    def measure_span() -> None:
        if tab.document["clip"]["has_audio"]:
            hit = draw.choice(tab.document["hits"])["time_s"]
            start_s = min(hit, tab.document["clip"]["duration_s"] - 0.5)
            count, known = len(tab.document["sounds"]), len(tab.errors)
            tab.asked["measure_span"] += 1
            tab.send({"type": "measure_span", "start_s": start_s, "end_s": start_s + 0.4})
            tab.wait(lambda: len(tab.document["sounds"]) > count or len(tab.errors) > known, "analysing a span")
            del tab.errors[known:]  # a hit may have been moved to where the clip is silent

    def fetch_sounds() -> None:
        tab.hear()
        for key in list(tab.rendered.values())[:4]:
            tab.fetch(f"sound/{key}")

    def fetch_track() -> None:
        tab.hear()
        tab.fetch(f"track/{session}")

    acts: list[Callable[[], object]] = [
        use_candidate,
        reconnect,
        export,
        filmstrip,
        search_words,
        measure_span,
        fetch_sounds,
        lambda: tab.ask("note", type="save"),
        lambda: tab.ask("audition", type="strike", sound_id=sound()),
        lambda: tab.ask("search_results", type="search", by="new", request=3, text="small bell"),
        lambda: tab.ask("morph_preview", type="morph_preview", sound_id=sound(), amount=0.5, other=sound()),
        lambda: tab.ask("bank", type="bank_size"),
        lambda: tab.fetch(f"match/{session}/{sound()}"),
        fetch_track,
        lambda: tab.fetch(f"filmstrip/{session}?start_s=0&end_s=4&count=20&height=60"),
    ]
    while True:
        for act in acts:
            act()
            yield


def count_undos(tab: Tab) -> int:
    """How many steps can be undone, up to one more than may be."""
    for done in range(MOST_UNDOS + 1):
        if tab.last["document"]["undo"] is None:
            return done
        tab.step("undo")
    return MOST_UNDOS + 1


# ---- what grew -------------------------------------------------------------------------------


def find_growth(held: Sequence[Held]) -> list[str]:
    """What was more in the last quarter of the time than in the first quarter after caches were full."""
    end = held[-1].hours
    if FIRST_SHARE * end < FILL_HOURS:
        return []
    early = [each for each in held if FIRST_SHARE * end <= each.hours < 2 * FIRST_SHARE * end]
    late = [each for each in held if each.hours >= (1.0 - FIRST_SHARE) * end]
    limits = {"memory_mb": MOST_GROWTH_MB, "threads": 4, "open_files": 4, "temporary_files": 0, "data_files": 3}
    faults = []
    for name, limit in limits.items():
        before, after = (
            [value for each in part if (value := getattr(each, name)) is not None] for part in (early, late)
        )
        if before and after:
            grown = statistics.median(after) - statistics.median(before)
            if grown > limit:
                faults.append(f"{name} grew by {grown:g}, more than {limit:g}")
    return faults


def find_faults(tab: Tab, undos: int) -> list[str]:
    """Errors that the server sent, kinds of edits that were never made, and a history without bound."""
    faults = [f"{count} times: {error}" for error, count in Counter(tab.errors).most_common()]
    if tab.asked.total() > 50 * len(DRAWS):
        faults += [f"no edit {kind} was made" for kind in DRAWS if not tab.asked[kind]]
    if undos > MOST_UNDOS:
        faults.append(f"more than {MOST_UNDOS} steps can be undone")
    return faults


def format_report(report: dict[str, Any]) -> str:
    """The figures as lines of text."""
    columns = ("memory_mb", "threads", "open_files", "temporary_files", "data_files")
    lines = [report["machine"], f"{report['hours']:g} hours of edits in {report['took_s']:.0f} s", ""]
    lines += [f"| hours | {' | '.join(columns)} |", "|" + "---|" * (len(columns) + 1)]
    shown: dict[int, dict[str, Any]] = {}
    for each in report["held"]:
        shown.setdefault(int(each["hours"]), each)
    rows = [*shown.values(), report["held"][-1]] if report["held"][-1] not in shown.values() else [*shown.values()]
    rows = [*((f"{row['hours']:.1f}", row) for row in rows), ("the tab closed", report["after_the_tab"])]  # type: ignore[list-item]
    for name, row in rows:  # type: ignore[misc]
        values = ("unknown" if row[c] is None else f"{row[c]:.0f}" for c in columns)  # type: ignore[index]
        lines.append(f"| {name} | {' | '.join(values)} |")
    asked = ", ".join(f"{name} {count}" for name, count in report["asked"].items())
    lines += ["", f"asked: {asked}", f"steps that could be undone: {report['undos']}"]
    lines += [f"{len(report['faults'])} faults", *report["faults"][:20]]
    return "\n".join(lines) + "\n"
