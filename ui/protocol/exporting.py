"""Messages about exports, in both directions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from engine.media.export.options import DeliveryOptions


@dataclass(frozen=True)
class ExportOptions(DeliveryOptions):
    """How files are exported: DeliveryOptions, endings of track and video, and whether the pattern names all files."""

    sound_ending: str = ".wav"
    video_ending: str = ".mp4"
    ucs_names: bool = False


@dataclass(frozen=True)
class Export:
    """Export kinds of files: wav, mp4, stems, pieces, markers, project, and sessions such as reaper and aaf.

    ``existing`` is what becomes of files that an earlier export left: "ask" exports nothing where there are some, but
    answers with an ``export_plan`` that asks.
    """

    type: ClassVar[str] = "export"
    what: tuple[str, ...]
    options: ExportOptions = field(default_factory=ExportOptions)
    existing: Literal["ask", "keep", "replace"] = "ask"


@dataclass(frozen=True)
class PlanExport:
    """Name the files of an export without writing any; answered by ``export_plan``."""

    type: ClassVar[str] = "plan_export"
    what: tuple[str, ...]
    options: ExportOptions = field(default_factory=ExportOptions)


@dataclass(frozen=True)
class ExportPlan:
    """Names of the files of an export, and those of them that an earlier export left.

    ``asks``: an export waits for what becomes of these. ``fault`` is why there are no names.
    """

    type: ClassVar[str] = "export_plan"
    names: tuple[str, ...] = ()
    existing: tuple[str, ...] = ()
    asks: bool = False
    fault: str = ""


@dataclass(frozen=True)
class ExportedFile:
    """A file to download; ``warning`` says what is wrong with it, "" where nothing is."""

    name: str
    url: str
    note: str
    warning: str = ""


@dataclass(frozen=True)
class Exported:
    """The files of an export; ``is_current``: whether they are of the project as it is now.

    ``again``: told to a tab that joins, of an export before; without files where another document was opened.
    """

    type: ClassVar[str] = "exported"
    files: tuple[ExportedFile, ...]
    is_current: bool
    again: bool = False


@dataclass(frozen=True)
class ExportSettings:
    """Kinds of files and options of a project's last export."""

    what: tuple[str, ...]
    options: ExportOptions


@dataclass(frozen=True)
class ExportPreset:
    """Kinds of files and options of exports, kept under a name."""

    name: str
    what: tuple[str, ...]
    options: ExportOptions


@dataclass(frozen=True)
class SaveExportPreset:
    """Keep choices of the export dialog under a name; answered by ``welcome``."""

    type: ClassVar[str] = "save_export_preset"
    preset: ExportPreset


@dataclass(frozen=True)
class DeleteExportPreset:
    """Delete an export preset of one's own; answered by ``welcome``."""

    type: ClassVar[str] = "delete_export_preset"
    name: str
