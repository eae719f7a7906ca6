"""Which fields a dataset has, what each is for, and how many ids each can take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
    """

    name: str
    role: Role
    size: int


@dataclass(frozen=True)
class Schema:
    """The fields of a dataset, in a fixed order; the first item field is the item itself.

    Attributes:
        fields: The fields.
        states: What is judged apart in cold start, such as "new-users"; empty for other tasks.

    Raises:
        UsageError: If two fields have one name.
    """

    fields: tuple[Field, ...]
    states: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse names that do not tell the fields apart."""
        names = [field.name for field in self.fields]
        for name in names:
            if names.count(name) > 1:
                raise UsageError(f"two fields are called '{name}'; give each a name of its own")

    def of(self, *roles: Role) -> tuple[Field, ...]:
        """Return the fields that have one of `roles`, in schema order."""
        return tuple(field for field in self.fields if field.role in roles)

    def __getitem__(self, name: str) -> Field:
        """Return the field called `name`; raise `UsageError` naming those that exist."""
        for field in self.fields:
            if field.name == name:
                return field
        known = ", ".join(field.name for field in self.fields)
        raise UsageError(f"the dataset has no field '{name}'; it has: {known}")

    def __contains__(self, name: str) -> bool:
        """Return whether a field called `name` exists."""
        return any(field.name == name for field in self.fields)

    @property
    def items(self) -> int:
        """Number of items that the training part has: the candidates of next-item prediction."""
        return self.of("item")[0].size - FIRST_ID

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the labels, in the order in which models return them."""
        return tuple(field.name for field in self.of("label"))

    @property
    def numbers(self) -> tuple[str, ...]:
        """The names of the context fields that are numbers, as `Features.numbers` orders them."""
        return tuple(field.name for field in self.of("context") if not field.size)
