"""Records: small classes that only hold values.

``@record`` stands for ``@dataclass(frozen=True, slots=True)``, and ``@record(frozen=False)`` for ``@dataclass(slots=True)``. The standard decorator writes and
compiles up to seven methods for every class as soon as its module is imported. That is half a millisecond each, and a run passes fifty of them before its first
step. Here all records share their methods, and only a class of which many instances are made gets an initialiser compiled for it.

For those who ask, records are dataclasses: ``dataclasses.fields``, ``replace`` and ``asdict`` take them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar, dataclass_transform, overload

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["REQUIRED", "Slot", "field", "record", "replace", "slots"]

_T = TypeVar("_T")

REQUIRED: Final = object()
"""The default of a field that has none."""

_FEW = 12
"""Instances after which a class gets an initialiser of its own: to compile one takes as long as to make fifty instances without."""


class Slot:
    """One field: its ``default`` (or :data:`REQUIRED`), or the ``factory`` that makes it; with ``init`` false it can't be given."""

    __slots__ = ("annotation", "default", "factory", "init", "name")

    def __init__(self, default: Any, factory: Callable[[], Any] | None = None, *, init: bool = True) -> None:
        self.name = ""
        self.annotation = ""
        self.default = default
        self.factory = factory
        self.init = init

    @property
    def required(self) -> bool:
        """Whether an instance can't be made without it."""
        return self.init and self.factory is None and self.default is REQUIRED


def field(*, default: Any = REQUIRED, default_factory: Callable[[], Any] | None = None, init: bool = True) -> Any:
    """Say more about a field than its default, as ``dataclasses.field`` does."""
    return Slot(default, default_factory, init=init)


def slots(kind: type[Any]) -> tuple[Slot, ...]:
    """Return the fields of a record class, in order."""
    found: tuple[Slot, ...] = kind.__record__
    return found


def replace(record: _T, /, **changes: Any) -> _T:
    """Return a record with some values changed, as ``dataclasses.replace`` does."""
    return type(record)(**({slot.name: getattr(record, slot.name) for slot in slots(type(record)) if slot.init} | changes))


@overload
def record(cls: type[_T], /) -> type[_T]: ...
@overload
def record(*, frozen: bool) -> Callable[[type[_T]], type[_T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[_T] | None = None, /, *, frozen: bool = True) -> type[_T] | Callable[[type[_T]], type[_T]]:
    """Make a class a record of its annotated attributes."""
    return (lambda made: _record(made, frozen=frozen)) if cls is None else _record(cls, frozen=frozen)


def _record(cls: type[_T], *, frozen: bool) -> type[_T]:
    inherited = {slot.name: slot for base in cls.__mro__[:0:-1] for slot in base.__dict__.get("__record__", ())}
    namespace = {name: value for name, value in cls.__dict__.items() if name not in ("__dict__", "__weakref__")}
    own = {name: _slot(name, text, namespace) for name, text in cls.__annotations__.items() if not text.startswith("ClassVar")}
    every = tuple((inherited | own).values())
    namespace["__slots__"] = tuple(name for name in own if name not in inherited)
    namespace["__record__"] = every
    namespace["__match_args__"] = tuple(slot.name for slot in every if slot.init)
    namespace["__dataclass_fields__"] = _AsDataclass()
    namespace["__qualname__"] = cls.__qualname__
    metaclass: Any = type(cls)
    made: type[_T] = metaclass(cls.__name__, cls.__bases__, (_FROZEN if frozen else _MUTABLE) | namespace)
    return made


def _slot(name: str, annotation: str, namespace: dict[str, Any]) -> Slot:
    given = namespace.pop(name, REQUIRED)
    slot = given if isinstance(given, Slot) else Slot(given)
    slot.name, slot.annotation = name, annotation
    return slot


class _AsDataclass:
    """Answers those who take a record for a dataclass."""

    def __get__(self, _instance: object, owner: type[Any]) -> Any:
        import dataclasses

        fields: list[Any] = []
        for slot in slots(owner):
            known: dict[str, Any] = {"init": slot.init}
            if slot.factory is not None:
                known["default_factory"] = slot.factory
            elif slot.default is not REQUIRED:
                known["default"] = slot.default
            fields.append((slot.name, slot.annotation, dataclasses.field(**known)))
        like: Any = dataclasses.make_dataclass(owner.__name__, fields, kw_only=True)
        return like.__dataclass_fields__


# -- the methods that records share -----------------------------------------------------------------------------------------------------

_made: dict[type[Any], int] = {}
"""How many instances a class without a compiled initialiser has."""


def _values(record: Any) -> tuple[Any, ...]:
    return tuple([getattr(record, slot.name) for slot in slots(type(record))])


class _Mutable:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Set the values. The arguments of many instances, and wrong ones, are left to a compiled initialiser."""
        cls = next(base for base in type(self).__mro__ if "__record__" in base.__dict__)
        count = _made[cls] = _made.get(cls, 0) + 1
        every = slots(cls)
        names = [slot.name for slot in every if slot.init]
        given = dict(zip(names, args, strict=False))
        fits = len(args) <= len(names) and kwargs.keys() <= set(names[len(args) :])
        given.update(kwargs)
        if count > _FEW or not fits or any(slot.required and slot.name not in given for slot in every):
            _compiled(cls)(self, *args, **kwargs)
            return
        for slot in every:
            if slot.name in given:
                object.__setattr__(self, slot.name, given[slot.name])
            elif slot.factory is not None:
                object.__setattr__(self, slot.name, slot.factory())
            elif slot.default is not REQUIRED:
                object.__setattr__(self, slot.name, slot.default)
        if hasattr(cls, "__post_init__"):
            cls.__post_init__(self)

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return _values(self) == _values(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(f"{slot.name}={getattr(self, slot.name)!r}" for slot in slots(type(self)))
        return f"{type(self).__qualname__}({shown})"


class _Frozen:
    def __hash__(self) -> int:
        return hash(_values(self))

    def __setattr__(self, name: str, value: object) -> None:
        from dataclasses import FrozenInstanceError

        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        from dataclasses import FrozenInstanceError

        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by making a new one: the values can't be set one by one."""
        return type(self), tuple(getattr(self, slot.name) for slot in slots(type(self)) if slot.init)


_SHARED = ("__init__", "__eq__", "__hash__", "__repr__", "__setattr__", "__delattr__", "__reduce__")
_MUTABLE: Final = {name: method for name, method in vars(_Mutable).items() if name in _SHARED}
_FROZEN: Final = _MUTABLE | {name: method for name, method in vars(_Frozen).items() if name in _SHARED}


def _compiled(cls: type[Any]) -> Callable[..., None]:
    """Give a class the initialiser that ``dataclass`` would have given it, and return it."""
    frozen = cls.__setattr__ == _FROZEN["__setattr__"]
    scope: dict[str, Any] = {"_left_out": object()}
    parameters, body = ["self"], []
    for slot in slots(cls):
        name, value = slot.name, f"_default_{slot.name}"
        scope[value] = slot.default
        if slot.factory is not None:
            scope[value] = slot.factory
            value += "()"
        if slot.init:
            default = "" if slot.required else " = _left_out" if slot.factory is not None else f" = {value}"
            parameters.append(name + default)
            value = name if slot.factory is None else f"{value} if {name} is _left_out else {name}"
        elif slot.factory is None and slot.default is REQUIRED:
            continue
        scope[f"_set_{name}"] = getattr(cls, name).__set__
        body.append(f"_set_{name}(self, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    exec(f"def __init__({', '.join(parameters)}):\n " + "\n ".join(body or ["pass"]), scope)  # noqa: S102 - names of fields, nothing else
    made: Callable[..., None] = scope["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    setattr(cls, "__init__", made)  # noqa: B010 - a plain assignment to a method is an error to the type checker
    return made
