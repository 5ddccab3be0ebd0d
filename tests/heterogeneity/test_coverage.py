"""A small version of tests/studies/interval_coverage.py: intervals hold about as often as told."""

import importlib.util
from pathlib import Path

import pytest

STUDY = Path(__file__).parents[1] / "studies" / "interval_coverage.py"


@pytest.fixture(scope="module")
def study():
    spec = importlib.util.spec_from_file_location("interval_coverage", STUDY)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_intervals_hold_and_errors_equal_the_scatter(study):
    """25 phantoms: 95 % +- 4.4 %, so a true coverage of 90 % gives 19 or fewer rarely."""
    result = study.study(25, draws=150)
    assert len(result) == 9
    for name, found in result.items():
        assert found["coverage"] >= 0.76, name
        if found["claimed"] == found["claimed"]:
            assert 0.6 < found["claimed"] / found["scatter"] < 1.9, name
    assert result["sd without noise"]["mean"] == pytest.approx(0.10, rel=0.1)
    assert result["Moran's I without noise"]["mean"] == pytest.approx(0.9802, abs=0.03)
    assert result["correlation length"]["mean"] == pytest.approx(0.2828, rel=0.15)


def test_the_table_names_every_quantity(study):
    row = {"truth": 1.0, "mean": 1.0, "scatter": 0.1, "claimed": float("nan"), "coverage": 0.95}
    text = study.table({"ICC": row}, 3)
    assert "| ICC | 1.0000 | 1.0000 | 0.1000 | - | 95.0 % |" in text
