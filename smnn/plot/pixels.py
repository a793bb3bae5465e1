"""Pictures made of pixels: examples as they are, and weights as they look at them."""

import math

import numpy as np

from .styling import INK, axes, pyplot, tinted


def images(x, shape, *, titles=None, columns=None, ax=None):
    """Rows of pixels as pictures: ink on whatever ground the page has.

    Parameters
    ----------
    x : array_like, shape (N, H * W)
        Pixels from 0 (empty) to 1 (full ink).
    shape : (int, int)
        H and W.
    titles : sequence of str, optional
        What to write above each.
    columns : int, optional
        Pictures side by side; ten at most unless told otherwise.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import smnn
    >>> x, y = smnn.load_digits()
    >>> ax = smnn.plot.images(x[:12], (8, 8), titles=y[:12], columns=6)
    >>> len(ax.texts)
    12
    >>> smnn.plot.pyplot.close(ax.figure)
    """
    mosaic, corners = _mosaic(x, shape, columns, titles is not None)
    return _draw_mosaic(tinted(INK, np.nan_to_num(mosaic)), corners, shape, titles, ax)


def weights_as_images(W, shape, *, titles=None, columns=None, ax=None):
    """Columns of weights as pictures: dark is negative, gray is zero, light is positive.

    Parameters
    ----------
    W : array_like, shape (H * W, K)
        One picture for each column, all on one scale.
    shape : (int, int)
    titles : sequence of str, optional
    columns : int, optional
        Pictures side by side; ten at most unless told otherwise.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import numpy as np
    >>> from smnn import plot
    >>> ax = plot.weights_as_images(np.eye(4)[:, :3], (2, 2), titles="abc")
    >>> [text.get_text() for text in ax.texts]
    ['a', 'b', 'c']
    >>> plot.pyplot.close(ax.figure)
    """
    mosaic, corners = _mosaic(np.asarray(W).T, shape, columns, titles is not None)
    largest = np.nanmax(np.abs(mosaic)) or 1.0
    colors = pyplot.get_cmap("cividis")((mosaic / largest + 1) / 2)  # nan: transparent
    return _draw_mosaic(colors, corners, shape, titles, ax)


def _mosaic(x, shape, columns, titled):
    """All pictures in one array with nan between them, and the upper left corner of each."""
    x = np.asarray(x, dtype=float)
    height, width = shape
    if x.ndim != 2 or x.shape[1] != height * width:
        raise ValueError(
            f"pictures of {height} by {width} need {height * width} pixels each, "
            f"got an array of shape {x.shape}"
        )
    columns = min(len(x), 10) if columns is None else columns
    gap = max(1, width // 8)
    above = math.ceil(0.4 * height) if titled else gap
    rows = math.ceil(len(x) / columns)
    mosaic = np.full((rows * (height + above), columns * (width + gap)), np.nan)
    corners = [
        (i // columns * (height + above) + above, i % columns * (width + gap))
        for i in range(len(x))
    ]
    for picture, (top, left) in zip(x, corners, strict=True):
        mosaic[top : top + height, left : left + width] = picture.reshape(shape)
    return mosaic, corners


def _draw_mosaic(colors, corners, shape, titles, ax):
    height, width = colors.shape[:2]
    inches = min(6.5, 0.75 * width / shape[1])
    ax = axes(ax, (inches, inches * height / width))
    ax.imshow(colors, interpolation="none")
    ax.set_axis_off()
    if titles is not None:
        for title, (top, left) in zip(titles, corners, strict=True):
            middle = left + shape[1] / 2 - 0.5
            ax.text(middle, top - 0.8, f"{title}", ha="center", va="bottom", size=9)
    return ax
