"""Hand-made run folders for the report's tests, and for looking at the page.

`python tests/reports/demo_run.py FOLDER` writes them with their reports.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from descend.data.examples import Split
from descend.evidence import (
    Evaluation,
    EvidenceFile,
    Note,
    Record,
    Samples,
    Table,
    Timing,
    Update,
)
from descend.metrics._predictions import Predictions
from descend.metrics._score import score
from descend.reports.page import write_report
from descend.run import RunFolder, write_json
from descend.tasks._robustness import IMAGE_CHANGES
from descend.tasks._samples import worst_samples

EPOCHS, STEPS = 12, 30  # of the pretended training


def digits(path: Path) -> RunFolder:
    """A real model's scores on real digits; the course of the training is made up."""
    pixels, targets = load_digits(return_X_y=True)
    model = LogisticRegression(max_iter=500, C=0.1).fit(pixels[:900] / 16, targets[:900])
    names = tuple(map(str, range(10)))
    records = [*_course(seed=0)]
    for name, part in (("validation", slice(900, 1300)), ("test", slice(1300, 1797))):
        p = Predictions(
            "single-label", targets[part], model.predict_proba(pixels[part] / 16), names
        )
        records.append(Evaluation(EPOCHS * STEPS, name, *score(p, name)))
    images = torch.from_numpy(pixels[1300:] * 255 / 16).to(torch.uint8).view(-1, 1, 8, 8)
    split = Split((images,), torch.from_numpy(targets[1300:]), [f"digit {i}" for i in range(497)])
    losses = -np.log(p.outputs[np.arange(497), p.targets])
    records += [
        worst_samples(split, p, losses, name="test", step=360, count=18),
        *_classification_tables(records[-1].metrics["accuracy"]),  # type: ignore[union-attr]
        Note(
            0, "Flips are left out: a trial of 60 updates with them was worse (0.71 against 0.89)."
        ),
        Note(360, "Stopped after 12 epochs: no better validation accuracy for 4 epochs."),
    ]
    return _write(path, records, _recipe("digits", "cnn", "classify"))


def houses(path: Path) -> RunFolder:
    """Predicted prices, where the trees win."""
    generator = np.random.default_rng(3)
    true = np.exp(generator.normal(12, 0.5, size=(800, 1)))
    said = true * np.exp(generator.normal(0, 0.22, size=true.shape))
    records: list[Record] = [*_course(seed=1, metric="rmse")]
    for name in ("validation", "test"):
        p = Predictions("number", true, said, ("median_house_value",))
        metrics, details = score(p, name)
        records.append(Evaluation(EPOCHS * STEPS, name, metrics, details | {"unit": "dollars"}))
    rmse = metrics["rmse"]
    caption = (
        f"The network loses to gradient-boosted trees: test RMSE {rmse:,.0f} against "
        f"{0.85 * rmse:,.0f} (95 % interval of the difference: 3,210 to 9,870). "
        "Trees are the better choice for this table."
    )
    compared = [["network", rmse], ["mean", 2.1 * rmse], ["gradient-boosted trees", 0.85 * rmse]]
    rows = [[name, "test", "rmse", value] for name, value in compared]
    factors = {"median_income": 1.6, "latitude": 1.4, "longitude": 1.35, "ocean_proximity": 1.1}
    without = [[f"without {c}", "column", 1.0, rmse * f] for c, f in factors.items()]
    noise = [["noise on all numbers", "deviations", s, rmse * (1 + s)] for s in (0, 0.1, 0.25, 0.5)]
    fields = {"median_income": "1.42", "ocean_proximity": "NEAR BAY", "total_rooms": "2,031"}
    worst = [
        {"name": f"housing.csv row {i}", "target": "500,001", "predicted": "183,220", "loss": 7.1}
        | {"fields": fields}
        for i in (12, 7781, 901)
    ]
    horizon = [[d, 0.3 + d / 100, 0.35 + d / 60] for d in range(1, 29)]
    records += [
        Table(0, "baselines", ["method", "split", "metric", "value"], rows, caption),
        Table(
            0,
            "robustness",
            ["change", "unit", "strength", "rmse"],
            noise + without,
            "The score when inputs get worse.",
        ),
        Samples(360, "test", "Worst predictions, test split", worst),
        Table(360, "error by distance", ["days ahead", "network", "last week's value"], horizon),
    ]
    return _write(path, records, _recipe("housing.csv", "mlp", "regress"))


def hostile(path: Path) -> RunFolder:
    """Names that try to be markup, formulas, control characters and other scripts."""
    names = ("<script>alert(1)</script>", "$x^2$ & \"q\" 'r'", "\x00\x07猫\u202e", "a" * 300)
    generator = np.random.default_rng(0)
    outputs = generator.dirichlet(np.ones(4), size=60)
    p = Predictions("single-label", generator.integers(0, 4, 60), outputs, names)
    one = {
        "name": names[0],
        "target": names[1],
        "predicted": names[2],
        "fields": {names[0]: names[1]},
    }
    rows: list[list[object]] = [[name, "test", "accuracy", 0.2] for name in names]
    records: list[Record] = [
        Evaluation(5, "test", *score(p, "test")),
        Samples(5, "test", names[0], [one]),
        Table(0, "baselines", ["method", "split", "metric", "value"], rows, names[0]),
        Table(0, names[0], [names[0], names[1]], [[names[2], 1.0]], names[0]),
        Note(0, names[0]),
    ]
    recipe = _recipe(names[0], "mlp", "classify")
    return _write(path, records, recipe | {"versions": {"x": names[0]}})


def _course(seed: int, metric: str = "accuracy") -> list[Record]:
    generator = np.random.default_rng(seed)
    found: list[Record] = []
    for step in range(1, EPOCHS * STEPS + 1):
        share = step / (EPOCHS * STEPS)
        loss = float(2.3 * np.exp(-5 * share) + 0.05 + 0.05 * generator.random())
        rate = 0.1 * min(1, 8 * share) * min(1, 2 * (1.0001 - share))
        epoch = (step - 1) // STEPS
        found.append(
            Update(step, epoch, "network", loss, rate, float(loss * generator.gamma(9, 0.2)))
        )
        if step % STEPS == 0:
            for split, gap in (("train", 0.0), ("validation", 0.06)):
                value = 0.97 - 0.7 * float(np.exp(-5 * share)) - gap
                value = value if metric == "accuracy" else 90_000 * (1.5 - value)
                found.append(
                    Evaluation(step, split, {"loss": loss + gap, metric: value}, {}, epoch)
                )
            found.append(Timing(step, epoch, 900, "images", 0.11, 8200 + 300 * generator.random()))
    return found


def _classification_tables(accuracy: float) -> list[Record]:
    rows: list[list[object]] = []
    for change in IMAGE_CHANGES:
        falls = np.linspace(0, 0.5, 6) * len(change.name) / 9
        for strength, fall in zip((0, *change.strengths), falls, strict=True):
            rows.append([change.name, change.unit, strength, accuracy - float(fall)])
    found = [["1,797 images, all 8x8 pixels, gray"], ["10 classes, 174 to 183 images each"]]
    classes = [[str(i), 90, 40, 49] for i in range(10)]
    issues = [["duplicate", "digit 88", "the same image as digit 12", False]]
    terms = [
        ["outputs (logits)", "[2.31, −0.42, 0.18, …]"],
        ["exp", "[10.07, 0.66, 1.20, …]"],
        ["divided by their sum 14.8", "[0.681, 0.044, 0.081, …]"],
        ["probability of the true class '3'", "0.081"],
        ["loss = −log 0.081", "2.513 nats"],
    ]
    caption = "The score when inputs get worse; at strength 0 they are as they came."
    compared: list[list[object]] = [
        ["network", "test", "accuracy", accuracy],
        ["majority class", "test", "accuracy", 0.099],
    ]
    verdict = (
        f"The network beats the majority class: test accuracy {100 * accuracy:.1f} % against 9.9 % "
        "(95 % interval of the difference: 75.5 % to 81.7 %)."
    )
    return [
        Table(0, "data", ["found"], found),
        Table(0, "classes", ["class", "train", "validation", "test"], classes),
        Table(0, "issues", ["kind", "where", "what", "left out"], issues),
        Table(360, "baselines", ["method", "split", "metric", "value"], compared, verdict),
        Table(360, "robustness", ["change", "unit", "strength", "accuracy"], rows, caption),
        Table(
            360,
            "loss",
            ["step", "numbers"],
            terms,
            "digit 88, of the test split: its loss worked out",
        ),
        Table(0, "plan", ["candidate", "images per second"], [["2 threads", 8210.0]]),
    ]


def _recipe(source: str, model: str, task: str) -> dict[str, object]:
    return {
        "source": {"data": source, "fingerprint": "3f2a…"},
        "data": {"validation_share": 0.15, "target": []},
        "training": {
            "task": task, "model": model, "optim": "sgd", "batch_size": 64, "learning_rate": 0.1,
            "budget": "12 epochs", "seed": 0, "deterministic": False,
        },
        "horizon": {"steps": 360, "steps_per_epoch": STEPS},
        "plan": {"precision": "fp32", "threads": 2, "channels_last": True},
        "versions": {"descend": "0.1.0", "python": "3.11.7", "torch": "2.15.0"},
    }  # fmt: skip


def _write(path: Path, records: list[Record], recipe: dict[str, object]) -> RunFolder:
    path.mkdir(parents=True)
    folder = RunFolder(path)
    folder.write_recipe(recipe)
    stream = EvidenceFile(folder.evidence_file)
    for record in records:
        stream.append(record)
    stream.flush()
    stream.close()
    seconds = {"data": 0.4, "plan": 1.9, "training": 7.2, "evaluation": 1.1, "total": 10.8}
    write_json(folder.result_file, {"run": str(path), "seconds": seconds, "parameters": 44_426})
    return folder


if __name__ == "__main__":
    for make in (digits, houses, hostile):
        print(write_report(make(Path(sys.argv[1]) / make.__name__)))
