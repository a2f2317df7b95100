"""Each module of the benchmarks can be loaded: they are programs that nothing else imports."""

from importlib import import_module
from pathlib import Path

import pytest

MODULES = sorted(each.stem for each in (Path(__file__).parents[3] / "bench").glob("*.py"))


@pytest.mark.parametrize("name", MODULES)
def test_a_benchmark_can_be_loaded(name: str) -> None:
    assert import_module(f"bench.{name}").__doc__ or name == "__init__"
