"""Settings by name."""

from collections.abc import Mapping
from typing import Any, get_args

import msgspec
from msgspec import Meta

from everlake.settings.errors import SettingsError
from everlake.settings.types import Settings


class Definition(msgspec.Struct, frozen=True):
    """Definition of one setting.

    Attributes:
        name: in ``everlake.toml``; in upper case and with a prefix, of the variable.
        section: attribute of :class:`Settings`.
        attribute: of the section.
        type: annotated with the bounds.
        default: value of a setting that is not given.
    """

    name: str
    section: str
    attribute: str
    type: Any
    default: Any

    @property
    def meta(self) -> Meta:
        """Bounds, description and, in ``extra``, unit."""
        _, meta = get_args(self.type)
        return meta

    def value_in(self, settings: Settings) -> Any:
        """Return the value of this setting."""
        return getattr(getattr(settings, self.section), self.attribute)


DEFINITIONS: Mapping[str, Definition] = {
    field.encode_name: Definition(
        field.encode_name, section.name, field.name, field.type, field.default
    )
    for section in msgspec.structs.fields(Settings)
    for field in msgspec.structs.fields(section.type)
}
"""Definitions by name, in the order of the sections."""


def settings_from(values: Mapping[str, Any]) -> Settings:
    """Return settings with these values, by name, and defaults for all others.

    Values are taken as they are: :func:`everlake.settings.loading.load` converts and checks them.

    Raises:
        SettingsError: a name is not that of a setting.
    """
    sections: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        definition = find_definition(name)
        sections.setdefault(definition.section, {})[definition.attribute] = value
    defaults = Settings()
    return msgspec.structs.replace(
        defaults,
        **{
            section: msgspec.structs.replace(getattr(defaults, section), **changes)
            for section, changes in sections.items()
        },
    )


def find_definition(name: str) -> Definition:
    """Return the definition of the setting with this name.

    Raises:
        SettingsError: there is none.
    """
    try:
        return DEFINITIONS[name]
    except KeyError:
        known = ", ".join(DEFINITIONS)
        raise SettingsError(f"{name} is not a setting. Settings: {known}") from None
