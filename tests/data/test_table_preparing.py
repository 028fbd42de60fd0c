"""Tests of preparing tables: roles, targets, split, fitted inputs, and what is named."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from descend.data.data_settings import DataSettings
from descend.data.examples import UNGIVEN, Prepared, TableSet
from descend.data.readers import table
from descend.data.table_preparing import prepare, read_split
from descend.data.table_preprocessing import TablePreprocessing
from descend.errors import DataError, SettingError

GENERATOR = np.random.default_rng(0)
ROWS = 200


def frame(**more: Any) -> pl.DataFrame:
    """A small table whose target y is told by a and b."""
    a = GENERATOR.normal(size=ROWS)
    b = GENERATOR.choice(["red", "green", "blue"], ROWS)
    y = np.where(a + (b == "red") > 0.5, "yes", "no")
    return pl.DataFrame({"a": a, "b": b, "y": y}).with_columns(
        [pl.Series(name, values) for name, values in more.items()]
    )


def as_set(
    data: pl.DataFrame, targets: tuple[str, ...] = ("y",), given: torch.Tensor | None = None
) -> TableSet:
    if given is None:
        given = torch.full((len(data),), UNGIVEN, dtype=torch.int8)
    return TableSet(data, targets, [f"t.csv row {i + 1}" for i in range(len(data))], given, ())


def make(data: pl.DataFrame, targets: tuple[str, ...] = ("y",), **more: Any) -> Prepared:
    task = more.pop("task", None)
    given = more.pop("given", None)
    return prepare(as_set(data, targets, given), DataSettings(**more), seed=0, task=task)


def issues(prepared: Prepared, kind: str) -> list[str]:
    return [f"{i.where}: {i.text}" for i in prepared.issues if i.kind == kind]


def said(prepared: Prepared) -> str:
    return "\n".join(prepared.found)


def test_numbers_are_standardized_on_the_training_rows_alone() -> None:
    prepared = make(frame())
    numbers, categories = prepared.splits["train"].inputs
    assert numbers.dtype == torch.float32
    assert categories.dtype == torch.int64
    assert abs(float(numbers.mean())) < 1e-5
    assert float(numbers.std(unbiased=False)) == pytest.approx(1, abs=1e-5)
    assert float(prepared.splits["test"].inputs[0].mean().abs()) > 1e-5
    assert prepared.preprocessing.form.kind == "tables"
    assert len(prepared.splits["train"]) + len(prepared.splits["validation"]) == ROWS - 30


def test_equal_data_and_seed_give_equal_fingerprints() -> None:
    data = frame()
    assert make(data).fingerprint == make(data).fingerprint
    assert make(data).fingerprint != make(data, test_share=0.3).fingerprint
    changed = data.with_columns(a=pl.col("a") + 1e-9)
    assert make(data).fingerprint != make(changed).fingerprint


def test_preprocessing_comes_back_from_json_exactly() -> None:
    dates = pl.Series("when", np.arange(ROWS) * 86_400_000_000).cast(pl.Datetime("us"))
    prepared = make(frame(when=dates, gap=[None, *range(ROWS - 1)]))
    text = json.dumps(prepared.preprocessing.to_json())
    again = TablePreprocessing.from_json(json.loads(text))
    assert again == prepared.preprocessing


@pytest.mark.parametrize("values", [(1234567.0, 1234568.0), (0.12345678, 0.12345679), (1.0, 2.5)])
def test_classes_of_close_numbers_have_names_of_their_own(values: tuple[float, float]) -> None:
    data = frame().with_columns(y=pl.Series([values[i % 2] for i in range(ROWS)]))
    prepared = make(data, task="classify")
    assert len(set(prepared.targets.names)) == 2
    assert [float(name) for name in prepared.targets.names] == list(values)
    assert prepared.splits["train"].targets.bincount().min() > 50


@pytest.mark.parametrize("name", ["count", "text", "rows", "*", "^.*$", "^a.*$"])
@pytest.mark.parametrize("as_target", [False, True])
def test_a_column_may_have_any_name(tmp_path: Path, name: str, as_target: bool) -> None:
    data, path = frame().rename({"y" if as_target else "b": "x"}), tmp_path / "t.csv"
    path.write_text(data.write_csv().replace("x", name, 1))
    settings = DataSettings(target=(name if as_target else "y",))
    prepared = prepare(table.read(path, settings, 0), settings, 0)
    assert prepared.targets.names == ("no", "yes")
    fitted = prepared.preprocessing
    assert isinstance(fitted, TablePreprocessing)
    assert len(fitted.inputs) == 2
    assert len(fitted.read_files([path])[1]) == ROWS


def test_a_target_too_small_to_count_with_is_not_called_constant() -> None:
    small = pl.Series("y", np.arange(ROWS) * 1e-300)
    with pytest.raises(DataError, match=r"target y differs only by 1.*write it in a smaller unit"):
        make(frame().with_columns(small))
    with pytest.raises(DataError, match="target y is constant"):
        make(frame().with_columns(y=pl.lit(0.1)), task="regress")


def test_columns_that_add_up_are_all_to_be_ignored() -> None:
    casual, registered = np.random.default_rng(0).normal(size=(2, ROWS))
    data = frame(casual=casual, registered=registered).with_columns(y=casual + registered)
    [issue] = issues(make(data), "target-leak")
    assert issue.endswith("if they are not known in advance: --ignore casual,registered")


def test_how_cells_are_written_is_kept_with_the_model(tmp_path: Path) -> None:
    rows = [f"{i % 12 + 1:02d}/{i % 28 + 1:02d}/2020;{i % 7},5;{i % 2}" for i in range(120)]
    (tmp_path / "t.csv").write_text("when;a;y\n" + "\n".join(rows))
    settings = DataSettings()
    fitted = prepare(table.read(tmp_path / "t.csv", settings, 0), settings, 0).preprocessing
    again = TablePreprocessing.from_json(json.loads(json.dumps(fitted.to_json())))
    assert again == fitted
    assert again.written == {"when": "%m/%d/%Y", "a": "decimal comma"}
    alone, _, _ = again.read_text(b"when;a\n11/02/2020;1,234\n")
    beside, _, _ = again.read_text(b"when;a\n11/02/2020;1,234\n11/15/2020;1,5\n")
    assert beside[0][:1].equal(alone[0])


def test_missing_values_are_filled_with_the_median_and_marked() -> None:
    gap = [None if i % 5 == 0 else float(i % 7) for i in range(ROWS)]
    prepared = make(frame(gap=gap))
    form = prepared.preprocessing.form
    assert form.number_names == ("a", "gap", "gap is missing")
    marked = prepared.splits["train"].inputs[0][:, 2].bool()
    filled = prepared.splits["train"].inputs[0][:, 1][marked]
    assert len(filled.unique()) == 1
    assert any(
        "40 of 200 values are missing (20.0%)" in i for i in issues(prepared, "missing-values")
    )


def test_a_category_never_seen_has_code_0() -> None:
    prepared = make(frame())
    fitted = prepared.preprocessing
    assert isinstance(fitted, TablePreprocessing)
    new = pl.DataFrame({"a": [0.0, None, 1.0], "b": ["red", "pink", None]})
    numbers, categories = fitted.apply(new.with_columns(pl.col("a").cast(pl.Float64)))
    assert categories[:, 0].tolist()[1:] == [0, 0]
    assert categories[0, 0] > 0
    assert fitted.form.cardinalities == (4,)
    assert numbers.isfinite().all()


def test_rare_categories_share_code_0_and_missing_has_its_own() -> None:
    values = ["x"] * 90 + ["y"] * 90 + [None] * 18 + ["once", "twice"]
    prepared = make(frame(c=values), test_share=0.0)
    [column] = [c for c in prepared.preprocessing.categories if c.name == "c"]  # type: ignore[attr-defined]
    assert set(column.values) == {"x", "y", "\0missing"}


def test_heavy_tails_do_not_squeeze_the_rest() -> None:
    wild = GENERATOR.normal(size=ROWS)
    wild[::50] = 1e6
    prepared = make(frame(wild=wild))
    numbers = prepared.splits["train"].inputs[0][:, 1]
    assert numbers.abs().max() <= 3.01
    assert numbers.quantile(0.75) - numbers.quantile(0.25) > 0.5


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("user_id", list(range(1000, 1000 + ROWS)), "identifier: every row has another value"),
        ("same", [7] * ROWS, "constant: always 7"),
        ("none", pl.Series([None] * ROWS, dtype=pl.Float64), "all values are missing"),
        ("code", [f"k{i}x" for i in range(ROWS)], "identifier: nearly every row has another text"),
        (
            "review",
            [f"this is the long text number {i} of many" for i in range(ROWS)],
            "free text",
        ),
    ],
)
def test_columns_that_teach_nothing_are_left_out_and_said(name: str, values: Any, why: str) -> None:
    prepared = make(frame(**{name: values}))
    assert f"{name} ({why}" in said(prepared)
    assert prepared.preprocessing.form.number_names == ("a",)  # type: ignore[union-attr]


def test_a_running_number_is_kept_when_it_is_all_there_is() -> None:
    data = pl.DataFrame({"x": range(ROWS), "y": [float(i) ** 0.5 for i in range(ROWS)]})
    assert make(data).preprocessing.form.number_names == ("x",)  # type: ignore[union-attr]


def test_many_codes_with_few_first_letters_become_those() -> None:
    cabins = [f"{'ABC'[i % 3]}{i}" for i in range(ROWS)]
    prepared = make(frame(cabin=cabins))
    [column] = [c for c in prepared.preprocessing.categories if c.name == "cabin"]  # type: ignore[attr-defined]
    assert sorted(column.values) == ["A", "B", "C"]


def test_dates_become_parts() -> None:
    hours = pl.Series("when", np.arange(ROWS) * 17 * 3_600_000_000).cast(pl.Datetime("us"))
    form = make(frame(when=hours)).preprocessing.form
    assert form.kind == "tables"
    assert {"when day count", "when year sine", "when hour cosine"} <= set(form.number_names)
    assert {"when weekday", "when month"} <= set(form.category_names)


def test_edges_are_training_quantiles() -> None:
    prepared = make(frame())
    form = prepared.preprocessing.form
    assert form.kind == "tables"
    [edges] = form.edges
    assert list(edges) == sorted(set(edges))
    numbers = prepared.splits["train"].inputs[0]
    assert (edges[0], edges[-1]) == (float(numbers.min()), float(numbers.max()))


@pytest.mark.parametrize(
    ("values", "task", "kind"),
    [
        (["a", "b"] * 100, None, "single-label"),
        ([True, False] * 100, None, "single-label"),
        ([0, 1] * 100, None, "single-label"),
        ([1.0, 2.0] * 100, None, "single-label"),
        ([3, 4, 5, 6] * 50, None, "single-label"),
        ([3, 4, 5, 6] * 50, "regress", "number"),
        (list(range(100)) * 2, None, "number"),
        (list(range(20)) * 10, "classify", "single-label"),
        ([i / 7 for i in range(200)], None, "number"),
        (["a;b", "b", "c;a", "c"] * 50, None, "multi-label"),
    ],
)
def test_the_kind_of_target_is_derived(values: list[Any], task: str | None, kind: str) -> None:
    prepared = make(frame().with_columns(pl.Series("y", values)), task=task)
    assert prepared.targets.kind == kind
    assert prepared.targets.why


def test_number_targets_are_standardized_and_come_back() -> None:
    values = GENERATOR.normal(50, 10, ROWS)
    prepared = make(frame().with_columns(pl.Series("y", values)))
    train = prepared.splits["train"]
    assert train.targets.shape == (len(train), 1)
    back = train.targets[:, 0].double() * prepared.targets.scale[0] + prepared.targets.offset[0]
    rows = [int(name.split()[-1]) - 1 for name in train.names]
    assert np.allclose(back, values[rows], rtol=1e-5)


def test_several_targets_are_labels_or_numbers() -> None:
    labels = frame(u=[0, 1] * 100, v=[0, 0, 1, 1] * 50).drop("y")
    prepared = make(labels, ("u", "v"))
    assert prepared.targets.kind == "multi-label"
    assert prepared.splits["train"].targets.dtype == torch.float32
    numbers = labels.with_columns(v=GENERATOR.normal(size=ROWS))
    assert make(numbers, ("u", "v")).targets.names == ("u", "v")
    with pytest.raises(DataError, match=r"target b holds .* expected numbers"):
        make(labels, ("b", "v"))


def test_rows_without_a_target_are_left_out_and_named() -> None:
    data = frame().with_columns(
        pl.when(pl.int_range(pl.len()) < 3).then(None).otherwise(pl.col("y")).alias("y")
    )
    prepared = make(data)
    [text] = issues(prepared, "missing-target")
    assert "missing in 3 rows, left out: t.csv row 1, t.csv row 2, t.csv row 3" in text
    assert sum(map(len, prepared.splits.values())) == ROWS - 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (pl.lit(None, pl.String).alias("y"), "target y is missing in all 200 rows"),
        (
            pl.when(pl.int_range(pl.len()) < 50).then(pl.col("y")).alias("y"),
            "target y is missing in 150 of 200 rows",
        ),
        (pl.lit("yes").alias("y"), "target y is 'yes' in every row"),
        (
            pl.when(pl.int_range(pl.len()) == 4).then(pl.lit("Yess")).otherwise("y").alias("y"),
            r"class 'Yess' has one row \(t.csv row 5\)",
        ),
        (pl.lit(3.5).alias("y"), "target y is constant|in every row"),
        ((pl.lit("text ") + pl.int_range(pl.len()).cast(pl.String)).alias("y"), "200 distinct"),
    ],
)
def test_a_target_that_cannot_be_learned_is_one_clear_line(change: pl.Expr, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        make(frame().with_columns(change))
    assert "\n" not in str(caught.value)


def test_a_class_never_seen_in_training_is_named_with_its_row() -> None:
    data = frame()
    more = data.head(2).with_columns(pl.Series("y", ["yes", "maybe"]))
    given = torch.cat([torch.full((ROWS,), UNGIVEN), torch.tensor([2, 2])]).to(torch.int8)
    with pytest.raises(DataError, match=r"t\.csv row 202: target y is 'maybe', which never occurs"):
        make(pl.concat([data, more]), given=given)


def test_groups_stay_whole_and_are_no_input() -> None:
    groups = [f"g{i // 10}" for i in range(ROWS)]
    prepared = make(frame(group=groups), group="group")
    parts = {
        name: {groups[int(row.split()[-1]) - 1] for row in split.names}
        for name, split in prepared.splits.items()
    }
    assert not parts["train"] & parts["test"]
    assert not parts["train"] & parts["validation"]
    assert "group" not in prepared.preprocessing.form.category_names  # type: ignore[union-attr]
    assert "group (names the group)" in said(prepared)
    assert "by whole groups of group" in said(prepared)


def test_every_row_validates_once_over_the_folds() -> None:
    data = frame()
    seen: list[str] = []
    for fold in range(4):
        prepared = prepare(as_set(data), DataSettings(folds=4), seed=0, fold=fold)
        seen += prepared.splits["validation"].names
    test = prepared.splits["test"].names
    assert len(seen) == len(set(seen)) == ROWS - len(test)


def test_duplicates_and_leaks_are_named() -> None:
    data = frame()
    doubled = pl.concat([data, data.head(60)])
    prepared = make(doubled)
    assert (
        "60 rows repeat another one, e.g. t.csv row 1 and t.csv row 201"
        in (issues(prepared, "duplicate-rows")[0])
    )
    assert issues(prepared, "duplicates-across-splits")
    leaking = make(data.with_columns(same=pl.col("y").replace({"yes": "1", "no": "0"})))
    assert "column same: tells y alone" in issues(leaking, "target-leak")[0]
    assert not issues(prepared, "target-leak")


def test_columns_that_are_or_add_up_to_a_number_target_are_named() -> None:
    one, two = GENERATOR.normal(size=(2, ROWS))
    data = pl.DataFrame({"one": one, "two": two, "y": one + two})
    assert "columns one and two: add up to y" in issues(make(data), "target-leak")[0]
    data = data.with_columns(three=pl.col("y") * 2 + 1)
    assert "column three: is y itself" in issues(make(data), "target-leak")[0]


def test_extreme_rows_are_named_and_left_out_only_when_asked() -> None:
    wild = GENERATOR.normal(size=ROWS)
    wild[17] = 1e7
    data = frame(wild=wild)
    prepared = make(data, test_share=0.0)
    [text] = issues(prepared, "extreme-row")
    assert text.startswith("t.csv row 18: wild is 1e+07")
    left = make(data, test_share=0.0, leave_out_extreme=True)
    in_training = "t.csv row 18" in prepared.splits["train"].names
    assert ("t.csv row 18" in left.splits["train"].names) is False
    assert len(left.splits["train"]) == len(prepared.splits["train"]) - in_training


def test_normal_and_heavy_tailed_columns_have_no_extreme_rows() -> None:
    heavy = np.exp(np.random.default_rng(0).normal(size=ROWS) * 1.5)
    assert not issues(make(frame(heavy=heavy)), "extreme-row")


def test_imbalance_is_named() -> None:
    values = ["yes"] * 4 + ["no"] * (ROWS - 4)
    prepared = make(frame().with_columns(pl.Series("y", values)))
    assert "class 'no'" in issues(prepared, "class-imbalance")[0]


def test_a_column_missing_at_prediction_is_named(tmp_path: Path) -> None:
    fitted = make(frame()).preprocessing
    assert isinstance(fitted, TablePreprocessing)
    path = tmp_path / "new.csv"
    path.write_text("b,aa\nred,1\nblue,2\n")
    with pytest.raises(DataError, match=r"new\.csv: column 'a' is missing.*did you mean 'aa'"):
        fitted.read_files([path])
    with pytest.raises(DataError, match="column 'a' is missing"):
        fitted.apply(pl.DataFrame({"b": ["red"]}))
    with pytest.raises(DataError, match="column 'a' holds text; in training it held a number"):
        fitted.apply(pl.DataFrame({"a": ["x"], "b": ["red"]}))


def test_predicted_rows_get_the_inputs_they_had_in_training(tmp_path: Path) -> None:
    data = frame()
    prepared = make(data)
    fitted = prepared.preprocessing
    assert isinstance(fitted, TablePreprocessing)
    data.drop("y").select("b", "a").write_csv(tmp_path / "new.csv")
    (numbers, categories), names, found = fitted.read_files([tmp_path / "new.csv"])
    assert names[3] == "new.csv row 4"
    assert not found
    rows = [int(name.split()[-1]) - 1 for name in prepared.splits["test"].names]
    assert numbers[rows].equal(prepared.splits["test"].inputs[0])
    assert categories[rows].equal(prepared.splits["test"].inputs[1])
    text = data.drop("y").head(3).write_csv().encode()
    assert fitted.read_text(text)[0][0].equal(numbers[:3])


def test_another_file_with_targets_is_read_for_evaluation(tmp_path: Path) -> None:
    data = frame()
    prepared = make(data)
    fitted = prepared.preprocessing
    assert isinstance(fitted, TablePreprocessing)
    data.write_csv(tmp_path / "new.csv")
    split, _ = read_split(tmp_path / "new.csv", fitted, prepared.targets)
    assert len(split) == ROWS
    assert split.targets.tolist() == [int(label == "yes") for label in data["y"]]
    data.drop("y").write_csv(tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"none\.csv: column 'y' is missing"):
        read_split(tmp_path / "none.csv", fitted, prepared.targets)


def test_a_task_that_is_not_for_tables_is_refused() -> None:
    with pytest.raises(SettingError, match="'play' is not for tables"):
        make(frame(), task="play")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "target", "kind", "outputs"),
    [
        ("titanic.csv", "Survived", "single-label", 2),
        ("iris.csv", "-1", "single-label", 3),
        ("winequality-red.csv", "-1", "single-label", 6),
        ("california_housing.csv.gz", "median_house_value", "number", 1),
        ("bike_sharing_day.csv", "cnt", "number", 1),
        ("ml2021_hw1_covid.train.csv.gz", "tested_positive", "number", 1),
    ],
)
def test_public_tables_are_prepared(
    shared_data: Path, name: str, target: str, kind: str, outputs: int
) -> None:
    settings = DataSettings(target=(target,))
    prepared = prepare(table.read(shared_data / "tabular" / name, settings, 0), settings, 0)
    assert prepared.targets.kind == kind
    assert len(prepared.targets.names) == outputs
    for split in prepared.splits.values():
        assert split.inputs[0].isfinite().all()
        assert split.inputs[0].abs().max() < 50


@pytest.mark.shared
def test_adult_is_prepared_with_its_own_test_file(shared_data: Path) -> None:
    folder = shared_data / "tabular"
    settings = DataSettings(target=("-1",), test=str(folder / "adult-test.csv.gz"))
    prepared = prepare(table.read(folder / "adult-train.csv.gz", settings, 0), settings, 0)
    assert len(prepared.splits["test"]) == 16281
    assert prepared.targets.names == ("<=50K", ">50K")
    counts = prepared.splits["test"].targets.bincount().tolist()
    assert counts == [12435, 3846]  # as adult.names gives them


@pytest.mark.shared
def test_the_covid_test_file_can_be_predicted(shared_data: Path) -> None:
    folder = shared_data / "tabular"
    settings = DataSettings(target=("tested_positive",))
    train = folder / "ml2021_hw1_covid.train.csv.gz"
    fitted = prepare(table.read(train, settings, 0), settings, 0).preprocessing
    assert isinstance(fitted, TablePreprocessing)
    (numbers, _), names, _ = fitted.read_files([folder / "ml2021_hw1_covid.test.csv.gz"])
    assert len(names) == len(numbers) == 893
