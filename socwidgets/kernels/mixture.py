"""Weighted one-dimensional Gaussian mixtures with a smallest width, compiled.

Twin: `socwidgets.kernels.mixture_reference`.
"""

from __future__ import annotations

import math

import numpy as np

from socwidgets.kernels import doors

door = doors.door()
_LOG_2PI = math.log(2.0 * math.pi)


@door
def fit_mixture(x, w, means, stds, shares, floor, low, high, iterations, tolerance):
    """Expectation-maximization from a start; the three parameter arrays are changed.

    Parameters
    ----------
    x, w : ndarray
        ``(n,)`` values and their weights, which sum to one.
    means, stds, shares : ndarray
        ``(k,)``, starting values, then the result.
    floor : float
        Smallest standard deviation of a component: the noise, which nothing can be narrower than.
    low, high : float
        Bounds of the means.
    iterations : int
        At most so many.
    tolerance : float
        Stop when the mean log-likelihood rises by less.

    Returns
    -------
    float
        Mean log-likelihood per unit of weight.
    """
    n, k = x.size, means.size
    mass, first, second = np.empty(k), np.empty(k), np.empty(k)
    density, height, narrow = np.empty(k), np.empty(k), np.empty(k)
    last = -math.inf
    for _ in range(iterations):
        mass[:], first[:], second[:] = 0.0, 0.0, 0.0
        total = 0.0
        for j in range(k):
            narrow[j] = 1.0 / stds[j]
            height[j] = math.log(shares[j]) if shares[j] > 0.0 else -math.inf
            height[j] -= 0.5 * _LOG_2PI + math.log(stds[j])
        for i in range(n):
            top = -math.inf
            for j in range(k):
                z = (x[i] - means[j]) * narrow[j]
                density[j] = height[j] - 0.5 * z * z
                top = max(top, density[j])
            scale = 0.0
            for j in range(k):
                density[j] = math.exp(density[j] - top)
                scale += density[j]
            total += w[i] * (top + math.log(scale))
            for j in range(k):
                part = w[i] * density[j] / scale
                mass[j] += part
                first[j] += part * x[i]
                second[j] += part * x[i] * x[i]
        if total - last < tolerance:
            return total
        last = total
        for j in range(k):
            shares[j] = mass[j]
            if mass[j] > 1e-12:
                mean = min(max(first[j] / mass[j], low), high)
                # Around the bounded mean, not the free one.
                spread = second[j] / mass[j] - 2.0 * mean * first[j] / mass[j] + mean * mean
                means[j] = mean
                stds[j] = math.sqrt(max(spread, floor * floor))
    return last


@door
def fit_shares(density, w, group, shares, iterations, tolerance):
    """Shares of components whose densities are known, for every group of values at once.

    Parameters
    ----------
    density : ndarray
        ``(n, k)`` density of each value under each component.
    w : ndarray
        ``(n,)`` weights.
    group : ndarray
        ``(n,)`` group of each value, 0 to g - 1.
    shares : ndarray
        ``(g, k)``, starting values above zero, then the result; rows sum to one.
    iterations : int
        At most so many.
    tolerance : float
        Stop when no share moves by more.
    """
    n, k = density.shape
    groups = shares.shape[0]
    fresh, mass = np.empty((groups, k)), np.empty(groups)
    for _ in range(iterations):
        fresh[:, :] = 0.0
        mass[:] = 0.0
        for i in range(n):
            g = group[i]
            scale = 0.0
            for j in range(k):
                scale += shares[g, j] * density[i, j]
            if scale <= 0.0:
                continue
            mass[g] += w[i]
            for j in range(k):
                fresh[g, j] += w[i] * shares[g, j] * density[i, j] / scale
        moved = 0.0
        for g in range(groups):
            for j in range(k):
                value = fresh[g, j] / mass[g] if mass[g] > 0.0 else math.nan
                moved = max(moved, abs(value - shares[g, j]))
                shares[g, j] = value
        if moved < tolerance:
            return
