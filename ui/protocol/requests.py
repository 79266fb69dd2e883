"""Messages from the browser to the server, one dataclass a type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Union

from ui.protocol.animating import MakeAnimatic, StopAnimatic
from ui.protocol.comparing import CompareVersions
from ui.protocol.conforming import Conform
from ui.protocol.edits import EditMessage
from ui.protocol.exporting import DeleteExportPreset, Export, PlanExport, SaveExportPreset
from ui.protocol.layers import MeasureLayers
from ui.protocol.picturing import MakeStoryboard, PictureCandidates, PictureSound, StopPicturing, StopStoryboard
from ui.protocol.presets import DeletePreset, ImportPresets, SavePreset
from ui.protocol.queue import CancelQueued, ClearQueue, QueueClips
from ui.protocol.strokes import FollowPicture
from ui.protocol.syncing import MeasureSync, StopSync

Layout = Literal["mono", "stereo", "5.1"]


@dataclass(frozen=True)
class Open:
    """Open a clip or project: a path on this machine, or ``upload:…`` as the upload route returned it."""

    type: ClassVar[str] = "open"
    path: str


@dataclass(frozen=True)
class FindClip:
    """Look for the clip that ``clip_wanted`` names at a path as in ``open``: its file, or a folder to search."""

    type: ClassVar[str] = "find_clip"
    path: str


@dataclass(frozen=True)
class OpenDemo:
    """Open a demo project."""

    type: ClassVar[str] = "open_demo"
    name: str


@dataclass(frozen=True)
class Close:
    """Close the document."""

    type: ClassVar[str] = "close"


@dataclass(frozen=True)
class ForgetSession:
    """Delete unsaved work of a closed tab, by the id of its session; answered by ``welcome``."""

    type: ClassVar[str] = "forget_session"
    session: str


@dataclass(frozen=True)
class Save:
    """Save the project, by default where it was saved last."""

    type: ClassVar[str] = "save"
    path: str | None = None


@dataclass(frozen=True)
class CollectProject:
    """Save the project as a new folder with its clip and recordings, inside a folder, by default the data folder's."""

    type: ClassVar[str] = "collect_project"
    inside: str | None = None


@dataclass(frozen=True)
class ApplyEdit:
    """Apply an edit; edits of one ``gesture`` are one entry of the history.

    ``number`` counts the tab's changes (edits, undos, redos, candidates) from 1; the document message has the highest
    one handled.
    A number that was handled before is ignored, so that a tab may resend changes after a lost connection.
    ``clip`` is the digest of the clip that the tab shows: where another is open meanwhile, the change is refused.
    """

    type: ClassVar[str] = "edit"
    edit: EditMessage
    gesture: str | None = None
    number: int = 0
    clip: str = ""


@dataclass(frozen=True)
class Undo:
    """Undo the last entry of the history; ``number`` and ``clip`` as in an edit."""

    type: ClassVar[str] = "undo"
    number: int = 0
    clip: str = ""


@dataclass(frozen=True)
class Redo:
    """Redo what was undone last; ``number`` and ``clip`` as in an edit."""

    type: ClassVar[str] = "redo"
    number: int = 0
    clip: str = ""


@dataclass(frozen=True)
class Cancel:
    """Cancel detection, analysis, sampling and export; sampling stays so until ``resume``, an export or an analysis.

    ``only_export`` leaves all but an export as it is.
    """

    type: ClassVar[str] = "cancel"
    only_export: bool = False


@dataclass(frozen=True)
class Resume:
    """Resume cancelled sampling."""

    type: ClassVar[str] = "resume"


@dataclass(frozen=True)
class FocusOn:
    """The user's position, playhead and selected hits by id: near hits are sampled first."""

    type: ClassVar[str] = "focus"
    time_s: float
    hits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Detect:
    """Detect hits again, keeping those the user edited."""

    type: ClassVar[str] = "detect"


@dataclass(frozen=True)
class Analyse:
    """Analyse hits (by id) again in the clip's sound."""

    type: ClassVar[str] = "analyse"
    hits: tuple[str, ...]


@dataclass(frozen=True)
class FitLevel:
    """Set the mix level so that the highest true peak of track and stems is as wanted, once all is sampled.

    With ``integrated_lufs`` it is set so that the track has this loudness. Both are of the track in ``channels``.
    """

    type: ClassVar[str] = "fit_level"
    true_peak_dbtp: float = -1.0
    integrated_lufs: float | None = None
    channels: Layout = "stereo"


@dataclass(frozen=True)
class MeasureLoudness:
    """Measure the loudness of the track in some channels, if all of it is sampled."""

    type: ClassVar[str] = "measure_loudness"
    channels: Layout = "stereo"


@dataclass(frozen=True)
class SnapHits:
    """Move hits (by id), each to the transient nearest to it in the clip's sound, or to the nearest onset seen."""

    type: ClassVar[str] = "snap_hits"
    hits: tuple[str, ...]


@dataclass(frozen=True)
class DrawToPeaks:
    """Draw hits (by id) to the nearest peaks of the onset curve; ``strength`` (0 to 1) is how far."""

    type: ClassVar[str] = "draw_to_peaks"
    hits: tuple[str, ...]
    strength: float = 1.0


@dataclass(frozen=True)
class ImportHits:
    """Add the hits of a spotting list (``path`` as in ``open``), or ``replace`` all hits by them.

    ``start`` is the timecode that the list has for the clip's first frame, ``frame_rate`` that of its timecode; None
    leaves them to the list and the clip.
    """

    type: ClassVar[str] = "import_hits"
    path: str
    replace: bool = False
    start: str | None = None
    frame_rate: str | None = None


@dataclass(frozen=True)
class Strike:
    """Render one strike of a sound; answered by ``audition``."""

    type: ClassVar[str] = "strike"
    sound_id: str
    velocity_db: float = 0.0


@dataclass(frozen=True)
class RenderTakes:
    """Render a hit with each of several seeds; each is answered by ``take``."""

    type: ClassVar[str] = "render_takes"
    hit_id: str
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class AuditionPreset:
    """Render one strike of a preset; answered by ``audition``."""

    type: ClassVar[str] = "audition_preset"
    name: str


@dataclass(frozen=True)
class AuditionCandidate:
    """Render one strike of a search result; answered by ``audition``."""

    type: ClassVar[str] = "audition_candidate"
    id: str


@dataclass(frozen=True)
class SoundFromFile:
    """Replace a sound by the analysis of a recording; ``path`` as in ``open``."""

    type: ClassVar[str] = "sound_from_file"
    sound_id: str
    path: str


@dataclass(frozen=True)
class MorphPreview:
    """Compute a morph without changing the document; answered by ``morph_preview``."""

    type: ClassVar[str] = "morph_preview"
    sound_id: str
    amount: float
    other: str | None = None
    preset: str | None = None


@dataclass(frozen=True)
class Search:
    """Search the bank by words, by a sound, by the picture, or generate sounds; ``request`` returns in the answer.

    By the picture, ``contact``, x and y as shares of it, is where the user says that something is struck at ``time_s``,
    and ``material`` what the user says that it is made of.
    """

    type: ClassVar[str] = "search"
    by: Literal["words", "sound", "picture", "new"]
    request: int | None = None
    sound_id: str | None = None
    text: str | None = None
    contact: tuple[float, float] | None = None
    time_s: float | None = None
    material: str | None = None


@dataclass(frozen=True)
class UseCandidate:
    """Give a sound a search result's physics, or only some ``parts`` of it: modes, noise, room.

    With ``hits`` these alone get it, by a sound of theirs. ``gesture``, ``number`` and ``clip`` as in an edit.
    """

    type: ClassVar[str] = "use_candidate"
    id: str
    sound_id: str
    parts: tuple[str, ...] | None = None
    hits: tuple[str, ...] | None = None
    gesture: str | None = None
    number: int = 0
    clip: str = ""


@dataclass(frozen=True)
class MeasureSpan:
    """Analyse a span of the clip's sound, into a sound or as a new one."""

    type: ClassVar[str] = "measure_span"
    start_s: float
    end_s: float
    sound_id: str | None = None


@dataclass(frozen=True)
class AddToBank:
    """Analyse recordings (paths as in ``open``) and add them to the user's bank; answered by ``bank``."""

    type: ClassVar[str] = "add_to_bank"
    paths: tuple[str, ...]


@dataclass(frozen=True)
class BankSize:
    """Request the size of the bank; answered by ``bank``."""

    type: ClassVar[str] = "bank_size"


ClientMessage = Union[  # noqa: UP007 - evaluated at run time on Python 3.10
    Open, FindClip, OpenDemo, Close, ForgetSession, Save, CollectProject, ApplyEdit, Undo, Redo, Cancel, Resume,
    FocusOn, Detect, Analyse, Export, PlanExport, FitLevel, MeasureLoudness, SnapHits, DrawToPeaks, ImportHits, Strike,
    RenderTakes, CompareVersions, FollowPicture, MeasureLayers,
    SavePreset, DeletePreset, ImportPresets, SaveExportPreset, DeleteExportPreset,
    AuditionPreset, AuditionCandidate, SoundFromFile, MorphPreview, Search, UseCandidate, MeasureSpan, AddToBank,
    BankSize, Conform, QueueClips, CancelQueued, ClearQueue, MeasureSync, StopSync, MakeAnimatic,
    StopAnimatic, PictureSound, StopPicturing, PictureCandidates, MakeStoryboard, StopStoryboard,
]  # fmt: skip
