"""Small pictures of what a search found, drawn a few at a time, after everything else."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.errors import BadInput
from engine.pipeline.picture_sound import encode_png, find_scene_network
from ui.bank_service import MOST_SHOWN
from ui.fair_lock import acquire_all
from ui.jobs import Job
from ui.protocol.picturing import CandidatesPictured, PictureCandidates

if TYPE_CHECKING:
    import numpy as np

    from engine.physics.model import Physics
    from engine.scene.network import SceneNetwork
    from ui.session import Session

AT_ONCE = 4


def picture_candidates(session: Session, request: PictureCandidates) -> None:
    """Send the kept pictures, then draw the others in the background; a request that follows replaces this one.

    Ids that are not kept any more are left out. A network that cannot be used draws nothing here: *Picture it* says
    why. Raises BadInput for too many ids.
    """
    if len(request.ids) > MOST_SHOWN:
        raise BadInput(f"pictures of {len(request.ids)} sounds are asked for, not of {MOST_SHOWN}; reload the page")
    sounds: dict[str, Physics] = {}
    for key in request.ids:
        try:
            sounds[key] = session.search_results.get(key).candidate.physics
        except BadInput:
            continue

    def run(job: Job) -> None:
        try:
            network = find_scene_network(session.context.options.checkpoint_folder)
            _draw(session, job, sounds, network)
        except (BadInput, OSError):
            return

    session.thumbnails.start(run, of_document=False)  # what was found stays


def _draw(session: Session, job: Job, sounds: dict[str, Physics], folder: Path) -> None:
    from engine.pipeline import sound_thumbnails as pipeline
    from engine.scene.network import load_scene_network

    cache = session.context.cache
    keys = dict(zip(sounds, pipeline.make_thumbnail_keys(list(sounds.values()), folder), strict=True))
    kept = {name: pipeline.read_thumbnail(cache, key) for name, key in keys.items()}
    wanted = [name for name, picture in kept.items() if picture is None]
    if len(wanted) < len(kept):
        session.send(_message({name: picture for name, picture in kept.items() if picture is not None}))
    network = load_scene_network(folder) if wanted else None
    for first in range(0, len(wanted), AT_ONCE):
        names = wanted[first : first + AT_ONCE]
        assert network is not None
        drawn = dict(zip(names, _draw_few(session, job, network, [sounds[name] for name in names]), strict=True))
        for name, picture in drawn.items():
            if picture is not None:
                pipeline.keep_thumbnail(cache, keys[name], picture)
        job.check()
        session.send(_message(drawn))


def _draw_few(session: Session, job: Job, network: SceneNetwork, sounds: list[Physics]) -> list[np.ndarray | None]:
    """Draw with both locks, yielded at every step: neither a search nor a strike waits for a picture."""
    from engine.pipeline.sound_thumbnails import draw_thumbnails

    context = session.context
    with acquire_all((context.analysis_lock, context.sampling_lock), job.check) as yield_locks:

        def check() -> None:
            job.check()
            yield_locks()

        return draw_thumbnails(network, sounds, check)


def _message(pictures: dict[str, np.ndarray | None]) -> CandidatesPictured:
    return CandidatesPictured(tuple((name, _address(picture)) for name, picture in pictures.items()))


def _address(picture: np.ndarray | None) -> str:
    """A picture as the data address of an image."""
    return "" if picture is None else f"data:image/png;base64,{base64.b64encode(encode_png(picture)).decode()}"
