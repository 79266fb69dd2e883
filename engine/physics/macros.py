"""Macro controls: physically motivated transforms of all modes and the residual (mass, hardness, damping, …).

Each transform is continuous in its control, the identity at 0, and non-destructive: the document keeps the original
parameters. ``ui/editor/audio/macros.js`` implements the same formulas for the preview; change both together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from engine.core.units import LN_60_DB, db_to_gain, db_to_power, power_to_db
from engine.physics.loudness import measure_loudness_db
from engine.physics.model import ENVELOPE_RANGE_DB, LONGEST_RISE_S, Macros, Modes, NoiseComponent, Residual
from engine.physics.noise_bands import (
    BURST_DECAY_PER_S,
    LEAST_POWER,
    add_power,
    amplify,
    bands_near,
    centres_of,
    level_of,
    power_of,
    rebin,
    with_bands,
)

SIZE_SPAN = 4.0  # lengths at mass 1: two octaves down, 64 times the mass
CONTACT_SPAN = 6.0  # contact time at hardness -1
VELOCITY_EXPONENT = -0.2  # Hertz
DAMPING_SPAN = 10.0  # decay rate at 1 kHz and damping 1
DAMPING_HZ = 1000.0  # where the material's losses equal the frequency-independent ones
POSITION_CENTRE, POSITION_SPAN = 0.28, 0.22  # of the length: 0.06 at the edge, 0.5 in the middle
POSITION_FLOOR, POSITION_BLUR = 0.1, 4.0
ROUGHNESS_DB, ROUGHNESS_TILT_DB = 12.0, 6.0
ROUGHNESS_WIDENING = 4.0
BURST_OF_STRIKE, BURST_OF_MODES = 0.25, 0.06
ROOM_SHARE, ROOM_T60_S, ROOM_HZ, ROOM_SMOOTH_OCTAVES = 0.25, 0.5, 4000.0, 1.0
CONTACT_DEFAULT_S = 0.0005
CONTACT_RANGE_S = (0.00005, 0.005)

_MAX_HZ = 1e6


def apply_macros(
    modes: Modes, residual: Residual, macros: Macros | None = None, velocity_db: float = 0.0
) -> tuple[Modes, Residual]:
    """Apply the macros and a velocity to a sound.

    At the defaults and 0 dB the same objects are returned. The order is that of the physical chain: object (mass,
    damping), contact (position, hardness and velocity, roughness), room. Muted modes stay muted and are ignored.
    """
    macros = macros or Macros()
    size = SIZE_SPAN**macros.mass
    contact_s = contact_time_s(modes, residual) * size
    if macros.mass:
        modes, residual = change_size(modes, residual, size)
    if macros.damping:
        modes, residual = change_damping(modes, residual, macros.damping)
    if macros.position:
        modes = change_position(modes, macros.position)
    ratio = CONTACT_SPAN**-macros.hardness * db_to_gain(VELOCITY_EXPONENT * velocity_db)
    if macros.hardness or velocity_db:
        modes, residual = change_contact(modes, residual, contact_s, ratio)
    if velocity_db:
        modes = replace(modes, power_db=tuple(p + velocity_db for p in modes.power_db))
        residual = residual.scaled(velocity_db)
    without = residual
    if macros.roughness:
        residual = change_roughness(modes, residual, macros.roughness)
    if macros.room:
        residual = change_room(modes, residual, macros.room)
    if macros.keep_loudness and residual is not without:
        gain_db = measure_loudness_db(modes, without) - measure_loudness_db(modes, residual)
        return apply_hit_offsets(modes, residual, velocity_db=gain_db)
    return modes, residual


def apply_hit_offsets(
    modes: Modes,
    residual: Residual,
    pitch_cents: float = 0.0,
    decay_ratio: float = 1.0,
    residual_db: float = 0.0,
    velocity_db: float = 0.0,
) -> tuple[Modes, Residual]:
    """Apply a hit's offsets: transposition, decay rates times ``decay_ratio``, level, and level of the residual.

    ``velocity_db`` changes the level alone; ``apply_macros`` also changes the spectrum with velocity.
    """
    ratio = 2.0 ** (pitch_cents / 1200.0)
    frequency_hz = tuple(f * ratio for f in modes.frequency_hz)
    power_db = tuple(p + velocity_db for p in modes.power_db)
    decay_per_s = tuple(d * decay_ratio for d in modes.decay_per_s)
    return Modes(frequency_hz, power_db, decay_per_s, modes.phase_rad, modes.muted), residual.scaled(
        velocity_db + residual_db, decay_ratio
    )


# --- reference values -----------------------------------------------------------------------------


def contact_time_s(modes: Modes, residual: Residual) -> float:
    """Contact time of striker and object, estimated from the sound: the reference of hardness and velocity.

    The shorter of the rise, if there is one, and a quarter of the period at the modes' mean log frequency, weighted by
    amplitude: the spectrum of the contact force must extend to the strong modes. 0.5 ms without either; within
    CONTACT_RANGE_S.
    """
    known = [residual.rise_s] if residual.rise_s > 0.0 else []
    centre_hz = _mean_hz(modes, 0.0)
    if centre_hz is not None:
        known.append(0.25 / centre_hz)
    return _clamp(min(known, default=CONTACT_DEFAULT_S), *CONTACT_RANGE_S)


def lowest_strong_hz(modes: Modes) -> float | None:
    """Frequency of the lowest strong mode, as a smooth function: mean log frequency weighted by amplitude / f^3."""
    return _mean_hz(modes, -3.0)


def _mean_hz(modes: Modes, exponent: float) -> float | None:
    muted = modes.mute_mask
    logs, weights = [], []
    for frequency, power, off in zip(modes.frequency_hz, modes.power_db, muted, strict=True):
        if not off and frequency > 0.0:
            logs.append(math.log(_clamp(frequency, 1.0, _MAX_HZ)))
            weights.append(math.log(10.0) * power / 20.0 + exponent * logs[-1])
    if not logs:
        return None
    top = max(weights)
    shares = [math.exp(weight - top) for weight in weights]
    return math.exp(sum(share * log for share, log in zip(shares, logs, strict=True)) / sum(shares))


# --- transforms -----------------------------------------------------------------------------------


def change_size(modes: Modes, residual: Residual, size: float) -> tuple[Modes, Residual]:
    """Mass: all lengths of object and striker times ``size``, with the same material and impact speed.

    By similitude the sound is slowed down: frequencies and, for a constant loss factor, decay rates are divided by
    ``size``, contact and rise times multiplied by it; at a listening distance scaled alike, levels and phases stay. The
    shifted noise is rebinned to the residual's bands by power. The room is no part of the object and keeps its decay;
    its level is that of ``feed_room``.
    """
    moved = replace(
        modes,
        frequency_hz=tuple(f / size for f in modes.frequency_hz),
        decay_per_s=tuple(d / size for d in modes.decay_per_s),
    )
    edges = tuple(edge / size for edge in residual.edges_hz)
    result = residual
    for name, component in residual.components:
        if name != "room":
            slowed = NoiseComponent(component.power_db, tuple(d / size for d in component.decay_per_s))
            result = result.with_component(name, rebin(slowed, edges, residual.edges_hz))
    result = replace(result, rise_s=min(LONGEST_RISE_S, residual.rise_s * size))
    return moved, feed_room(modes, residual, moved, result)


def change_damping(modes: Modes, residual: Residual, damping: float) -> tuple[Modes, Residual]:
    """Damping: decay rates of modes, strike and tail times (10 sqrt((1 + f / 1 kHz) / 2)) ** damping.

    Frequency-independent losses (air, a hand, the support) and the material's, which grow with frequency, are equal at
    1 kHz, where the ratio is 10 ** damping; above, the ratio at damping 1 grows with the square root of frequency. The
    attack is not vibration of the object and stays. The room keeps its decay; its level is that of ``feed_room``.
    """
    result = residual
    for name, component in residual.components:
        if name in ("strike", "tail"):
            pairs = zip(component.decay_per_s, centres_of(residual.edges_hz), strict=True)
            decay = tuple(d * damping_ratio(hz, damping) for d, hz in pairs)
            result = result.with_component(name, NoiseComponent(component.power_db, decay))
    pairs = zip(modes.decay_per_s, modes.frequency_hz, strict=True)
    changed = replace(modes, decay_per_s=tuple(d * damping_ratio(f, damping) for d, f in pairs))
    return changed, feed_room(modes, residual, changed, result)


def damping_ratio(frequency_hz: float, damping: float) -> float:
    """Ratio of decay rates at a frequency; see ``change_damping``."""
    ratio: float = (DAMPING_SPAN * math.sqrt((1.0 + min(frequency_hz, _MAX_HZ) / DAMPING_HZ) / 2.0)) ** damping
    return ratio


def change_position(modes: Modes, position: float) -> Modes:
    """Position: modes weighted by their shape at the point of impact, from the edge (-1) to the middle (1).

    An approximation: in a simply supported bar or plate, the mode of order n has the shape sin(n pi x) and, in bending,
    a frequency proportional to n^2, so n = sqrt(f / f1) with f1 the lowest strong mode. The unmodified sound counts as
    struck at x = 0.28 of the length, where no low mode has a node. The width of the striker and the uncertainty of n
    blur the shapes of high modes towards their mean; a floor keeps modes from vanishing at nodes.
    """
    lowest_hz = lowest_strong_hz(modes)
    if lowest_hz is None:
        return modes
    at = POSITION_CENTRE + POSITION_SPAN * position
    power = []
    for frequency, level_db in zip(modes.frequency_hz, modes.power_db, strict=True):
        order = math.sqrt(min(frequency, _MAX_HZ) / lowest_hz)
        power.append(level_db + power_to_db(_mode_shape_power(order, at) / _mode_shape_power(order, POSITION_CENTRE)))
    return replace(modes, power_db=tuple(power))


def _mode_shape_power(order: float, at: float) -> float:
    blur = math.exp(-((order / POSITION_BLUR) ** 2))
    return POSITION_FLOOR**2 + 0.5 * (1.0 - blur * math.cos(2.0 * math.pi * order * at))


def change_contact(modes: Modes, residual: Residual, contact_s: float, ratio: float) -> tuple[Modes, Residual]:
    """Hardness and velocity: a contact time multiplied by ``ratio`` changes the bandwidth of the excitation.

    A half-sine force of duration T and constant momentum has the spectrum |cos(pi f T) / (1 - (2 f T)^2)|. The gain of
    modes and noise is the ratio of its smooth envelopes 1 / sqrt(1 + (2 f T)^4) at the new and the old duration, which
    lack the zeros that real contacts do not have: 1 at low frequencies, at most ratio^-2 at high ones. Levels of the
    room change alike, its decays stay. The rise time is multiplied by ``ratio``; without one it becomes the increase of
    the contact time.

    Hardness h makes the ratio 6^-h. Velocity v makes it v^(-1/5), by Hertz's law of elastic spheres (Goldsmith,
    Impact, 1960, ch. 4), with v = 10^(velocity_db / 20).
    """

    def gain_db(frequency_hz: float) -> float:
        return contact_gain_db(frequency_hz, contact_s, ratio)

    pairs = zip(modes.power_db, modes.frequency_hz, strict=True)
    struck = replace(modes, power_db=tuple(p + gain_db(f) for p, f in pairs))
    gains = [gain_db(hz) for hz in centres_of(residual.edges_hz)]
    result = residual
    for name, component in residual.components:
        result = result.with_component(name, amplify(component, gains))
    rise_s = residual.rise_s * ratio if residual.rise_s > 0.0 else max(0.0, contact_s * (ratio - 1.0))
    return struck, replace(result, rise_s=min(LONGEST_RISE_S, rise_s))


def contact_gain_db(frequency_hz: float, contact_s: float, ratio: float) -> float:
    """Change of level at a frequency when a contact becomes ``ratio`` times as long; see ``change_contact``."""
    before = (2.0 * min(frequency_hz, _MAX_HZ) * contact_s) ** 4
    return power_to_db((1.0 + before) / (1.0 + before * ratio**4))


def change_roughness(modes: Modes, residual: Residual, roughness: float) -> Residual:
    """Roughness: contact of rough surfaces is a burst of micro-impacts, each much shorter than the contact.

    Attack and strike noise change by roughness times 6 to 18 dB, 12 at 1 kHz and more above, since short impacts have
    broad spectra; the attack lasts 4 ** roughness times as long. Above 0 a burst with a T60 of 20 ms is added to the
    attack, its amplitude proportional to roughness, at 1 a quarter of the strike's power and 6 % of the modes', spread
    over the bands. The fine envelope in dB is multiplied by 1 + roughness, so -1 removes it.
    """
    residual = with_bands(residual)
    centres = centres_of(residual.edges_hz)
    gains = [
        roughness * (ROUGHNESS_DB + ROUGHNESS_TILT_DB * math.tanh(math.log2(max(hz, 1.0) / 1000.0) / 3.0))
        for hz in centres
    ]
    strike = [power_of(p) for p in residual.power_db]
    of_modes = sum(_mode_powers(modes)) * BURST_OF_MODES / len(centres)
    result = residual.with_component("strike", amplify(NoiseComponent(residual.power_db, residual.decay_per_s), gains))
    attack = residual.attack
    widened = ROUGHNESS_WIDENING**-roughness
    if attack is not None:
        attack = amplify(NoiseComponent(attack.power_db, tuple(d * widened for d in attack.decay_per_s)), gains)
    if roughness > 0.0:
        burst = [
            roughness**2 * db_to_power(gain) * (BURST_OF_STRIKE * power + of_modes)
            for gain, power in zip(gains, strike, strict=True)
        ]
        attack = add_power(attack, burst, [BURST_DECAY_PER_S] * len(burst))
    low_db, high_db = ENVELOPE_RANGE_DB
    envelope = tuple(min(high_db, max(low_db, (1.0 + roughness) * v)) for v in residual.envelope_db)
    return replace(result, attack=attack, envelope_db=envelope)


def change_room(modes: Modes, residual: Residual, room: float) -> Residual:
    """Room: its amplitude times (1 + room)^2, so +12 dB at 1; removed at -1.

    A sound without one gets a small room above 0, with amplitude proportional to ``room``: T60 = 0.5 s / sqrt(1 +
    f / 4 kHz), falling at high frequencies by absorption in air and walls. At 1 its level in each band starts 6 dB
    under the modes and noise that excite it, less where they decay faster than the room responds.
    """
    if residual.room is not None:
        if room <= -1.0:
            return replace(residual, room=None)
        gain_db = 40.0 * math.log10(1.0 + room)
        return replace(residual, room=amplify(residual.room, [gain_db] * len(residual.room.power_db)))
    if room <= 0.0:
        return residual
    residual = with_bands(residual)
    decays = [LN_60_DB / ROOM_T60_S * math.sqrt(1.0 + hz / ROOM_HZ) for hz in centres_of(residual.edges_hz)]
    scale = room**2 * ROOM_SHARE
    powers = tuple(level_of(scale * power) for power in excite_room(modes, residual, decays))
    return replace(residual, room=NoiseComponent(powers, tuple(decays)))


def excite_room(modes: Modes, residual: Residual, decays_per_s: Sequence[float]) -> list[float]:
    """Power with which modes and noise excite a room of given decays, in each band: less where they decay faster."""
    return _sum_bands(modes, residual, lambda k, decay: decays_per_s[k] / max(decays_per_s[k] + decay, 1e-9))


def feed_room(modes: Modes, residual: Residual, changed: Modes, result: Residual) -> Residual:
    """The residual ``result`` of a changed object, its room louder or softer by as much as it is fed more or less.

    Reverberation has the energy of the sound times that of the room's response, which stays. A sound that outlasts the
    room feeds it as a steady one of its level does. Energies are averaged over some two octaves: the response is smooth
    over frequency, and a band may hold a single mode.
    """
    if residual.room is None:
        return result
    decays = residual.room.decay_per_s

    def weigh(k: int, decay: float) -> float:
        return 1.0 / max(math.hypot(decay, decays[k]), 1e-9)

    octaves = [math.log2(max(hz, 20.0)) for hz in centres_of(residual.edges_hz)]
    near = [[math.exp(-0.5 * ((there - here) / ROOM_SMOOTH_OCTAVES) ** 2) for there in octaves] for here in octaves]
    before, after = _sum_bands(modes, residual, weigh), _sum_bands(changed, result, weigh)
    gains = []
    for weights in near:
        since, now = (sum(w * energy for w, energy in zip(weights, own, strict=True)) for own in (before, after))
        gains.append(power_to_db(now / since) if min(since, now) > LEAST_POWER else 0.0)
    return replace(result, room=amplify(residual.room, gains))


def _sum_bands(modes: Modes, residual: Residual, weigh: Callable[[int, float], float]) -> list[float]:
    """Powers of modes and noise but the room's in each band, weighed by band and decay."""
    centres = centres_of(residual.edges_hz)
    total = [0.0] * len(centres)
    for name, component in residual.components:
        if name != "room":
            for k, (power_db, decay) in enumerate(zip(component.power_db, component.decay_per_s, strict=True)):
                total[k] += power_of(power_db) * weigh(k, decay)
    for power, frequency, decay in zip(_mode_powers(modes), modes.frequency_hz, modes.decay_per_s, strict=True):
        for k, share in bands_near(frequency, centres):
            total[k] += share * power * weigh(k, decay)
    return total


def _mode_powers(modes: Modes) -> list[float]:
    """Mean square of every mode at the onset, 0 for a muted one."""
    muted = modes.mute_mask
    return [0.0 if off else 0.5 * db_to_power(p) for p, off in zip(modes.power_db, muted, strict=True)]


def _clamp(value: float, low: float, high: float) -> float:
    return min(high, max(low, value))
