"""Show what a cell prints as it was printed.

A kernel may send one printed line in two messages.  MyST-NB joins the messages of a
cell with a line break between them, which puts the break into the middle of the line.
Here they are joined as they came.
"""

from myst_nb.core import render


def join_streams(outputs):
    """Join the messages of each stream, in the place of the first of them."""
    joined, streams = [], {}
    for output in outputs or []:
        name = output.get("name") if output["output_type"] == "stream" else None
        if name in streams:
            streams[name]["text"] += output["text"]
            continue
        joined.append(output)
        if name:
            streams[name] = output
    return joined


def setup(app):
    """Put the function in the place of MyST-NB's."""
    render.coalesce_streams = join_streams
