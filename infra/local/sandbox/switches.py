"""How a simulator is told to misbehave: one behaviour for all, and exceptions for single orders."""

from typing import Any, Generic, TypeVar

from pydantic import BaseModel

B = TypeVar("B", bound=BaseModel)


class Switches(Generic[B]):
    """The behaviours in force. `kind` is a model whose defaults are the vendor on a good day."""

    def __init__(self, kind: type[B]) -> None:
        self._kind = kind
        self._for_all: dict[str, Any] = {}
        self._for_one: dict[str, dict[str, Any]] = {}

    def change(self, told: dict[str, Any]) -> None:
        """Apply `{field: value…, "order_no"?, "reset"?}`. Raises ValidationError and then changes nothing."""
        told = dict(told)
        number = told.pop("order_no", None)
        reset = told.pop("reset", False)
        fields = self._kind.model_validate(told).model_dump(exclude_unset=True)
        if number is None and reset:
            self._for_one.clear()
        before = {} if reset else self._for_one.get(str(number), {}) if number else self._for_all
        if number:
            self._for_one[str(number)] = before | fields
        else:
            self._for_all = before | fields

    def of(self, *numbers: str | None) -> B:
        """The behaviour towards the thing that goes by these numbers."""
        return self._kind.model_validate(self._for_all | self._own(numbers))

    def spend(self, field: str, *numbers: str | None) -> None:
        """Set a field back to its good day: what was to happen once has happened."""
        own = self._own(numbers)
        (own if field in own else self._for_all).pop(field, None)

    def shown(self) -> dict[str, Any]:
        """Everything in force, for people."""
        return {"default": self.of().model_dump(), "orders": dict(self._for_one)}

    def _own(self, numbers: tuple[str | None, ...]) -> dict[str, Any]:
        for number in numbers:
            if number and number in self._for_one:
                return self._for_one[number]
        return {}
