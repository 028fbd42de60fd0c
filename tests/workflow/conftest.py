"""Runs that the tests of using a model share; nothing may change them."""

from pathlib import Path

import pytest

from descend.workflow.trained import Run
from tests.workflow import trained_runs as made


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trained")


@pytest.fixture(scope="session")
def image_run(ground: Path) -> Run:
    return made.quick(ground, made.picture_folder(ground / "colors"), "colors")


@pytest.fixture(scope="session")
def class_run(ground: Path) -> Run:
    return made.quick(ground, made.mail(ground / "mail.csv"), "mail", target="kind")


@pytest.fixture(scope="session")
def number_run(ground: Path) -> Run:
    targets = ("height", "leaves")
    return made.quick(ground, made.plants(ground / "plants.csv"), "plants", target=targets)


@pytest.fixture(scope="session")
def label_run(ground: Path) -> Run:
    targets = ("funny", "sad", "long")
    return made.quick(ground, made.films(ground / "films.csv"), "films", target=targets)


@pytest.fixture(scope="session")
def series_run(ground: Path) -> Run:
    return made.quick(
        ground, made.visits(ground / "visits.csv"), "visits", target="visits", time="day"
    )
