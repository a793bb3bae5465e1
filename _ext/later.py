"""What can be written only when all pages have been read.

A directive or a role leaves a place on its page; when the page is written, the place is
filled with what is known by then.
"""

from docutils import nodes
from sphinx.util.docutils import SphinxDirective


class Place(nodes.General, nodes.Inline, nodes.Element):
    """A place that says in its attribute `what` belongs there."""


class PlaceDirective(SphinxDirective):
    """A place for what has the name of the directive."""

    def run(self):
        """Return the place."""
        return [place_of(self.env, self.name)]


def place_of(env, what):
    """Return a place on the page that is read."""
    env.metadata[env.docname]["has_places"] = True
    return Place(what=what)


def pages_to_write(app, env):
    """Have the pages with places written each time: what belongs there may come from anywhere."""
    return [docname for docname, record in env.metadata.items() if record.get("has_places")]
