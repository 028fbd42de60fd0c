"""This file writes numbers and dates as a person reads them."""

import math
from datetime import datetime

# Shares shown in percent; any other metric keeps its unit.
SHARES = frozenset(
    {
        "accuracy", "balanced_accuracy", "precision", "recall", "f1", "auc", "average_precision",
        "calibration_error", "mape", "map", "map_50", "mean_iou", "pixel_accuracy",
    }
)  # fmt: skip
LABELS = {
    "auc": "AUC",
    "average_precision": "average precision",
    "balanced_accuracy": "balanced accuracy",
    "calibration_error": "calibration error",
    "brier": "Brier score",
    "f1": "F1",
    "mae": "MAE",
    "mape": "MAPE",
    "map": "mAP",
    "map_50": "mAP at 0.5",
    "mean_iou": "mean IoU",
    "r2": "R²",
    "rmse": "RMSE",
}


def label(metric: str) -> str:
    return LABELS.get(metric, metric.replace("_", " "))


def figure(value: object, metric: str = "", unit: str = "") -> str:
    """ "97.8 %" of a share, "48,911 dollars" of a number with a unit; "–" of what is not known."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return str(value)
    if metric in SHARES:
        return f"{100 * value:.1f} %"
    return number(value) + (f" {unit}" if unit else "")


def number(value: float) -> str:
    """Four digits are enough to read; thousands get commas."""
    if isinstance(value, int) or (abs(value) >= 1000 and math.isfinite(value)):
        return f"{value:,.0f}".replace("-", "−")
    if value == 0 or abs(value) >= 0.001:
        return f"{value:.4g}".replace("-", "−")
    return f"{value:.2e}".replace("e-0", "e-").replace("-", "−")


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%d %B %Y, %H:%M").lstrip("0")
