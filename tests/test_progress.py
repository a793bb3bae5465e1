"""A bar is for a person: shown in a terminal and a live notebook, nowhere else."""

import io
import sys
from types import SimpleNamespace

import pytest

from smnn._core import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def not_in_ci(monkeypatch):
    monkeypatch.delenv("CI", raising=False)


def notebook(monkeypatch, *, live):
    shell = SimpleNamespace(kernel=SimpleNamespace(_allow_stdin=live))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))


def test_a_terminal_is_watched_and_a_pipe_is_not(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert progress.bar_is_wanted()
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not progress.bar_is_wanted()
    monkeypatch.setattr(sys, "stderr", None)
    assert not progress.bar_is_wanted()


@pytest.mark.parametrize("live", [True, False])
def test_only_a_live_notebook_is_watched(monkeypatch, live):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    notebook(monkeypatch, live=live)
    assert progress.bar_is_wanted() is live


def test_nobody_watches_in_ci_or_when_it_was_not_asked_for(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert not progress.bar_is_wanted(False)
    monkeypatch.setenv("CI", "true")
    assert not progress.bar_is_wanted()


def test_no_bar_without_tqdm(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    assert not progress.bar_is_wanted()


def test_a_notebook_that_a_program_executes_has_no_watcher():
    """The real thing: a kernel driven by nbclient, as nbconvert and Jupyter Book do."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    code = "from smnn._core.progress import _in_live_notebook; print(_in_live_notebook())"
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(page, timeout=120).execute()
    assert page.cells[0].outputs[0].text == "False\n"


def test_a_live_kernel_says_that_it_could_ask():
    """The real thing: a client that answers questions, as a notebook's frontend does."""
    manager = pytest.importorskip("jupyter_client.manager")
    kernel, client = manager.start_new_kernel(kernel_name="python3")
    try:
        seen = []
        client.execute_interactive(
            "from smnn._core.progress import _in_live_notebook; print(_in_live_notebook())",
            allow_stdin=True,
            stdin_hook=lambda message: None,
            output_hook=lambda message: seen.append(message["content"].get("text")),
            timeout=60,
        )
        assert "True\n" in seen
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
