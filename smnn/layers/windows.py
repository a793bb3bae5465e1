"""Windows that slide over images: where they lie, and what lies in them.

Images are (N, height, width, channels).  A window at row i and column j begins at
(i · stride, j · stride) of the image, to which padding may be added first.
"""

import numpy as np

from .._core.validation import choice, positive_integer


def pair(value, name):
    """Return a size of both axes of an image: one number stands for two."""
    values = (value, value) if not isinstance(value, tuple | list) else tuple(value)
    if len(values) != 2:
        raise ValueError(f"{name} must be one number or two, got {value!r}")
    first, second = (positive_integer(one, name) for one in values)
    return first, second


class Windows:
    """Windows of one size, their strides and their padding.

    Parameters
    ----------
    size, strides : pair of int
    padding : {"valid", "same"}
        ``"same"`` adds as much as it takes to make ⌈length / stride⌉ windows, the odd one
        behind, as Keras does.
    """

    def __init__(self, size, strides, padding):
        self.size, self.strides = size, strides
        self.padding = choice(padding, ("valid", "same"), "padding")

    def counts(self, shape):
        """Return how many windows fit an image of this height and width; 0 if none."""
        if self.padding == "same":
            return tuple(-(-n // stride) for n, stride in zip(shape, self.strides, strict=True))
        triples = zip(shape, self.size, self.strides, strict=True)
        return tuple(max(0, (n - size) // stride + 1) for n, size, stride in triples)

    def margins(self, shape):
        """Return what is added before and behind, for each of the two axes."""
        if self.padding == "valid":
            return (0, 0), (0, 0)
        found = []
        for n, size, stride, count in zip(
            shape, self.size, self.strides, self.counts(shape), strict=True
        ):
            added = max(0, (count - 1) * stride + size - n)
            found.append((added // 2, added - added // 2))
        return tuple(found)

    def padded(self, images, value=0.0):
        """Return images with their padding."""
        margins = self.margins(images.shape[1:3])
        if not any(map(sum, margins)):
            return images
        return np.pad(images, ((0, 0), *margins, (0, 0)), constant_values=value)

    def without_padding(self, padded, shape):
        """Return the part of padded images that is the images."""
        (top, _), (left, _) = self.margins(shape)
        return padded[:, top : top + shape[0], left : left + shape[1]]

    def parts(self, padded, counts):
        """Yield for each place (i, j) of a window what lies there in all windows, as a view."""
        for i in range(self.size[0]):
            for j in range(self.size[1]):
                rows = slice(i, i + (counts[0] - 1) * self.strides[0] + 1, self.strides[0])
                columns = slice(j, j + (counts[1] - 1) * self.strides[1] + 1, self.strides[1])
                yield i, j, padded[:, rows, columns]
