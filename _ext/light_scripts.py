"""Scripts with fewer bytes: without comments and needless spaces, and with short names.

Scripts of this book end every statement with a semicolon or a bracket, and write a regular
expression only as the first argument of a call.
"""

import re
from collections import Counter
from itertools import product
from string import ascii_letters

PART = re.compile(
    r"""(?P<space>\s+) | (?P<comment>//[^\n]*)
    | (?P<text>"(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | (?<=\()/(?:\\.|\[[^\]]*\]|[^/\\\n])+/[a-z]*)
    | (?P<name>[A-Za-z_$][\w$]*) | (?P<number>\d[\d_.]*(?:e[+-]?\d+)?)
    | (?P<mark>\.\.\.|=>|\+\+|--|\?\.(?!\d)|.)""",
    re.VERBOSE | re.DOTALL,
)
TEMPLATE = re.compile(r"(?:\\.|\$(?!\{)|[^\\`$])*(?:`|\$\{)", re.DOTALL)
OPENING, CLOSING = "([{", ")]}"


def parts_of(script):
    """Return the parts of a script, as pairs of kind and text, without comments and spaces.

    Parameters
    ----------
    script : str

    Returns
    -------
    list of tuple of str
    """
    parts, open_marks, at = [], [], 0
    while at < len(script):
        if open_marks and open_marks[-1] == "`":
            words = TEMPLATE.match(script, at)[0]
            parts.append(("text", words))
            at += len(words)
            if words.endswith("`"):
                open_marks.pop()
            else:
                open_marks.append("${")
            continue
        part = PART.match(script, at)
        kind, words, at = part.lastgroup, part[0], part.end()
        if words == "`":
            kind = "text"
            open_marks.append(words)
        elif kind == "mark" and words in OPENING:
            open_marks.append(words)
        elif kind == "mark" and words in CLOSING and open_marks.pop() == "${":
            kind = "text"
        if kind not in ("comment", "space"):
            parts.append((kind, words))
    return parts


def short_names(parts):
    """Return shorter names for what a script declares and nobody reads as a property.

    Parameters
    ----------
    parts : list of tuple of str

    Returns
    -------
    dict of str
    """
    declared, properties, open_at, opened_by = set(), set(), [], [""]
    names = Counter(words for kind, words in parts if kind == "name")
    for at, (kind, words) in enumerate(parts):
        before = parts[at - 1][1] if at else ""
        after = parts[at + 1][1] if at + 1 < len(parts) else ""
        if (kind == "mark" and words in OPENING) or (kind == "text" and words.endswith("${")):
            open_at.append(at)
            opened_by.append(words[-1])
        elif (kind == "mark" and words in CLOSING) or (kind, words) == ("text", "}"):
            opened_by.pop()
            start = open_at.pop()
            leads = [part[1] for part in parts[max(start - 2, 0) : start]]
            if after == "=>" or "function" in leads or leads[-1:] in (["const"], ["let"]):
                declared.update(inner for sort, inner in parts[start:at] if sort == "name")
        elif kind == "name":
            if before in ("const", "let", "function") or after == "=>":
                declared.add(words)
            in_braces = opened_by[-1] == "{"
            is_key = before in ("{", ",") and after in (",", "}", "(", "=")
            if before in (".", "?.", "get") or (in_braces and (is_key or after == ":")):
                properties.add(words)
    short = ("".join(letters) for size in (1, 2) for letters in product(ascii_letters, repeat=size))
    free = (name for name in short if name not in names)
    long = [name for name, _ in names.most_common() if len(name) > 1]
    return {name: next(free) for name in long if name in declared - properties - {"of"}}


def joined(parts):
    """Return the parts of a script in which declarations of constants that follow are one.

    Parameters
    ----------
    parts : list of tuple of str

    Returns
    -------
    list of tuple of str

    Examples
    --------
    >>> " ".join(words for _, words in joined(parts_of("const a = 1; const b = 2;")))
    'const a = 1 , b = 2 ;'
    """
    kept, declares = [], [False]  # whether the statement does, at each depth of brackets
    for kind, words in parts:
        if (kind, words) == ("name", "const") and declares[-1] and kept[-1] == ("mark", ";"):
            kept[-1] = ("mark", ",")
            continue
        if kept and kept[-1] == ("mark", ";"):
            declares[-1] = False
        if (kind == "mark" and words in OPENING) or (kind == "text" and words.endswith("${")):
            declares.append(False)
        elif (kind == "mark" and words in CLOSING) or (kind, words) == ("text", "}"):
            declares.pop()
        elif (kind, words) == ("name", "const"):
            declares[-1] = True
        kept.append((kind, words))
    return kept


def light(script):
    """Return a script that does the same and is smaller.

    Parameters
    ----------
    script : str

    Returns
    -------
    str

    Examples
    --------
    >>> light("const twice = (value) => 2 * value; // as often\\nshow(`twice ${twice(3)}`);")
    'const a=(b)=>2*b;show(`twice ${a(3)}`);'
    """
    parts = parts_of(script)
    names = short_names(parts)
    sent = ""
    for kind, words in joined(parts):
        word = names.get(words, words) if kind == "name" else words
        apart = re.fullmatch(r"[\w$]{2}|\+\+|--", sent[-1:] + word[:1])
        sent += f" {word}" if apart else word
    return sent
