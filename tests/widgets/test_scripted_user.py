"""A reduced random user; the long one is tests/studies/scripted_user_study.py."""

from __future__ import annotations

import pytest
from ipywidgets.widgets.widget import _instances
from scripted_user import User

from socwidgets.model.roi import Rectangle


@pytest.mark.parametrize("seed", [1, 2])
def test_random_actions_leave_no_error_no_dead_view_and_no_lost_region(seed):
    before = set(_instances)
    user = User(seed)
    user.act(90)
    assert user.problems() == []
    # The views still answer.
    user.session.clear_rois()
    user.session.show_map()
    user.map.draw(Rectangle(1.0, 1.0, 2.0, 2.0))
    assert len(user.session.state.rois) == 1
    assert list(user.app.spectrum._traces) == [user.session.state.rois[0].name]
    user.close()
    assert set(_instances) - before == set()
