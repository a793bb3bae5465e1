"""The tasks of a Dask graph and their drawing."""

import numpy as np
import pytest

pytest.importorskip("dask.array", reason="needs Dask")
pytest.importorskip("matplotlib", reason="needs Matplotlib")

import dask.array as da
import matplotlib.pyplot as pyplot
from matplotlib.colors import to_hex

import smnn
from smnn.plot import INK, series_color
from smnn_book.tasks import draw_tasks, task_tree


@pytest.mark.parametrize("fan_in, needs", [(2, [0] * 8 + [2] * 7), (4, [0] * 8 + [2, 4, 4])])
def test_a_tree_has_a_task_for_each_chunk_and_each_merge(fan_in, needs):
    scores = da.from_array(np.zeros((3, 8)), chunks=(3, 1))
    tree = task_tree(smnn.dask.logsumexp(scores, split_every=fan_in))
    assert sorted(len(others) for others in tree.values()) == sorted(needs)
    seen = set()
    for task, others in tree.items():
        assert seen.issuperset(others), "a task comes before what it needs"
        seen.add(task)


def test_a_task_has_the_color_of_the_worker_whose_chunks_it_needs():
    tree = {"a": [], "b": [], "c": [], "d": ["a", "b"], "e": ["c", "d"]}
    (ax,) = draw_tasks(tree, [0, 0, 1]).axes
    boxes = [text.get_bbox_patch() for text in ax.texts if text.get_bbox_patch()]
    edges = [to_hex(box.get_edgecolor()) for box in boxes]
    assert edges == [series_color(k) for k in (0, 0, 1, 0)] + [INK]
    dashed = [t.arrow_patch.get_linestyle() for t in ax.texts if getattr(t, "arrow_patch", None)]
    assert dashed == ["-", "-", "--", "--"]
    pyplot.close()


def test_a_worker_is_named_for_every_chunk():
    with pytest.raises(ValueError, match="one for each of 2 chunks"):
        draw_tasks({"a": [], "b": []}, [0])
