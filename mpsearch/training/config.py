"""What the hyper-parameters of all algorithms have in common: they are plain data that a checkpoint's card can hold."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from mpsearch.errors import UsageError, check_count, check_number


def plain(value: Any) -> Any:
    """``value`` with NumPy's scalars and arrays replaced by Python's numbers and lists, inside containers too."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return type(value)(plain(item) for item in value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


@dataclass(frozen=True)
class Config:
    """Base of a frozen dataclass of hyper-parameters: NumPy's numbers become Python's, and each is checked.

    Fields of the type ``int`` must be whole numbers of at least 1, or of at least :attr:`least` of their name; fields
    of the type ``float`` must be finite numbers.

    Raises:
        UsageError: a value is not allowed; the message names the field.
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
