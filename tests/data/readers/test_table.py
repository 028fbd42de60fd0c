"""Tests of reading tables: what is read right, and what is named."""

import gzip
import json
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from descend.data.data_settings import DataSettings
from descend.data.examples import TEST, UNGIVEN, VALIDATION, TableSet
from descend.data.readers import table
from descend.data.table_types import column_types
from descend.errors import DataError

ROWS = [(1.5, "red", 3), (2.5, "blue", 4), (3.5, "red", 5), (4.0, "green", 6)]


def write(folder: Path, text: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(path: Path, target: str = "-1", **settings: object) -> TableSet:
    chosen = DataSettings.model_validate({"target": (target,), **settings})
    return table.read(path, chosen, seed=0)


def csv_text(delimiter: str = ",", header: bool = True) -> str:
    lines = [delimiter.join(map(str, row)) for row in ROWS]
    return "\n".join([delimiter.join(("size", "color", "count"))] * header + lines) + "\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " "])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    found = read(write(tmp_path, csv_text(delimiter)))
    assert found.frame.rows() == ROWS
    assert found.targets == ("count",)
    assert found.names[2] == "t.csv row 3"
    assert found.given.eq(UNGIVEN).all()


def test_without_a_header_columns_are_numbered(tmp_path: Path) -> None:
    found = read(write(tmp_path, csv_text(header=False)), "c2")
    assert found.frame.columns == ["c1", "c2", "c3"]
    assert found.frame.rows() == ROWS
    assert found.names[0] == "t.csv row 1"


def test_a_header_over_text_columns_is_told_from_values(tmp_path: Path) -> None:
    values = "e,flat\np,bell\ne,flat\np,flat\ne,bell\n"
    assert read(write(tmp_path, values)).frame.columns == ["c1", "c2"]
    assert read(write(tmp_path, "kind,shape\n" + values)).frame.columns == ["kind", "shape"]


def test_a_header_of_counted_names_is_a_header(tmp_path: Path) -> None:
    found = read(write(tmp_path, "0,1,2\n5,6,7\n5,6,8\n"))
    assert found.frame.columns == ["0", "1", "2"]
    assert len(found.frame) == 2


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    text = "größe;name;y\n1;café;2\n2;thé;3\n"
    found = read(write(tmp_path, text.encode(encoding)))
    assert found.frame.columns == ["größe", "name", "y"]
    assert found.frame["name"].to_list() == ["café", "thé"]
    if encoding == "cp1252":
        assert any("not UTF-8 (first in line 1)" in note for note in found.found)


@pytest.mark.parametrize("name", ["t.csv.gz", "T.CSV.GZ", "t.csv"])
def test_gzip_is_read_whatever_the_name(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, gzip.compress(csv_text().encode()), name)
    assert table.recognizes(path)
    assert read(path).frame.rows() == ROWS


def test_a_damaged_gzip_file_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(csv_text().encode())[:-10], "t.csv.gz")
    with pytest.raises(DataError, match=r"t\.csv\.gz: the gzip file is damaged"):
        read(path)


def test_parquet_and_json_lines_give_the_same_table(tmp_path: Path) -> None:
    frame = pl.DataFrame(ROWS, schema=["size", "color", "count"], orient="row")
    frame.write_parquet(tmp_path / "t.parquet")
    lines = "\n".join(json.dumps(row) for row in frame.to_dicts())
    for path in (tmp_path / "t.parquet", write(tmp_path, lines, "t.jsonl")):
        assert table.recognizes(path)
        assert read(path).frame.equals(frame)


def test_a_line_that_is_not_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t\.jsonl line 2: not JSON"):
        read(write(tmp_path, '{"a": 1, "b": 2}\n{"a": 1,\n', "t.jsonl"))


@pytest.mark.parametrize(
    ("value", "message"),
    [("[" * 100_000, "not JSON .nested too deep"), ('"\\ud800"', r"not JSON .\\ud800 is half of")],
)
def test_json_that_is_no_row_is_named(tmp_path: Path, value: str, message: str) -> None:
    with pytest.raises(DataError, match=r"t\.jsonl line 2: " + message):
        read(write(tmp_path, '{"a": 1, "y": 2}\n{"a": ' + value + ', "y": 3}\n', "t.jsonl"))


def test_other_line_ends_inside_a_json_text_are_text(tmp_path: Path) -> None:
    lines = (
        '{"a": "x\u2028y", "y": 1}\n{"a": "x\u0085y", "y": 2}\r\n{"a": "\\ud83d\\ude00", "y": 3}\n'
    )
    found = read(write(tmp_path, lines, "t.jsonl"))
    assert found.frame["a"].to_list() == ["x\u2028y", "x\u0085y", "\U0001f600"]


def test_a_column_named_as_a_numbered_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a column is named 'p\.1'"):
        read(write(tmp_path, "p,q,r,p,q,r,p.1,y\n" + "1,2,3,4,5,6,7,8\n" * 3))


def test_ignored_columns_are_gone_and_not_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, csv_text())
    test = write(tmp_path, "color,count\nred,3\n", "s.csv")
    for name in ("size", "1"):
        found = read(path, "count", ignore=(name,), test=str(test))
        assert found.frame.columns == ["color", "count"]
        assert "ignored as asked: size" in found.found
    assert read(path, "3", ignore=("1",)).targets == ("count",)
    with pytest.raises(DataError, match="no column 'colour'; did you mean 'color'"):
        read(path, ignore=("colour",))
    with pytest.raises(DataError, match="column '-1' is --target; it cannot be ignored too"):
        read(path, ignore=("count",))


def test_missing_columns_are_named_with_what_there_is(tmp_path: Path) -> None:
    columns = column_types(read(write(tmp_path, csv_text())).frame)
    with pytest.raises(
        DataError, match=r"columns 'color', 'count' are missing; .*\(it has size, x\)"
    ):
        table.read_rows(b"size,x\n1,1\n2,2\n", columns)
    with pytest.raises(DataError, match=r"'color' is missing; .*\(did you mean 'colour'\?\)"):
        table.read_rows(b"size,colour\n1,red\n2,red\n", columns, optional=("count",))


def test_quotes_spaces_and_blank_lines_are_read_right(tmp_path: Path) -> None:
    text = 'name, note, y\n"Braund, Owen", "said ""hi""\nand left", 1\n\nx,  y ,2\n\n\n'
    frame = read(write(tmp_path, text)).frame
    assert frame.row(0) == ("Braund, Owen", 'said "hi"\nand left', 1)
    assert frame.row(1) == ("x", "y", 2)


def test_a_quote_never_closed_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 2: a quote is opened and never closed"):
        read(write(tmp_path, 'a,b\n1,2\n3,"x\n5,6\n'))


@pytest.mark.parametrize("cell", ["blue", '"blue"'])
def test_an_empty_row_keeps_its_place(tmp_path: Path, cell: str) -> None:
    trained = read(write(tmp_path, "a,c,y\n1.5,red,1\n2.5,blue,2\n"))
    found = again(trained, f"a,c\n1,red\n,\n-1,{cell}\n3,red\n")
    assert found.frame["a"].to_list() == [1, None, -1, 3]
    assert list(found.names) == [f"stdin row {at}" for at in range(1, 5)]


def test_a_quoted_empty_cell_is_a_row_of_a_single_column(tmp_path: Path) -> None:
    trained = read(write(tmp_path, "a,y\n1.5,1\n2.5,2\n"))
    assert again(trained, 'a\n1\n""\n\n2\n').frame["a"].to_list() == [1, None, 2]


def test_rows_swallowed_by_a_stray_quote_are_named(tmp_path: Path) -> None:
    rows = "".join(f"{at},b,{at}\n" for at in range(20))
    found = read(write(tmp_path, "a,b,y\n" + rows + '3,"x,5\n4,y,6\n5,z",7\n8,b,9\n'))
    [issue] = [issue for issue in found.issues if issue.kind == "swallowed-rows"]
    assert (issue.where, issue.dropped) == ("t.csv row 21", True)
    assert "goes over 3 lines" in issue.text
    prose = read(write(tmp_path, 'a,b,y\n1,"said\nand left",3\n4,b,5\n6,b,7\n'))
    assert not [issue for issue in prose.issues if issue.kind == "swallowed-rows"]


def test_a_header_behind_a_hash_is_a_header_and_a_remark_is_none(tmp_path: Path) -> None:
    rows = "1,2,3\n4,5,6\n"
    for text in ("#a,b,y\n", "# made today\n#a,b,y\n"):
        assert read(write(tmp_path, text + rows)).frame.columns == ["#a", "b", "y"]
    assert read(write(tmp_path, "# a,b,y\n" + rows)).frame.columns == ["# a", "b", "y"]
    remark = "# made on Monday, by hand, at home\na,b,y\n"
    assert read(write(tmp_path, remark + rows)).frame.columns == ["a", "b", "y"]


def test_markers_of_missing_values_are_missing(tmp_path: Path) -> None:
    text = "a,b,y\n1,x,1\n?,?,2\nNA,NA,3\n,,4\nnan,nan,5\nNULL,null,6\n2,y,7\n"
    frame = read(write(tmp_path, text)).frame
    assert frame["a"].to_list() == [1, None, None, None, None, None, 2]
    assert frame["b"].null_count() == 5


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1,234", "12,345,678", "5"], [1234, 12345678, 5]),
        (["1 234,5", "2,5", "3"], [1234.5, 2.5, 3]),
        (["$1,200.50", "$3.00", "$4"], [1200.5, 3, 4]),
        (["12%", "13.5%", "1%"], [12, 13.5, 1]),
        (["1e3", "-2.5E-1", "+3"], [1000, -0.25, 3]),
    ],
)
def test_numbers_are_read_as_people_write_them(
    tmp_path: Path, cells: list[str], values: list[float]
) -> None:
    text = "a;y\n" + "".join(f"{cell};{at}\n" for at, cell in enumerate(cells))
    found = read(write(tmp_path, text)).frame["a"].to_list()
    assert found == values


def test_decimal_commas_are_read(tmp_path: Path) -> None:
    text = "a;y\n1,5;3,25\n2,5;4,5\n1.000,75;1\n"
    assert read(write(tmp_path, text)).frame.rows() == [(1.5, 3.25), (2.5, 4.5), (1000.75, 1.0)]


def test_codes_with_leading_zeros_stay_text(tmp_path: Path) -> None:
    frame = read(write(tmp_path, "zip,y\n00501,1\n10001,2\n02134,3\n")).frame
    assert frame["zip"].to_list() == ["00501", "10001", "02134"]


def test_text_in_a_number_column_is_named_with_row_and_value(tmp_path: Path) -> None:
    rows = "".join(f"{at},{at * 2}\n" for at in range(40))
    found = read(write(tmp_path, "a,y\n" + rows + "abc,5\n"))
    assert found.frame["a"].dtype == pl.Int64
    [issue] = [issue for issue in found.issues if issue.kind == "not-a-number"]
    assert issue.where == "column a"
    assert "t.csv row 41 has 'abc'" in issue.text


def test_infinite_and_nan_cells_are_named_and_missing(tmp_path: Path) -> None:
    found = read(write(tmp_path, "a,y\n1.5,1\ninf,2\n-inf,3\n1e999,4\n"))
    assert found.frame["a"].to_list() == [1.5, None, None, None]
    [issue] = found.issues
    assert issue.text.startswith(
        "infinite or beyond 1e+30 in t.csv row 2, t.csv row 3, t.csv row 4"
    )
    frame = pl.DataFrame({"a": [1.0, float("nan")], "y": [1, 2]})
    frame.write_parquet(tmp_path / "t.parquet")
    [issue] = read(tmp_path / "t.parquet").issues
    assert "NaN in t.parquet row 2" in issue.text


@pytest.mark.parametrize(
    ("cells", "second"),
    [
        (["2020-01-31", "2020-02-01"], datetime(2020, 2, 1)),
        (["31/01/2020", "01/02/2020"], datetime(2020, 2, 1)),
        (["01/31/20", "02/01/20"], datetime(2020, 2, 1)),
        (["01/12/2020", "02/12/2020", "03/12/2020"], datetime(2020, 12, 2)),
        (["31.01.2020 10:30", "01.02.2020 11:00"], datetime(2020, 2, 1, 11)),
        (["2020-01-31T10:30:00Z", "2020-02-01T00:00:00Z"], datetime(2020, 2, 1)),
        (["2020-01-31T10:30:00+02:00", "2020-02-01T00:00:00+02:00"], datetime(2020, 1, 31, 22)),
        (["2020-01", "2020-02"], datetime(2020, 2, 1)),
        (["Jan 2020", "Feb 2020"], datetime(2020, 2, 1)),
        (["31-Jan-2020", "1-Feb-2020"], datetime(2020, 2, 1)),
        (["2020-01-31 10:30:00.5", "2020-02-01 00:00:00.0"], datetime(2020, 2, 1)),
    ],
)
def test_dates_are_recognized(tmp_path: Path, cells: list[str], second: datetime) -> None:
    text = "d;y\n" + "".join(f"{cell};{at}\n" for at, cell in enumerate(cells))
    assert read(write(tmp_path, text)).frame["d"].to_list()[1] == second


def again(trained: TableSet, content: str) -> TableSet:
    """Rows to predict with what was learned of the training table."""
    kinds = column_types(trained.frame)
    return table.read_rows(content.encode(), kinds, trained.targets, trained.written)


def test_a_date_reads_alike_whatever_stands_beside_it(tmp_path: Path) -> None:
    days = [f"{at % 12 + 1:02d}/{at % 28 + 1:02d}/2020,{at}\n" for at in range(120)]
    trained = read(write(tmp_path, "when,y\n" + "".join(days)))
    for more in ("", "11/15/2020\n", "15/11/2020\n", "2020-12-24\n", "11/02/2020 10:00\n"):
        found = again(trained, "when\n11/02/2020\n" + more)
        assert found.frame["when"][0] == datetime(2020, 11, 2)
    assert found.frame["when"][1] == datetime(2020, 11, 2, 10)
    [issue] = again(trained, "when\n11/02/2020\n15/11/2020\n").issues
    assert "stdin row 2 has '15/11/2020'" in issue.text


def test_a_given_file_is_read_with_the_dates_of_training(tmp_path: Path) -> None:
    test = write(tmp_path, "when,y\n11/02/2020,1\n11/03/2020,2\n", "s.csv")
    found = read(write(tmp_path, "when,y\n11/15/2020,1\n12/31/2020,2\n"), test=str(test))
    assert found.frame["when"].to_list()[2:] == [datetime(2020, 11, 2), datetime(2020, 11, 3)]


def test_a_date_that_may_start_with_day_or_month_is_named(tmp_path: Path) -> None:
    found = read(write(tmp_path, "when,y\n01/12/2020,1\n02/12/2020,2\n03/12/2020,3\n"))
    [issue] = [issue for issue in found.issues if issue.kind == "open-date"]
    assert "taken as the day first" in issue.text
    assert not read(write(tmp_path, "when,y\n31/12/2020,1\n02/12/2020,2\n")).issues


@pytest.mark.parametrize(
    ("training", "cells", "values"),
    [
        (["0,512", "0,5"], ["0,512", "1,234", "1.234", "1.5"], [0.512, 1.234, 1234, 1.5]),
        (["0,512", "1,234"], ["0,500"], [0.5]),
        (["5", "7", "8", "1,5"], ["1,234"], [1.234]),
        (["1,234", "12,345.5"], ["1,234", "1,5", "0,512"], [1234, None, None]),
        (["1.5", "2.5"], ["1,234", "1,5", "1,234.5", "3.25"], [None, 1.5, 1234.5, 3.25]),
    ],
)
def test_a_comma_means_what_it_meant_in_training(
    tmp_path: Path, training: list[str], cells: list[str], values: list[float | None]
) -> None:
    rows = "".join(f"{cell};{at}\n" for at, cell in enumerate(training))
    trained = read(write(tmp_path, "a;y\n" + rows))
    assert trained.frame["a"].dtype == pl.Float64
    found = again(trained, "a;b\n" + "".join(f"{cell};1\n" for cell in cells))
    assert found.frame["a"].to_list() == values


def test_a_comma_that_may_be_both_is_named_with_what_was_chosen(tmp_path: Path) -> None:
    found = read(write(tmp_path, "a;y\n1,234;1\n2,345;2\n"))
    assert found.frame["a"].to_list() == [1234, 2345]
    [issue] = found.issues
    assert (issue.kind, issue.where) == ("open-comma", "column a")
    assert issue.text.startswith("1,234 may mean 1234 or 1.234")


def test_numbers_too_large_to_predict_from_are_missing_not_refused(tmp_path: Path) -> None:
    trained = read(write(tmp_path, "a,y\n1.5,1\n2.5,2\n"))
    found = again(trained, 'a,b\n1e300,1\ninf,1\nnan,1\n"1,5",1\n')
    assert found.frame["a"].to_list() == [None, None, None, 1.5]
    assert again(trained, "a,b\n1e300,1\n").frame["a"].to_list() == [None]


def test_ragged_rows_are_named_and_left_out(tmp_path: Path) -> None:
    rows = "".join(f"{at},{at}\n" for at in range(30))
    found = read(write(tmp_path, "a,y\n" + rows + "1,2,3\n5,6\n"))
    assert len(found.frame) == 31
    assert found.names[-1] == "t.csv row 32"
    [issue] = found.issues
    assert (issue.kind, issue.where, issue.dropped) == ("ragged-row", "t.csv row 31", True)
    assert issue.text == "has 3 cells, expected 2"


def test_many_ragged_rows_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="3 rows do not fit the table: row 1 has 3 cells"):
        read(write(tmp_path, "a,y\n1,2,3\n1\n2\n" + "5,6\n" * 5))


def test_a_header_without_a_name_for_the_row_names_is_mended(tmp_path: Path) -> None:
    frame = read(write(tmp_path, 'a,y\n"r1",1,2\n"r2",3,4\n')).frame
    assert frame.columns == ["unnamed 1", "a", "y"]
    assert frame.row(1) == ("r2", 3, 4)


def test_delimiters_at_line_ends_add_no_column(tmp_path: Path) -> None:
    assert read(write(tmp_path, "a;y;\n1;2;\n3;4;\n")).frame.columns == ["a", "y"]


def test_duplicate_columns_are_an_error_with_both_positions(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t\.csv: columns 1 and 3 are both named 'a'; rename"):
        read(write(tmp_path, "a,b,a,y\n1,2,3,4\n5,6,7,8\n"))


def test_a_run_of_names_that_repeats_is_numbered(tmp_path: Path) -> None:
    found = read(write(tmp_path, "id,a,b,c,a,b,c\n" + "1,2,3,4,5,6,7\n" * 3), target="c")
    assert found.frame.columns == ["id", "a", "b", "c", "a.1", "b.1", "c.1"]
    assert found.targets == ("c.1",)
    assert any("3 column names stand up to 2 times" in note for note in found.found)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("\n\n  \n", "is empty"),
        ("a:b\n1:2\n3:4\n", "only one column found"),
        ("a,b\n", "no rows below the header|only one column"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0" * 50, "zero bytes"),
    ],
)
def test_what_is_no_table_is_one_clear_line(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(write(tmp_path, content))
    assert "\n" not in str(caught.value)
    assert "t.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("target", "named"), [("1", "size"), ("-1", "count"), ("-3", "size"), ("COLOR", "color")]
)
def test_a_target_is_named_by_name_or_number(tmp_path: Path, target: str, named: str) -> None:
    assert read(write(tmp_path, csv_text()), target).targets == (named,)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("colour", "no column 'colour'; did you mean 'color'"),
        ("7", "no column number 7; the table has 3"),
        ("0", "no column number 0"),
    ],
)
def test_a_wrong_target_is_named(tmp_path: Path, target: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(write(tmp_path, csv_text()), target)


def test_without_a_target_a_telling_name_is_taken_or_one_is_asked_for(tmp_path: Path) -> None:
    settings = DataSettings()
    path = write(tmp_path, "a,b,median_price\n1,2,3\n4,5,6\n")
    assert table.read(path, settings, 0).targets == ("median_price",)
    with pytest.raises(DataError, match="Give --target NAME; columns: size, color, count"):
        table.read(write(tmp_path, csv_text()), settings, 0)


def test_given_files_are_matched_by_name_and_labels_by_sense(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b,y\n1,x,<=50K\n2.5,y,>50K\n3,x,>50K\n")
    validation = write(tmp_path, "y,b,a\n<=50k,z,7\n", "v.csv")
    test = write(tmp_path, "b,a,y,more\nx,9, >50K.,5\n", "s.csv")
    found = read(path, validation=str(validation), test=str(test))
    assert found.frame.row(3) == (7.0, "z", "<=50K")
    assert found.frame.row(4) == (9.0, "x", ">50K")
    assert found.given.tolist() == [UNGIVEN] * 3 + [VALIDATION, TEST]
    assert found.names[4] == "s.csv row 1"
    kinds = [issue.kind for issue in found.issues]
    assert sorted(kinds) == ["extra-column", "labels-matched", "labels-matched"]
    assert "'>50K.' as '>50K'" in found.issues[-1].text


def test_markers_of_missing_values_are_missing_in_given_files_too(tmp_path: Path) -> None:
    test = write(tmp_path, "size,color,count\n1,?,5\nNA,red,6\n", "s.csv")
    frame = read(write(tmp_path, csv_text()), test=str(test)).frame
    assert frame.tail(2).rows() == [(1.0, None, 5), (None, "red", 6)]


def test_a_column_missing_in_a_given_file_is_named(tmp_path: Path) -> None:
    test = write(tmp_path, "size,count\n1,2\n", "s.csv")
    with pytest.raises(DataError, match=r"s\.csv: column 'color' is missing"):
        read(write(tmp_path, csv_text()), test=str(test))


def test_a_given_file_without_header_goes_by_position(tmp_path: Path) -> None:
    test = write(tmp_path, "7,pink,8\n9,red,3\n", "s.csv")
    found = read(write(tmp_path, csv_text()), test=str(test))
    assert found.frame.row(-1) == (9.0, "red", 3)
    with pytest.raises(DataError, match=r"s\.csv: has 4 columns, the training table has 3"):
        test = write(tmp_path, "7,pink,8,9\n9,red,3,9\n", "s.csv")
        read(write(tmp_path, csv_text()), test=str(test))


def test_a_number_column_that_is_text_elsewhere_is_named(tmp_path: Path) -> None:
    test = write(tmp_path, "size,color,count\nbig,red,5\nsmall,blue,6\n", "s.csv")
    with pytest.raises(DataError, match=r"s\.csv: column 'size' holds 'big'; expected a number"):
        read(write(tmp_path, csv_text()), test=str(test))


def test_rows_to_predict_need_no_target(tmp_path: Path) -> None:
    trained = read(write(tmp_path, csv_text()))
    columns = column_types(trained.frame)
    found = table.read_rows(b"color,size\nred,1\n", columns, optional=("count",))
    assert found.frame.to_dicts() == [{"size": 1.0, "color": "red"}]
    assert found.names == ["stdin row 1"]
    found = table.read_rows(b'{"color": "red", "size": 2}\n', columns, optional=("count",))
    assert found.frame.to_dicts() == [{"size": 2.0, "color": "red"}]
    with pytest.raises(DataError, match="stdin: column 'color' is missing"):
        table.read_rows(b"size,other\n1,2\n", columns, optional=("count",))


def test_plain_text_is_no_table_but_cut_text_is(tmp_path: Path) -> None:
    prose = "It was the best of times,\nit was the worst\nof times, and so, on it went.\n" * 5
    assert not table.recognizes(write(tmp_path, prose, "a.txt"))
    assert table.recognizes(write(tmp_path, "a,b\n1,2\n3,4\n5,6\n", "b.txt"))
    assert not table.recognizes(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such file: .*nowhere\.csv"):
        read(tmp_path / "nowhere.csv")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "rows", "width", "header"),
    [
        ("adult-train.csv.gz", 32561, 15, False),
        ("iris.csv", 150, 5, False),
        ("winequality-white.csv", 4898, 12, False),
        ("titanic.csv", 891, 12, True),
        ("california_housing.csv.gz", 20640, 10, True),
        ("bike_sharing_day.csv", 731, 15, True),
        ("ml2021_hw1_covid.train.csv.gz", 2700, 95, True),
        ("yosemite_temps.csv.gz", 18721, 2, True),
    ],
)
def test_public_tables_are_read_whole(
    shared_data: Path, name: str, rows: int, width: int, header: bool
) -> None:
    found = read(shared_data / "tabular" / name)
    assert found.frame.shape == (rows, width)
    assert (found.frame.columns[0] != "c1") == header
    assert not found.issues


@pytest.mark.shared
def test_adult_labels_with_a_dot_are_matched(shared_data: Path) -> None:
    folder = shared_data / "tabular"
    found = read(folder / "adult-train.csv.gz", test=str(folder / "adult-test.csv.gz"))
    assert found.frame["c15"].n_unique() == 2
    assert int((found.given == TEST).sum()) == 16281
    [issue] = found.issues
    assert "'<=50K.' as '<=50K'" in issue.text
