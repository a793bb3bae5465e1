"""Send the pictures of the cells in fewer bytes.

Matplotlib writes PNG.  WebP says the same in less than half of the bytes, and every
browser reads it.  Before that the colors are rounded to every fourth of the 256
levels, which no eye can see and which saves another fifth.
"""

from pathlib import Path

import numpy as np
from PIL import Image

STEP = 4


def rounded(levels):
    """Return colors rounded to multiples of a step; black, white and clear stay what they are."""
    nearest = (levels.astype(np.int16) + STEP // 2) // STEP * STEP
    return np.where(levels == 255, 255, np.minimum(nearest, 255)).astype(np.uint8)


def write_light_copy(picture):
    """Write the light copy beside a PNG."""
    with Image.open(picture) as image:
        light = Image.fromarray(rounded(np.asarray(image.convert("RGBA"))))
    light.save(picture.with_suffix(".webp"), lossless=True)


def use_light_pictures(body):
    """Let a page show, and link to, the light copies."""
    for attribute in ("src", "href"):
        for element in body.select(f'[{attribute}*="_images/"][{attribute}$=".png"]'):
            element[attribute] = element[attribute].removesuffix(".png") + ".webp"


def write_light_pictures(app):
    """Put light copies in the place of the pictures that were copied into the site."""
    for picture in Path(app.outdir, "_images").glob("*.png"):
        light = picture.with_suffix(".webp")
        if not light.exists() or light.stat().st_mtime < picture.stat().st_mtime:
            write_light_copy(picture)
        picture.unlink()
