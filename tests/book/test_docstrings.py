"""The text that chapters learn from is the same with every version of Python."""

from importlib.machinery import ModuleSpec

from smnn_book import docstrings


def test_what_only_some_versions_have_is_not_read(tmp_path, monkeypatch):
    for name in ("__init__", "part/one", "tests/two", "distutils/three", "distutils/deep/four"):
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'"""Text of {name.split("/")[-1].strip("_")}.\n\n>>> left\n"""\n', "utf-8")
    spec = ModuleSpec("package", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(docstrings, "find_spec", lambda _: spec)
    found = docstrings.read_docstrings("package")
    assert found == [["text", "of", "init"], ["text", "of", "one"]]
