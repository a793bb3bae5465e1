"""Formulas as the build typesets them: MathML that browsers draw as TeX would."""

import re

import pytest
from book_checks import ROOT

pytest.importorskip("py_mini_racer", reason="needs what builds the book")
pytest.importorskip("sphinx", reason="needs what builds the book")
import nbformat
from fontTools.ttLib import TTFont
from formulas import (
    FormulaError,
    in_lines,
    side_by_side,
    typeset,
    typeset_in_line,
    without_tag,
)

IN_TEXT = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$([^$\n]+?)\$", re.DOTALL)


def inside(tex, **options):
    """The content of the element `math`."""
    return re.fullmatch(r"<math[^>]*>(.*)</math>", typeset(tex, **options))[1]


def italic(letter):
    """The letter that a browser draws for a variable of one letter."""
    if letter == "h":
        return "ℎ"
    for first, last, start in (("A", "Z", 0x1D434), ("a", "z", 0x1D44E), ("α", "ω", 0x1D6FC)):
        if first <= letter <= last:
            return chr(start + ord(letter) - ord(first))
    return letter


def test_the_tex_is_kept_and_a_display_has_its_own_lines():
    assert typeset("a < b").startswith('<math alttext="a &lt; b"><mi>a</mi><mo>&lt;</mo>')
    assert typeset("x", display=True).startswith('<math display="block" alttext="x">')


def test_letters_come_from_the_alphabets_of_unicode():
    assert inside(r"\mathbf{x}\mathcal{L}\mathcal{C}\mathsf{T}\mathbb{R}") == (
        "<mi>𝐱</mi><mi>ℒ</mi><mi>𝒞</mi><mi>𝖳</mi><mi>ℝ</mi>"
    )
    assert inside(r"\mathrm{d}\operatorname{softmax}(") == (
        '<mi mathvariant="normal">d</mi><mspace width="0.1667em"></mspace><mi>softmax</mi>'
        '<mo stretchy="false">(</mo>'
    )


def test_a_minus_after_a_sign_is_a_sign_and_after_a_letter_an_operation():
    forms = re.findall(r"<mo([^>]*)>−</mo>", inside(r"-a = -b - c \log(x) - (-d)"))
    prefix = ' form="prefix"'
    assert forms == [prefix, prefix, "", "", prefix]
    assert prefix in inside(r"(a,\;-b)") and prefix not in inside(r"a\;-b")


def test_a_function_has_spaces_unless_a_bracket_follows():
    thin = '<mspace width="0.1667em"></mspace>'
    assert inside(r"a\log b").count(thin) == 2
    assert inside(r"\log b").count(thin) == 1
    assert inside(r"\log(b)").count(thin) == 0
    assert inside(r"a\max_k b").count(thin) == 2
    assert 'lspace="0"' in inside(r"\max_k b")


def test_accents_are_near_and_norms_have_no_spaces():
    assert '<mover accent="true"><mi>y</mi>' in inside(r"\hat y")
    assert inside(r"|x|").count('lspace="0"') == 2


def test_columns_of_equations_meet_at_their_sign():
    table = inside(r"\begin{aligned}a&=b&c&=d\end{aligned}", display=True)
    assert re.findall(r'<mtd class="([^"]*)"', table) == [
        "right",
        "left close",
        "right far",
        "left close",
    ]


def test_a_frame_is_a_class_of_the_style_sheet():
    assert inside(r"\boxed{x}").startswith('<mrow class="boxed">')
    assert "mrow.boxed" in (ROOT / "assets" / "text.css").read_text(encoding="utf-8")


def test_a_long_formula_in_a_line_may_part_before_its_signs():
    pieces = typeset_in_line(r"z_1 = 0.7 \cdot (2 - 15) - 0.45 \cdot 22 + 0.2").split("<wbr>")
    assert ["".join(re.findall(r">([^<]+)<", piece)) for piece in pieces] == [
        "z1=0.7⋅(2−15)",
        "−0.45⋅22",
        "+0.2",
    ]
    assert "alttext" in pieces[0] and "alttext" not in pieces[1]
    assert '<mo form="infix">−</mo>' in pieces[1]
    assert "<wbr>" not in typeset_in_line("a = b + c")


def test_formulas_side_by_side_are_apart():
    assert side_by_side(r"a = \frac{1}{2}, \qquad b = 1") == [r"a = \frac{1}{2},", "b = 1"]
    inside = r"\begin{cases} a \qquad b \end{cases}"
    assert side_by_side(inside) == [inside]


def test_tags_and_lines_are_those_of_sphinx():
    assert without_tag(r"a = b\tag{BP1}") == ("a = b", "BP1")
    assert in_lines("a \\\\ b") == r"\begin{split}a \\ b\end{split}"
    assert in_lines("a\n\nb") == r"\begin{gathered}a \\ b\end{gathered}"


def test_what_cannot_be_read_is_an_error_that_names_it():
    with pytest.raises(FormulaError, match=r"softmx"):
        typeset(r"\softmx(z)")
    with pytest.raises(FormulaError, match="brace"):
        typeset(r"\frac{1")


def test_the_font_has_every_sign_of_the_book():
    letters = set()
    for path in (ROOT / "book").rglob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        for display, inline in IN_TEXT.findall(text):
            tex, _ = without_tag(display or inline)
            try:
                written = inside(in_lines(tex) if display else tex, display=bool(display))
            except FormulaError:  # prose between two prices
                continue
            letters.update(italic(letter) for letter in re.findall(r"<mi>(.)</mi>", written))
            letters.update(re.sub(r"<mtext.*?</mtext>|<mi>.</mi>|<[^>]*>|&\w+;", "", written))
    font = TTFont(ROOT / "assets" / "fonts" / "stix-two-math.woff2")
    assert len(letters) > 100
    known = {chr(code) for code in font.getBestCmap()}
    assert sorted(letter for letter in letters - known if not letter.isspace()) == []
