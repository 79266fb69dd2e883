"""Damped sinusoids x[n] = Re sum a e^(s n): synthesis, least-squares amplitudes, Gauss-Newton refinement of poles."""

from __future__ import annotations

import numpy as np

from engine.physics.analysis.poles import fastest_decay, slowest_decay

_BLOCK, _FINE = 256, 16
_OWN = 0.04  # of a mode's energy, the least that no others may make up


def exponents(poles: np.ndarray, rate: int) -> np.ndarray:
    """s of each pole [K, 2] (Hz, decay per second): complex [K], per sample."""
    result: np.ndarray = (-poles[:, 1] + 2j * np.pi * poles[:, 0]) / rate
    return result


def solve_amplitudes(x: np.ndarray, rate: int, poles: np.ndarray) -> np.ndarray:
    """Complex amplitudes a of all modes at once, x ~ Re sum a z^n, by the normal equations in closed form."""
    count = len(poles)
    if not count:
        return np.zeros(0, dtype=complex)
    gram, scale = _gram(poles, rate, x.size)
    projection = _correlate(x, exponents(poles, rate))
    right = np.concatenate([projection.real, projection.imag])
    solution = scale * np.linalg.solve(gram, scale * right)
    result: np.ndarray = solution[:count] + 1j * solution[count:]
    return result


def keep_distinct(poles: np.ndarray, amplitudes: np.ndarray, rate: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Which poles to keep so that none is nearly a sum of others, and the share of each that is its own.

    Modes alike cancel one another with vast amplitudes. While any mode has less than ``_OWN`` of its energy outside
    of what the others span, the one whose going would change the sound least goes. Returns indices, rising, and
    shares, both [K'].
    """
    count = len(poles)
    kept = np.arange(count)
    if not count:
        return kept, np.zeros(0)
    gram, scale = _gram(poles, rate, length)
    inverse = np.linalg.inv(gram).reshape(2, count, 2, count).transpose(1, 0, 3, 2)
    parts = (np.stack([amplitudes.real, amplitudes.imag], axis=1).T.reshape(-1) / scale).reshape(2, count).T
    while True:
        index = np.arange(len(kept))
        blocks = np.linalg.inv(inverse[index, :, index, :])
        share = np.linalg.eigvalsh(blocks)[:, 0]
        alike = share < _OWN
        if not alike.any():
            return kept, np.clip(share, 0.0, 1.0)
        unique = np.einsum("ki,kij,kj->k", parts, blocks, parts)
        worst = int(np.argmin(np.where(alike, unique, np.inf)))
        stay = index != worst
        cross = inverse[stay][:, :, worst, :] @ blocks[worst]
        parts = parts[stay] - cross @ parts[worst]
        inverse = inverse[stay][:, :, stay, :] - np.einsum("aip,bjp->aibj", cross, inverse[stay][:, :, worst, :])
        kept = kept[stay]


def _gram(poles: np.ndarray, rate: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Inner products of the modes' real and imaginary parts, each of norm 1, [2K, 2K], and what scaled them, [2K]."""
    s = exponents(poles, rate)
    cross = _geometric_sums(s, s, length)
    inner = _geometric_sums(s.conj(), s, length)
    gram = 0.5 * np.block([[(inner + cross).real, -(inner + cross).imag], [(inner - cross).imag, (inner - cross).real]])
    scale = 1.0 / np.sqrt(np.diag(gram) + 1e-300)
    result: np.ndarray = gram * np.outer(scale, scale) + 1e-7 * np.eye(len(gram))
    return result, scale


def _geometric_sums(one: np.ndarray, other: np.ndarray, length: int) -> np.ndarray:
    """sum of e^((s + r) n), n < length, for each s of one and r of the other; decays keep it from 0 / 0."""
    ends = np.outer(np.exp(one * length), np.exp(other * length))
    result: np.ndarray = (ends - 1.0) / (np.outer(np.exp(one), np.exp(other)) - 1.0)
    return result


def _correlate(x: np.ndarray, s: np.ndarray) -> np.ndarray:
    """sum of x[n] conj(e^(s n)) for each s, by blocks."""
    grid = _in_blocks(x)
    both = grid @ _split(_powers(s.conj(), _BLOCK))
    result: np.ndarray = (_join(both) * _powers(s.conj() * _BLOCK, len(grid))).sum(axis=0)
    return result


def _correlate_slopes(x: np.ndarray, s: np.ndarray) -> np.ndarray:
    """sum of x[n] conj(e^(s n)) and of n x[n] conj(e^(s n)) for each s, [2K]."""
    grid = _in_blocks(x)
    steps, starts = _split(_powers(s.conj(), _BLOCK)), _powers(s.conj() * _BLOCK, len(grid))
    plain = _join(grid @ steps) * starts
    within = _join((grid * np.arange(_BLOCK)) @ steps) * starts
    offset = np.arange(len(grid))[:, None] * _BLOCK
    return np.concatenate([plain.sum(axis=0), (plain * offset + within).sum(axis=0)])


def _in_blocks(x: np.ndarray) -> np.ndarray:
    padded = np.zeros(-(-x.size // _BLOCK) * _BLOCK)
    padded[: x.size] = x
    return padded.reshape(-1, _BLOCK)


def _split(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values.real, values.imag], axis=1)


def _join(parts: np.ndarray) -> np.ndarray:
    half = parts.shape[1] // 2
    result: np.ndarray = parts[:, :half] + 1j * parts[:, half:]
    return result


def synthesize_poles(poles: np.ndarray, amplitudes: np.ndarray, length: int, rate: int) -> np.ndarray:
    """The modes' sound in double precision."""
    if not len(poles):
        return np.zeros(length)
    s = exponents(poles, rate)
    blocks = -(-length // _BLOCK)
    starts, steps = amplitudes * _powers(s * _BLOCK, blocks), _powers(s, _BLOCK)
    result: np.ndarray = (_split(starts.conj()) @ _split(steps).T).reshape(-1)[:length]
    return result


def _powers(s: np.ndarray, count: int) -> np.ndarray:
    """e^(s n), n < count, [count, K]: products of coarse and fine steps, since exponentials are slow."""
    coarse = -(-count // _FINE)
    far, near = np.exp(np.outer(np.arange(coarse) * _FINE, s)), np.exp(np.outer(np.arange(_FINE), s))
    result: np.ndarray = (far[:, None, :] * near[None, :, :]).reshape(-1, s.size)[:count]
    return result


def refine_jointly(
    x: np.ndarray, rate: int, poles: np.ndarray, amplitudes: np.ndarray, steps: int = 3
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gauss-Newton steps of all poles and amplitudes at once to the least squares fit of all of x: both, and the rest.

    The sound's change by a and s is Re sum (da + a n ds) e^(s n), so the normal equations have closed forms. What
    this ends at is as good as the noise allows (Hua and Sarkar 1990). A step that fits worse is halved, then given up.
    """
    if not len(poles):
        return poles, amplitudes, x
    rest = x - synthesize_poles(poles, amplitudes, x.size, rate)
    for _ in range(steps):
        size = float(rest @ rest)
        change = fit_changes(rest, rate, poles, amplitudes)
        for share in (1.0, 0.3):
            moved, louder = _moved(poles, amplitudes, share * change, rate, x.size)
            left = x - synthesize_poles(moved, louder, x.size, rate)
            if float(left @ left) < size:
                break
        else:
            break
        poles, amplitudes, rest = moved, louder, left
        if float(left @ left) > (1.0 - 1e-6) * size:
            break
    return poles, amplitudes, rest


def fit_changes(
    rest: np.ndarray, rate: int, poles: np.ndarray, amplitudes: np.ndarray, doubt: np.ndarray | None = None
) -> np.ndarray:
    """The complex changes [2, K] of amplitudes and exponents, per sample, that lessen the rest [N] the most.

    ``doubt`` [2, K], where given, is how large each is likely to be, before the rest, whose own power is taken for
    noise, has been looked at (ridge regression).
    """
    s, count, length = exponents(poles, rate), len(poles), rest.size
    weight = np.concatenate([np.ones(count), amplitudes])
    inner = _moments(s.conj(), s, length) * np.outer(weight.conj(), weight)
    cross = _moments(s, s, length) * np.outer(weight, weight)
    gram = 0.5 * np.block([[(inner + cross).real, -(inner + cross).imag], [(inner - cross).imag, (inner - cross).real]])
    if doubt is not None:
        noise = float(rest @ rest) / length
        gram += np.diag(np.tile(noise / np.square(np.maximum(doubt, 1e-12)).reshape(-1), 2))
    scale = 1.0 / np.sqrt(np.abs(np.diag(gram)) + 1e-300)
    projection = _correlate_slopes(rest, s) * weight.conj()
    right = np.concatenate([projection.real, projection.imag])
    gram = gram * np.outer(scale, scale) + 1e-9 * np.eye(len(gram))
    solution = scale * np.linalg.solve(gram, scale * right)
    result: np.ndarray = (solution[: 2 * count] + 1j * solution[2 * count :]).reshape(2, count)
    return result


def _moved(
    poles: np.ndarray, amplitudes: np.ndarray, change: np.ndarray, rate: int, length: int
) -> tuple[np.ndarray, np.ndarray]:
    """Poles and amplitudes after a change, none moved by more than about its width."""
    width = np.maximum(poles[:, 1] / (2.0 * np.pi), 0.5 * rate / length)
    hertz = np.clip(change[1].imag * rate / (2.0 * np.pi), -0.5 * width, 0.5 * width)
    frequency = np.clip(poles[:, 0] + hertz, 1.0, 0.499 * rate)
    reach = 0.1 * rate / length
    fall = np.clip(-change[1].real * rate, -0.4 * poles[:, 1] - reach, 0.7 * poles[:, 1] + reach)
    decay = np.clip(poles[:, 1] + fall, slowest_decay(length / rate), fastest_decay(frequency))
    return np.stack([frequency, decay], axis=1), amplitudes + change[0]


def _moments(one: np.ndarray, other: np.ndarray, length: int) -> np.ndarray:
    """sum of n^p e^((s + r) n), n < length: p = 0, 1, 1, 2 in the four blocks [[1, n], [n, n^2]], [2K, 2K]."""
    w = np.outer(np.exp(one), np.exp(other))
    end = np.outer(np.exp(one * length), np.exp(other * length))
    gap = 1.0 - w
    plain = (1.0 - end) / gap
    first = (w * plain - length * end) / gap
    second = (w * (plain + 2.0 * first) - length**2 * end) / gap
    return np.block([[plain, first], [first, second]])
