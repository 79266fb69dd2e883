"""On paper, from measured figures: machines, money and bottleneck of so many clips a day."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.core.errors import BadInput

DAY_S = 86_400.0
COMMAND_SHARE = 0.05
"""Of a day: so long one command may take for itself, to digest clips and to note each in its manifest."""


@dataclass(frozen=True)
class Measured:
    """What the model stands on.

    Processor seconds of a clip and, of these, of its samples; its hits; bytes that are read and written for it; seconds
    that the command itself takes to digest it and to note it in its manifest; the machine's cores.
    """

    clip_s: float
    sampling_s: float
    hits: float
    read_bytes: float
    written_bytes: float
    digest_s: float
    noting_s: float
    cores: int


@dataclass(frozen=True)
class Assumed:
    """Clips a day; share of a day that cores work; price of an hour of a machine like the one that was measured."""

    clips_a_day: int
    utilisation: float
    price: float


@dataclass(frozen=True)
class Model:
    """Machines like the measured one, their price a day, traffic of the shared folder, and what holds all up first.

    ``clips_a_folder`` is how many clips one command can have before its own work holds it up, ``commands`` how many
    of them run beside one another then.
    """

    measured: Measured
    assumed: Assumed
    machines: int
    cost_a_day: float
    cost_a_thousand: float
    traffic_mb_per_s: float
    clips_a_folder: int
    commands: int
    bottleneck: str

    def describe(self) -> str:
        """The model in words, a line a figure."""
        given, own = self.assumed, self.measured
        return "\n".join((
            f"{given.clips_a_day} clips a day (of {own.hits:.0f} hits each), cores busy {given.utilisation:.0%} of it:",
            f"  machines    {self.machines} of {own.cores} cores = clips x {own.clip_s:.1f} s / (86400 s x "
            f"{given.utilisation:g} x {own.cores})",
            f"  money       {self.cost_a_day:.0f} a day at {given.price:g} an hour and machine, "
            f"{self.cost_a_thousand:.2f} a thousand clips",
            f"  traffic     {self.traffic_mb_per_s:.0f} MB/s of the shared folder, read and written",
            f"  commands    {self.commands} beside one another, each for a folder of up to {self.clips_a_folder} clips",
            f"  bottleneck  {self.bottleneck}",
        ))  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def make_model(measured: Measured, assumed: Assumed) -> Model:
    """The model: all that was measured is taken to grow in proportion to the clips."""
    work_s = assumed.clips_a_day * measured.clip_s
    machines = math.ceil(work_s / (DAY_S * assumed.utilisation * measured.cores))
    cost = machines * 24.0 * assumed.price
    traffic = assumed.clips_a_day * (measured.read_bytes + measured.written_bytes) / DAY_S / 1e6
    own = COMMAND_SHARE * DAY_S / (measured.digest_s + measured.noting_s)
    clips_a_folder = max(1, min(int(own), assumed.clips_a_day))
    share = measured.sampling_s / measured.clip_s
    where = f"sampling, {share:.0%} of the processors' time" if share >= 0.5 else (
        f"all but sampling (decoding, detecting, analysing, mixing), {1 - share:.0%} of the processors' time"
    )  # fmt: skip
    commands = math.ceil(assumed.clips_a_day / clips_a_folder)
    thousand = cost / assumed.clips_a_day * 1000.0
    return Model(measured, assumed, machines, cost, thousand, traffic, clips_a_folder, commands, where)


def read_measured(report: Mapping[str, Any], path: str) -> Measured:
    """What an earlier ``bench growth --json`` measured. BadInput where the file is none of it."""
    try:
        return Measured(**report["model"]["measured"])
    except (KeyError, TypeError):
        raise BadInput(f"{path} holds no figures for a model; write it with bench growth --json") from None


def measure_command(clip: Path, folder: Path, entries: int = 300) -> tuple[float, float]:
    """Seconds that a command takes to digest a clip, and to note one, the mean of ``entries``."""
    from engine.cli.batch_job import digest_clip
    from engine.cli.batch_report import Outcome
    from engine.cli.manifest import Manifest

    began_s = time.perf_counter()
    digest_clip(str(clip))
    digest_s = time.perf_counter() - began_s
    picture = "0" * 8000  # a small JPEG in base64
    manifest = Manifest(folder)
    began_s = time.perf_counter()
    for number in range(entries):
        outcome = Outcome(f"{number:04d}.mp4", f"{number:04d}", (f"{number:04d}.wav",), 10.0, 20, picture=picture)
        manifest.finish(f"{number:064x}", outcome)
    return digest_s, (time.perf_counter() - began_s) / entries
