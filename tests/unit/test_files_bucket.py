"""Files lie in a bucket of an S3-compatible store, which settings name by its URL."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.bucket import Bucket, bucket
from tokenmill.compose_files import blobs_at
from tokenmill.files.blobs import Blobs
from tokenmill.kit.faults import Code, Fault

LARGE = bytes(range(256)) * 40_000 * 2


async def pieces(data: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


@pytest.fixture
async def store(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Blobs, Bucket]]:
    """The storage that `[files] url = "s3://bucket/kept"` means, with what AWS's variables say."""
    async with bucket() as served:
        monkeypatch.setenv("AWS_ENDPOINT_URL", served.url)
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        yield blobs_at("s3://bucket/kept"), served


async def test_what_is_put_into_a_bucket_is_found_there(store: tuple[Blobs, Bucket]) -> None:
    """Small in one request, large in parts; below the prefix, and listed without it."""
    blobs, served = store
    await blobs.put("acc_1/file_1", pieces(b"small"))
    await blobs.put("acc_2/file_2", pieces(LARGE))
    assert served.objects == {"kept/acc_1/file_1": b"small", "kept/acc_2/file_2": LARGE}
    assert b"".join([piece async for piece in blobs.read("acc_2/file_2")]) == LARGE
    assert sorted([each.path async for each in blobs.listing()]) == ["acc_1/file_1", "acc_2/file_2"]
    assert [each.path async for each in blobs.listing("acc_1")] == ["acc_1/file_1"]
    await blobs.delete("acc_2/file_2")
    assert list(served.objects) == ["kept/acc_1/file_1"]
    with pytest.raises(Fault) as raised:
        await anext(blobs.read("acc_2/file_2"))
    assert raised.value.code is Code.NOT_FOUND


async def test_an_upload_that_breaks_off_is_no_object(store: tuple[Blobs, Bucket]) -> None:
    """Even after its first parts have gone; the sender's fault comes back."""
    blobs, served = store

    async def broken() -> AsyncIterator[bytes]:
        async for piece in pieces(LARGE):
            yield piece
        raise Fault(Code.SLOW_BODY, "Too slow.")

    with pytest.raises(Fault, match=r"Too slow\."):
        await blobs.put("acc_1/file_1", broken())
    assert served.objects == {}


async def test_a_bucket_that_refuses_is_told_without_its_address(store: tuple[Blobs, Bucket]) -> None:
    """503, and nothing of the bucket, its host or its keys."""
    blobs, served = store
    served.away = True
    for act in (
        blobs.put("acc_1/file_1", pieces(b"small")),
        blobs.delete("acc_1/file_1"),
        anext(blobs.read("acc_1/file_1")),
        anext(blobs.listing()),
    ):
        with pytest.raises(Fault) as raised:
            await act
        assert raised.value.code is Code.UNAVAILABLE
        for secret in ("127.0.0.1", "bucket", "file_1"):
            assert secret not in raised.value.message
