"""The pipeline page: figures, charts, and the role that it needs."""

import re

import pytest

from app.console.pages.pipeline.charts import MAX_SAMPLES, Sample, chart, dumped, levels, loaded, rates
from app.runtime.settings.settings import Settings
from tests.support.api.console import Visitor, console, fields_of


def sample(at_ms: int, recorded: int = 0, unread: int = 0) -> Sample:
    return Sample(at_ms, 5, 0, unread, 0, recorded, recorded, 0)


def test_the_pipeline_needs_the_role_of_the_status(url: str, ann: Visitor) -> None:
    page = ann.get("/pipeline")
    assert page.status_code == 200
    assert 'href="/pipeline"' in page.text
    assert 'href="/dead-letters' not in page.text, "operations may not see them"
    with Visitor(url) as rae:
        rae.sign_in("Rae", "readonly")
        assert 'href="/pipeline"' not in rae.get("/").text
        for path in ("/pipeline", "/pipeline/now"):
            assert rae.get(path).status_code == 403


def test_the_pipeline_shows_each_read_model_and_the_ledger(ann: Visitor) -> None:
    page = ann.get("/pipeline").text
    for words in ("loan-accounts", "customers", "No worker", "Serving", "Consumers", "Events recorded"):
        assert words in page, words
    assert "<polyline" not in page, "one look is no line yet"


def test_the_page_carries_its_samples_and_each_refresh_adds_one(ann: Visitor) -> None:
    first = fields_of(ann.get("/pipeline").text)["seen"]
    page = ann.client.get("/pipeline/now", params={"seen": first}, headers={"HX-Request": "true"}).text
    second = fields_of(page)["seen"]
    assert second.startswith(f"{first} ")
    assert page.count("<polyline") >= 2, "levels have two points now"
    assert re.search(r'aria-label="Stream: \d+ now, between \d+ and \d+ in \d+ s"', page)


def test_an_invalid_past_is_left_out(ann: Visitor) -> None:
    for seen in (
        '"><script>alert(1)</script>',
        "1:2:3",
        "9" * 400,
        "x " * 9_000,
        "1:2:3:4:5:6:7:" + "9" * 30,
    ):
        page = ann.client.get("/pipeline/now", params={"seen": seen}, headers={"HX-Request": "true"})
        assert (page.status_code, "<script>alert" in page.text) == (200, False)
        assert " " not in fields_of(page.text)["seen"]
    ahead = dumped([sample(9_999_999_999_999)])
    page = ann.client.get("/pipeline/now", params={"seen": ahead}, headers={"HX-Request": "true"})
    assert ahead not in page.text, "another clock's"


def test_unavailable_servers_are_named_beside_the_others(settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1", "ledger_target": "127.0.0.1:1"})
    with console(away) as url, Visitor(url) as visitor:
        visitor.sign_in()
        page = visitor.get("/pipeline").text
    for words in (
        "Redis is not responding",
        "The ledger is not responding",
        "Not responding",
        "loan-accounts",
    ):
        assert words in page, words
    assert "Unread: unknown" in page


def test_a_rate_is_growth_per_second_and_a_gap_is_unknown() -> None:
    found = [sample(0, 10), sample(2_000, 30), sample(4_000, 25), sample(6_000, -1), sample(8_000, 30)]
    assert rates(found, "recorded") == [10.0, 0.0, None, None]
    assert levels(found, "recorded") == [10.0, 30.0, 25.0, None, 30.0]


def test_only_the_newest_samples_are_kept() -> None:
    many = [sample(at) for at in range(MAX_SAMPLES + 20)]
    assert loaded(dumped(many)) == many[20:]
    assert loaded("5:0:0:0:0:0:0:0 4:0:0:0:0:0:0:0") == [Sample(5, 0, 0, 0, 0, 0, 0, 0)]


@pytest.mark.parametrize(
    ("figures", "lines", "now"),
    [([], 0, "–"), ([1.0], 0, "1"), ([0.0, 2.5], 1, "2.5"), ([1.0, 2.0, None, 3.0, 4_000.0], 2, "4,000")],
)
def test_a_line_has_a_gap_at_unknown_figures(figures: list[float | None], lines: int, now: str) -> None:
    drawn = chart("Unread", figures, 8, "")
    assert (len(drawn.lines), drawn.now) == (lines, now)
    for point in " ".join(drawn.lines).split():
        across, down = map(float, point.split(","))
        assert 0 <= across <= 220
        assert 0 <= down <= 44
