"""Scores on the data held out, on other data, under worse inputs, and what cannot be scored."""

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from descend import evidence
from descend.errors import DataError, RunError, SettingError
from descend.workflow.evaluate import evaluate
from descend.workflow.trained import Run
from tests.workflow import trained_runs as made
from tests.workflow.trained_runs import Heard

ALL_RUNS = ["image_run", "class_run", "number_run", "label_run", "series_run"]


@pytest.mark.parametrize("name", ALL_RUNS)
def test_its_own_held_out_data_get_the_scores_of_the_training(
    name: str, request: pytest.FixtureRequest
) -> None:
    run: Run = request.getfixturevalue(name)
    found = run.evaluate()
    assert set(found["metrics"]) == {"validation", "test"}
    for split, metrics in found["metrics"].items():
        assert metrics == pytest.approx(run.metrics[split], rel=1e-4, abs=1e-6)
    kept = pl.read_parquet(run.folder.predictions_file)
    assert found["count"] == {s: int((kept["split"] == s).sum()) for s in found["count"]}


def test_one_split_alone_can_be_scored(class_run: Run) -> None:
    found = class_run.evaluate(split="train")
    assert list(found["metrics"]) == ["train"] and found["count"]["train"] == 84
    with pytest.raises(SettingError, match="'split': 'exam'"):
        class_run.evaluate(split="exam")


def test_the_scores_are_shown_with_their_intervals(class_run: Run) -> None:
    heard = Heard()
    found = class_run.evaluate(show=heard)
    low, high = found["intervals"]["test"]["accuracy"]
    assert low <= found["metrics"]["test"]["accuracy"] <= high
    assert "accuracy" in heard.text and "most confused" in heard.text


def test_another_folder_of_images_has_its_classes_matched_by_name(
    image_run: Run, tmp_path: Path
) -> None:
    for i in range(4):  # two of three classes, in another case
        made.picture(tmp_path / "Blue" / f"{i}.png", "blue", 50 + i)
        made.picture(tmp_path / "red" / f"{i}.png", "red", 60 + i)
    found = image_run.evaluate(tmp_path)
    assert found["count"] == {"test": 8}
    said = image_run.predict(tmp_path)
    right = [
        Path(name).parent.name.lower() == predicted
        for name, predicted in said.select("name", "predicted").rows()
    ]
    assert found["metrics"]["test"]["accuracy"] == pytest.approx(np.mean(right))


def test_a_class_never_seen_in_training_is_one_clear_line(
    image_run: Run, class_run: Run, tmp_path: Path
) -> None:
    made.picture(tmp_path / "images" / "pink" / "a.png", "red", 1)
    made.picture(tmp_path / "images" / "red" / "a.png", "red", 2)
    with pytest.raises(DataError, match="class 'pink' is not among the classes"):
        image_run.evaluate(tmp_path / "images")
    (tmp_path / "mail.csv").write_text("length,sender,links,kind\n1,bank,2,spam\n1,bank,2,scam\n")
    with pytest.raises(DataError, match=r"mail\.csv row 2: target kind is 'scam', which never"):
        class_run.evaluate(tmp_path / "mail.csv")


def test_given_splits_of_other_images_can_be_chosen(image_run: Run, tmp_path: Path) -> None:
    for split, count in (("train", 3), ("val", 2)):
        for color in ("red", "blue"):
            for i in range(count):
                made.picture(tmp_path / split / color / f"{i}.png", color, i)
    assert image_run.evaluate(tmp_path)["count"] == {"test": 10}
    assert image_run.evaluate(tmp_path, split="validation")["count"] == {"validation": 4}
    with pytest.raises(SettingError, match="has no test images"):
        image_run.evaluate(tmp_path, split="test")


@pytest.mark.parametrize("name", ["class_run", "number_run", "label_run", "series_run"])
def test_another_table_is_scored_like_the_predictions_for_it(
    name: str, request: pytest.FixtureRequest, ground: Path, tmp_path: Path
) -> None:
    run: Run = request.getfixturevalue(name)
    make = {
        "class_run": made.mail, "number_run": made.plants, "label_run": made.films,
        "series_run": made.visits,
    }[name]  # fmt: skip
    path = make(tmp_path / "other.csv", 90)
    found = run.evaluate(path)
    assert found["count"] == {"test": 90}
    said, truth = run.predict(path), pl.read_csv(path)
    metrics = found["metrics"]["test"]
    if name == "class_run":
        assert metrics["accuracy"] == pytest.approx((said["predicted"] == truth["kind"]).mean())
    elif name == "series_run":
        error = ((said["predicted"] - truth["visits"]) ** 2).mean() ** 0.5  # type: ignore[operator]
        assert metrics["rmse"] == pytest.approx(error, rel=1e-4)
    else:
        assert all(np.isfinite(list(metrics.values())))


def test_rows_without_a_target_are_left_out_and_named(class_run: Run, tmp_path: Path) -> None:
    (tmp_path / "mail.csv").write_text(
        "length,sender,links,kind\n1,bank,2,spam\n1,shop,2,\n2,bank,2,real mail\n"
    )
    heard = Heard()
    assert class_run.evaluate(tmp_path / "mail.csv", show=heard)["count"] == {"test": 2}
    assert "mail.csv row 2" in heard.text
    (tmp_path / "bare.csv").write_text("length,sender,links\n1,bank,2\n")
    with pytest.raises(DataError, match="kind"):
        class_run.evaluate(tmp_path / "bare.csv")


def test_labels_that_differ_by_spaces_or_a_dot_are_matched(class_run: Run, tmp_path: Path) -> None:
    (tmp_path / "mail.csv").write_text(
        "length,sender,links,kind\n1,bank,2,spam.\n1,shop,2, real mail\n"
    )
    assert class_run.evaluate(tmp_path / "mail.csv")["count"] == {"test": 2}


def test_data_of_another_kind_are_refused(image_run: Run, class_run: Run, ground: Path) -> None:
    with pytest.raises(DataError, match="trained on images"):
        image_run.evaluate(ground / "mail.csv")
    with pytest.raises(DataError, match="trained on a table"):
        class_run.evaluate(ground / "colors")
    with pytest.raises(DataError, match="no such file"):
        class_run.evaluate(ground / "gone.csv")


def test_the_training_data_named_as_other_data_are_pointed_out(
    class_run: Run, ground: Path
) -> None:
    heard = Heard()
    class_run.evaluate(ground / "mail.csv", show=heard)
    assert "training examples among them" in heard.text


def test_thresholds_change_the_scores_and_are_answered(class_run: Run) -> None:
    found = class_run.evaluate(thresholds="spam=0.01")
    assert found["thresholds"] == {"real mail": 0.99, "spam": 0.01}
    assert found["metrics"]["test"] != class_run.evaluate()["metrics"]["test"]


@pytest.mark.parametrize("name", ALL_RUNS)
def test_curves_under_worse_inputs_go_into_the_report(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    run = Run(shutil.copytree(request.getfixturevalue(name).path, tmp_path / "run"))
    before = run.folder.report_file.read_bytes()
    heard = Heard()
    found = run.evaluate(robust=True, show=heard)
    changes = {row["change"] for row in found["robustness"]}
    if name == "image_run":
        assert {"noise", "blur", "occlusion", "shift", "rotation", "scale"} <= changes
    else:
        assert any(change.startswith("without ") for change in changes)
    clean = next(row for row in found["robustness"] if row["strength"] == 0)
    headline = list(clean)[3]
    assert clean[headline] == pytest.approx(found["metrics"]["test"][headline], rel=1e-5)
    tables = evidence.select(evidence.read(run.folder.evidence_file), evidence.Table)
    assert tables[-1].name == "robustness"
    after = run.folder.report_file.read_bytes()
    assert after != before and "inputs get worse" in heard.text
    assert run.evaluate(robust=True)["robustness"] == found["robustness"]


def test_curves_on_other_data_leave_the_run_alone(class_run: Run, tmp_path: Path) -> None:
    run = Run(shutil.copytree(class_run.path, tmp_path / "run"))
    before = {file: file.read_bytes() for file in run.path.rglob("*") if file.is_file()}
    assert run.evaluate(made.mail(tmp_path / "other.csv", 60), robust=True)["robustness"]
    assert {file: file.read_bytes() for file in before} == before


def test_changed_or_lost_data_are_named(tmp_path: Path) -> None:
    mail = made.mail(tmp_path / "mail.csv", 60)
    run = made.quick(tmp_path, mail, "mail", target="kind")
    mail.write_text(mail.read_text().replace("bank", "shop"))
    with pytest.raises(RunError, match="has changed since this run began"):
        run.evaluate()
    mail.unlink()
    with pytest.raises(DataError, match=r"no longer at .*mail\.csv"):
        run.evaluate()


def test_a_moved_run_folder_is_evaluated(class_run: Run, tmp_path: Path) -> None:
    moved = shutil.copytree(class_run.path, tmp_path / "elsewhere")
    assert evaluate(moved)["metrics"] == class_run.evaluate()["metrics"]


def test_a_cross_validation_points_to_its_folds(tmp_path: Path) -> None:
    mail = made.mail(tmp_path / "mail.csv", 60)
    run = made.quick(tmp_path, mail, "mail", target="kind", folds="2")
    with pytest.raises(RunError, match="name one of its folds"):
        run.evaluate()
    fold = Run(next(run.path.glob("fold-2*")))
    assert fold.evaluate()["metrics"]["validation"] == pytest.approx(
        fold.metrics["validation"], rel=1e-4
    )
