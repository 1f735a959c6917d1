"""A bucket on this machine that speaks as much of S3's protocol as files need."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from xml.sax.saxutils import escape, unescape

from aiohttp import web


class Bucket:
    """Objects by key; `parts` are those of uploads that have not ended. It answers 503 while `away`."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.away = False
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request, signed or not: who asks is not this server's business."""
        if self.away:
            return web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>")
        key = request.path.removeprefix("/bucket").lstrip("/")
        query = request.query
        if "uploads" in query or "uploadId" in query:
            return await self._in_parts(request, key)
        match request.method:
            case "PUT":
                self.objects[key] = await request.read()
                return web.Response(headers={"ETag": '"x"'})
            case "POST" if "delete" in query:
                gone = re.findall("<Key>(.*?)</Key>", (await request.read()).decode())
                for each in gone:
                    self.objects.pop(unescape(each), None)
                deleted = "".join(f"<Deleted><Key>{each}</Key></Deleted>" for each in gone)
                return _xml(f"<DeleteResult>{deleted}</DeleteResult>")
            case "GET" if "list-type" in query:
                return self._listing(query.get("prefix", ""))
            case "GET" | "HEAD" if key in self.objects:
                return web.Response(
                    body=self.objects[key], headers={"ETag": '"x"', "Last-Modified": _HTTP_DATE}
                )
            case _:
                return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")

    async def _in_parts(self, request: web.Request, key: str) -> web.Response:
        query = request.query
        if "uploads" in query:
            id_ = f"upload-{len(self.parts)}"
            self.parts[id_] = {}
            return _xml(
                f"<InitiateMultipartUploadResult><UploadId>{id_}</UploadId></InitiateMultipartUploadResult>"
            )
        id_ = query["uploadId"]
        match request.method:
            case "PUT":
                self.parts[id_][int(query["partNumber"])] = await request.read()
                return web.Response(headers={"ETag": f'"{query["partNumber"]}"'})
            case "DELETE":
                del self.parts[id_]
                return web.Response(status=204)
            case _:
                self.objects[key] = b"".join(data for _, data in sorted(self.parts.pop(id_).items()))
                return _xml("<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>")

    def _listing(self, prefix: str) -> web.Response:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size>"
            f"<LastModified>{now}</LastModified><ETag>x</ETag></Contents>"
            for key, data in sorted(self.objects.items())
            if key.startswith(prefix)
        )
        return _xml(f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>")


_HTTP_DATE = "Wed, 25 Nov 2026 12:00:00 GMT"


def _xml(text: str) -> web.Response:
    return web.Response(text=f'<?xml version="1.0"?>{text}', content_type="application/xml")


@asynccontextmanager
async def bucket() -> AsyncIterator[Bucket]:
    """A bucket named `bucket` on a free port."""
    one = Bucket()
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{path:.*}", one.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield one
    finally:
        await runner.cleanup()
