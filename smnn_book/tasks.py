"""The tasks of a Dask graph: which there are, what each needs, and a drawing of them."""

import numpy as np

from smnn.plot import INK, pyplot, series_color


def task_tree(lazy):
    """Return what each task of a lazy result needs, after Dask has joined what it can join.

    Parameters
    ----------
    lazy : dask collection

    Returns
    -------
    dict
        A task to the tasks whose results it needs, every task after those.  A step that needs a
        single other one is left out, since it runs where that runs.

    Examples
    --------
    >>> import dask.array as da
    >>> import smnn
    >>> scores = da.from_array([[1.0, 2.0, 4.0, 3.0]], chunks=(1, 2))
    >>> [len(needs) for needs in task_tree(smnn.dask.logsumexp(scores)).values()]
    [0, 0, 2]
    """
    import dask
    from dask.core import get_dependencies, toposort

    (optimized,) = dask.optimize(lazy)
    graph = dict(optimized.__dask_graph__())
    tree, joined = {}, {}
    for key in toposort(graph):
        needs = [joined[other] for other in sorted(get_dependencies(graph, key))]
        if len(needs) == 1:
            joined[key] = needs[0]
        else:
            joined[key], tree[key] = key, needs
    return tree


def draw_tasks(tree, workers):
    """Return a drawing of a tree of tasks, the chunks below and the result above.

    Parameters
    ----------
    tree : dict
        As `task_tree` returns it.
    workers : sequence of int
        Which worker holds each chunk, in the order of the chunks.  A task that needs the chunks
        of one worker only has its color, and the arrows between workers are dashed.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the number of workers is not that of the chunks.

    Examples
    --------
    >>> tree = {"a": [], "b": [], "c": ["a", "b"]}
    >>> [text.get_text() for text in draw_tasks(tree, [0, 1]).axes[0].texts[:3]]
    ['(m, s)', '(m, s)', '⊕']
    >>> pyplot.close()
    """
    chunks = sorted(task for task, needs in tree.items() if not needs)
    if len(workers) != len(chunks):
        raise ValueError(f"workers must name one for each of {len(chunks)} chunks, got {workers}")
    place = {chunk: (float(k), 0) for k, chunk in enumerate(chunks)}
    owner = dict(zip(chunks, workers, strict=True))
    for task, needs in tree.items():
        if needs:
            across, up = np.transpose([place[other] for other in needs])
            place[task] = across.mean(), up.max() + 1
            owners = {owner[other] for other in needs}
            owner[task] = owners.pop() if len(owners) == 1 else None
    height = max(up for _, up in place.values())
    figure, ax = pyplot.subplots(figsize=(7.0, 0.85 * height + 0.9))
    for task, (x, y) in place.items():
        color = INK if owner[task] is None else series_color(owner[task])
        box = {"boxstyle": "round,pad=0.35", "fc": "none", "ec": color, "lw": 1.2}
        ax.text(x, y, "⊕" if tree[task] else "(m, s)", ha="center", va="center", bbox=box, size=9)
        for other in tree[task]:
            (x0, y0), same = place[other], owner[other] == owner[task]
            arrow = {"arrowstyle": "-|>", "color": INK, "lw": 1, "ls": "-" if same else "--"}
            ax.annotate("", (x, y - 0.24), (x0, y0 + 0.24), arrowprops=arrow)
    for k, chunk in enumerate(chunks):
        ax.text(place[chunk][0], -0.45, str(k), ha="center", va="center", color=INK, size=8)
    ax.set_xlabel("chunk", color=INK, size=8)
    ax.set(xlim=(-0.6, len(chunks) - 0.4), ylim=(-0.7, height + 0.5), xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    return figure
