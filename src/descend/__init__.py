"""Train neural networks on your own data.

The public verbs, the same as the command's; each is loaded on first use, so that
`import descend` costs nothing.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from descend.workflow.demo import demo as demo
    from descend.workflow.evaluate import evaluate as evaluate
    from descend.workflow.export import export as export
    from descend.workflow.predict import predict as predict
    from descend.workflow.recipes_shown import recipe as recipe
    from descend.workflow.resume import resume as resume
    from descend.workflow.runs import compare as compare
    from descend.workflow.runs import runs as runs
    from descend.workflow.train import train as train
    from descend.workflow.trained import Run as Run
    from descend.workflow.verify_resume import verify_resume as verify_resume

_HOMES = {
    "Run": "trained",
    "compare": "runs",
    "demo": "demo",
    "evaluate": "evaluate",
    "export": "export",
    "predict": "predict",
    "recipe": "recipes_shown",
    "resume": "resume",
    "runs": "runs",
    "train": "train",
    "verify_resume": "verify_resume",
}  # public name -> the file of descend.workflow that has it


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("descend")
    if name not in _HOMES:
        raise AttributeError(f"module 'descend' has no attribute {name!r}")
    return getattr(import_module(f"descend.workflow.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
