"""Execute the chapters that have changed side by side, before Sphinx reads the first page.

Sphinx reads one page after the other, and MyST-NB executes a notebook when it is read, unless its
outputs are in the execution cache.  So they are put there first, by as many kernels at a time as
this process may use cores.  A notebook with an output that differs from run to run measures time;
it runs alone.  One that fails is left to MyST-NB, which executes it again and says what failed.
"""

from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from sphinx.util import logging

from smnn import get_num_threads

MEASURES = "nbval-ignore-output"
logger = logging.getLogger(__name__)


def measures_time(notebook):
    """Return whether an output of the notebook differs from run to run."""
    return any(MEASURES in cell.metadata.get("tags", ()) for cell in notebook.cells)


def is_cached(cache, notebook):
    """Return whether the cache has the outputs of these cells."""
    try:
        cache.match_cache_notebook(notebook)
    except KeyError:
        return False
    return True


def fill_cache(app, env, docnames):
    """Execute the notebooks among the pages to be read whose outputs are not in the cache."""
    cache = get_cache(app.config.nb_execution_cache_path)
    new = {}
    for path in (Path(env.doc2path(name)) for name in docnames):
        if path.suffix == ".ipynb":
            notebook = nbformat.read(path, as_version=4)
            if not is_cached(cache, notebook):
                new[path] = notebook
    alone = {path for path, notebook in new.items() if measures_time(notebook)}

    def execute(path):
        logger.info("%s: Executing notebook", path)
        timeout = app.config.nb_execution_timeout
        return single_nb_execution(new[path], str(path.parent), timeout, allow_errors=False)

    for workers, some in ((get_num_threads(), new.keys() - alone), (1, alone)):
        with ThreadPoolExecutor(workers) as pool:
            runs = {pool.submit(execute, path): path for path in sorted(some)}
            for run in as_completed(runs):
                keep(cache, runs[run], run.result())


def keep(cache, path, outcome):
    """Put the outputs of an execution without error into the cache."""
    if outcome.err is None:
        logger.info("%s: Executed notebook in %.1f seconds", path, outcome.time)
        record = cache.add_nb_to_project(str(path))
        seconds = {"execution_seconds": outcome.time}
        bundle = CacheBundleIn(outcome.nb, record.uri, data=seconds)
        cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
