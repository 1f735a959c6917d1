from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tokenmill.engines.embedded.mirror import EmbeddedMirror, News
from tokenmill.engines.embedded.models import ModelFile
from tokenmill.engines.embedded.status import Down, Endpoint, Loading, Ready, Speed, Status
from tokenmill.kit.faults import Code, Fault

MODEL = ModelFile(Path("/models/own.gguf"), None, "own", None, 1_000, 4_096)
ENDPOINT = Endpoint("http://127.0.0.1:9", "key", "own", 2_048, False, Speed(70.0, 12.5))


def passed_on(status: Status) -> News:
    """The news as they arrive in another process."""
    return msgspec.json.decode(msgspec.json.encode(News.of(status)), type=News)


@pytest.mark.parametrize("status", [Loading(12.5), Ready(ENDPOINT), Down("it hangs", 2.0), Down("no", None)])
def test_every_status_survives_the_way_to_a_worker(status: Status) -> None:
    assert passed_on(status).status == status


async def test_a_mirror_answers_as_the_server_was_last_told_to_be() -> None:
    async with EmbeddedMirror(MODEL) as mirror:
        with pytest.raises(Fault) as loading:
            mirror.endpoint()
        assert loading.value.code is Code.ENGINE_LOADING
        mirror.take(passed_on(Ready(ENDPOINT)))
        assert mirror.endpoint() == ENDPOINT
        assert mirror.served_by().context_window == 2_048
        mirror.take(passed_on(Down("it hangs", 2.0)))
        with pytest.raises(Fault) as down:
            mirror.endpoint()
        assert down.value.code is Code.UPSTREAM_AWAY
        assert mirror.pid is None
