"""What a role may call, by the API's own table: for what is shown only, since each route holds its rule."""

from functools import cache

from fastapi import FastAPI

from app.api.auth.role_table import Rule, rules


@cache
def rules_of(app: FastAPI) -> dict[tuple[str, str], Rule]:
    """The rules of an application's routes, by method and path as the table of roles has them."""
    return {(rule.method, rule.path): rule for rule in rules(app)}
