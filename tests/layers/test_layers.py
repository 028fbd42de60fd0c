"""This file holds the package to its shape: imports go down, files and functions stay short."""

import ast
import subprocess
import sys
from collections.abc import Iterator

from tests.layers.sources import ROOT, SOURCES, Imported, Source, code_lines

# Top-down, as DESIGN.md draws them; names on one line do not import each other.
LAYERS = (
    ("__main__",),
    ("cli",),
    ("studio",),
    ("experiments", "bench"),
    ("workflow",),
    ("tuning", "reports"),
    ("training", "doctor"),
    ("anatomy", "landscape"),
    ("tasks",),
    ("data", "models", "optim", "schedules", "losses", "metrics"),
    ("catalog", "settings", "evidence", "run", "forms", "seeds", "show"),
    ("errors",),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
PLAIN = LAYERS[-2] + LAYERS[-1]

# Packages a user may not have: imported where they are first needed, in any layer.
OPTIONAL = {"datasets", "onnx", "onnxruntime", "onnxscript", "torch_xla"}
# Other imports inside functions, by file, each with its reason.
LATE_IMPORTS: dict[str, str] = {
    "__main__.py": "signals are looked after first, and the imports take seconds",
    "workflow/trained.py": "Run.resume gives back a Run, so `resume` itself imports the class",
}

MOST_FILE_LINES = 400
MOST_FUNCTION_LINES = 40
FORBIDDEN_NAMES = {"utils", "util", "common", "base", "manager", "helper", "helpers", "misc"}
# Loading one of these formats runs code that stands in the file.
RUNS_CODE_ON_LOAD = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
RUNNING_CALLS = {
    "torch.load", "torch.save", "torch.jit.load", "torch.jit.save", "torch.hub.load",
    "torch.package.PackageImporter", "joblib.load", "eval", "exec",
}  # fmt: skip


def layer_of(module: str) -> str | None:
    """`descend.data.split` -> "data"; the package itself and foreign modules have none."""
    parts = module.split(".")
    return parts[1] if parts[0] == "descend" and len(parts) > 1 else None


def test_every_file_stands_in_a_known_layer() -> None:
    unknown = {layer_of(source.module) for source in SOURCES} - {None} - set(LEVEL)
    assert not unknown, "add it to LAYERS, where DESIGN.md draws it"


def test_imports_go_down_only() -> None:
    wrong = []
    for source, found in _every_import():
        here, there = layer_of(source.module), layer_of(found.module)
        if here is None or there is None or here == there:
            continue
        if LEVEL[there] <= LEVEL[here]:
            wrong.append(f"{source.name}:{found.line} imports {found.module}")
    assert not wrong


def test_imports_stand_at_the_top_of_the_file() -> None:
    late = [
        f"{source.name}:{found.line} {found.module}"
        for source, found in _every_import()
        if found.inside_function
        and layer_of(source.module) not in {"cli", None}
        and source.name not in LATE_IMPORTS
        and found.module.split(".")[0] not in OPTIONAL
    ]
    assert not late


def test_the_list_of_late_imports_names_only_files_that_have_some() -> None:
    late = {source.name for source, found in _every_import() if found.inside_function}
    assert set(LATE_IMPORTS) <= late


def test_package_files_are_empty_or_lazy() -> None:
    wrong = [
        f"{source.name}:{node.lineno}"
        for source in SOURCES
        if source.path.name == "__init__.py"
        for node in source.tree.body  # what stands under `if TYPE_CHECKING` is not run
        if _imports_our_own(node)
    ]
    assert not wrong, "these import as soon as the package is imported"


def test_files_are_short() -> None:
    long = {source.name: len(source.text.splitlines()) for source in SOURCES}
    assert not {name: lines for name, lines in long.items() if lines > MOST_FILE_LINES}


def test_functions_are_short() -> None:
    long = {
        f"{source.name}:{function.lineno} {function.name}": code_lines(function, source.text)
        for source in SOURCES
        for function in source.functions()
    }
    assert not {name: lines for name, lines in long.items() if lines > MOST_FUNCTION_LINES}


def test_a_file_name_says_its_subject() -> None:
    wrong = [
        source.name
        for source in SOURCES
        if FORBIDDEN_NAMES & {part.strip("_") for part in source.module.split(".")}
    ]
    assert not wrong


def test_nothing_that_is_read_or_written_can_run_code() -> None:
    wrong = [
        f"{source.name}:{found.line} {found.module}"
        for source, found in _every_import()
        if found.module.split(".")[0] in RUNS_CODE_ON_LOAD or found.module in RUNNING_CALLS
    ]
    for source in SOURCES:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in RUNNING_CALLS:
                wrong.append(f"{source.name}:{node.lineno} {ast.unparse(node.func)}")
            elif isinstance(node, ast.keyword) and ast.unparse(node) == "allow_pickle=True":
                wrong.append(f"{source.name}:{node.value.lineno} allow_pickle")
    assert not wrong


def test_no_code_asks_whether_an_object_has_an_attribute() -> None:
    wrong = [
        f"{source.name}:{node.lineno}"
        for source in SOURCES
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "hasattr"
    ]
    assert not wrong, "ask for the type instead"


def _every_import() -> Iterator[tuple[Source, Imported]]:
    for source in SOURCES:
        for found in source.imports():
            yield source, found


def _imports_our_own(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return bool(node.level) or (node.module or "").split(".")[0] in {"descend", "torch"}
    return isinstance(node, ast.Import) and any(
        alias.name.split(".")[0] in {"descend", "torch"} for alias in node.names
    )


def test_the_plain_layers_and_the_command_import_no_torch() -> None:
    modules = ", ".join(f"descend.{name}" for name in (*PLAIN, "cli._app"))
    code = f"import sys, descend, {modules}; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr or "torch was imported"
