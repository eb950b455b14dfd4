"""Permissions of API keys."""

from typing import Literal, TypeAlias, get_args

Permission: TypeAlias = Literal["api:read", "api:write", "mcp:read", "mcp:write"]
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)
