"""Where charts without atoms start: at the bumps of the samples, matched between conformations."""

import numpy as np
from scipy import ndimage
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from schnetpack_molfield.fields.grid import Grid

__all__ = ["field_peaks", "matched_peaks", "principal_moves"]

#: Grid points per spacing on which peaks are looked for.
FINER = 4
#: Part of the logarithm of a bump's blur that is undone; all of it would leave nothing but noise.
SHARPENING = 0.75
#: Height of the lowest peak that counts, relative to the highest of its channel.
LOWEST = 0.25


def field_peaks(values: np.ndarray) -> np.ndarray:
    """Fractional grid indices (n_peaks, 3) of the bumps that one channel is a sum of.

    Bumps that are wider than their distance have no maxima of their own, so the samples are
    sharpened first. Their spectrum falls like that of one bump, which is estimated as a Gaussian
    from its mean square at low and at high frequencies, and multiplied by the inverse of that
    Gaussian to the power `SHARPENING`. Peaks are the maxima of the result, interpolated in
    Fourier space on a grid `FINER` times as fine.

    Args:
        values: samples (nx, ny, nz) of a channel that has decayed at the walls of the box.
    """
    spectrum = np.fft.fftn(values)
    axes = [2 * np.fft.fftfreq(n) for n in values.shape]  # in units of the highest frequency
    square = sum(a**2 for a in np.meshgrid(*axes, indexing="ij"))
    decay = _mean_power(spectrum, square, 0.01, 0.1) / _mean_power(spectrum, square, 0.8, 1.0)
    exponent = 0.5 * SHARPENING * np.log(max(decay, 1.0))
    sharp = _finer(spectrum * np.exp(exponent * np.minimum(square, 1.5)))
    is_peak = sharp == ndimage.maximum_filter(sharp, FINER + 1, mode="constant")
    return np.argwhere(is_peak & (sharp > LOWEST * sharp.max())) / FINER


def _mean_power(spectrum: np.ndarray, square: np.ndarray, low: float, high: float) -> float:
    """Mean square of the spectrum where the squared frequency is between two bounds."""
    return float(np.mean(np.abs(spectrum[(square >= low) & (square <= high)]) ** 2))


def _finer(spectrum: np.ndarray) -> np.ndarray:
    """The function of this spectrum between the first and the last sample, `FINER` times finer."""
    shape = spectrum.shape
    kept = [np.r_[: (n + 1) // 2, -(n // 2) : 0] for n in shape]
    padded = np.zeros([FINER * n for n in shape], dtype=complex)
    padded[np.ix_(*kept)] = spectrum
    first, second, third = (slice(FINER * (n - 1) + 1) for n in shape)
    return np.fft.ifftn(padded).real[first, second, third]


def matched_peaks(grid: Grid, values: np.ndarray) -> np.ndarray:
    """Origins of charts in all members of a family of fields, (n_members, n_charts, 3) in Angstrom.

    A channel has as many charts as the member with most peaks. The peaks of the other members are
    assigned to those so that the sum of squared distances is least; where a member has no peak for
    a chart, the chart stays where it is.

    Args:
        grid: where the samples are.
        values: samples (n_members, nx, ny, nz, n_channels).

    Raises:
        ValueError: if the samples are zero everywhere.
    """
    channels = [c for c in range(values.shape[-1]) if np.any(values[..., c] > 0)]
    if not channels:
        raise ValueError("the samples are zero everywhere, there is nothing to fit")
    origins = [_match([grid.to_lab(field_peaks(m)) for m in values[..., c]]) for c in channels]
    return np.concatenate(origins, axis=1)


def _match(peaks: list[np.ndarray]) -> np.ndarray:
    """Positions (n_members, n, 3) of the peaks of the member that has most of them."""
    reference = max(peaks, key=len)  # (n, 3)
    origins = np.repeat(reference[None], len(peaks), axis=0)
    for member, found in enumerate(peaks):
        rows, columns = linear_sum_assignment(cdist(reference, found, "sqeuclidean"))
        origins[member, rows] = found[columns]
    return origins


def principal_moves(
    origins: np.ndarray, n_latent: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean origins, directions in which they move, and the members' latents.

    Principal components: `mean + latents @ moves` is nearest to the given origins. Latents have
    unit variance along each component that moves anything.

    Args:
        origins: (n_members, n_charts, 3).
        n_latent: number of components; those beyond the rank of the data are zero.

    Returns:
        mean (n_charts, 3), moves (n_latent, n_charts, 3), latents (n_members, n_latent).
    """
    n_members = len(origins)
    mean = origins.mean(axis=0)
    left, size, right = np.linalg.svd((origins - mean).reshape(n_members, -1), full_matrices=False)
    k = min(n_latent, len(size))
    latents, moves = np.zeros((n_members, n_latent)), np.zeros((n_latent, mean.size))
    latents[:, :k] = left[:, :k] * n_members**0.5
    moves[:k] = size[:k, None] * right[:k] / n_members**0.5
    return mean, moves.reshape(n_latent, *mean.shape), latents
