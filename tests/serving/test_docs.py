import html
import json
import re
import shlex
from collections.abc import Callable

import httpx
from fastapi import FastAPI

from serving.docs import render_docs

Make = Callable[..., FastAPI]
Ask = Callable[..., httpx.Response]


def test_the_page_loads_nothing(make_app: Make, ask: Ask) -> None:
    page = ask(make_app(), "GET", "/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    assert re.findall(r"<(?:script|link|img|iframe)|url\(|@import|src=", page.text) == []
    assert re.findall(r'href="([^"]*)"', page.text) == ["openapi.json"]


def test_every_route_and_field_is_on_the_page(make_app: Make, ask: Ask) -> None:
    app = make_app()
    page, described = html.unescape(ask(app, "GET", "/docs").text), app.openapi()
    assert [path for path in described["paths"] if f" {path}</code></h2>" not in page] == []
    fields = {name for schema in described["components"]["schemas"].values() for name in schema["properties"]} - {"error", "details"}
    assert len(fields) > 40
    missing = [name for name in sorted(fields) if not re.search(rf"<code>(?:[\w.\[\]]+\.)?{name}</code>", page)]
    assert missing == ["code", "field", "message", "problem"]  # of an error; its shape stands at the top


def test_the_curl_lines_work(make_app: Make, ask: Ask) -> None:
    app = make_app(keys="one", admin_keys="two")
    keys = {"$QUAYSIDE_API_KEY": "one", "$QUAYSIDE_ADMIN_KEY": "two"}
    commands = [html.unescape(text) for text in re.findall(r"<pre>(.*?)</pre>", ask(app, "GET", "/docs").text, re.DOTALL)]
    answered = []
    for command in commands:
        words = shlex.split(command)
        url = next(word for word in words if word.startswith("http://"))
        headers = dict(words[i + 1].split(": ") for i, word in enumerate(words) if word == "-H")
        if "X-API-Key" in headers:
            headers["X-API-Key"] = keys[headers["X-API-Key"]]
        body = json.loads(words[words.index("-d") + 1]) if "-d" in words else None
        if body and "target" in body:
            body["target"] = "zh"  # the model of these tests writes Chinese only
        sent = {"content": words[words.index("--data-binary") + 1].encode()} if "--data-binary" in words else {"json": body}
        method = words[words.index("-X") + 1] if "-X" in words else "POST" if body else "GET"
        response = ask(app, method, url, headers=headers, **sent)
        answered.append(f"{method} {httpx.URL(url).path} {response.status_code}")
    assert answered == [
        *("POST /v1/translate 200", "POST /v1/classify 200", "GET /v1/models 200"),
        *("GET /v1/glossaries 200", "GET /v1/glossaries/machinery 200"),
        *("PUT /v1/glossaries/machinery 200", "POST /v1/glossaries/machinery/restore 200"),
        *("GET /livez 200", "GET /readyz 200", "GET /metrics 200"),
    ]


def test_what_comes_from_the_request_is_escaped() -> None:
    described = {"info": {"title": "<b>"}, "paths": {"/a": {"get": {"responses": {}}}}}
    page = render_docs(described, "http://<script>/")
    assert "<script>" not in page
    assert "<b>" not in page
