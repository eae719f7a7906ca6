"""Which fields a dataset has, what each is for, and how many ids each can take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recbench.errors import UsageError

PADDING = 0
"""The id that stands for no value; its embedding is zero and stays zero."""
UNSEEN = 1
"""The id of every value that the training part does not contain."""
FIRST_ID = 2
"""The first id that stands for a value."""

Role = Literal["user", "item", "context", "label"]


@dataclass(frozen=True)
class Field:
    """One column of a dataset.

    Attributes:
        name: The field's name, the same in data, batches and configuration.
        role: `user` and `context` fields describe the example, `item` fields describe the target
            and every event of the history, `label` fields are what is predicted.
        size: Number of ids, `PADDING` and `UNSEEN` included; 2 for a binary label, and 0 for a
            number: a `context` field or `label` of any real value.
        width: Of an `item` field that is a frozen vector of each item, such as an embedding of its
            picture, the vector's width; 0 for all other fields. Its ids are rows of
            `Schema.vectors`, and an item that the training part lacks has a row of its own.
    """

    name: str
    role: Role
    size: int
    width: int = 0


@dataclass(frozen=True)
class Schema:
    """The fields of a dataset, in a fixed order; the first item field is the item itself.

    Attributes:
        fields: The fields.
        states: What is judged apart in cold start, such as "new-users"; empty for other tasks.
        vectors: The vectors of each field that has a `width`, [size, width] of float32, not to be
            written to; zero at `PADDING`, at `UNSEEN`, and where an item has none.

    Raises:
        UsageError: If two fields have one name.
    """

    fields: tuple[Field, ...]
    states: tuple[str, ...] = ()
    vectors: Mapping[str, NDArray[np.float32]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        """Refuse names that do not tell the fields apart."""
        names = [each.name for each in self.fields]
        for name in names:
            if names.count(name) > 1:
                raise UsageError(f"two fields are called '{name}'; give each a name of its own")

    def of(self, *roles: Role) -> tuple[Field, ...]:
        """Return the fields that have one of `roles`, in schema order."""
        return tuple(each for each in self.fields if each.role in roles)

    def __getitem__(self, name: str) -> Field:
        """Return the field called `name`; raise `UsageError` naming those that exist."""
        for each in self.fields:
            if each.name == name:
                return each
        known = ", ".join(each.name for each in self.fields)
        raise UsageError(f"the dataset has no field '{name}'; it has: {known}")

    def __contains__(self, name: str) -> bool:
        """Return whether a field called `name` exists."""
        return any(each.name == name for each in self.fields)

    @property
    def items(self) -> int:
        """Number of items that the training part has: the candidates of next-item prediction."""
        return self.of("item")[0].size - FIRST_ID

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the labels, in the order in which models return them."""
        return tuple(each.name for each in self.of("label"))

    @property
    def has_categories(self) -> bool:
        """Whether items have the field `category`, by which histories can be searched."""
        return "category" in {each.name for each in self.of("item")}

    @property
    def vector_fields(self) -> tuple[str, ...]:
        """The names of the item fields that are frozen vectors."""
        return tuple(each.name for each in self.of("item") if each.width)

    @property
    def numbers(self) -> tuple[str, ...]:
        """The names of the context fields that are numbers, as `Features.numbers` orders them."""
        return tuple(each.name for each in self.of("context") if not each.size)
