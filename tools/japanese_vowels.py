"""Make ``smnn_book/data/japanese_vowels.npz`` of the copy that the wheel of aeon carries.

    pip download --no-deps aeon==1.6.0
    python tools/japanese_vowels.py aeon-1.6.0-py3-none-any.whl

The data are M. Kudo, J. Toyama and M. Shimbo's, from the UCI Machine Learning Repository
(https://doi.org/10.24432/C5NS47), under CC BY 4.0.  All frames of all utterances lie below one
another, as thousandths in int16: a fifth of the size of the text, and the classifiers of the
chapter do not need the other digits.
"""

import argparse
import hashlib
import zipfile
from pathlib import Path

import numpy as np

WHEEL = "d05227086706f80111ac5fee8de4d5d3115bb3bcfd1c786c8629393055816409"
FOLDER = "aeon/datasets/data/JapaneseVowels/JapaneseVowels_"
TARGET = Path(__file__).parents[1] / "smnn_book" / "data" / "japanese_vowels.npz"


def utterances(text):
    """Yield the frames of each utterance, (T, 12), and its speaker from 0."""
    lines = (line for line in text.splitlines() if line and line[0] not in "#@")
    for line in lines:
        *coefficients, speaker = line.split(":")
        yield np.array([c.split(",") for c in coefficients], float).T, int(speaker) - 1


def main():
    """Read the wheel that is named, and write the file."""
    parser = argparse.ArgumentParser(description="Make the file of the Japanese vowels.")
    parser.add_argument("wheel", type=Path)
    content = (path := parser.parse_args().wheel).read_bytes()
    if hashlib.sha256(content).hexdigest() != WHEEL:
        raise SystemExit(f"{path} is not the wheel of aeon 1.6.0")
    with zipfile.ZipFile(path) as wheel:
        parts = [wheel.read(f"{FOLDER}{part}.ts").decode() for part in ("TRAIN", "TEST")]
    frames, speakers = zip(*(one for part in parts for one in utterances(part)), strict=True)
    np.savez_compressed(
        TARGET,
        thousandths=np.round(1000 * np.concatenate(frames)).astype(np.int16),
        lengths=np.array([len(one) for one in frames], np.uint8),
        speakers=np.array(speakers, np.uint8),
    )
    print(f"{TARGET.name}: SHA-256 {hashlib.sha256(TARGET.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
