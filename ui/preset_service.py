"""Presets of the user's own: sounds under names and tags, files of presets taken in, choices of the export dialog."""

from __future__ import annotations

from engine.core.errors import BadInput
from engine.core.words import counted
from engine.document.edits.values import find_sound
from engine.document.parts import with_parts
from engine.document.presets import OwnPreset
from engine.document.project import Sound
from engine.document.source import Source, describe_source
from ui import uploads
from ui.export_plan import check_export
from ui.named_paths import resolve_path
from ui.protocol.exporting import DeleteExportPreset, SaveExportPreset
from ui.protocol.presets import DeletePreset, ImportPresets, SavePreset
from ui.session import Session


def save_preset(session: Session, message: SavePreset) -> None:
    """Keep a sound and its parts as they are heard at 0 dB, detail and macros applied, in place of one of that name."""
    from engine.document.preset_files import check_preset_name, check_tags
    from engine.physics.macros import apply_macros
    from engine.pipeline.complete_sound import complete_sound

    project = session.require_project()
    sound = find_sound(project, message.sound_id)
    name, tags = check_preset_name(message.name), check_tags(message.tags)
    _check_free(session, name)
    modes, residual = apply_macros(*complete_sound(sound), sound.macros)
    needed = with_parts(project.sounds, [sound.id]) - {sound.id}
    sounds = tuple(
        Sound(one.id, one.name, *apply_macros(*complete_sound(one), one.macros), Source("preset"), parts=one.parts)
        for one in project.sounds
        if one.id in needed
    )
    credit = describe_source(sound.source)
    session.context.own_presets.put([OwnPreset(name, tags, modes, residual, credit, sound.parts, sounds)])
    session.send_welcome()
    session.note(f"{name} is kept among your presets")


def delete_preset(session: Session, message: DeletePreset) -> None:
    """Delete a preset of one's own; sounds that were made from it stay."""
    session.context.own_presets.remove(message.name)
    session.send_welcome()


def import_presets(session: Session, message: ImportPresets) -> None:
    """Take in a file of presets; those of one's own that have the same names are replaced."""
    from engine.document.preset_files import read_presets

    path = resolve_path(session, message.path)
    try:
        presets = read_presets(path)
    finally:
        uploads.remove(session, path)
    for preset in presets:
        _check_free(session, preset.name)
    session.context.own_presets.put(presets)
    session.send_welcome()
    session.note(f"{counted(len(presets), 'preset')} taken in")


def save_export_preset(session: Session, message: SaveExportPreset) -> None:
    """Keep choices of the export dialog; an own preset of that name is replaced. Raises BadInput."""
    check_export(message.preset.what, message.preset.options)
    session.context.export_presets.put(message.preset)
    session.send_welcome()


def delete_export_preset(session: Session, message: DeleteExportPreset) -> None:
    """Delete an export preset of one's own. Raises BadInput."""
    session.context.export_presets.remove(message.name)
    session.send_welcome()


def _check_free(session: Session, name: str) -> None:
    if any(preset.name == name for preset in session.context.shipped_presets()):
        raise BadInput(f"a preset that Struck brings is called {name}; choose another name")
