"""Rasa's custom actions without an action server.

Where endpoints.yml names no action server, actions run in this process, in the gateway as in `rasa shell`. Rasa has no
setting for that; it keeps the endpoint on RemoteAction, which is where this module steps in. It also lets Rasa check
an action's result with a compiled schema: compiling it anew on each turn took three quarters of the turn.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Callable, Dict, Optional

from jsonschema import Draft7Validator
from rasa.core.actions.action import RemoteAction
from rasa.utils.endpoints import EndpointConfig
from rasa_sdk.executor import ActionExecutor

_PACKAGE = "actions"


class LocalEndpoint(EndpointConfig):
    """An action endpoint that runs the action here."""

    def __init__(self) -> None:
        super().__init__(url="in-process")
        self._executor = ActionExecutor()
        self._executor.register_package(_PACKAGE)

    async def request(self, method: str = "post", **kwargs: Any) -> Dict[str, Any]:  # type: ignore[override]
        """Run the action that `json` names. Raises what the action raises."""
        result = await self._executor.run(kwargs["json"])
        return result or {"events": [], "responses": []}


@lru_cache(maxsize=1)
def local_endpoint() -> LocalEndpoint:
    """The one endpoint of this process; importing `actions` once."""
    return LocalEndpoint()


@lru_cache(maxsize=1)
def _validator() -> Draft7Validator:
    return Draft7Validator(RemoteAction.action_response_format_spec())


@lru_cache(maxsize=1)
def install() -> None:
    """Make Rasa use both; once a process."""
    original: Callable[..., None] = RemoteAction.__init__

    def with_local_endpoint(self: RemoteAction, name: str, action_endpoint: Optional[EndpointConfig]) -> None:
        original(self, name, action_endpoint or local_endpoint())

    def validate(self: RemoteAction, result: Dict[str, Any]) -> bool:
        _validator().validate(result)
        return True

    RemoteAction.__init__ = with_local_endpoint  # type: ignore[method-assign]
    RemoteAction._validate_action_result = validate  # type: ignore[method-assign]
