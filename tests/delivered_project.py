"""A project of two sounds and four hits, rendered by synthesis alone, for the tests of delivery."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from engine.document.project import Clip, Hit, Mix, Project, Sound
from engine.document.source import Source
from engine.media.export.options import DeliveryOptions
from engine.physics.model import Modes, Physics, Residual
from engine.physics.synthesis import synthesize
from engine.pipeline.delivery import Delivery
from engine.pipeline.events import RenderedHit
from engine.pipeline.render import hit_physics

RATE = 48_000
FRAME_RATE = Fraction(25)
JAR = Modes((900.0, 2310.0), (-14.0, -20.0), (25.0, 40.0), (0.3, -1.0))
NOISE = Residual((0.0, 2000.0, 12_000.0), (-40.0, -46.0), (60.0, 90.0))


def make_project(path: str = "/no/clip.mp4", times: tuple[float, ...] = (0.25, 0.62111, 0.70007, 1.95)) -> Project:
    sounds = (
        Sound("s1", "Glass jar", JAR, Residual(), Source("clip")),
        Sound("s2", "Wooden crate", Modes((210.0,), (-12.0,), (30.0,), (0.0,)), NOISE, Source("clip")),
    )
    hits = tuple(
        Hit(f"h{k}", t, f"s{1 + k % 2}", k, velocity_db=-4.0 * k, gain_db=1.5 * k - 2.0, pan=(-0.5, 0.0, 0.75, 0.0)[k])
        for k, t in enumerate(times)
    )
    return Project(Clip(path, "", 2.0, FRAME_RATE, 160, 96, "01:00:00:00"), sounds, hits, Mix(gain_db=-1.0))


def sample(project: Project) -> Mapping[str, RenderedHit]:
    return {
        hit.id: RenderedHit(hit.id, synthesize(Physics(*hit_physics(project, hit), RATE), seed=hit.seed))
        for hit in project.hits
    }


def deliver(project: Project, **options: object) -> Delivery:
    return Delivery(project, sample(project), DeliveryOptions(**options))  # type: ignore[arg-type]
