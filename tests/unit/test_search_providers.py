"""Each search provider, asked over loopback for answers in the shape in which its own API gives them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import SearchAsked, SearchFailed, SearchProvider, Source
from tokenmill.search.providers.asking import LARGEST
from tokenmill.search.providers.bocha import Bocha
from tokenmill.search.providers.brave import Brave
from tokenmill.search.providers.corpus import Corpus
from tokenmill.search.providers.ddgs import Ddgs, library
from tokenmill.search.providers.searxng import SearxNG
from tokenmill.search.providers.tavily import Tavily

KEY = "key-of-the-platform"
ASKED = SearchAsked(query="zephyr engine", limit=3, country="CN", place="Haidian Beijing")


class Api:
    """A provider's server: what it answers, and what it was asked."""

    def __init__(self, answer: Any, status: int = 200) -> None:
        self.answer = answer
        self.status = status
        self.url = ""
        self.method = self.path = ""
        self.query: Mapping[str, str] = {}
        self.headers: Mapping[str, str] = {}
        self.body: Any = None

    async def handle(self, request: web.Request) -> web.Response:
        self.method, self.path, self.query = request.method, request.path, request.query
        self.headers = request.headers
        data = await request.read()
        self.body = json.loads(data) if data else None
        body = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        headers = {"location": "http://127.0.0.1:9/"} if 300 <= self.status < 400 else {}
        return web.Response(status=self.status, body=body, content_type="application/json", headers=headers)


@asynccontextmanager
async def answering(answer: Any, status: int = 200) -> AsyncIterator[Api]:
    api = Api(answer, status)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    api.url = site.name
    try:
        yield api
    finally:
        await runner.cleanup()


async def found(provider: SearchProvider, asked: SearchAsked = ASKED) -> tuple[Source, ...]:
    try:
        return await provider.search(asked)
    finally:
        await provider.close()


SEARXNG = {
    "query": "zephyr engine",
    "number_of_results": 0,
    "results": [
        {
            "url": "https://www.example.com/zephyr",
            "title": "Zephyr <b>engine</b>",
            "content": "The Zephyr&#x27;s engine   has 412 hp.",
            "engine": "duckduckgo",
            "parsed_url": ["https", "www.example.com", "/zephyr", "", "", ""],
            "template": "default.html",
            "engines": ["duckduckgo"],
            "positions": [1],
            "publishedDate": "2026-11-20T08:00:00",
            "score": 1.0,
            "category": "general",
        },
        {"url": "https://b.example/2", "title": None, "content": None, "publishedDate": None},
    ],
    "answers": [],
    "suggestions": [],
    "unresponsive_engines": [["brave", "timeout"]],
}


async def test_searxng_is_asked_for_json() -> None:
    async with answering(SEARXNG) as api:
        sources = await found(SearxNG(api.url))
        assert (api.method, api.path) == ("GET", "/search")
        assert api.query == {"q": "zephyr engine Haidian Beijing", "format": "json", "safesearch": "1"}
    assert sources == (
        Source(
            url="https://www.example.com/zephyr",
            title="Zephyr engine",
            summary="The Zephyr's engine has 412 hp.",
            site_name="example.com",
            publish_time="2026-11-20T08:00:00+08:00",
        ),
        Source(url="https://b.example/2", site_name="b.example"),
    )


async def test_searxng_whose_engines_are_all_silent_has_failed_and_not_found_nothing() -> None:
    silent = {"results": [], "unresponsive_engines": [["google", "CAPTCHA"]]}
    async with answering(silent) as api:
        with pytest.raises(SearchFailed, match="none of the search engines"):
            await found(SearxNG(api.url))
    async with answering({"results": [], "unresponsive_engines": []}) as api:
        assert await found(SearxNG(api.url)) == ()


BRAVE = {
    "type": "search",
    "query": {"original": "zephyr engine"},
    "web": {
        "type": "search",
        "results": [
            {
                "title": "Zephyr",
                "url": "https://example.com/z",
                "is_source_local": False,
                "description": "About the <strong>Zephyr</strong>.",
                "page_age": "2026-11-20T00:00:00",
                "profile": {
                    "name": "Example",
                    "url": "https://example.com",
                    "img": "https://img.example/l.png",
                },
                "meta_url": {"hostname": "example.com", "favicon": "https://img.example/f.ico"},
                "extra_snippets": ["It has 412 hp."],
                "age": "November 20, 2026",
            }
        ],
    },
}


async def test_brave_is_asked_with_its_own_header() -> None:
    async with answering(BRAVE) as api:
        (source,) = await found(Brave(KEY, api.url))
        assert (api.method, api.path, api.headers["X-Subscription-Token"]) == (
            "GET",
            "/res/v1/web/search",
            KEY,
        )
        assert (api.query["q"], api.query["count"], api.query["country"]) == (
            "zephyr engine Haidian Beijing",
            "3",
            "CN",
        )
    assert source == Source(
        url="https://example.com/z",
        title="Zephyr",
        summary="About the Zephyr. It has 412 hp.",
        site_name="Example",
        publish_time="2026-11-20T00:00:00+08:00",
        logo_url="https://img.example/l.png",
    )
    async with answering({"type": "search"}) as api:
        assert await found(Brave(KEY, api.url)) == ()


TAVILY = {
    "query": "zephyr engine",
    "answer": None,
    "images": [],
    "results": [
        {
            "title": "Zephyr",
            "url": "https://example.com/z",
            "content": "412 hp.",
            "score": 0.9,
            "raw_content": None,
            "favicon": "https://example.com/favicon.ico",
            "published_date": "Fri, 20 Nov 2026 00:00:00 GMT",
        }
    ],
    "response_time": "1.2",
}


async def test_tavily_is_asked_with_a_bearer_token() -> None:
    async with answering(TAVILY) as api:
        (source,) = await found(Tavily(KEY, api.url))
        assert (api.method, api.path, api.headers["Authorization"]) == ("POST", "/search", f"Bearer {KEY}")
        assert (api.body["query"], api.body["max_results"]) == ("zephyr engine Haidian Beijing", 3)
    assert (source.publish_time, source.logo_url) == (
        "2026-11-20T08:00:00+08:00",
        "https://example.com/favicon.ico",
    )


BOCHA = {
    "code": 200,
    "log_id": "abc",
    "msg": None,
    "data": {
        "_type": "SearchResponse",
        "queryContext": {"originalQuery": "zephyr"},
        "webPages": {
            "totalEstimatedMatches": 1,
            "value": [
                {
                    "id": "1",
                    "name": "西风发动机",
                    "url": "https://example.cn/z",
                    "displayUrl": "https://example.cn/z",
                    "snippet": "短",
                    "summary": "西风发动机有412马力。",
                    "siteName": "示例网",
                    "siteIcon": "https://th.bochaai.com/favicon?domain_url=https://example.cn",
                    "datePublished": "2026-11-20T10:00:00+08:00",
                }
            ],
        },
    },
}


async def test_bocha_gives_all_seven_facts_of_a_source() -> None:
    async with answering(BOCHA) as api:
        (source,) = await found(Bocha(KEY, api.url))
        assert (api.method, api.path, api.headers["Authorization"]) == (
            "POST",
            "/v1/web-search",
            f"Bearer {KEY}",
        )
        assert (api.body["count"], api.body["summary"]) == (3, True)
    assert source == Source(
        url="https://example.cn/z",
        title="西风发动机",
        summary="西风发动机有412马力。",
        site_name="示例网",
        publish_time="2026-11-20T10:00:00+08:00",
        logo_url="https://th.bochaai.com/favicon?domain_url=https://example.cn",
    )


async def test_bocha_that_refuses_in_a_body_of_200_has_failed() -> None:
    async with answering({"code": "403", "message": "You do not have enough money"}) as api:
        with pytest.raises(SearchFailed, match="code 403"):
            await found(Bocha(KEY, api.url))


@pytest.mark.parametrize(
    ("status", "answer", "told"),
    [
        (401, {}, "does not accept the platform's key"),
        (402, {}, "used up"),
        (429, {}, "asked too often"),
        (302, {}, "answered 302"),
        (500, {}, "answered 500"),
        (200, b"<html>", "unknown form"),
        (200, b"\xff\xfe{", "unknown form"),
        (200, [1, 2], "unknown form"),
        (200, {"results": [{"url": 7}]}, "unknown form"),
        (200, b" " * (LARGEST + 1), "too large"),
    ],
)
async def test_a_provider_that_fails_is_told_of_without_its_address_and_key(
    status: int, answer: Any, told: str
) -> None:
    async with answering(answer, status) as api:
        with pytest.raises(SearchFailed) as caught:
            await found(Tavily(KEY, api.url))
        assert told in str(caught.value)
        assert KEY not in str(caught.value)
        assert "127.0.0.1" not in str(caught.value)


async def test_a_provider_that_is_away_is_told_of_without_its_address() -> None:
    with pytest.raises(SearchFailed, match=r"^the search provider cannot be reached$"):
        await found(Tavily(KEY, "http://127.0.0.1:9"))


async def test_ddgs_is_asked_as_its_library_wants_it() -> None:
    asked: list[tuple[str, int, str]] = []

    def find(words: str, most: int, region: str) -> list[dict[str, Any]]:
        asked.append((words, most, region))
        return [{"title": "Zephyr", "href": "https://example.com/z", "body": "412 hp."}]

    (source,) = await found(Ddgs(find))
    assert asked == [("zephyr engine Haidian Beijing", 3, "cn-en")]
    assert (source.url, source.summary, source.site_name) == (
        "https://example.com/z",
        "412 hp.",
        "example.com",
    )


async def test_engines_that_turn_ddgs_away_have_failed_and_those_without_results_have_not() -> None:
    def limited(words: str, most: int, region: str) -> list[dict[str, Any]]:
        raise RuntimeError("https://engine.example/?q=secret 202 Ratelimit")

    def nothing(words: str, most: int, region: str) -> list[dict[str, Any]]:
        raise RuntimeError("No results found.")

    with pytest.raises(SearchFailed, match=r"^no public search engine has answered \(RuntimeError\)$"):
        await found(Ddgs(limited))
    assert await found(Ddgs(nothing)) == ()


def test_ddgs_without_its_library_says_how_to_install_it() -> None:
    """It is an extra, which the tools for tests leave out."""
    with pytest.raises(Fault, match=r"tokenmill\[ddgs\]"):
        library()


LINES = [
    {
        "url": "https://a.example/weather",
        "title": "北京天气",
        "text": "北京今天晴，最高气温二十度。明天多云，有小雨。",
        "site_name": "天气网",
        "publish_time": "2026-11-20",
    },
    {"url": "https://a.example/zephyr", "title": "Zephyr", "text": "The Zephyr engine has 412 horsepower."},
    {"url": "https://a.example/wind", "title": "Wind", "text": "A zephyr is a light wind. " * 20},
    {"url": "https://a.example/paris", "title": "Paris", "text": "Paris is the capital of France."},
]


def corpus_file(tmp_path: Path, lines: list[dict[str, str]]) -> Path:
    path = tmp_path / "pages.jsonl"
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n\n")
    return path


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("Zephyr engine horsepower", "https://a.example/zephyr"),
        ("ZEPHYR!!", "https://a.example/zephyr"),
        ("明天北京下雨吗", "https://a.example/weather"),
        ("气温", "https://a.example/weather"),
        ("what is the capital of France?", "https://a.example/paris"),
    ],
)
async def test_a_corpus_is_searched_in_english_and_chinese(tmp_path: Path, query: str, first: str) -> None:
    sources = await found(Corpus(corpus_file(tmp_path, LINES)), SearchAsked(query=query))
    assert sources[0].url == first


async def test_a_corpus_tells_all_it_knows_and_no_more_than_is_wanted(tmp_path: Path) -> None:
    path = corpus_file(tmp_path, LINES)
    (weather,) = await found(Corpus(path), SearchAsked(query="北京天气"))
    assert (weather.title, weather.site_name, weather.publish_time, weather.text) == (
        "北京天气",
        "天气网",
        "2026-11-20T00:00:00+08:00",
        LINES[0]["text"],
    )
    assert len(await found(Corpus(path), SearchAsked(query="zephyr", limit=1))) == 1
    assert len(await found(Corpus(path), SearchAsked(query="zephyr"))) == 2


@pytest.mark.parametrize("query", ["", "???", '" OR 1=1 --', "title:x NEAR(", "the of and", "\0", "🙂", "中"])
async def test_no_query_breaks_the_index(tmp_path: Path, query: str) -> None:
    await found(Corpus(corpus_file(tmp_path, LINES)), SearchAsked(query=query))


async def test_a_corpus_that_has_changed_is_read_again(tmp_path: Path) -> None:
    path = corpus_file(tmp_path, LINES)
    corpus = Corpus(path)
    assert await corpus.search(SearchAsked(query="quince")) == ()
    path.write_text(json.dumps({"url": "https://a.example/q", "text": "Quince jelly."}) + "\n")
    assert [page.url for page in await corpus.search(SearchAsked(query="quince"))] == ["https://a.example/q"]
    path.unlink()
    with pytest.raises(SearchFailed, match="cannot be read"):
        await corpus.search(SearchAsked(query="quince"))
    await corpus.close()


def test_a_corpus_that_cannot_be_read_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="cannot be read") as caught:
        Corpus(tmp_path / "nowhere.jsonl")
    assert caught.value.code is Code.MISCONFIGURED
    path = tmp_path / "bad.jsonl"
    path.write_text('{"url": "https://a.example"}\n{"title": "no address"}\n')
    with pytest.raises(Fault, match="line 2"):
        Corpus(path)
