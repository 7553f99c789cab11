"""The base class of hyper-parameters. It makes them plain data, which a checkpoint's card can hold."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from mpsearch.errors import UsageError, check_count, check_number


def plain(value: Any) -> Any:
    """Return ``value`` with Python's numbers and lists instead of NumPy's scalars and arrays, also in containers."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return type(value)(plain(item) for item in value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


@dataclass(frozen=True)
class Config:
    """The base class of frozen dataclasses of hyper-parameters. It converts NumPy's numbers and checks all values.

    Fields of the type ``int`` must be whole numbers of at least 1. Fields of the type ``float`` must be finite numbers.

    Attributes:
        least: the smallest value of those ``int`` fields for which it is not 1.

    Raises:
        UsageError: a value is not allowed. The message names the field.
    """

    least: ClassVar[dict[str, int]] = {}

    def __post_init__(self) -> None:
        for field in fields(self):
            value = plain(getattr(self, field.name))
            if field.type == "int":
                value = check_count(field.name, value, self.least.get(field.name, 1))
            elif field.type == "float":
                value = check_number(field.name, value)
            elif field.type == "bool" and not isinstance(value, bool):
                raise UsageError(f"{field.name} must be true or false, not {value!r:.80}")
            object.__setattr__(self, field.name, value)
