"""Records behave as the dataclasses that they stand for."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError
from typing import ClassVar

import pytest

from ropeway import records
from ropeway.records import field, record, replace


@record
class Point:
    """A place."""

    x: int
    y: int = 0
    tags: list = field(default_factory=list)
    unit: ClassVar[str] = "m"

    @property
    def both(self) -> tuple[int, int]:
        return self.x, self.y


@record(frozen=False)
class Count:
    n: int = 0
    twice: int = field(init=False)

    def __post_init__(self) -> None:
        self.twice = 2 * self.n


@record
class Named(Point):
    name: str = "p"


def _point():
    @record
    class Point:
        x: int
        y: int = 0
        tags: list = field(default_factory=list)

    return Point


@pytest.fixture(params=["the first instances", "all later ones"])
def point(request):
    made = _point()
    if request.param == "all later ones":
        for i in range(20):
            made(i)
    return made


def test_values_are_given_by_place_or_by_name(point) -> None:
    assert [(p.x, p.y, p.tags) for p in (point(1), point(1, 2), point(y=2, x=1), point(1, tags=["t"]))] == [
        (1, 0, []),
        (1, 2, []),
        (1, 2, []),
        (1, 0, ["t"]),
    ]


def test_a_factory_makes_a_new_default_each_time(point) -> None:
    assert point(1).tags is not point(1).tags


@pytest.mark.parametrize(("args", "kwargs"), [((), {}), ((1, 2, [], 4), {}), ((1,), {"x": 1}), ((1,), {"z": 1})])
def test_wrong_arguments_are_told_as_python_tells_them(point, args, kwargs) -> None:
    with pytest.raises(TypeError, match=r"__init__\(\)"):
        point(*args, **kwargs)


def test_equal_values_make_equal_records_of_one_class_only(point) -> None:
    assert point(1) == point(1, 0)
    assert point(1) != point(2)
    assert point(1) != _point()(1)
    assert Point(1) != Named(1)


def test_a_frozen_record_never_changes(point) -> None:
    one = point(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'x'"):
        one.x = 2
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'x'"):
        del one.x
    with pytest.raises(FrozenInstanceError):
        one.other = 2
    assert hash(record(type("E", (), {"__annotations__": {"a": "int"}}))(1)) == hash((1,))


def test_a_mutable_record_changes_and_can_not_be_hashed() -> None:
    for n in range(20):
        one = Count(n)
        assert one.twice == 2 * n
        one.n = 7
        assert one.n == 7
    with pytest.raises(AttributeError):
        one.other = 2
    with pytest.raises(TypeError):
        hash(one)


def test_an_heir_has_its_own_fields_behind_those_of_its_parent() -> None:
    for _ in range(20):
        one = Named(1, 2, [], "n")
        assert (one.both, one.name, one.unit) == ((1, 2), "n", "m")
    assert repr(one) == "Named(x=1, y=2, tags=[], name='n')"
    assert not hasattr(one, "__dict__")


def test_records_can_be_matched_copied_pickled_and_replaced_in_part() -> None:
    one = Point(1, 2, ["t"])
    match one:
        case Point(x, y):
            assert (x, y) == (1, 2)
    assert copy.copy(one) == copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one
    assert replace(one, y=3) == Point(1, 3, ["t"])
    with pytest.raises(TypeError):
        replace(one, z=3)


def test_the_standard_functions_for_dataclasses_take_records() -> None:
    one = Point(1, 2, ["t"])
    assert dataclasses.is_dataclass(one)
    assert [f.name for f in dataclasses.fields(Point)] == ["x", "y", "tags"]
    assert dataclasses.asdict(one) == {"x": 1, "y": 2, "tags": ["t"]}
    assert dataclasses.replace(one, x=5) == Point(5, 2, ["t"])
    assert [(s.name, s.annotation, s.required) for s in records.slots(Named)] == [
        ("x", "int", True),
        ("y", "int", False),
        ("tags", "list", False),
        ("name", "str", False),
    ]
