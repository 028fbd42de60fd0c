"""This file writes the generated parts of README.md: verbs, settings, catalogs, the file tree.

`make docs` runs it; a test compares what it would write with what stands there.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from descend.cli._command import VERBS
from descend.settings import FieldDescription, describe
from descend.workflow.recipe import CATALOGS
from descend.workflow.recipes_shown import RUN_SECTIONS

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "descend"
README = ROOT / "README.md"
MARKED = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def verbs() -> Iterator[str]:
    yield "| verb | its words and own flags | what it does |"
    yield "|---|---|---|"
    for name in VERBS.names:
        verb = VERBS.load(name)
        words = " ".join(_word(p.name, p.required, p.several) for p in verb.POSITIONALS)
        flags = " ".join(f"`{row.flag}`" for row in describe(verb.Options))
        more = "all settings below" if verb.RUN_SETTINGS else ""
        own = " · ".join(part for part in (f"`{words}`" if words else "", flags, more) if part)
        yield f"| `{name.replace('_', '-')}` | {own} | {_cell(verb.SUMMARY)} |"


def settings() -> Iterator[str]:
    yield "| flag | values | default | meaning |"
    yield "|---|---|---|---|"
    for section in RUN_SECTIONS.values():
        for row in describe(section):
            yield f"| `{row.flag}` | {_cell(_values(row))} | {_default(row)} | {_cell(row.help)} |"


def catalogs() -> Iterator[str]:
    yield "| flag | entries |"
    yield "|---|---|"
    for kind, catalog in CATALOGS.items():
        yield f"| `--{kind}` | {' '.join(f'`{name}`' for name in catalog.names)} |"


def tree() -> Iterator[str]:
    yield "```"
    yield "src/descend/"
    for path in sorted(PACKAGE.iterdir(), key=lambda path: (path.is_dir(), path.name)):
        if path.suffix == ".py" and path.name != "__init__.py":
            yield f"  {path.name:<16}{_subject(path)}"
    for folder in sorted(path for path in PACKAGE.rglob("*") if (path / "__init__.py").is_file()):
        depth = len(folder.relative_to(PACKAGE).parts)
        names = sorted(p.stem for p in folder.glob("*.py") if not p.name.startswith("_"))
        yield from _wrapped("  " * depth + folder.name + "/", names)
    yield "```"


PARTS: dict[str, Callable[[], Iterator[str]]] = {
    "verbs": verbs,
    "settings": settings,
    "catalogs": catalogs,
    "tree": tree,
}


def regenerated(text: str) -> str:
    """The same text with every marked part made anew."""
    return MARKED.sub(lambda found: found[1] + "\n".join(PARTS[found[2]]()) + "\n" + found[3], text)


def _word(name: str, required: bool, several: bool) -> str:
    word = name.upper() + ("..." if several else "")
    return word if required else f"[{word}]"


def _values(row: FieldDescription) -> str:
    if row.catalog:
        return "a name, see below"
    return ", ".join(part for part in (row.unit or row.type, row.allowed) if part)


def _default(row: FieldDescription) -> str:
    return _cell("" if row.default == "none" else row.default)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _subject(path: Path) -> str:
    """What the file's first line says, for a line of the tree."""
    line = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]
    return re.sub(r"^This file (is |holds )?", "", line).rstrip(".")


def _wrapped(head: str, names: list[str], width: int = 98) -> Iterator[str]:
    line = f"{head:<18}"
    for name in names:
        if len(line) + len(name) > width:
            yield line.rstrip()
            line = " " * 18
        line += name + " "
    yield line.rstrip()


if __name__ == "__main__":
    before = README.read_text(encoding="utf-8")
    README.write_text(regenerated(before), encoding="utf-8")
    sys.stdout.write(f"{README.name} written\n")
