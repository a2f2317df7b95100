"""The model of docs/scaling.md: what it says follows from the costs, and limits are where they should be."""

import pytest

from bench.shared.scaling_model import Growth, IngestCosts, ProjectCosts, ingest_rate, project_rate, spread

COSTS = IngestCosts(turn=100e-6, follow=20e-6, beside=100e-6, servers=25e-6)
MODELS = ProjectCosts({"chats": 60e-6, "customers": 20e-6, "loans": 20e-6, "days": 10e-6}, servers=90e-6)


def test_one_worker_is_limited_by_itself() -> None:
    rate = ingest_rate(COSTS, 1, cores=8)
    assert (rate.a_second, rate.limit) == (pytest.approx(5_000), "the workers")


def test_few_processors_are_the_limit_of_many_workers() -> None:
    rate = ingest_rate(COSTS, 4, cores=2)
    assert rate.limit == "the processors"
    assert rate.a_second == pytest.approx(2 / (215e-6 + 25e-6))


def test_workers_are_limited_by_the_writer_lock() -> None:
    rates = [ingest_rate(COSTS, workers, cores=64) for workers in (2, 4, 16, 64)]
    assert rates[0].limit == "the turn: one store, one sequence"
    assert [rate.a_second for rate in rates] == sorted((rate.a_second for rate in rates), reverse=True), (
        "each one more has more to follow"
    )
    assert rates[-1].a_second > 1 / (COSTS.turn + COSTS.follow)


def test_more_projectors_help_until_the_costliest_read_model_is_alone() -> None:
    assert spread(MODELS, 2) == [["chats"], ["customers", "loans", "days"]]
    assert len(spread(MODELS, 8)) == 4, "no read model has two"
    one, two, eight = (project_rate(MODELS, spread(MODELS, workers), cores=64) for workers in (1, 2, 8))
    assert (one.a_second, one.limit) == (pytest.approx(1 / 110e-6), "the workers")
    assert two.limit == eight.limit == "one projector a read model"
    assert eight.a_second == pytest.approx(1 / 60e-6)
    assert project_rate(MODELS, spread(MODELS, 8), cores=2).limit == "the processors"


def test_growth() -> None:
    growth = Growth(messages_a_day=1_000_000, events_a_message=1.3, bytes_an_event=900)
    assert growth.gib_a_year() == pytest.approx(397.7, rel=1e-3)
    assert growth.busiest_second() == pytest.approx(115.7, rel=1e-3)
