"""The report is one page that needs no network, holds what the evidence holds, and is safe."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from descend.evidence import Evaluation, EvidenceFile, Note, Table, Update
from descend.reports.page import write_report
from descend.run import RunFolder
from tests.reports.demo_run import digits, hostile, houses

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """Collects tags and attributes, and complains of tags that do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("runs")
    made = {make.__name__: make(root / make.__name__) for make in (digits, houses, hostile)}
    return {name: write_report(run).read_text(encoding="utf-8") for name, run in made.items()}


@pytest.mark.parametrize("name", ["digits", "houses", "hostile"])
def test_the_page_is_whole_small_and_asks_for_nothing_outside_itself(
    pages: dict[str, str], name: str
) -> None:
    text = pages[name]
    page = Page(text)
    assert len(text) < 1_500_000
    assert "script" not in page.tags
    assert "link" not in page.tags
    for key, value in page.attributes:
        assert not key.startswith("on")
        if key in ("src", "href", "xlink:href"):
            assert value is not None
            assert value.startswith(("#", "data:image/png;base64,"))
    assert "url(http" not in text
    assert "@import" not in text


def test_names_that_look_like_markup_stay_text(pages: dict[str, str]) -> None:
    assert "<script>" not in pages["hostile"]
    assert "&lt;script&gt;alert(1)" in pages["hostile"]
    assert "\x07" not in "".join(re.findall(r"<svg.*?</svg>", pages["hostile"], re.DOTALL))


def test_the_first_lines_are_the_headline_its_interval_and_the_verdict(
    pages: dict[str, str],
) -> None:
    words = " ".join(Page(pages["digits"]).words)
    start = words[words.index("Descend ·") :][:700]
    assert re.search(r"[89]\d\.\d %.*test accuracy.*95 % interval.*The network beats", start, re.S)
    trees = " ".join(Page(pages["houses"]).words)
    assert re.search(r"dollars.*test RMSE.*loses to gradient-boosted trees", trees, re.S)


@pytest.mark.parametrize(
    ("name", "sections"),
    [
        ("digits", "figures learning mistakes classes confidence robustness one-loss data time"),
        ("houses", "figures learning mistakes residuals robustness more settings"),
    ],
)
def test_sections_appear_where_there_is_evidence(
    pages: dict[str, str], name: str, sections: str
) -> None:
    found = dict.fromkeys(re.findall(r'<section id="([^"]*)"', pages[name]))
    assert set(sections.split()) <= found.keys()
    assert ("residuals" in found) == (name == "houses")
    assert ("classes" in found) == (name == "digits")


def test_pictures_of_the_worst_predictions_are_inside(pages: dict[str, str]) -> None:
    assert pages["digits"].count("data:image/png;base64,") == 18


def test_settings_show_their_meaning_and_unit(pages: dict[str, str]) -> None:
    words = " ".join(Page(pages["digits"]).words)
    assert "peak learning rate" in words
    assert "64 examples" in words


def make(path: Path, *records: object) -> RunFolder:
    path.mkdir()
    folder = RunFolder(path)
    stream = EvidenceFile(folder.evidence_file)
    for record in records:
        stream.append(record)  # type: ignore[arg-type]
    stream.close()
    return folder


def test_an_empty_run_folder_gives_a_page_that_says_so(tmp_path: Path) -> None:
    text = write_report(make(tmp_path / "empty")).read_text(encoding="utf-8")
    assert "not evaluated yet" in text
    Page(text)


def test_a_run_stopped_early_shows_what_it_has(tmp_path: Path) -> None:
    update = Update(1, 0, "network", 2.0, 0.1)
    later = [replace(update, step=s, loss=2 / s) for s in range(2, 9)]
    scored = Evaluation(8, "validation", {"loss": 0.3, "accuracy": 0.5})
    text = write_report(make(tmp_path / "early", update, *later, scored)).read_text("utf-8")
    assert "50.0 %" in text
    assert 'id="learning"' in text


def test_losses_that_are_no_numbers_do_not_stop_the_page(tmp_path: Path) -> None:
    updates = [Update(s, 0, "network", float(v), 0.1, float(v)) for s, v in
               enumerate(["nan", "inf", "1.0", "nan"], 1)]  # fmt: skip
    scored = Evaluation(4, "validation", {"loss": float("nan"), "accuracy": float("nan")})
    Page(write_report(make(tmp_path / "nan", *updates, scored)).read_text("utf-8"))


def test_several_players_have_curves_of_their_own(tmp_path: Path) -> None:
    updates = [Update(s, 0, p, 1.0 / s, 0.1, 1.0) for s in range(1, 5) for p in ("critic", "maker")]
    text = write_report(make(tmp_path / "gan", *updates)).read_text("utf-8")
    assert "Loss of critic" in text
    assert "Learning rate of maker" in text


def test_a_table_of_another_name_is_shown_as_it_is(tmp_path: Path) -> None:
    table = Table(0, "folds", ["fold", "accuracy"], [[1, 0.9], [2, 0.8]], "Mean 0.85.")
    words = " ".join(
        Page(write_report(make(tmp_path / "t", table, Note(3, "Halved."))).read_text("utf-8")).words
    )
    for said in ("Folds", "Mean 0.85.", "Update 3: Halved."):
        assert said in words
