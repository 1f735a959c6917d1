"""Puts the admin API together: its routes, its one form of error, its description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from tokenmill.admin.caller import NEEDS, Need
from tokenmill.admin.csrf import CSRF_HEADER
from tokenmill.admin.developer import (
    account,
    entry,
    files,
    keys,
    members,
    models,
    oidc,
    overview,
    plan,
    plugins,
    session,
    tools,
    usage,
    wallet,
)
from tokenmill.admin.door import REQUEST_ID
from tokenmill.admin.errors import body_of, headers_of, internal, status_of
from tokenmill.admin.operator import (
    accounts,
    audit,
    catalogue,
    codes,
    limits,
    live,
    money,
    people,
    platform,
    room,
    targets,
)
from tokenmill.admin.operator import models as operator_models
from tokenmill.admin.operator import moderation as operator_moderation
from tokenmill.admin.operator import plans as operator_plans
from tokenmill.admin.playground import DESCRIPTION as PLAYGROUND
from tokenmill.admin.services import Services
from tokenmill.kit.faults import Code, Fault

PREFIX: Final = "/console/api/v1"
_ROUTERS: Final = (
    session.router,
    entry.router,
    oidc.router,
    members.router,
    account.router,
    keys.router,
    wallet.router,
    plan.router,
    plugins.router,
    usage.router,
    models.router,
    tools.router,
    files.router,
    overview.router,
    accounts.router,
    people.router,
    money.router,
    operator_plans.router,
    codes.router,
    catalogue.router,
    operator_models.router,
    targets.router,
    limits.router,
    room.router,
    operator_moderation.router,
    audit.router,
    platform.router,
    live.router,
)
_ABOUT: Final = f"""\
The API of the TokenMill console; the console uses nothing else. `POST {PREFIX}/session` signs in: keep the
cookie that it sets, and send its reply's `csrf_token` in `{CSRF_HEADER}` with every POST, PUT, PATCH, DELETE.
`x-requires` says for whom a route is; `x-requires-confirmation` that the password has to have been given just
now (`POST {PREFIX}/session/confirm`), else it answers 403 with the code `confirm_first`.
Amounts are decimal strings, times RFC 3339 in UTC. Every error has one form: `{{"error": {{"code", "message",
"field", "request_id"}}}}`.
"""
_ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "field", "request_id"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "field": {"type": ["string", "null"]},
                "request_id": {"type": "string"},
            },
        }
    },
}


def build(services: Services) -> FastAPI:
    """The ASGI application; `Door` stands before it."""
    app = FastAPI(
        title="TokenMill admin API",
        version="1",
        description=_ABOUT,
        openapi_url="/console/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    whole = APIRouter(prefix=PREFIX)
    for router in _ROUTERS:
        whole.include_router(router)
    app.include_router(whole)
    app.add_exception_handler(Fault, _on_fault)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_bug)
    described = _described(app, [route for router in _ROUTERS for route in router.routes])
    app.openapi = lambda: described  # type: ignore[method-assign]  # FastAPI's own way to replace it.
    return app


async def _on_fault(request: Request, error: Exception) -> Response:
    assert isinstance(error, Fault)
    return _reply(request, error)


async def _on_invalid(request: Request, error: Exception) -> Response:
    """The first thing that is wrong, without the value that was sent."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = [str(step) for step in first["loc"]]
    code = Code.BAD_JSON if first["type"] == "json_invalid" else Code.BAD_VALUE
    name = ".".join(where[1:]) if code is Code.BAD_VALUE else ""
    told = f"{name or where[0]}: {first['msg'].removeprefix('Value error, ')}."
    return _reply(request, Fault(code, told, field=name or None))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.scope["path"]
    if error.status_code == 405:
        fault = Fault(Code.WRONG_METHOD, f"{path} does not take {request.method}.")
    elif error.status_code == 404:
        fault = Fault(Code.NOT_FOUND, f"There is nothing at {path}. See /console/api/openapi.json.")
    else:
        fault = Fault(Code.BAD_VALUE, "The request cannot be read. Send JSON as application/json.")
    return _reply(request, fault)


async def _on_bug(request: Request, _: Exception) -> Response:
    """It is raised again behind this answer, and logged by the door."""
    return _reply(request, internal(request.scope[REQUEST_ID]))


def _reply(request: Request, fault: Fault) -> Response:
    headers = {name.decode(): value.decode() for name, value in headers_of(fault)}
    return Response(body_of(fault, request.scope[REQUEST_ID]), status_of(fault), headers)


def requirement_of(route: APIRoute) -> tuple[Need, bool]:
    """For whom the route is. Raises ValueError for one that does not say, or says it twice."""
    found = [NEEDS[call] for call in _calls(route.dependant) if call in NEEDS]
    if len(found) != 1:
        raise ValueError(f"{route.path} has to say once for whom it is")
    return found[0]


def _calls(dependant: Dependant) -> Iterator[Any]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


def _described(app: FastAPI, routes: list[Any]) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    document["components"]["schemas"] = {
        name: schema
        for name, schema in document["components"]["schemas"].items()
        if name not in ("HTTPValidationError", "ValidationError")
    }
    document["components"]["schemas"]["Error"] = _ERROR
    document["paths"][f"{PREFIX}/playground/{{key_id}}/{{path}}"] = PLAYGROUND
    for route in routes:
        assert isinstance(route, APIRoute)
        need, confirmed = requirement_of(route)
        for method in route.methods or ():
            described = document["paths"][PREFIX + route.path_format][method.lower()]
            described["x-requires"] = need
            described["x-requires-confirmation"] = confirmed
            described["responses"].pop("422", None)
            described["responses"]["default"] = {
                "description": "What went wrong",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            }
    return document
