"""Requests made up from the server's own OpenAPI document, valid and invalid ones: none may break it."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from tests.serving.conftest import Served

pytest.importorskip("schemathesis", reason="schemathesis is not installed")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import requests
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import response_schema_conformance

EXAMPLES = 30
HEAD = 1 << 15  # characters of an address that a server need not read


def statuses(operation: Any, mode: GenerationMode) -> set[int]:
    """What an endpoint answers to made-up requests."""
    seen: set[int] = set()

    def ask(case: Any) -> None:
        try:
            response = case.call(timeout=30)
        except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError):
            assert len(str(case.query)) > HEAD  # refused before all of it was read
            return
        seen.add(response.status_code)
        case.validate_response(response, checks=[not_a_server_error, response_schema_conformance])

    bounded = settings(
        max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    try:
        seed(1)(bounded(given(case=operation.as_strategy(generation_mode=mode))(ask)))()
    except Exception as error:
        if type(error).__name__ != "Unsatisfiable":  # nothing can be wrong with what takes nothing
            raise
    return seen


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_breaks_the_server(server: Served, mode: GenerationMode) -> None:
    api = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    found: list[Any] = list(api.get_all_operations())
    operations = [one.ok() for one in found]
    asked = {operation.label: statuses(operation, mode) for operation in operations}
    print(asked)
    assert len(asked) >= 11
    seen = set().union(*asked.values())
    assert not any(status >= 500 for status in seen), asked
    assert (200 if mode == GenerationMode.POSITIVE else 422) in seen
    assert "Traceback" not in server.said
    assert server.client.get("/health/ready").status_code == 200
