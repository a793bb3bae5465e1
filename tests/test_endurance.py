"""What a program may do to the package, a few times; tests/endurance.py does it often."""

import pytest

pytest.importorskip("resource", reason="uses signals and limits of Unix")
import endurance


@pytest.mark.parametrize("function", endurance.LONG, ids=lambda function: function.__name__)
def test_it_holds(function):
    assert function()


def test_a_changed_result_is_noticed():
    calls = {call[0]: call for call in endurance.calls(1)}
    name, function, args, options, result = calls["mse"]
    with pytest.raises(AssertionError, match="mse gives another result"):
        endurance.check_call((name, function, args, options, [part + 1 for part in result]))
