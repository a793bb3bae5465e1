"""Send the pictures of the cells in fewer bytes.

Matplotlib writes PNG.  WebP says the same in less than half of the bytes, and every
browser reads it.  Before that the colors are rounded to every fourth of the 256
levels, which no eye can see and which saves another fifth.
"""

from pathlib import Path

import numpy as np
from page_body import body_of
from PIL import Image

STEP = 4


def light_name(address):
    """Return the address of the light copy of a picture; other addresses stay as they are.

    Examples
    --------
    >>> light_name("../_images/curves.png")
    '../_images/curves.webp'
    """
    if "_images/" not in address or not address.endswith(".png"):
        return address
    return address.removesuffix(".png") + ".webp"


def rounded(levels, step=STEP):
    """Return colors rounded to multiples of a step; black, white and clear stay what they are."""
    nearest = (levels.astype(np.int16) + step // 2) // step * step
    return np.where(levels == 255, 255, np.minimum(nearest, 255)).astype(np.uint8)


def write_light_copy(picture):
    """Write the light copy beside a PNG."""
    with Image.open(picture) as image:
        light = Image.fromarray(rounded(np.asarray(image.convert("RGBA"))))
    light.save(picture.with_suffix(".webp"), lossless=True)


def use_light_pictures(app, pagename, templatename, context, doctree):
    """Let a page show, and link to, the light copies."""
    if doctree is None:
        return
    body = body_of(context)
    for attribute in ("src", "href"):
        for element in body.select(f'[{attribute}*="_images/"]'):
            element[attribute] = light_name(element[attribute])


def write_light_pictures(app, exception):
    """Put light copies in the place of the pictures that were copied into the site."""
    if exception or app.builder.format != "html":
        return
    for picture in (Path(app.outdir) / "_images").glob("*.png"):
        light = picture.with_suffix(".webp")
        if not light.exists() or light.stat().st_mtime < picture.stat().st_mtime:
            write_light_copy(picture)
        picture.unlink()


def setup(app):
    """Connect to Sphinx: names change before the page is cleaned, files when all are copied."""
    app.connect("html-page-context", use_light_pictures, priority=940)
    app.connect("build-finished", write_light_pictures, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
