"""Requests to a Prefect server, for what its client would have to be imported for."""

import json
import time
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

BUSY = 503  # a server on SQLite says so while another request holds the database; Prefect's client asks again as well
PATIENCE = 120.0  # seconds


def post(address: str, body: dict[str, Any] | None = None) -> Any:
    """The answer to a POST, or to a GET where there is no body."""
    data, until = None if body is None else json.dumps(body).encode(), time.monotonic() + PATIENCE
    while True:
        try:
            with urlopen(Request(address, data, {"Content-Type": "application/json"}), timeout=PATIENCE) as answer:
                return json.loads(answer.read())
        except HTTPError as error:
            if error.code != BUSY or time.monotonic() > until:
                raise
            error.close()
            time.sleep(0.5)
