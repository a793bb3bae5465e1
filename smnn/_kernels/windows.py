"""Kernels for the windows of images: copied to rows, and rows added back to where they came from.

Images have shape (N, height, width, channels), rows (N, down, across, kernel height, kernel
width · channels).  What a window holds of one line of an image lies in one piece.
"""

from .simd.compile import kernel


@kernel
def windows_to_rows(images, down, across, rows, start, stop):
    """Copy the windows of the images from start to stop, ``down`` and ``across`` apart."""
    channels, (_, tall, wide, height, width) = images.shape[3], rows.shape
    images, rows = images.reshape(images.shape[0], images.shape[1], -1), rows.reshape(-1)
    to = start * tall * wide * height * width
    for n in range(start, stop):
        for i in range(tall):
            for j in range(wide):
                left = j * across * channels
                for u in range(height):
                    line = images[n, i * down + u]
                    for k in range(width):
                        rows[to + k] = line[left + k]
                    to += width


@kernel
def rows_to_windows(rows, down, across, images, start, stop):
    """Add rows to the windows of the images from start to stop, ``down`` and ``across`` apart."""
    channels, (_, tall, wide, height, width) = images.shape[3], rows.shape
    images, rows = images.reshape(images.shape[0], images.shape[1], -1), rows.reshape(-1)
    of = start * tall * wide * height * width
    for n in range(start, stop):
        for i in range(tall):
            for j in range(wide):
                left = j * across * channels
                for u in range(height):
                    line = images[n, i * down + u]
                    for k in range(width):
                        line[left + k] += rows[of + k]
                    of += width
