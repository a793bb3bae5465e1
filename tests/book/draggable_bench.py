"""A page for each figure that a reader takes hold of, built without Sphinx, and what drives it."""

from book_checks import ROOT
from draggable_figures import figure_html, scripts

import smnn
from smnn_book import draggable, explorers


def regions():
    """The figure of regions, with three networks as they are before training."""
    layers = [[smnn.Dense(h, "tanh", input_shape=(2,)), smnn.Dense(3)] for h in (1, 2, 3)]
    networks = [smnn.Sequential(both, rng=k) for k, both in enumerate(layers)]
    spirals = smnn.make_spirals(20, rng=0)
    return explorers.regions_explorer(networks, spirals.x, spirals.y, start=2)


FIGURES = {
    "attention-tiles": explorers.attention_tiles,
    "corridor-coin": explorers.corridor_coin,
    "ctc-trellis": explorers.ctc_trellis,
    "descent-explorer": explorers.descent_explorer,
    "digit-pad": explorers.digit_pad,
    "gate-regions": explorers.gate_regions,
    "huffman-tree": explorers.huffman_tree,
    "jacobian-explorer": explorers.jacobian_explorer,
    "long-valley": explorers.long_valley,
    "loss-explorer": explorers.loss_explorer,
    "mesa": explorers.walk_off_the_mesa,
    "network-graph": explorers.network_graph,
    "neuron-graph": explorers.neuron_graph,
    "one-line": explorers.one_line,
    "regions-explorer": regions,
    "sigmoid-explorer": explorers.sigmoid_explorer,
    "softmax-machine": explorers.softmax_machine,
    "softmax-pullback": explorers.softmax_pullback,
    "source-in-guide": explorers.source_in_guide,
    "three-cuts": explorers.three_cuts,
    "two-spaces": explorers.two_spaces,
}
STYLES = ("book", "frame", "text", "boxes", "draggable")


def write_pages(folder):
    """Write a page for each figure into a folder, and return the folder."""
    assets = (ROOT / "assets").as_uri()
    styles = "".join(f'<link rel="stylesheet" href="{assets}/{name}.css">' for name in STYLES)
    for name, make in FIGURES.items():
        about = make()._repr_mimebundle_()[draggable.MIME_TYPE]
        sources = scripts(about["kind"])
        for file, source in sources.items():
            (folder / file).write_text(source, encoding="utf-8")
        loads = "".join(f'<script defer src="{file}"></script>' for file in sources)
        # the addresses of the cover's links lead nowhere from here
        (folder / f"{name}.html").write_text(
            f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>{name}</title>'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<script>document.documentElement.classList.add("js")</script>{styles}{loads}'
            f'<div class="page"><nav class="contents"></nav><main><article class="text">'
            f"<h1>{name}</h1>{figure_html(about)}</article></main></div></html>",
            encoding="utf-8",
        )
    return folder


def opened(page, workbench, name, width=1280, height=900):
    """Open the page of a figure in a window, without motion; return the figure."""
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(reduced_motion="reduce")
    page.goto((workbench / f"{name}.html").as_uri())
    page.locator(".draggable.is-alive").wait_for()
    return page.locator(".draggable")


def state(page):
    return page.evaluate("document.querySelector('.draggable').smnnState")


def readout(page):
    return page.locator(".interactive-readout").inner_text()


def middle(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def touching(page):
    """Return a function that touches the page: Start, Move or End, with points."""
    session = page.context.new_cdp_session(page)

    def touch(kind, *points):
        at = [{"x": x, "y": y} for x, y in points]
        session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": at})
        page.wait_for_timeout(50)

    return touch
