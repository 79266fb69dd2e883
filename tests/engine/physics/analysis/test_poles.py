"""Pole candidates: ESPRIT on clean sums, inner products against sums, signal-to-noise ratio against theory."""

from __future__ import annotations

import numpy as np
import pytest

from engine.physics.analysis.poles import (
    FINE,
    WIDE,
    choose_length,
    coherence,
    fastest_decay,
    find_poles,
    hankel_gram,
    overlap,
    slowest_decay,
    solve_shift,
    transform_padded,
    weigh_poles,
)
from tests.sounds import BELL, RATE, make_modes, reference


def test_gram_matrix_of_a_hankel_matrix_is_that_of_all_its_products(rng: np.random.Generator) -> None:
    for size in (12, 57, 230, 400):
        rows = min(56, size // 2)
        y = (rng.standard_normal(size) + 1j * rng.standard_normal(size)) * np.exp(-np.arange(size) / 40.0)
        hankel = np.array([y[k : k + size - rows + 1] for k in range(rows)])
        upper = np.triu_indices(rows)
        assert hankel_gram(y, rows)[upper] == pytest.approx((hankel @ hankel.conj().T)[upper], rel=1e-9, abs=1e-12)


def test_poles_of_a_sum_of_damped_sinusoids_are_among_the_candidates(rng: np.random.Generator) -> None:
    sound = reference(BELL, 48_000) + 1e-5 * rng.standard_normal(48_000)
    poles = find_poles(transform_padded(sound), sound.size, RATE, FINE)
    for frequency, decay in zip(BELL.frequency_hz, BELL.decay_per_s, strict=True):
        error = np.hypot((poles[:, 0] - frequency) * 2.0 * np.pi, poles[:, 1] - decay)
        assert error.min() < 0.2 * decay + 0.5


@pytest.mark.parametrize("order", [1, 5, 18])
def test_the_shift_between_rows_is_the_least_squares_solution(order: int, rng: np.random.Generator) -> None:
    """Also where the last row has nearly all of a column, so that the closed form would divide by nearly nothing."""
    columns = rng.standard_normal((56, order)) + 1j * rng.standard_normal((56, order))
    unit = np.zeros((56, 1))
    unit[-1] = 1.0
    for given in (columns, np.concatenate([unit + 1e-5 * columns[:, :1], columns[:, 1:]], axis=1)):
        signal = np.linalg.qr(given)[0]
        expected = np.linalg.lstsq(signal[:-1], signal[1:], rcond=None)[0]
        assert solve_shift(signal) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_wide_bands_find_a_mode_that_dies_within_milliseconds(rng: np.random.Generator) -> None:
    sound = reference(make_modes([5000.0], [-8.0], [1200.0], [0.4]), 9600) + 1e-5 * rng.standard_normal(9600)
    poles = find_poles(transform_padded(sound), sound.size, RATE, WIDE)
    nearest = poles[np.argmin(np.abs(poles[:, 0] - 5000.0))]
    assert nearest == pytest.approx([5000.0, 1200.0], rel=0.03)


def test_candidates_lie_within_the_limits(rng: np.random.Generator) -> None:
    burst = rng.standard_normal(9600) * np.exp(-np.arange(9600) / 300.0)
    poles = find_poles(transform_padded(burst), 9600, RATE, WIDE)
    assert len(poles) and (poles[:, 0] > 15.0).all() and (poles[:, 0] < 0.5 * RATE).all()
    assert (poles[:, 1] <= fastest_decay(poles[:, 0])).all() and (poles[:, 1] >= slowest_decay(9600 / RATE)).all()
    assert fastest_decay(np.array([100.0, 1e4])) == pytest.approx([200.0, 1600.0])


def test_coherence_is_the_normalised_inner_product_of_exponentials() -> None:
    """Of e^((i w - d - 1/T) t) on the half line, summed numerically."""
    one, other = np.array([[440.0, 6.0], [800.0, 30.0]]), np.array([[440.5, 8.0], [795.0, 20.0], [440.0, 6.0]])
    time = np.arange(80_000) / 20_000
    waves = [np.exp((2j * np.pi * poles[:, :1] - poles[:, 1:] - 0.5) * time) for poles in (one, other)]
    unit = [wave / np.linalg.norm(wave, axis=1, keepdims=True) for wave in waves]
    assert coherence(one, other, 2.0) == pytest.approx(np.abs(unit[0] @ unit[1].conj().T), abs=2e-3)
    assert coherence(one, one, 2.0).diagonal() == pytest.approx([1.0, 1.0])


def test_a_pole_alone_has_no_overlap_and_neighbours_add_up() -> None:
    assert overlap(np.array([[500.0, 5.0], [5000.0, 5.0]])) == pytest.approx([0.0, 0.0])
    crowd = np.array([[500.0 + k, 50.0] for k in range(4)])
    assert overlap(crowd) == pytest.approx([3 * 2.0 * 50.0 / (16.0 * 50.0 / np.pi)] * 4)


def test_energy_of_a_candidate_is_that_of_its_samples() -> None:
    """Within 8 %: half a bin beside a peak, a mode of this decay reaches 0.925 of its power."""
    sound = reference(make_modes([2000.0], [-20.0], [8.0], [0.3]), 96_000)
    energy, _ = weigh_poles(sound, RATE, np.array([[2000.0, 8.0]]), np.array([np.nan]))
    assert energy[0] == pytest.approx(np.square(sound).sum() / RATE, rel=0.08)


def test_the_signal_to_noise_ratio_is_that_of_the_matched_filter() -> None:
    """Weighted by e^(-d t), a mode's peak is A rate / (4 d); white noise has the mean power s^2 rate / (2 d), and
    being exponentially distributed, ln(4 / 3) of it as lower quartile."""
    amplitude, decay, noise = 0.1, 8.0, 1e-3
    wanted = (amplitude * RATE / (4.0 * decay)) ** 2 / (noise**2 * RATE / (2.0 * decay) * np.log(4.0 / 3.0))
    ratios_db = []
    for seed in range(8):
        remainder = noise * np.random.default_rng(seed).standard_normal(96_000)
        _, snr = weigh_poles(remainder, RATE, np.array([[2000.0, decay]]), np.array([amplitude]))
        ratios_db.append(10.0 * np.log10(snr[0] / wanted))
        assert weigh_poles(remainder, RATE, np.array([[2000.0, decay]]), np.array([np.nan]))[1][0] < 100.0
    assert np.mean(ratios_db) == pytest.approx(-0.5, abs=1.0)  # the louder side of the two is taken


def test_a_subtracted_mode_is_weighed_by_its_amplitude(rng: np.random.Generator) -> None:
    noise = 1e-3 * rng.standard_normal(96_000)
    energy, snr = weigh_poles(noise, RATE, np.array([[2000.0, 8.0]] * 2), np.array([0.1, 0.2]))
    assert energy[1] / energy[0] == pytest.approx(4.0) and snr[1] / snr[0] == pytest.approx(4.0)


def test_a_padded_transform_is_that_of_all_bins_up_to_half_the_rate(rng: np.random.Generator) -> None:
    for length in (96, 75):
        sound = rng.standard_normal(length)
        spectrum = transform_padded(sound)
        assert spectrum.size > length
        assert spectrum == pytest.approx(np.fft.fft(sound, 2 * (spectrum.size - 1))[: spectrum.size], abs=1e-5)


def test_modes_beside_the_ends_of_the_spectrum_are_found(rng: np.random.Generator) -> None:
    """Bands there reach under 0 Hz, or over half the rate where that is low."""
    for rate, hz in ((48_000, 40.0), (8000, 3600.0)):
        time = np.arange(rate) / rate
        sound = np.cos(2.0 * np.pi * hz * time) * np.exp(-5.0 * time) + 1e-5 * rng.standard_normal(rate)
        for layers in (FINE, WIDE):
            poles = find_poles(transform_padded(sound), sound.size, rate, layers)
            assert np.abs(poles - [hz, 5.0]).sum(axis=1).min() < (0.2 if layers is FINE else 5.0)


@pytest.mark.parametrize("most", [64, 4801, 33_075, 67_200, 288_000])
def test_a_chosen_length_is_a_product_of_small_factors_3_percent_short_at_most(most: int) -> None:
    length = rest = choose_length(most)
    assert 0.97 * most < length <= most
    for factor in (2, 3, 5):
        while rest % factor == 0:
            rest //= factor
    assert rest == 1 and choose_length(67_200) == 2**16


def test_peaks_beside_the_ends_ignore_what_lies_outside() -> None:
    """A pole near 0 Hz has bins on one side only, a pole near half the rate on the other; white noise all along."""
    noise = 1e-3 * np.random.default_rng(5).standard_normal(96_000)
    at_ends, inside = np.array([[30.0, 60.0], [23_900.0, 60.0]]), np.array([[3000.0, 60.0], [12_000.0, 60.0]])
    level = np.full(2, 0.1)
    snr = [weigh_poles(noise, RATE, poles, level)[1] for poles in (at_ends, inside)]
    assert 10.0 * np.abs(np.log10(snr[0] / snr[1])).max() < 8.0  # of 17 bins, a lower quartile varies
