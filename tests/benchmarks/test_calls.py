"""What a purchase costs in metered calls, beside one call a rule: the figures that `make bench` prints, of a smaller shop."""

from __future__ import annotations

from benchmarks.calls import TARGET, history, measure
from tests.factories import NOW


def test_a_year_of_a_shop_costs_less_than_four_tenths_of_one_call_a_rule() -> None:
    figures = measure(customers=40)
    assert figures["of_one_call_a_rule"] <= TARGET
    assert figures["cartwheel"] < figures["one_call_a_rule"] < figures["search_first"]


def test_it_is_the_same_year_each_time() -> None:
    assert history(NOW) == history(NOW)
