"""Build the wheel and the archive of the sources: the same bytes from the same commit.

    python tools/release.py           into dist/
    python tools/release.py --check   twice, in two folders, and compare
    python tools/release.py --bill    a bill of materials of the wheel in dist, beside it

They hold the last commit, not what is being edited, and every file in them has its time.  The
wheel takes it from ``SOURCE_DATE_EPOCH``; the archive is packed again, in the order of its names.
The bill (CycloneDX, JSON) names what the wheel and all its extras install, with its license.
"""

import argparse
import gzip
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def git(*arguments):
    """Return what git says."""
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True).stdout


def build(folder):
    """Build both into a folder, from a copy of the last commit; return their paths."""
    epoch = git("log", "-1", "--format=%ct").decode().strip()
    with tempfile.TemporaryDirectory() as copy:
        with tarfile.open(fileobj=io.BytesIO(git("archive", "HEAD"))) as commit:
            commit.extractall(copy, filter="data")
        subprocess.run(
            [sys.executable, "-m", "build", "--outdir", str(folder), copy],
            env={**os.environ, "SOURCE_DATE_EPOCH": epoch}, stdout=subprocess.DEVNULL, check=True,
        )  # fmt: skip
    (wheel,), (sources,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    pack_again(sources, int(epoch))
    return wheel, sources


def pack_again(path, epoch):
    """Write an archive with its files in the order of their names, of one time and no owner."""
    packed = io.BytesIO()
    with tarfile.open(path) as old, tarfile.open(fileobj=packed, mode="w") as new:
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            member.mtime, member.uid, member.gid, member.uname, member.gname = epoch, 0, 0, "", ""
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    path.write_bytes(gzip.compress(packed.getvalue(), mtime=epoch))


def write_bill(wheel):
    """Install a wheel with all its extras, and write a bill of what came; return its path."""
    bill = wheel.with_name("-".join(wheel.name.split("-")[:2]) + ".cdx.json")
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / ("Scripts" if os.name == "nt" else "bin") / "python"
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", f"{wheel}[all]"], cwd=folder, check=True
        )
        subprocess.run(
            [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible",
             "--pyproject", ROOT / "pyproject.toml", "--mc-type", "library",
             "--output-file", bill, python], check=True,
        )  # fmt: skip
    return bill


def main():
    """Build, build twice and compare, or write the bill; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="build twice and compare")
    parser.add_argument("--bill", action="store_true", help="write the bill of materials")
    options = parser.parse_args()
    if options.bill:
        (wheel,) = (ROOT / "dist").glob("smnn-*.whl")
        print(write_bill(wheel).relative_to(ROOT))
        return 0
    if not options.check:
        folder = ROOT / "dist"
        folder.mkdir(exist_ok=True)
        for older in [*folder.glob("smnn-*.whl"), *folder.glob("smnn-*.tar.gz")]:
            older.unlink()
        for path in build(folder):
            print(path.relative_to(ROOT))
        return 0
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        same = True
        for first, second in zip(build(Path(one)), build(Path(other)), strict=True):
            equal = first.read_bytes() == second.read_bytes()
            print(f"{first.name}: {'the same bytes' if equal else 'DIFFERENT BYTES'} twice")
            same &= equal
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
