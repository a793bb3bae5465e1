"""The site of the book as one extension of Sphinx: the theme, and all that works on a page.

`_config.yml` names this module alone.  The order of the list decides where two of them wait for
the same event with the same priority.
"""

EXTENSIONS = (
    # what others made
    "sphinx.ext.autodoc",
    "sphinx_exercise",
    "sphinx_proof",
    # what is executed and read
    "freshness",
    "execution_ahead",
    "printed_lines",
    "page_facts",
    "api_links",
    "api_reference",
    "book_counts",
    "formulas",
    "file_pictures",
    "cell_pictures",
    "draggable_figures",
    "thumbnails",
    # what is written
    "one_style",
    "page_frame",
    "page_body",
    "page_markup",
    "previews",
    "light_pictures",
    "page_cleaning",
    "general_index",
    "book_search",
    "sharing",
    "launch",
    "downloads",
    "self_contained",
)


def setup(app):
    """Connect to Sphinx."""
    for extension in EXTENSIONS:
        app.setup_extension(extension)
    app.add_config_value("comments_config", {}, "")  # jupyter-book sets it; pages have no comments
    return {"parallel_read_safe": True, "parallel_write_safe": True}
