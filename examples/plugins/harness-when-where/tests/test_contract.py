"""The harness's own contract for teachers, rule by rule."""

import pytest

from harness.testing import checks_for
from harness_when_where.teacher import WhenWhere


@pytest.mark.parametrize("check", checks_for(WhenWhere), ids=lambda check: check.__name__)
@pytest.mark.parametrize("undecided", ["prior", "refuse"])
def test_contract(check, undecided):
    check(WhenWhere(undecided=undecided))
