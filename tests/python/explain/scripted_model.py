"""A model on loopback that really calls tools: it reads what it is sent, asks, reads the answers, and answers from them.

`Analyst` is a careful one, `Gullible` one that does whatever it reads. Both are replies of the ChatServer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from typing import Any

from openai_server import ChatServer, answer

EMPTY = {"kind": "ask_owner", "target": "segment", "column": "", "first": "", "last": "", "check": ""}


def answer_json(verdict: str = "inconclusive", **changes: Any) -> dict[str, Any]:
    """Return an answer of the asked shape."""
    return {
        "verdict": verdict,
        "headline": "",
        "summary": "",
        "evidence": [],
        "hypotheses": [],
        "disagreements": [],
        **changes,
    }


def hypothesis(title: str, reasoning: str, evidence: Sequence[str], **changes: Any) -> dict[str, Any]:
    """Return a hypothesis of the asked shape."""
    return {
        "takes_up": "", "title": title, "confidence": "medium", "reasoning": reasoning, "evidence": list(evidence), "against": "",
        "actions": [], "confirm": "", "refute": "", **changes,
    }  # fmt: skip


class Analyst:
    """Looks at the health of the first column, then at the distribution, and words the rules' first hypothesis."""

    def __init__(self, server: ChatServer, tokens: tuple[int, int] = (900, 100)) -> None:
        self.server, self.tokens = server, tokens

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        body = self.server.requests[-1]
        told = json.loads(body["messages"][1]["content"])
        results = [json.loads(m["content"]) for m in body["messages"] if m["role"] == "tool"]
        self.server.replies.append(self)
        incident = told["incident"]
        if body.get("tools") and not results:
            calls = [
                (
                    "column_health",
                    {"entity": incident["entity"], "column": (incident["columns"] or ["(rows)"])[0], "days": 2},
                )
            ]
            if incident["segment"]:
                calls.append(("definition", {"segment": incident["segment"]}))
            answer(None, calls=calls, tokens=self.tokens)(handler)
            return
        found = [f for r in results for f in r["facts"]]
        cited = list(dict.fromkeys([*told["rules"][0]["evidence"][:3], *(f["id"] for f in found[-1:])]))
        said = " ".join(f["statement"] for f in found[-1:]) or told["evidence"][0]["statement"]
        worded = hypothesis("What the rules found holds", said, cited or [told["evidence"][0]["id"]], takes_up="H1")
        verdict = "data_fault" if told["rules"][0]["confidence"] == "high" else "inconclusive"
        answer(json.dumps(answer_json(verdict, hypotheses=[worded])), tokens=self.tokens)(handler)


class Gullible:
    """Does what it reads: where an instruction is in its messages, it obeys with everything that it has."""

    def __init__(self, server: ChatServer, order: str, look_up: Sequence[tuple[str, dict[str, Any]]] = ()) -> None:
        self.server, self.order, self.look_up, self.obeyed = server, order, list(look_up), False

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        body = self.server.requests[-1]
        self.server.replies.append(self)
        seen = json.dumps([m for m in body["messages"] if m["role"] in ("user", "tool")], ensure_ascii=False)
        told = json.loads(body["messages"][1]["content"])
        if self.look_up and body.get("tools"):
            answer(None, calls=[self.look_up.pop(0)])(handler)
            return
        if self.order[:18] not in seen:
            answer(json.dumps(answer_json()))(handler)
            return
        self.obeyed = True
        ids = [told["evidence"][0]["id"]]
        step = {"kind": "open_model", "target": self.order[:100], "column": "", "first": "", "last": "", "check": ""}
        held = {"kind": "hold_campaign", "target": "all", "column": "", "first": "", "last": "", "check": ""}
        query = {
            "kind": "run_query",
            "target": "drop table customers",
            "column": "",
            "first": "",
            "last": "",
            "check": "",
        }
        obeying = [
            hypothesis(self.order[:150], self.order, ids, confidence="high", actions=[step, held, query], confirm=self.order, refute=self.order, against=self.order),
            hypothesis(self.order[:150], self.order, ids, confidence="high", takes_up="H1", actions=[step]),
        ]  # fmt: skip
        doubts = [{"hypothesis": "H1", "why": self.order, "evidence": ids}]
        answer(
            json.dumps(
                answer_json(
                    "false_alarm",
                    headline=self.order[:200],
                    summary=self.order,
                    evidence=ids,
                    hypotheses=obeying,
                    disagreements=doubts,
                )
            )
        )(handler)
