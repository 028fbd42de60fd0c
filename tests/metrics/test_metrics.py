"""Every metric against scikit-learn or its definition, on random and on nasty cases."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
import sklearn.metrics as peer

from descend.metrics import _thresholds
from descend.metrics._calibration import bins
from descend.metrics._confusion import matrix, most_confused
from descend.metrics._interval import difference, intervals
from descend.metrics._predictions import Predictions
from descend.metrics._score import METRICS, headline, higher_is_better, metrics_of, quick, score


def classes(n: int, k: int, seed: int = 0, sharp: float = 1.5) -> Predictions:
    generator = np.random.default_rng(seed)
    targets = generator.integers(0, k, n)
    logits = generator.normal(size=(n, k)) + sharp * np.eye(k)[targets]
    powers = np.exp(logits)
    names = tuple(f"c{i}" for i in range(k))
    return Predictions("single-label", targets, powers / powers.sum(1, keepdims=True), names)


def labels(n: int, k: int, seed: int = 0) -> Predictions:
    generator = np.random.default_rng(seed)
    targets = (generator.random((n, k)) < 0.3).astype(np.float32)
    outputs = 1 / (1 + np.exp(-(generator.normal(size=(n, k)) + 2 * targets - 1)))
    return Predictions("multi-label", targets, outputs, tuple(f"l{i}" for i in range(k)))


def numbers(n: int, k: int = 1, seed: int = 0) -> Predictions:
    generator = np.random.default_rng(seed)
    targets = generator.normal(10, 3, size=(n, k))
    outputs = targets + generator.normal(size=(n, k))
    return Predictions("number", targets, outputs, tuple(f"y{i}" for i in range(k)))


CASES = {
    "ten classes": classes(500, 10),
    "two classes": classes(300, 2),
    "one example": classes(1, 3),
    "a class absent": replace(classes(200, 4), targets=classes(200, 4).targets % 3),
    "one class only": replace(classes(50, 3), targets=np.full(50, 1)),
    "ties everywhere": Predictions(
        "single-label", np.arange(60) % 3, np.full((60, 3), 1 / 3), ("a", "b", "c")
    ),
    "certain and wrong": Predictions(
        "single-label", np.array([0, 1]), np.array([[0.0, 1.0], [1.0, 0.0]]), ("a", "b")
    ),
    "float32": replace(classes(99, 5), outputs=classes(99, 5).outputs.astype(np.float32)),
    "labels": labels(400, 6),
    "one label": labels(100, 1),
    "a label that never occurs": replace(
        labels(80, 3), targets=labels(80, 3).targets * np.array([1, 0, 1])
    ),
    "one example with labels": labels(1, 4),
    "numbers": numbers(300),
    "several numbers": numbers(200, 3),
    "one number": numbers(1),
    "a constant target": replace(numbers(40), targets=np.full((40, 1), 7.0)),
    "targets of zero": replace(numbers(40), targets=np.zeros((40, 1))),
    "enormous numbers": replace(
        numbers(50), targets=1e12 + numbers(50).targets, outputs=1e12 + numbers(50).outputs
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", METRICS.names)
def test_every_metric_is_a_plain_float_on_every_case_it_reads(name: str, case: str) -> None:
    entry, p = METRICS.load(name), CASES[case]
    assert {"single-label", "multi-label", "number"} >= entry.KINDS
    assert isinstance(entry.HIGHER_IS_BETTER, bool)
    assert entry.__doc__
    if p.kind in entry.KINDS:
        value = entry.compute(p)
        assert type(value) is float
        assert not math.isinf(value)


@pytest.mark.parametrize("case", CASES)
def test_the_score_is_json_and_its_intervals_hold_their_figures(case: str) -> None:
    import json

    metrics, details = score(CASES[case], "validation")
    json.dumps([metrics, details], allow_nan=False)
    assert headline(CASES[case].kind)[0] in metrics
    for name, (low, high) in details["intervals"].items():
        assert low <= high
        if len(CASES[case]) >= 200:
            width = high - low
            assert low - width <= metrics[name] <= high + width


@pytest.mark.parametrize("case", [c for c, p in CASES.items() if p.kind == "single-label"])
def test_class_figures_equal_those_of_scikit_learn(case: str) -> None:
    p = CASES[case]
    metrics, _ = score(p, "test")
    decided = p.outputs.argmax(1)
    assert metrics["accuracy"] == peer.accuracy_score(p.targets, decided)
    for name, scorer in [
        ("f1", peer.f1_score),
        ("precision", peer.precision_score),
        ("recall", peer.recall_score),
    ]:
        theirs = scorer(p.targets, decided, average="macro", zero_division=0)
        assert metrics[name] == pytest.approx(theirs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        balanced = peer.balanced_accuracy_score(p.targets, decided)
        log_loss = peer.log_loss(p.targets, p.outputs, labels=range(len(p.names)))
    assert metrics["balanced_accuracy"] == pytest.approx(balanced)
    assert metrics["loss"] == pytest.approx(log_loss, rel=1e-5)


def test_ranking_figures_of_all_classes_equal_those_of_scikit_learn() -> None:
    p = CASES["ten classes"]
    metrics, _ = score(p, "test")
    theirs = peer.roc_auc_score(p.targets, p.outputs, multi_class="ovr")
    assert metrics["auc"] == pytest.approx(theirs)
    onehot = np.eye(10)[p.targets]
    assert metrics["average_precision"] == pytest.approx(
        peer.average_precision_score(onehot, p.outputs)
    )


def test_the_brier_score_of_two_classes_is_the_binary_one() -> None:
    p = CASES["two classes"]
    theirs = peer.brier_score_loss(p.targets, p.outputs[:, 1])
    assert score(p, "test")[0]["brier"] == pytest.approx(theirs)


def test_label_figures_equal_those_of_scikit_learn() -> None:
    p = CASES["labels"]
    metrics, _ = score(p, "test")
    decided = p.outputs >= 0.5
    assert metrics["f1"] == pytest.approx(peer.f1_score(p.targets, decided, average="macro"))
    assert metrics["auc"] == pytest.approx(peer.roc_auc_score(p.targets, p.outputs))
    each = [peer.log_loss(p.targets[:, i], p.outputs[:, i]) for i in range(6)]
    assert metrics["loss"] == pytest.approx(np.mean(each))


@pytest.mark.parametrize("case", [c for c, p in CASES.items() if p.kind == "number" and len(p) > 1])
def test_number_figures_equal_those_of_scikit_learn(case: str) -> None:
    p = CASES[case]
    metrics, _ = score(p, "test")
    assert metrics["rmse"] == pytest.approx(peer.root_mean_squared_error(p.targets, p.outputs))
    assert metrics["mae"] == pytest.approx(peer.mean_absolute_error(p.targets, p.outputs))
    assert metrics["r2"] == pytest.approx(peer.r2_score(p.targets, p.outputs))


def test_undefined_metrics_are_left_out() -> None:
    assert "auc" not in score(CASES["one class only"], "test")[0]
    assert "r2" not in score(CASES["one number"], "test")[0]
    assert "mape" not in score(CASES["targets of zero"], "test")[0]


def test_a_diverged_model_is_told_as_such() -> None:
    p = replace(numbers(5), outputs=np.array([[1.0], [np.nan], [1.0], [np.inf], [1.0]]))
    assert score(p, "test") == ({}, {"count": 5, "not_finite": 2})
    assert math.isnan(quick(p)["rmse"])
    sick = replace(classes(5, 3), outputs=np.full((5, 3), np.nan))
    assert math.isnan(quick(sick)["accuracy"])


def test_the_training_split_has_figures_alone() -> None:
    assert score(CASES["numbers"], "train")[1] == {"count": 300, "headline": "rmse"}


def test_quick_figures_are_those_of_the_full_score() -> None:
    for p in CASES.values():
        full = score(p, "test")[0]
        assert quick(p).items() <= full.items()


def test_headlines_know_which_way_is_better() -> None:
    assert headline("single-label") == ("accuracy", True)
    assert headline("multi-label") == ("f1", True)
    assert headline("number") == ("rmse", False)
    assert not higher_is_better("loss")
    assert metrics_of("number") == ("mae", "mape", "r2", "rmse")


def test_a_perfectly_calibrated_forecast_has_no_calibration_error() -> None:
    outputs = np.tile([0.25, 0.75], (400, 1))
    p = Predictions("single-label", (np.arange(400) % 4 > 0).astype(int), outputs, ("a", "b"))
    assert METRICS.load("calibration_error").compute(p) == pytest.approx(0)
    assert len(bins(p)) == 1


def test_the_confusion_matrix_and_its_pairs_agree_with_scikit_learn() -> None:
    p = CASES["ten classes"]
    theirs = peer.confusion_matrix(p.targets, p.decisions)
    np.testing.assert_array_equal(matrix(p), theirs)
    np.fill_diagonal(theirs, 0)
    pairs = most_confused(p, 3)
    assert [pair["count"] for pair in pairs] == sorted(theirs.ravel())[::-1][:3]


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    truth, covered = METRICS.load("accuracy").compute(classes(200_000, 3, 1234)), 0
    for seed in range(100):
        p = classes(200, 3, seed)
        low, high = intervals(p, 0)["accuracy"]
        covered += low <= truth <= high
    assert 88 <= covered <= 100


def test_no_mistake_among_few_examples_is_no_proof_of_perfection() -> None:
    outputs = np.eye(2)[np.arange(30) % 2]
    p = Predictions("single-label", np.arange(30) % 2, outputs, ("a", "b"))
    low, high = intervals(p, 0)["accuracy"]
    assert 0.85 < low < 0.95
    assert high == 1


def test_intervals_of_the_confusion_agree_with_a_plain_bootstrap() -> None:
    p = classes(300, 4, 3)
    generator = np.random.default_rng(5)
    plain = []
    for _ in range(400):
        drawn = generator.integers(0, 300, 300)
        again = replace(p, targets=p.targets[drawn], outputs=p.outputs[drawn])
        plain.append(METRICS.load("f1").compute(again))
    ours = intervals(p, 0)["f1"]
    assert ours == pytest.approx(np.percentile(plain, [2.5, 97.5]), abs=0.012)


def test_the_interval_of_the_area_agrees_with_a_plain_bootstrap() -> None:
    p = classes(300, 2, 3)
    p = replace(p, outputs=p.outputs.round(1))  # with ties
    generator = np.random.default_rng(5)
    plain = []
    for _ in range(300):
        drawn = generator.integers(0, 300, 300)
        plain.append(peer.roc_auc_score(p.targets[drawn], p.outputs[drawn, 1]))
    assert intervals(p, 0)["auc"] == pytest.approx(np.percentile(plain, [2.5, 97.5]), abs=0.012)


def test_intervals_of_many_examples_keep_their_width() -> None:
    p = numbers(40_000)
    low, high = intervals(p, 0)["rmse"]
    assert (high - low) == pytest.approx(2 * 1.96 / math.sqrt(2 * 40_000), rel=0.15)
    assert low < 1 < high


def test_the_difference_of_a_model_to_itself_is_nothing() -> None:
    p = numbers(100)
    assert difference(p, p, "rmse", 0) == (0, 0)
    worse = replace(p, outputs=p.outputs + 1)
    low, high = difference(worse, p, "rmse", 0) or (0, 0)
    assert 0 < low < high


def test_chosen_thresholds_raise_f1_on_an_uneven_problem() -> None:
    generator = np.random.default_rng(1)
    targets = (generator.random(2000) < 0.1).astype(int)
    chance = 1 / (1 + np.exp(-(generator.normal(size=2000) + 2 * targets - 3)))
    p = Predictions("single-label", targets, np.stack([1 - chance, chance], 1), ("no", "yes"))
    chosen = _thresholds.choose(p)
    f1 = METRICS.load("f1")
    assert chosen.sum() == pytest.approx(1)
    assert f1.compute(replace(p, thresholds=chosen)) > f1.compute(p) + 0.05
    best = max(
        f1.compute(replace(p, thresholds=np.array([1 - t, t]))) for t in np.arange(0.01, 1, 0.01)
    )
    assert f1.compute(replace(p, thresholds=chosen)) >= best - 1e-9


def test_thresholds_of_labels_are_the_best_on_a_grid() -> None:
    p = labels(500, 3)
    chosen = replace(p, thresholds=_thresholds.choose(p))
    for label in range(3):
        truth = p.truths[:, label]
        grid = [peer.f1_score(truth, p.outputs[:, label] >= t) for t in np.arange(0.01, 1, 0.01)]
        assert peer.f1_score(truth, chosen.positives[:, label]) >= max(grid) - 1e-9


@pytest.mark.parametrize("case", [c for c, p in CASES.items() if p.kind != "number"])
def test_chosen_thresholds_are_usable_and_never_lower_the_mean_f1(case: str) -> None:
    p = CASES[case]
    chosen = _thresholds.choose(p)
    assert chosen.shape == (len(p.names),)
    assert ((chosen > 0) & (chosen < 1)).all()
    f1 = METRICS.load("f1")
    if p.kind == "multi-label" or len(p.names) > 2:
        assert f1.compute(replace(p, thresholds=chosen)) >= f1.compute(p) - 1e-12


def test_a_threshold_moves_a_decision_of_two_classes() -> None:
    p = Predictions("single-label", np.array([1]), np.array([[0.6, 0.4]]), ("no", "yes"))
    assert p.decisions.tolist() == [0]
    assert replace(p, thresholds=np.array([0.7, 0.3])).decisions.tolist() == [1]


def test_thousands_of_classes_are_scored_without_a_matrix() -> None:
    p = classes(300, 700)
    _, details = score(p, "test")
    assert "confusion" not in details
    assert len(details["confused_pairs"]) == 20
    assert len(details["roc"]) == 12
