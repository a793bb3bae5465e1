"""Exercises that judge an attempt: the reader acts before the answer shows.

A judge is a function of the attempt that asserts what must hold, each assertion with a
sentence for the reader.  `exercise` makes a check of it, which prints a verdict and never
raises.  An attempt that is still empty is told so.

A page has four cells for an exercise, in this order:

1. the judge, folded (tag ``hide-input``);
2. the blank and the call of the check, visible: its stored output is the verdict on a blank;
3. inside the fold of the solution, the solution and ``check.accepts(solution)``;
4. out of sight (tag ``remove-cell``), ``check.rejects(wrong)`` for a typical wrong attempt,
   so that a run of the book tests the judge both ways.
"""

import functools
import inspect


class Check:
    """A judge that tells a reader whether an attempt is right; made by `exercise`."""

    def __init__(self, judge):
        functools.update_wrapper(self, judge)
        self.judge = judge

    def __call__(self, *attempt):
        """Print the verdict on an attempt."""
        fault = self._fault(attempt)
        print(f"✗ not yet: {fault}" if fault else f"✓ right: {self._what()}")

    def accepts(self, *attempt):
        """Print that the attempt is right, or raise AssertionError."""
        fault = self._fault(attempt)
        if fault:
            raise AssertionError(f"the check rejects a right attempt: {fault}")
        print(f"✓ right: {self._what()}")

    def rejects(self, *attempt):
        """Print why the attempt is wrong, or raise AssertionError if it is let pass."""
        fault = self._fault(attempt)
        if not fault:
            raise AssertionError("the check lets a wrong attempt pass")
        print(f"rejected: {fault}")

    def _what(self):
        """Return what a right attempt was held against: the judge's docstring."""
        return inspect.getdoc(self.judge).rstrip(".")

    def _fault(self, attempt):
        """Return what is wrong with an attempt in words, or None."""
        if any(_is_blank(part) for part in attempt):
            return "the blank is still empty"
        try:
            self.judge(*attempt)
        except AssertionError as error:
            # A comparison of NumPy explains itself over many lines; the first says enough.
            return next((line.strip() for line in str(error).splitlines() if line.strip()), "wrong")
        except Exception as error:
            return f"it raises {type(error).__name__}: {error}"
        return None


def _is_blank(part):
    """Whether an attempt is ``...``, None, or a function whose body is no more than that."""
    if inspect.isfunction(part):
        return part.__code__.co_code in (_blank.__code__.co_code, _nothing.__code__.co_code)
    return part is ... or part is None


def _blank(): ...


def _nothing():
    """A docstring, and nothing else."""


def exercise(judge):
    """Make a check of a judge.

    Parameters
    ----------
    judge : callable
        Takes the attempt (values or functions) and asserts what must hold, each assertion
        with a sentence for the reader.  Its docstring says what a right attempt was held
        against, as in "on 20 rows at three temperatures".

    Returns
    -------
    Check
        Call it on an attempt.  ``accepts`` and ``rejects`` are for the run of the book.

    Raises
    ------
    ValueError
        If the judge has no docstring.

    Examples
    --------
    >>> @exercise
    ... def check_double(double):
    ...     '''on the numbers from 0 to 9'''
    ...     assert all(double(n) == 2 * n for n in range(10)), "double(n) must be 2n"
    >>> def double(n):
    ...     ...
    >>> check_double(double)
    ✗ not yet: the blank is still empty
    >>> check_double(lambda n: n + n)
    ✓ right: on the numbers from 0 to 9
    >>> check_double.rejects(lambda n: n * n)
    rejected: double(n) must be 2n
    """
    if not judge.__doc__:
        raise ValueError(f"{judge.__name__} needs a docstring: what is an attempt held against?")
    return Check(judge)
