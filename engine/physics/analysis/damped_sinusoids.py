"""Damped sinusoids x[n] = Re sum a e^(s n): synthesis, least-squares amplitudes, Gauss-Newton refinement of poles."""

from __future__ import annotations

import functools

import numpy as np
from scipy.linalg import lapack

from engine.core.units import db_to_gain
from engine.physics.analysis.poles import fastest_decay, slowest_decay
from engine.physics.model import Modes

_BLOCK, _FINE = 256, 16
_CERTAIN = 1e-6  # share of the energy, from which on a remainder's is known by sums alone
_OWN = 0.04  # least share of a mode's energy that is orthogonal to the other modes


def exponents(poles: np.ndarray, rate: int) -> np.ndarray:
    """s of each pole [K, 2] (Hz, decay per second): complex [K], per sample."""
    result: np.ndarray = (-poles[:, 1] + 2j * np.pi * poles[:, 0]) / rate
    return result


def solve_amplitudes(x: np.ndarray, rate: int, poles: np.ndarray) -> np.ndarray:
    """Complex amplitudes a of all modes at once, x ~ Re sum a z^n, by the normal equations in closed form."""
    if not len(poles):
        return np.zeros(0, dtype=complex)
    return _solve(*_gram(poles, rate, x.size), _correlate(x, exponents(poles, rate)))


def keep_distinct(poles: np.ndarray, amplitudes: np.ndarray, rate: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Drop poles that are nearly linear combinations of others: indices kept, ascending, and their own shares, [K'].

    The own share of a mode is the part of its energy orthogonal to the span of the others. Nearly dependent modes would
    cancel one another with large amplitudes. While any own share is under ``_OWN``, the dependent mode is removed whose
    removal changes the signal least (backward elimination).
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
        dependent = share < _OWN
        if not dependent.any():
            return kept, np.clip(share, 0.0, 1.0)
        energy = np.einsum("ki,kij,kj->k", parts, blocks, parts)
        worst = int(np.argmin(np.where(dependent, energy, np.inf)))
        stays = index != worst
        cross = inverse[stays][:, :, worst, :] @ blocks[worst]
        parts = parts[stays] - cross @ parts[worst]
        inverse = inverse[stays][:, :, stays, :] - np.einsum("aip,bjp->aibj", cross, inverse[stays][:, :, worst, :])
        kept = kept[stays]


def _gram(poles: np.ndarray, rate: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Gram matrix of the modes' real and imaginary parts, scaled to norm 1, [2K, 2K], and the scales, [2K]."""
    s = exponents(poles, rate)
    inner, cross = _geometric_sums(s.conj(), s, length), _geometric_sums(s, s, length)
    return _scale_gram(_real_gram(inner, cross), 1e-7)


def _real_gram(inner: np.ndarray, cross: np.ndarray) -> np.ndarray:
    """Inner products of the real and imaginary parts of waves u, [2M, 2M], of sums of u* v and of u v, [M, M]."""
    count = len(inner)
    gram = np.empty((2 * count, 2 * count))
    total, difference = 0.5 * (inner + cross), 0.5 * (inner - cross)
    gram[:count, :count], gram[count:, count:] = total.real, difference.real
    gram[count:, :count] = difference.imag
    np.negative(total.imag, out=gram[:count, count:])
    return gram


def _scale_gram(gram: np.ndarray, ridge: float) -> tuple[np.ndarray, np.ndarray]:
    """A Gram matrix scaled, in place, to a diagonal of 1 plus a ridge, and the scales."""
    scale = 1.0 / np.sqrt(np.abs(np.diag(gram)) + 1e-300)
    gram *= scale[:, None]
    gram *= scale
    gram.flat[:: len(gram) + 1] += ridge
    return gram, scale


def _geometric_sums(one: np.ndarray, other: np.ndarray, length: int) -> np.ndarray:
    """sum of e^((s + r) n), n < length, for each s of one and r of the other; all must decay, else it is 0 / 0."""
    ends = np.outer(np.exp(one * length), np.exp(other * length))
    result: np.ndarray = (ends - 1.0) / (np.outer(np.exp(one), np.exp(other)) - 1.0)
    return result


def _correlate(x: np.ndarray, s: np.ndarray) -> np.ndarray:
    """sum of x[n] conj(e^(s n)) for each s, by blocks."""
    steps, starts = _phasors(s, x.size)
    result: np.ndarray = np.einsum("bk,bk->k", _project(_in_blocks(x), steps), starts).conj()
    return result


def _correlate_slopes(x: np.ndarray, s: np.ndarray) -> np.ndarray:
    """sum of x[n] conj(e^(s n)) and of n x[n] conj(e^(s n)) for each s, [2K]."""
    steps, starts = _phasors(s, x.size)
    grid = _in_blocks(x)
    plain = _project(grid, steps) * starts
    within = np.einsum("bk,bk->k", _project(grid, steps * np.arange(_BLOCK)[:, None]), starts)
    offset = np.arange(len(grid)) * float(_BLOCK)
    return np.concatenate([plain.sum(axis=0), offset @ plain + within]).conj()


def _in_blocks(x: np.ndarray) -> np.ndarray:
    if x.size % _BLOCK == 0:
        return x.reshape(-1, _BLOCK)
    padded = np.zeros(-(-x.size // _BLOCK) * _BLOCK)
    padded[: x.size] = x
    return padded.reshape(-1, _BLOCK)


def _project(grid: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Product of a real and a complex matrix, whose real and imaginary parts lie side by side in memory."""
    result: np.ndarray = (grid @ steps.view(np.float64)).view(np.complex128)
    return result


def synthesize_poles(poles: np.ndarray, amplitudes: np.ndarray, length: int, rate: int) -> np.ndarray:
    """Re sum a e^(s n) of poles [K, 2] with complex amplitudes [K], float64 [length]."""
    if not len(poles):
        return np.zeros(length)
    steps, starts = _phasors(exponents(poles, rate), length)
    first = (starts * amplitudes).conj()
    result: np.ndarray = (first.view(np.float64) @ steps.view(np.float64).T).reshape(-1)[:length]
    return result


def synthesize_found(modes: Modes, length: int, rate: int) -> np.ndarray:
    """The waveform of modes that were found, float64 [length]: as ``synthesis.synthesize_modes``, faster for one set.

    Muted modes and those at or above half the sample rate, which the analysis does not find, are not left out.
    """
    poles = np.stack([modes.frequency_hz, modes.decay_per_s], axis=1).reshape(-1, 2)
    amplitudes = db_to_gain(np.asarray(modes.power_db)) * np.exp(1j * np.asarray(modes.phase_rad))
    return synthesize_poles(poles, amplitudes, length, rate)


def _phasors(s: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """e^(s n) within a block, [_BLOCK, K], and at the start of each block, [ceil(length / _BLOCK), K]."""
    return _cached_phasors(s.tobytes(), length)


@functools.lru_cache(maxsize=4)
def _cached_phasors(exponents_of_modes: bytes, length: int) -> tuple[np.ndarray, np.ndarray]:
    s = np.frombuffer(exponents_of_modes, dtype=np.complex128)
    return _powers(s, _BLOCK), _powers(s * _BLOCK, -(-length // _BLOCK))


def _powers(s: np.ndarray, count: int) -> np.ndarray:
    """e^(s n), n < count, [count, K]: products of two short exponentials, which are faster."""
    blocks = -(-count // _FINE)
    coarse, fine = np.exp(np.outer(np.arange(blocks) * _FINE, s)), np.exp(np.outer(np.arange(_FINE), s))
    result: np.ndarray = (coarse[:, None, :] * fine[None, :, :]).reshape(-1, s.size)[:count]
    return result


def refine_jointly(
    x: np.ndarray, rate: int, poles: np.ndarray, steps: int = 3
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joint least-squares fit of all poles and amplitudes to x by Gauss-Newton: both, and the remainder x - model.

    The differential of the model is Re sum (da + a n ds) e^(s n), so the normal equations have closed forms. The
    estimate attains the Cramér-Rao bound (Hua and Sarkar 1990). A step that does not reduce the error is shortened
    once, then rejected.
    """
    if not len(poles):
        return poles, np.zeros(0, dtype=complex), x
    amplitudes, change, error = _begin_fit(x, rate, poles)
    remainder = None
    for steps_left in reversed(range(steps)):
        for share in (1.0, 0.3):
            new_poles, new_amplitudes = _apply_step(poles, amplitudes, share * change, rate, x.size)
            new_remainder = x - synthesize_poles(new_poles, new_amplitudes, x.size, rate)
            new_error = float(new_remainder @ new_remainder)
            if new_error < error:
                break
        else:
            break
        poles, amplitudes, remainder = new_poles, new_amplitudes, new_remainder
        if not steps_left or new_error > (1.0 - 1e-6) * error:
            break
        change, error = fit_changes(remainder, rate, poles, amplitudes), new_error
    if remainder is None:
        remainder = x - synthesize_poles(poles, amplitudes, x.size, rate)
    return poles, amplitudes, remainder


def _begin_fit(x: np.ndarray, rate: int, poles: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Amplitudes of least squares [K], the Gauss-Newton step from them [2, K], and the energy of what they leave.

    What they leave of x need not be made: its products with the waves are those of x less those of the model.
    """
    s, count = exponents(poles, rate), len(poles)
    inner, cross = _power_sums(s.conj(), s, x.size), _power_sums(s, s, x.size)
    projection = _correlate_slopes(x, s)
    amplitudes = _solve(*_scale_gram(_real_gram(inner[0], cross[0]), 1e-7), projection[:count])
    of_model = [0.5 * (one @ amplitudes + (other @ amplitudes).conj()) for one, other in zip(inner, cross, strict=True)]
    left = projection - np.concatenate(of_model[:2])
    energy = float(x @ x)
    error = energy - float(np.vdot(amplitudes, projection[:count] + left[:count]).real)
    if error < _CERTAIN * energy:  # a difference of nearly equal sums
        rest = x - synthesize_poles(poles, amplitudes, x.size, rate)
        error = float(rest @ rest)
    left[count:] *= amplitudes.conj()
    gram = _scale_gram(_slopes_gram(inner, cross, amplitudes), 1e-9)
    return amplitudes, _solve(*gram, left).reshape(2, count), error


def fit_changes(
    remainder: np.ndarray, rate: int, poles: np.ndarray, amplitudes: np.ndarray, prior_std: np.ndarray | None = None
) -> np.ndarray:
    """Gauss-Newton step: complex changes [2, K] of amplitudes and exponents per sample that best fit the remainder [N].

    ``prior_std`` [2, K] are standard deviations of a zero-mean prior on the changes (ridge regression); the noise
    variance is then the mean square of the remainder.
    """
    s, count, length = exponents(poles, rate), len(poles), remainder.size
    gram = _slopes_gram(_power_sums(s.conj(), s, length), _power_sums(s, s, length), amplitudes)
    if prior_std is not None:
        noise = float(remainder @ remainder) / length
        gram.flat[:: 4 * count + 1] += np.tile(noise / np.square(np.maximum(prior_std, 1e-12)).reshape(-1), 2)
    projection = _correlate_slopes(remainder, s)
    projection[count:] *= amplitudes.conj()
    return _solve(*_scale_gram(gram, 1e-9), projection).reshape(2, count)


def _apply_step(
    poles: np.ndarray, amplitudes: np.ndarray, change: np.ndarray, rate: int, length: int
) -> tuple[np.ndarray, np.ndarray]:
    """Poles and amplitudes after a step that is limited to about each pole's bandwidth."""
    width = np.maximum(poles[:, 1] / (2.0 * np.pi), 0.5 * rate / length)
    change_hz = np.clip(change[1].imag * rate / (2.0 * np.pi), -0.5 * width, 0.5 * width)
    frequency = np.clip(poles[:, 0] + change_hz, 1.0, 0.499 * rate)
    margin = 0.1 * rate / length
    change_per_s = np.clip(-change[1].real * rate, -0.4 * poles[:, 1] - margin, 0.7 * poles[:, 1] + margin)
    decay = np.clip(poles[:, 1] + change_per_s, slowest_decay(length / rate), fastest_decay(frequency))
    return np.stack([frequency, decay], axis=1), amplitudes + change[0]


Sums = tuple[np.ndarray, np.ndarray, np.ndarray]


def _power_sums(one: np.ndarray, other: np.ndarray, length: int) -> Sums:
    """sum of n^p e^((s + r) n), n < length, for p = 0, 1 and 2, each s of one and r of the other: [K, K] each."""
    w = np.outer(np.exp(one), np.exp(other))
    end = np.outer(np.exp(one * length), np.exp(other * length))
    inverse = 1.0 / (1.0 - w)
    plain = (1.0 - end) * inverse
    first = (w * plain - length * end) * inverse
    return plain, first, (w * (plain + 2.0 * first) - length**2 * end) * inverse


def _slopes_gram(inner: Sums, cross: Sums, amplitudes: np.ndarray) -> np.ndarray:
    """Inner products of the real and imaginary parts of the waves and of their slopes a n e^(s n), [4K, 4K]."""
    return _real_gram(_weigh_sums(inner, amplitudes.conj(), amplitudes), _weigh_sums(cross, amplitudes, amplitudes))


def _weigh_sums(sums: Sums, one_weight: np.ndarray, other_weight: np.ndarray) -> np.ndarray:
    """Sums of powers 0, 1, 1, 2 in the four blocks [[1, n], [n, n^2]], [2K, 2K].

    The second block row is multiplied by one's weights [K], the second block column by the other's.
    """
    plain, first, second = sums
    count = len(plain)
    result = np.empty((2 * count, 2 * count), dtype=complex)
    result[:count, :count] = plain
    np.multiply(first, other_weight, out=result[:count, count:])
    np.multiply(first, one_weight[:, None], out=result[count:, :count])
    np.multiply(second, np.outer(one_weight, other_weight), out=result[count:, count:])
    return result


def _solve(gram: np.ndarray, scale: np.ndarray, projection: np.ndarray) -> np.ndarray:
    """Complex coefficients [M] of waves with a scaled Gram matrix [2M, 2M] and products [M] with a signal.

    By Cholesky's method, in half the time, unless rounding has left the matrix with a negative eigenvalue.
    """
    right = scale * np.concatenate([projection.real, projection.imag])
    _, solution, failed = lapack.dposv(gram.T, right)
    solution = scale * (np.linalg.solve(gram, right) if failed else solution)
    result: np.ndarray = solution[: len(projection)] + 1j * solution[len(projection) :]
    return result
