"""*Picture it*: pictures of what a sound of the document may be struck from."""

from __future__ import annotations

import base64

from engine.document.edits.values import check_seed, find_sound
from engine.document.project import Hit
from engine.pipeline.picture_sound import PictureOptions, find_scene_network
from ui.audition_service import AUDITION_SEED, render_apart, strike_alone
from ui.jobs import Job
from ui.protocol.picturing import PictureSound, PicturingProgressed, PicturingStopped, SoundPictured, StopPicturing
from ui.session import Session

COUNT = 4


def picture_sound(session: Session, request: PictureSound) -> None:
    """Draw in the background; a request that follows takes the place of this one. Raises BadInput."""
    project = session.require_project()
    sound = find_sound(project, request.sound_id)
    options = PictureOptions(COUNT, check_seed(request.seed))
    folder = find_scene_network(session.context.options.checkpoint_folder)
    hit = Hit("scene", 0.0, sound.id, AUDITION_SEED)

    def run(job: Job) -> None:
        from engine.pipeline import picture_sound as scene
        from engine.scene.network import load_scene_network

        try:
            (rendered,) = render_apart(session, job, strike_alone(project, sound, hit)).values()
            with session.context.analysis_lock.acquire(job.check) as yield_lock:

                def check(fraction: float) -> None:
                    job.check()
                    session.send(PicturingProgressed(round(fraction, 3)))
                    yield_lock()

                network = load_scene_network(folder)
                point = scene.encode_hit(network, scene.HeardSound(rendered.samples, sound.name))
                pictures = scene.draw_pictures(network, point, options, check)
            shown = [base64.b64encode(scene.encode_png(picture)).decode() for picture in pictures]
            session.send_result(SoundPictured(sound.id, tuple(f"data:image/png;base64,{data}" for data in shown)))
        except BaseException:
            session.send(PicturingStopped())
            raise

    session.picturing.start(run)


def stop_picturing(session: Session, request: StopPicturing) -> None:
    """Cancel the drawing, if one is going on."""
    session.picturing.cancel()
