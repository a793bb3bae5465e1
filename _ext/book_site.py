"""The site of the book as one extension of Sphinx: which part works when, and in which order.

`_config.yml` names this module alone.  The parts are modules of functions; here they are
connected to the events of a build, which come in the order of `setup`.
"""

import os
from pathlib import Path

import api_links
import api_reference
import book_counts
import book_search
import cell_pictures
import downloads
import draggable_figures
import execution_ahead
import file_pictures
import formulas
import freshness
import general_index
import later
import launch
import light_pictures
import page_body
import page_facts
import page_frame
import page_markup
import previews
import printed_lines
import sharing
import static_files
import thumbnails
from bs4 import BeautifulSoup

OF_OTHERS = ("sphinx.ext.autodoc", "sphinx_exercise", "sphinx_proof")

# What is put into a page when all have been read, by the name of its role or directive.
WRITTEN_LATER = {
    "api-overview": api_reference.overview,
    "executed-notebooks": book_counts.executed_notebooks,
    "executed-with": book_counts.executed_with,
    "chapter-thumbnails": thumbnails.links,
    **{what: book_counts.number(what) for what in book_counts.COUNTS},
}

# What is written when all pages are.
LAST_STEPS = (
    draggable_figures.write_scripts,
    launch.write_colab_copies,
    book_search.write_index,
    light_pictures.write_light_pictures,
    static_files.drop_unused_files,
    sharing.introduce_site,
    thumbnails.write_pictures,
)


def fill_places(app, doctree, docname):
    """Put into a page what is known only now."""
    for place in list(doctree.findall(later.Place)):
        place.replace_self(WRITTEN_LATER[place["what"]](app, docname))


def complete_page(app, pagename, templatename, context, doctree):
    """Add to a page what its template draws, and mend the text that an author has written."""
    static_files.keep_own_assets(app, context)
    page_frame.frame_page(app, pagename, context)
    if pagename == "genindex":
        context["index_letters"] = general_index.letters(context["genindexentries"])
    if doctree is not None:
        html, heavy_parts = page_body.hold(context["body"])
        body = BeautifulSoup(page_body.drop_plain_spans(html), "html.parser")
        draggable_figures.load_scripts(app, body)
        page_markup.mend_page(app, pagename, context, body)
        launch.add_links(app, context, body)
        previews.add_previews(body, previews.texts_behind_links(app.env))
        light_pictures.use_light_pictures(body)
        context["body"] = page_body.give_back(str(body), heavy_parts)


def complete_site(app, exception):
    """Write what belongs to the whole site."""
    if exception is None and app.builder.format == "html":
        for step in LAST_STEPS:
            step(app)
        downloads.pack_and_offer(Path(app.outdir), Path(app.srcdir))  # holds all the rest


def setup(app):
    """Connect to Sphinx."""
    for extension in OF_OTHERS:
        app.setup_extension(extension)
    app.add_config_value("comments_config", {}, "")  # jupyter-book sets it; pages have no comments
    os.environ["PYTHONSTARTUP"] = str(cell_pictures.STARTUP)  # of the kernels
    for part in (freshness, printed_lines, api_reference, formulas, static_files, page_frame):
        part.setup(app)
    # before the pages are read
    app.connect("config-inited", lambda app, config: launch.repository(config))  # or refuse
    app.connect("builder-inited", book_search.return_index)
    app.connect("env-before-read-docs", execution_ahead.fill_cache)
    # when a page is read
    app.add_node(later.Place)
    app.add_role("counted", book_counts.Counted())
    for name in WRITTEN_LATER.keys() - book_counts.COUNTS:
        app.add_directive(name, later.PlaceDirective)
    app.connect("doctree-read", page_facts.gather_facts)
    app.connect("doctree-read", api_links.note_names)
    app.connect("doctree-read", file_pictures.show_drawings, priority=600)  # images are found
    # when all pages are read
    app.connect("env-updated", api_links.pages_to_write)
    app.connect("env-updated", later.pages_to_write)
    app.connect("doctree-resolved", api_links.link_page)
    app.connect("doctree-resolved", fill_places)
    # when a page is written, and when all are
    app.connect("html-page-context", complete_page, priority=900)
    app.connect("build-finished", complete_site, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
