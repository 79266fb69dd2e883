"""What editors and a shared sampler send one another: hits as JSON, sounds as float32.

Numbers of hits travel as the shortest decimals that give the same floats, so samples are those of a local sampler.
"""

from __future__ import annotations

import functools
import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from engine.core.bounded_json import parse_json
from engine.core.errors import BadInput
from engine.core.paths import ROOT
from engine.physics.detail import Detail
from engine.physics.model import Context, Physics, physics_from_json, physics_to_json
from engine.pipeline.hit_to_sample import HitToSample

MOST_HITS = 32
MOST_BYTES = 16 << 20
_COUNT = struct.Struct("<I")
_SAMPLED_BY = ("core", "physics", "diffusion")


@dataclass(frozen=True)
class WireSettings:
    """What hits of one batch have in common, and the digests that editor and service must agree on."""

    checkpoint: str
    digest: str
    code: str
    steps: int
    guidance: float


@functools.cache
def digest_code() -> str:
    """Digest of the code that samples depend on."""
    total = hashlib.sha256()
    for part in _SAMPLED_BY:
        for path in sorted((ROOT / "engine" / part).rglob("*.py")):
            total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def encode_request(user: str, settings: WireSettings, hits: Sequence[HitToSample]) -> bytes:
    """A request as JSON."""
    listed = [
        {
            "physics": physics_to_json(Physics(*hit.physics)),
            "seed": hit.seed,
            "context": asdict(hit.context),
            "detail": asdict(hit.detail),
        }
        for hit in hits
    ]
    return json.dumps({"user": user, "settings": asdict(settings), "hits": listed}).encode()


def decode_request(data: bytes) -> tuple[str, WireSettings, list[HitToSample]]:
    """User, settings and hits of a request; BadInput for anything else."""
    try:
        request = parse_json(data)
        hits = [_decode_hit(value) for value in request["hits"]]
        settings = WireSettings(**request["settings"])
        fits = isinstance(settings.steps, int) and 1 <= settings.steps <= 200 and 0.0 <= settings.guidance <= 20.0
        if not fits or not 0 < len(hits) <= MOST_HITS:
            raise ValueError("a number is out of range")
        return str(request["user"])[:64], settings, hits
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error)[:80]
        raise BadInput(
            f"the request is none of an editor of this version ({reason}); use the same Struck on both machines"
        ) from None


def _decode_hit(value: Any) -> HitToSample:
    physics = physics_from_json(value["physics"])
    context = Context(**value["context"] | {"embedding": tuple(map(float, value["context"]["embedding"]))})
    return HitToSample((physics.modes, physics.residual), int(value["seed"]), context, Detail(**value["detail"]))


def encode_sounds(sounds: Sequence[np.ndarray]) -> bytes:
    """Sounds of one dimension: their number and lengths, then their samples."""
    lengths = b"".join(_COUNT.pack(len(sound)) for sound in sounds)
    return _COUNT.pack(len(sounds)) + lengths + b"".join(sound.astype("<f4").tobytes() for sound in sounds)


def decode_sounds(data: bytes, count: int) -> list[np.ndarray]:
    """``count`` sounds; ValueError where these are not so many, whole and finite."""
    numbers = np.frombuffer(data[: 4 * (count + 1)], "<u4")
    samples = np.frombuffer(data[4 * (count + 1) :], "<f4")
    if len(numbers) != count + 1 or numbers[0] != count or int(numbers[1:].sum()) != len(samples):
        raise ValueError("the answer is torn")
    if not np.isfinite(samples).all():
        raise ValueError("the answer holds sounds that are not finite")
    return [part.astype(np.float32) for part in np.split(samples, np.cumsum(numbers[1:-1].astype(np.int64)))]
