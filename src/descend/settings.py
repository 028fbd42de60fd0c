"""This file turns typed settings into everything made of them: flags, recipe, schema, docs.

A settings class is a frozen pydantic model whose fields are made with `setting`. One default, one
unit, one range, one line of help, said once. Values may come as text (a flag), as TOML (a recipe)
or as Python objects; all pass through `parse`, so all get the same errors.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError
from pydantic.fields import FieldInfo

from descend.errors import SettingError, did_you_mean

Scale = Literal["linear", "log"]


class Settings(BaseModel):
    """The base of every settings class; unknown keys are errors, instances are frozen."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False
    )


class NoSettings(Settings):
    """The settings of a catalog entry that has none."""


def setting(
    default: Any,
    help: str,
    *,
    unit: str = "",
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    search: tuple[float, float, Scale] | None = None,
    catalog: str | None = None,
    derived: str = "",
) -> Any:
    """Declare one field.

    `search` is the range that `tune` explores. `catalog` names the package whose entries are the
    allowed values. `derived` says, for a default of None, from what the value is derived.
    """
    extra: dict[str, Any] = {"unit": unit, "search": search, "catalog": catalog, "derived": derived}
    return Field(
        default,
        description=help,
        ge=at_least,
        gt=above,
        le=at_most,
        lt=below,
        json_schema_extra={key: value for key, value in extra.items() if value},
    )


@dataclass(frozen=True)
class Duration:
    """An amount of training: "3 epochs", "500 steps", "10 minutes"."""

    amount: float
    unit: Literal["epochs", "steps", "minutes"]

    def __str__(self) -> str:
        unit = self.unit[:-1] if self.amount == 1 else self.unit
        return f"{self.amount:g} {unit}"


_UNITS: dict[str, tuple[Literal["epochs", "steps", "minutes"], float]] = {
    "epoch": ("epochs", 1), "step": ("steps", 1), "minute": ("minutes", 1), "min": ("minutes", 1),
    "hour": ("minutes", 60), "second": ("minutes", 1 / 60),
}  # fmt: skip


def parse_duration(value: object) -> object:
    if isinstance(value, Duration):
        return value
    amount, _, unit = str(value).strip().partition(" ")
    known = _UNITS.get(unit.strip().removesuffix("s"))
    try:
        number = float(amount)
    except ValueError:
        number = float("nan")
    if known is None or not 0 < number < float("inf"):
        raise ValueError(
            "expected a duration with a unit such as '3 epochs', '500 steps' or '10 minutes'"
        )
    if known[0] == "steps" and number != int(number):
        raise ValueError("steps are whole numbers")
    return Duration(number * known[1], known[0])


DurationSetting = Annotated[
    Duration, BeforeValidator(parse_duration), PlainSerializer(str, return_type=str)
]


S = TypeVar("S", bound="Settings")


def parse(cls: type[S], values: Mapping[str, object], where: str = "") -> S:
    """Build a settings object from text or TOML values; SettingError names the field.

    The text "auto" stands for "derive it" (None) where a field allows that. `where` prefixes the
    message, for example "recipe.toml: ".
    """
    for name in values:
        if name not in cls.model_fields:
            near = did_you_mean(name, cls.model_fields)
            raise SettingError(f"{where}unknown setting {name!r}; {near}")
        _check_yes_no(where, name, values[name], cls.model_fields[name])
    plain = {name: _plain(cls.model_fields[name], value) for name, value in values.items()}
    try:
        return cls.model_validate(plain)
    except ValidationError as error:
        raise SettingError(where + _one_line(cls, error)) from None


def _check_yes_no(where: str, name: str, value: object, field: FieldInfo) -> None:
    """Python takes True for the number 1; whoever wrote `seed = true` did not mean that."""
    wanted = describe_field(name, field).type
    if isinstance(value, bool) and wanted != "yes/no":
        given = str(value).lower()
        raise SettingError(f"{where}setting {name!r}: got {given}, expected a {wanted}")


def _allows_none(field: FieldInfo) -> bool:
    return type(None) in get_args(field.annotation)


def _plain(field: FieldInfo, value: object) -> object:
    """ "auto" as None, and one value or a text with commas as a list, where the field takes it."""
    if value == "auto" and _allows_none(field):
        return None
    if describe_field("", field).is_list:
        if isinstance(value, str):
            return tuple(split_list(value))
        if isinstance(value, int | float):
            return (value,)
    return value


def split_list(text: str) -> list[str]:
    """Comma separated; a part that itself has a comma stands in double quotes."""
    rows = list(csv.reader(io.StringIO(text, newline=""), skipinitialspace=True))
    if len(rows) != 1:  # a line end outside of quotes: no list, one name
        return [text.strip()]
    return [part.strip() for part in rows[0]]


def _one_line(cls: type[Settings], error: ValidationError) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else cls.__name__
    expected = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    expected = expected.removeprefix("expected ")
    field = cls.model_fields.get(name)
    unit = describe_field(name, field).unit if field else ""
    given = first["input"]
    return f"setting {name!r}: got {given!r}, expected {expected}{f' ({unit})' if unit else ''}"


@dataclass(frozen=True)
class FieldDescription:
    """One setting as a person reads it: a row of `descend recipe`, a flag's help, a form."""

    name: str
    type: str
    unit: str
    default: str
    allowed: str
    help: str
    catalog: str
    search: tuple[float, float, str] | None
    is_flag: bool  # a yes/no setting: --name / --no-name
    is_list: bool  # may be given several times

    @property
    def flag(self) -> str:
        # a trailing _ keeps a field's name apart from a method of the settings class
        return "--" + self.name.rstrip("_").replace("_", "-")


def describe(cls: type[Settings]) -> list[FieldDescription]:
    return [describe_field(name, field) for name, field in cls.model_fields.items()]


def describe_field(name: str, field: FieldInfo) -> FieldDescription:
    extra: dict[str, Any] = (
        field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    )
    default = field.get_default(call_default_factory=True)
    derived = str(extra.get("derived", ""))
    text = f"auto ({derived})" if default is None and derived else _as_text(default)
    core = [part for part in get_args(field.annotation) if part is not type(None)]
    annotation = core[0] if core and _allows_none(field) else field.annotation
    return FieldDescription(
        name=name,
        type=_type_name(annotation),
        unit=str(extra.get("unit", "")),
        default=text,
        allowed=_allowed(annotation, field),
        help=field.description or "",
        catalog=str(extra.get("catalog", "")),
        search=extra.get("search"),
        is_flag=annotation is bool,
        is_list=getattr(annotation, "__origin__", None) is tuple,
    )


def _as_text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _type_name(annotation: object) -> str:
    if annotation is bool:
        return "yes/no"
    origin = getattr(annotation, "__origin__", None)
    if origin is Literal:
        return "choice"
    if origin is tuple:
        return "list of " + _type_name(get_args(annotation)[0])
    if origin is Annotated or annotation is Duration:
        return "duration"
    names: dict[object, str] = {int: "whole number", float: "number", str: "text"}
    return names.get(annotation, "text")


def _allowed(annotation: object, field: FieldInfo) -> str:
    if getattr(annotation, "__origin__", None) is tuple:
        annotation = get_args(annotation)[0]
    if getattr(annotation, "__origin__", None) is Literal:
        return " | ".join(map(str, get_args(annotation)))
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    found = [
        f"{sign} {getattr(bound, key):g}"
        for bound in field.metadata
        for key, sign in signs.items()
        if getattr(bound, key, None) is not None
    ]
    return " and ".join(found)
