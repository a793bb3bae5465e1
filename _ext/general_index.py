"""The index at the end of the book: terms of the glossary and names of the package.

Sphinx collects the entries; here they are laid out flat, each with its own link, and
told apart: a name of the package is set as code, and a method says whose it is.
"""

import re

DETAIL = re.compile(r"(?P<name>.*?)\s*\((?P<detail>[^()]*)\)$")
OWNER = re.compile(r"(?:in module )?smnn\.(?P<owner>[\w.]+?)(?: \w+)*$")


def entry(name, address):
    """Return an entry of the index as the template writes it, from the words of Sphinx.

    Examples
    --------
    >>> found = entry("backward() (smnn.Tensor method)", "gradients.html#smnn.Tensor.backward")
    >>> found["name"], found["kind"]
    ('backward()', 'of Tensor')
    """
    is_code = "#smnn." in address
    match = DETAIL.match(name) if is_code else None
    detail = match["detail"] if match else ""
    owner = OWNER.match(detail)
    return {
        "name": match["name"] if match else name,
        "kind": f"of {owner['owner']}" if owner else "",
        "address": address,
        "is_code": is_code,
    }


def flat(entries):
    """Yield the entries of one letter; Sphinx puts those that share a name below the first."""
    for name, (links, below, _) in entries:
        for _, address in links:
            yield entry(name, address)
        for detail, places in below:
            for _, address in places:
                yield entry(f"{name.partition(' (')[0]} {detail}", address)


def letters(entries_by_letter):
    """Return the letters of the index, each with its entries."""
    return [
        (letter, list(flat(entries))) for letter, entries in entries_by_letter if letter.isalpha()
    ]
