"""README's figures are those of the benchmark, and its picture too."""

import dataclasses

import pytest
from benchmarks import readme

ROWS = readme.read(readme.COMPARED)


def test_the_table_is_that_of_the_comparison() -> None:
    text = readme.README.read_text("utf-8")
    assert readme.filled(text, ROWS) == text, "python -m benchmarks.readme writes it anew"


def test_the_picture_is_that_of_the_comparison() -> None:
    assert readme.PICTURE.read_text("utf-8") == readme.picture(ROWS), "python -m benchmarks.readme draws it anew"


def test_every_client_is_in_the_table_and_in_the_picture() -> None:
    table, picture = readme.table(ROWS), readme.picture(ROWS)
    for row in ROWS:
        assert row.client in table
        assert (row.client in picture) == (row.client != "drain")


def test_bars_are_as_long_as_their_figures_are_large() -> None:
    small, large = (dataclasses.replace(ROWS[1], client=name, peak_mb=peak) for name, peak in (("a", 50), ("b", 100)))
    lengths = [float(part.partition('"')[0]) for part in readme.picture([small, large]).split(' width="')[2:]]
    assert lengths[1] == pytest.approx(2 * lengths[0], abs=0.2)


def test_a_readme_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for the table"):
        readme.filled("# nothing\n", ROWS)
