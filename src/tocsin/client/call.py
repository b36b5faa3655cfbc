"""Call: something a client can ask, and how to read the answer. Does no I/O."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, ParamSpec, TypeVar

import msgspec

from tocsin.client.exchange import read
from tocsin.client.request import Request

P = ParamSpec("P")
T = TypeVar("T")


class Call(msgspec.Struct, Generic[T], frozen=True):
    """A request, and what its successful answer's body means.

    Attributes:
        read: raises ClientError where the body is not what a Tocsin server answers.
    """

    request: Request
    read: Callable[[bytes], T]


def as_method(method: Callable[P, T], make: Callable[..., object]) -> Callable[P, T]:
    """A client's method that makes such a call, with the name, the text and the parameters of the call."""
    functools.update_wrapper(method, make)
    asked = inspect.signature(make)
    me = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    vars(method)["__signature__"] = asked.replace(parameters=[me, *asked.parameters.values()])
    return method


def reading(form: type[T]) -> Callable[[bytes], T]:
    """Reads a successful answer's body as one of our structs."""
    return lambda body: read(body, form)


def several(given: str | Iterable[str]) -> tuple[str, ...]:
    """One text, or several: a text is not taken for its letters."""
    return (given,) if isinstance(given, str) else tuple(given)


def know(given: Mapping[str, object], form: type) -> None:
    """Raises TypeError for a word that is not one of a form: a misspelt one must not become silence."""
    for name in given:
        if name not in form.__annotations__:
            raise TypeError(f"unknown: {name!r}")
