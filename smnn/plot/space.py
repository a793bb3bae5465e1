"""Pictures of spaces: the plane that a classifier divides, and the simplex of distributions."""

import numpy as np

from .styling import CLASS_MARKERS, INK, axes, class_color, readable, to_rgb


def decision_regions(predict, x, y, *, class_names=None, resolution=300, margin=0.1, ax=None):
    """The plane divided among the classes, with the examples on it.

    A region is the stronger in color, the more probable its class is there.

    Parameters
    ----------
    predict : callable or classifier
        A function of points (M, 2) that returns probabilities (M, K) or classes (M,), or an
        object with ``predict_proba`` or ``predict``.
    x : array_like, shape (N, 2)
    y : array_like of int, shape (N,)
    class_names : sequence of str, optional
        Written where a region is widest and emptiest.
    resolution : int
        Points along each axis at which the classifier is asked.
    margin : float
        Room around the examples, as a share of their range.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import smnn
    >>> x, y = smnn.make_blobs(20, rng=0)
    >>> classifier = smnn.SoftmaxClassifier().fit(x, y)
    >>> ax = smnn.plot.decision_regions(classifier, x, y, class_names="abc")
    >>> [text.get_text() for text in ax.texts]
    ['a', 'b', 'c']
    >>> smnn.plot.pyplot.close(ax.figure)
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y)
    if x.ndim != 2 or x.shape[1] != 2:
        raise ValueError(f"decision_regions draws examples of shape (N, 2), got {x.shape}")
    low, high = x.min(axis=0), x.max(axis=0)
    room = margin * np.where(high > low, high - low, 1)
    (left, bottom), (right, top) = low - room, high + room
    across, up = np.linspace(left, right, resolution), np.linspace(bottom, top, resolution)
    points = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    probs = _probabilities(predict, points, int(y.max()) + 1)
    grid = probs.reshape(resolution, resolution, -1)

    ax = axes(ax, (5.0, 4.0))
    box = left, right, bottom, top
    ax.imshow(_region_colors(grid), extent=box, origin="lower", aspect="auto", zorder=0,
              interpolation="nearest")  # fmt: skip
    for k in range(grid.shape[2]):
        lead = grid[..., k] - np.delete(grid, k, axis=2).max(axis=2)
        if (lead > 0).any() and (lead < 0).any():
            ax.contour(across, up, lead, levels=[0], colors=INK, linewidths=0.8)
    for k in range(int(y.max()) + 1):
        marker = CLASS_MARKERS[k % len(CLASS_MARKERS)]
        ax.scatter(*x[y == k].T, s=22, color=class_color(k), marker=marker, ec=INK, lw=0.5)
    if class_names is not None:
        region = grid.argmax(axis=2)
        relative = (x - [left, bottom]) / [right - left, top - bottom]
        for k, name in enumerate(class_names):
            across_share, up_share = _roomiest(region == k, relative)
            ax.text(across_share, up_share, name, transform=ax.transAxes, **_chip(k))
    ax.set(xlim=(left, right), ylim=(bottom, top))
    return ax


def _probabilities(predict, points, n_classes):
    """(M, K) numbers whose largest marks the class, from whatever predicts."""
    predict = getattr(predict, "predict_proba", getattr(predict, "predict", predict))
    result = np.asarray(predict(points))
    if result.shape == (len(points),):
        return np.eye(max(n_classes, int(result.max()) + 1))[result.astype(int)]
    if result.ndim != 2 or len(result) != len(points) or result.shape[1] < 2:
        raise ValueError(
            f"predict must return shape ({len(points)}, K) or ({len(points)},), got {result.shape}"
        )
    return result


def _region_colors(grid):
    """The color of the first choice, in eight steps of its lead over chance."""
    n_classes = grid.shape[2]
    chance = 1 / n_classes
    lead = np.clip((grid.max(axis=2) - chance) / (1 - chance), 0, 1)
    palette = np.array([to_rgb(class_color(k)) for k in range(n_classes)])
    return np.dstack([palette[grid.argmax(axis=2)], 0.06 + 0.34 * np.round(7 * lead) / 7])


def _roomiest(region, examples):
    """The place in a region that is farthest from its border, the frame and all examples."""
    steps = np.linspace(0, 1, 31)[1:-1]
    places = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    cells = np.round(places * (np.array(region.shape[::-1]) - 1)).astype(int)
    inside = region[cells[:, 1], cells[:, 0]]
    if not inside.any():
        return examples.mean(axis=0)
    room = np.minimum(places, 1 - places).min(axis=1)
    for obstacles in (places[~inside], examples):
        if len(obstacles):
            distances = np.hypot(*(places[:, None] - obstacles).transpose(2, 0, 1))
            room = np.minimum(room, distances.min(axis=1))
    return places[np.argmax(np.where(inside, room, -1))]


def _chip(k):
    """How a class name looks on colored ground: on a small plate of the class's own color."""
    color = class_color(k)
    return {
        "ha": "center",
        "va": "center",
        "size": 9,
        "color": "black" if np.dot(to_rgb(color), [0.3, 0.6, 0.1]) > 0.4 else "white",
        "bbox": {"boxstyle": "round,pad=0.3", "fc": color, "ec": "none"},
    }


def simplex(probs, *, class_names=None, true=None, path=False, ax=None):
    """Distributions over three classes as points of a triangle.

    A corner is certainty, the middle is (1/3, 1/3, 1/3).  The closer a point lies to a
    corner, the more probable is that class.

    Parameters
    ----------
    probs : array_like, shape (N, 3) or (3,)
    class_names : sequence of three str, optional
    true : int, optional
        The class whose corner is ringed.
    path : bool
        Join the points with a line, in their order.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from smnn import plot
    >>> ax = plot.simplex([[1, 0, 0], [0, 1, 0], [1/3, 1/3, 1/3]])
    >>> ax.collections[0].get_offsets().data.round(3)
    array([[0.   , 0.   ],
           [1.   , 0.   ],
           [0.5  , 0.289]])
    >>> plot.pyplot.close(ax.figure)
    """
    probs = np.atleast_2d(np.asarray(probs, dtype=float))
    if probs.ndim != 2 or probs.shape[1] != 3:
        raise ValueError(f"the simplex is for three classes, got probs of shape {probs.shape}")
    corners = np.array([[0, 0], [1, 0], [0.5, np.sqrt(3) / 2]])
    points = probs @ corners
    ax = axes(ax, (4.0, 3.6))
    for share in (0.25, 0.5, 0.75):
        for k in range(3):  # the line on which class k has this probability
            ends = share * corners[k] + (1 - share) * np.delete(corners, k, axis=0)
            ax.plot(*ends.T, color=INK, linewidth=0.5, alpha=0.45, zorder=1)
    ax.plot(*corners[[0, 1, 2, 0]].T, color=INK, linewidth=1.2, zorder=1)
    if path:
        ax.plot(*points.T, color=INK, linewidth=1, zorder=2)
    colors = [class_color(k) for k in probs.argmax(axis=1)]
    ax.scatter(*points.T, c=colors, s=30, ec=INK, lw=0.6, zorder=3)
    for k, name in enumerate(("1", "2", "3") if class_names is None else class_names):
        place, va = ((0, -8), "top") if k < 2 else ((0, 8), "bottom")
        ax.annotate(name, corners[k], place, textcoords="offset points", ha="center", va=va,
                    color=readable(class_color(k)), weight="bold")  # fmt: skip
    if true is not None:
        ax.plot(*corners[true], "o", mfc="none", mec=INK, mew=1.6, ms=12, label="true class")
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax
