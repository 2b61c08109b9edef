"""The page at `/docs`: the OpenAPI description as plain HTML.

It loads nothing from elsewhere; FastAPI's own page takes its scripts from a public server, which a closed network does not reach.

Not covered: trying a request out from the page; each has its curl line.
"""

from __future__ import annotations

import json
import shlex
from html import escape
from typing import Any

from serving.describing import ADMIN

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff }
h2 { margin-top: 2.5rem; border-top: 1px solid #ccc; padding-top: 1rem }
pre { background: #f4f4f4; padding: .8rem; white-space: pre-wrap; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% }
td { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #eee }
"""

Schema = dict[str, Any]


def render_docs(openapi: Schema, base_url: str) -> str:
    """The page.

    Args:
        openapi: what `/openapi.json` says.
        base_url: where the reader's browser found the service; goes into the curl lines.
    """
    schemas = openapi.get("components", {}).get("schemas", {})
    parts = [
        _operation(method, path, operation, schemas, base_url.rstrip("/"))
        for path, operations in openapi["paths"].items()
        for method, operation in operations.items()
    ]
    title, about = escape(openapi["info"]["title"]), escape(openapi["info"].get("description", ""))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style></head>'
        f'<body><h1>{title}</h1><p>{about}</p><p><a href="openapi.json">openapi.json</a></p>{"".join(parts)}</body></html>'
    )


def _operation(method: str, path: str, operation: Schema, schemas: Schema, base_url: str) -> str:
    """One route: what it is for, an example, what it takes, what it answers."""
    request = _schema(operation.get("requestBody", {}), schemas)
    answers = operation["responses"]
    example = request.get("examples", [None])[0]
    refusals = ", ".join(f"{code} {escape(answer['description'])}" for code, answer in answers.items() if code != "200")
    return (
        f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(operation.get('description', ''))}</p>"
        f"<pre>{escape(_curl(method, base_url + _filled(path, operation), operation, example))}</pre>"
        f"{_parameters(operation, schemas)}{_table('Request', request, schemas)}"
        f"{_table('Answer', _schema(answers.get('200', {}), schemas), schemas)}"
        f"{f'<p>Refused with: {refusals}</p>' if refusals else ''}"
    )


def _curl(method: str, url: str, operation: Schema, example: Any) -> str:
    """The command line that sends the example."""
    named = f" -X {method.upper()}" if method != "get" and example is None else ""  # with -d, curl knows that it is a POST
    parts = [f"curl -s{named}", shlex.quote(url)]
    if schemes := [name for scheme in operation.get("security", ()) for name in scheme]:
        parts.append(f'-H "X-API-Key: $QUAYSIDE_{"ADMIN" if schemes[0].startswith(ADMIN) else "API"}_KEY"')
    if example is not None:
        parts += ["-H 'Content-Type: application/json'", "-d " + shlex.quote(json.dumps(example, indent=2, ensure_ascii=False))]
    if sent := operation.get("requestBody", {}).get("x-example"):
        parts += [f"-H 'Content-Type: {sent['type']}'", f"--data-binary {shlex.quote(sent['body'])}"]
    return " \\\n  ".join(parts)


def _filled(path: str, operation: Schema) -> str:
    """A path with the examples of its parameters."""
    for parameter in operation.get("parameters", ()):
        path = path.replace(f"{{{parameter['name']}}}", parameter["schema"].get("examples", [""])[0])
    return path


def _parameters(operation: Schema, schemas: Schema) -> str:
    """What stands behind the question mark."""
    found = [parameter for parameter in operation.get("parameters", ()) if parameter["in"] == "query"]
    rows = {parameter["name"]: {**parameter["schema"], "description": parameter["description"]} for parameter in found}
    return _table("Parameters", {"properties": rows}, schemas)


def _table(title: str, schema: Schema, schemas: Schema) -> str:
    """The fields of a body, those of its parts below them; nothing for a body without fields."""
    rows = _rows(schema, schemas, "")
    return f"<h3>{title}</h3><table>{''.join(rows)}</table>" if rows else ""


def _rows(schema: Schema, schemas: Schema, prefix: str) -> list[str]:
    """A row per field; our bodies do not contain themselves, so this ends."""
    rows = []
    for name, field in schema.get("properties", {}).items():
        key, required = f"{prefix}{name}", name in schema.get("required", ())
        rows.append(
            f"<tr><td><code>{escape(key)}</code></td><td>{escape(_type(field, schemas))}{'' if required else ', optional'}</td>"
            f"<td>{escape(field.get('description', ''))}</td></tr>"
        )
        item = field.get("items", field)
        rows += _rows(_resolve(item, schemas), schemas, f"{key}[]." if "items" in field else f"{key}.")
    return rows


def _type(field: Schema, schemas: Schema) -> str:
    """A field's type in words."""
    if "anyOf" in field:
        return " or ".join(_type(part, schemas) for part in field["anyOf"])
    if "enum" in field:
        return ", ".join(json.dumps(value) for value in field["enum"])
    if "items" in field:
        return f"list of {_type(field['items'], schemas)}"
    return str(_resolve(field, schemas).get("type", "value"))


def _schema(body: Schema, schemas: Schema) -> Schema:
    """The schema of a JSON body."""
    return _resolve(body.get("content", {}).get("application/json", {}).get("schema", {}), schemas)


def _resolve(schema: Schema, schemas: Schema) -> Schema:
    """The schema that a `$ref` points to."""
    return dict(schemas[schema["$ref"].rsplit("/", 1)[1]]) if "$ref" in schema else schema
