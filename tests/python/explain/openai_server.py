"""A loopback server that speaks Chat Completions: it refuses requests that OpenAI would refuse, and answers what was enqueued."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

KNOWN = set(CompletionCreateParamsNonStreaming.__annotations__)
STRICT_KEYWORDS = {
    "type", "properties", "required", "additionalProperties", "items", "enum", "anyOf", "$ref", "$defs", "description",
    "title", "const", "maxItems", "minItems",
}  # fmt: skip
Reply = Callable[[BaseHTTPRequestHandler], None]


class ChatServer:
    """Collects requests in `requests` and problems in `problems`; `replies` are given in order, then 500."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self.replies: list[Reply] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests.append(body)
                wrong = problems_of(self, body)
                outer.problems += wrong
                if wrong:
                    send(
                        self,
                        400,
                        {"error": {"message": "; ".join(wrong), "type": "invalid_request_error", "code": None}},
                    )
                elif outer.replies:
                    outer.replies.pop(0)(self)
                else:
                    send(self, 500, {"error": {"message": "nothing enqueued"}})

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def problems_of(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> list[str]:
    """Return what the published interface would refuse."""
    out = [f"unknown key {k}" for k in body.keys() - KNOWN]
    if handler.path != "/v1/chat/completions":
        out.append(f"path {handler.path}")
    if handler.headers["Authorization"] != "Bearer sk-planted-secret":
        out.append("authorization")
    if not isinstance(body.get("model"), str):
        out.append("model")
    called: set[str] = set()
    for message in body.get("messages", []):
        keys, role = set(message), message.get("role")
        asks = role == "assistant" and keys == {"role", "content", "tool_calls"}
        told = role == "tool" and keys == {"role", "content", "tool_call_id"} and message["tool_call_id"] in called
        called |= {c["id"] for c in message.get("tool_calls", ())}
        if not (asks or told or (keys == {"role", "content"} and isinstance(message["content"], str))):
            out.append("message")
    form = body.get("response_format", {})
    if form.get("type") != "json_schema" or form.get("json_schema", {}).get("strict") is not True:
        out.append("response_format is not a strict json_schema")
    else:
        if set(form["json_schema"]) != {"name", "strict", "schema"}:
            out.append("json_schema keys")
        out += strict_problems(form["json_schema"]["schema"])
    for tool in body.get("tools", []):
        if tool.get("type") != "function" or set(tool["function"]) != {"name", "description", "parameters", "strict"}:
            out.append("tool keys")
        out += tool_problems(tool["function"]["parameters"])
    if not isinstance(body.get("max_completion_tokens"), int):
        out.append("the answer is not bounded")
    return out


def tool_problems(schema: dict[str, Any]) -> list[str]:
    """Return what strict tools forbid: like an answer, but an array need not be bounded."""
    return [p for p in strict_problems(schema) if p != "an unbounded array"]


def strict_problems(schema: dict[str, Any]) -> list[str]:
    """Return what strict mode forbids: open objects, optional properties, unbounded arrays, unknown keywords."""
    out = [f"keyword {k}" for k in schema.keys() - STRICT_KEYWORDS]
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            out.append("an open object")
        if set(schema.get("required", [])) != set(schema["properties"]):
            out.append("an optional property")
    if schema.get("type") == "array" and "maxItems" not in schema:
        out.append("an unbounded array")
    nested = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    nested += [schema["items"]] if "items" in schema else []
    return out + [p for part in nested for p in strict_problems(part)]


def send(handler: BaseHTTPRequestHandler, status: int, body: dict[str, Any], **headers: str) -> None:
    data = json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(data)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(data)


def answer(
    content: str | None, finish: str = "stop", refusal: str | None = None, calls: Sequence[tuple[str, dict[str, Any]]] = (),
    tokens: tuple[int, int] = (0, 0),
) -> Reply:  # fmt: skip
    """Reply with one completion, which may call tools and say what it used."""
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": refusal}
    if calls:
        message["tool_calls"] = [
            {"id": f"call_{name}_{n}", "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
            for n, (name, given) in enumerate(calls)
        ]
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    if any(tokens):
        body["usage"] = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    return lambda handler: send(handler, 200, body)


def refuse(status: int, code: str | None = None, **headers: str) -> Reply:
    """Reply with an error whose text quotes the key, as providers do."""
    error = {"message": "Incorrect API key provided: sk-planted-secret", "type": "t", "code": code, "param": None}
    return lambda handler: send(handler, status, {"error": error}, **headers)


def hang(seconds: float) -> Reply:
    """Reply with nothing for a while."""
    return lambda handler: time.sleep(seconds)
