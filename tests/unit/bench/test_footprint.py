"""The arithmetic of the memory benchmark's table."""

import pytest

from bench.shared.footprint import Footprint, Sample, Tenth


def test_a_tenth_has_its_peak_and_its_rate() -> None:
    even = [Sample(float(second), 50 * (second - 2), second / 2, 100.0) for second in range(2, 23)]
    starting = [Sample(0.0, 0, 0.0, 20.0), Sample(1.0, 0, 0.9, 60.0)]
    even[3] = even[3]._replace(mb=130.0)  # In the middle of the second tenth.
    found = Footprint(starting + even, entries=1_000).tenths()
    assert [each.percent for each in found] == list(range(10, 101, 10))
    assert found[0] == Tenth(10, mb=100.0, rate=50.0, cpu_us=10_000), "the start counts for nothing"
    assert found[1].mb == 130.0
    assert {each.mb for each in found[2:]} == {100.0}
    assert {each.rate for each in found} == {50.0}


def test_growth_is_of_the_last_tenth_against_an_earlier_one() -> None:
    samples = [Sample(float(each), 10 * each, 0.0, 100.0 + each) for each in range(101)]
    assert Footprint(samples, entries=1_000).growth(20) == pytest.approx(199 / 119)


def test_tenths_shorter_than_the_sampling_interval_share_samples() -> None:
    found = Footprint([Sample(0.0, 0, 0.0, 50.0), Sample(1.0, 1_000, 0.5, 90.0)], entries=1_000).tenths()
    assert [each.mb for each in found] == [90.0] * 10
    assert [round(each.rate) for each in found] == [1_000] * 10
    assert [round(each.cpu_us) for each in found] == [500] * 10


def test_an_unfinished_run_has_no_table() -> None:
    with pytest.raises(ValueError, match=r"nobody saw 1,000 entries done"):
        Footprint([Sample(0.0, 0, 0.0, 50.0), Sample(1.0, 900, 0.5, 90.0)], entries=1_000).tenths()
