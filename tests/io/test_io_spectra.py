from __future__ import annotations

import warnings

import numpy as np
import pytest
from io_factories import write_columns

from socwidgets.io import open_references
from socwidgets.io.columns import read_table
from socwidgets.model.errors import ParameterError, ReadError, ReferenceSpectraError

E = np.linspace(700, 720, 41)
A, B = np.exp(-((E - 707) ** 2)), np.exp(-((E - 709) ** 2))


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_columns(tmp_path / "a.t", E, A)
    write_columns(tmp_path / "b.t", E, B)
    return tmp_path


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("a.t,b.t", ["a", "b"]),
        (" a.t , b.t ", ["a", "b"]),
        ("Fe(II)=a.t,Fe(III)=b.t", ["Fe(II)", "Fe(III)"]),
        ("x=y.txt", None),
        ("*.t", ["a", "b"]),
        (["a.t", "b.t"], ["a", "b"]),
        (["low=a.t", "high=b.t"], ["low", "high"]),
        ({"one": "a.t", "two": (E, B)}, ["one", "two"]),
    ],
)
def test_forms(files, spec, names):
    if names is None:
        with pytest.raises(ReadError, match=r"no file or folder y\.txt"):
            open_references(spec)
        return
    references = open_references(spec)
    assert references.dims == ("component", "energy")
    assert list(references.component.values) == names
    np.testing.assert_allclose(references.values, [A, B], atol=1e-7)
    np.testing.assert_allclose(references.energy.values, E, rtol=1e-7)
    assert open_references(references) is references


def test_name_with_equals_sign_or_comma_in_a_path(files):
    write_columns(files / "T=20,dry.txt", E, A)
    assert list(open_references("T=20,dry.txt").component.values) == ["T=20,dry"]
    write_columns(files / "T=30.txt", E, A)
    assert list(open_references("T=30.txt,b.t").component.values) == ["T=30", "b"]


def test_kev_is_reported(files):
    write_columns(files / "k.txt", (E + 7000) / 1000, A)
    with pytest.warns(UserWarning, match="k: energies of 7.7 to 7.72 can only be keV"):
        references = open_references("k.txt")
    np.testing.assert_allclose(references.energy.values, E + 7000, rtol=1e-6)
    assert "keV" in references.attrs["energy_conversion"]


NUMBERS = [[7112.5, 0.25], [7113.0, -1.5e-3], [7114.25, 3.0]]
TEXTS = {
    "blanks": "  7112.5   0.25\n7113.0\t-1.5e-3\n7114.25 3\n",
    "header": "Energy mu\n# more\n7112.5 0.25\n\n7113 -1.5E-03\n7114.25 3.\n",
    "csv": "energy,mu\n7112.5,0.25\n7113.0,-1.5e-3\n7114.25,3\n",
    "csv with blanks": "7112.5, 0.25\n7113.0, -1.5e-3\n7114.25, 3\n",
    "decimal comma, semicolon": "Energie;mu\n7112,5;0,25\n7113,0;-1,5e-3\n7114,25;3\n",
    "decimal comma, tab": "7112,5\t0,25\n7113,0\t-1,5e-3\n7114,25\t3,0\n",
    "decimal comma, blanks": "7112,5 0,25\n7113,0 -1,5e-3\n7114,25 3,0\n",
    "trailing semicolon": "7112.5;0.25;\n7113.0;-1.5e-3;\n7114.25;3;\n",
    "Fortran": "7.1125D+03 2.5d-1\n7.113D+03 -1.5D-3\n7.11425D+3 3.\n",
    "BOM and Windows": "\ufeff7112.5 0.25\r\n7113.0 -1.5e-3\r\n7114.25 3\r\n",
    "comments": "% a\n! b\n* c\n// d\n; e\n#f\n7112.5 0.25\n# x\n7113 -1.5e-3\n7114.25 3\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_tables(tmp_path, name):
    path = tmp_path / "a.txt"
    path.write_bytes(TEXTS[name].encode("utf-8"))
    np.testing.assert_allclose(read_table(path).values, NUMBERS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("7112,5\n7113,0\n", "decimal comma or a separator"),
        ("7112.5 0.2\n7113 oops\n", "line 2 is not a line of numbers"),
        ("7112.5 0.2\n7113\n", "line 2 has another number of columns"),
        ("only words\nand more\n", "no numbers"),
        ("", "no numbers"),
        ("7112.5\0 0.2", "not a text file"),
    ],
)
def test_broken_tables(tmp_path, text, message):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(ReadError, match=message) as caught:
        read_table(tmp_path / "a.txt")
    assert caught.value.expected
    assert caught.value.found
    assert caught.value.fix


XDI = "# XDI/1.0\n# Column.1: energy {unit}\n# Column.2: {second}\n# Column.3: {third}\n#---\n"


def xdi(path, unit, second, third, columns):
    rows = "".join(" ".join(f"{v:.9g}" for v in row) + "\n" for row in zip(*columns, strict=True))
    path.write_text(XDI.format(unit=unit, second=second, third=third) + rows)
    return path


def test_xdi_columns(files):
    xdi(files / "raw.xdi", "eV", "i0", "itrans", (E, np.full(41, 5.0), 5 * np.exp(-A)))
    np.testing.assert_allclose(open_references("raw.xdi").values[0], A, atol=1e-7)
    xdi(files / "mu.xdi", "eV", "i0", "mutrans", (E, np.full(41, 5.0), A))
    np.testing.assert_allclose(open_references("mu.xdi").values[0], A, atol=1e-7)
    xdi(files / "kev.xdi", "keV", "norm", "i0", ((E + 7000) / 1000, A, B))
    with pytest.warns(UserWarning, match="keV"):
        np.testing.assert_allclose(open_references("kev.xdi").values[0], A, atol=1e-7)
    xdi(files / "lib.nor", "eV", "LiFe(II)PO4", "Fe(III)PO4", (E, A, B))
    references = open_references("lib.nor::LiFe(II)PO4,FP=lib.nor::3")
    assert list(references.component.values) == ["LiFe(II)PO4", "FP"]
    np.testing.assert_allclose(references.values, [A, B], atol=1e-7)
    with pytest.warns(UserWarning, match=r"'LiFe\(II\)PO4' is taken, not Fe\(III\)PO4"):
        assert open_references("lib.nor").shape[0] == 1
    every = open_references("lib.nor::*")
    assert list(every.component.values) == ["LiFe(II)PO4", "Fe(III)PO4"]
    np.testing.assert_allclose(every.values, [A, B], atol=1e-7)
    with pytest.raises(ReferenceSpectraError, match="wrong number of reference"):
        open_references("lib.nor::*", most=1)
    with pytest.raises(ReadError, match="no column 'x'") as caught:
        open_references("lib.nor::x")
    assert "Fe(III)PO4" in caught.value.expected
    xdi(files / "odd.xdi", "eV", "i0", "ifluor", (E, A, B))
    with pytest.raises(ReadError, match="raw detector columns"):
        open_references("odd.xdi")


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("a.t,a.t", ParameterError, "two references have the name 'a'"),
        ("", ParameterError, "no references"),
        (3, ParameterError, "not understood"),
        ({"a": 3}, ParameterError, "not understood"),
        ("none*.t", ReadError, "no file fits the pattern"),
        ("missing.t", ReadError, "no file or folder"),
        ("list.txt", ReadError, "no spectrum"),
        ("twice.txt", ReferenceSpectraError, "not strictly monotonic"),
    ],
)
def test_bad_references(files, spec, error, message):
    write_columns(files / "list.txt", E)
    write_columns(files / "twice.txt", np.r_[E[:2], E[1:-1]], A)
    with pytest.raises(error, match=message):
        open_references(spec)


@pytest.mark.realdata
def test_measured_references(shared_data):
    als = shared_data / "als_stxm_fe"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        references = open_references(f"Fe(II)={als}/reduced.t,Fe(III)={als}/oxidized.t")
    assert references.shape == (2, 123)
    # Fe(III) has its L3 maximum about 1.5 eV above Fe(II).
    peaks = references.idxmax("energy").values
    assert 1.0 < peaks[1] - peaks[0] < 2.5
    with pytest.warns(UserWarning, match="keV"):
        nickel = open_references(f"{shared_data}/ni_k_references/ref_*.txt")
    assert 8000 < nickel.energy.values[0] < 8300
    library = shared_data / "nano_xanes_lfp" / "FeLibNov2021.nor"
    assert open_references(f"{library}::LiFe(II)PO4").shape == (1, 196)
    assert open_references(f"{library}::*", most=11).shape == (11, 196)
    foils = open_references(f"{shared_data}/xas_library/Fe/FeO_rt_01.xdi")
    # Transmission of raw i0 and itrans: absorption jumps up at the edge (7112 eV).
    before, after = foils.sel(energy=slice(7000, 7100)), foils.sel(energy=slice(7130, 7200))
    assert float(after.mean()) > float(before.mean()) + 0.2
