"""A job of the dbt platform, and the receiver of its webhook that does the rest."""

from __future__ import annotations

from pulse_runner.schedules.base import Plan, fill, python_list

TEXT = '''\
"""Receives the webhook of a dbt platform job and runs the part of Pulse that dbt does not: detect, explain, alert.

1. In the dbt platform, make a job that runs every day at <<time>> (<<zone>>) with one command:
       dbt build --select tag:pulse
   It snapshots the day of the run. The models that segments read must be built before, in it or by another job.
2. Run this file where Pulse is installed, behind a proxy that speaks TLS:
       PULSE_DBT_WEBHOOK_SECRET=... python pulse_webhook.py 8642
3. In the dbt platform, make a webhook for job.run.completed of that job, with the address of the proxy. The secret
   that it shows once is PULSE_DBT_WEBHOOK_SECRET.

It needs nothing but Python. What Pulse says is on the screen.
"""

import hashlib
import hmac
import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PULSE = <<command>>
ROOT = <<root>>
SETTINGS = {<<settings>>}
SECRET = os.environ["PULSE_DBT_WEBHOOK_SECRET"].encode()
LONGEST = 1_000_000  # bytes


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 < length <= LONGEST:
            return self.answer(413, "too long, or empty")
        body = self.rfile.read(length)
        signature = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signature, self.headers.get("Authorization", "")):
            return self.answer(401, "not signed with the secret of this webhook")
        try:
            event = json.loads(body)
            done = event["eventType"] == "job.run.completed" and event["data"]["runStatus"] == "Success"
        except (ValueError, KeyError, TypeError):
            return self.answer(400, "not an event of a dbt job")
        if not done:
            return self.answer(200, "nothing to do: only a run that succeeded has snapshots to judge")
        # a second delivery of the same event waits for the first, and does nothing new
        subprocess.Popen(PULSE, cwd=ROOT, env=os.environ | SETTINGS)
        return self.answer(202, "started")

    def answer(self, status, text):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(f"{text}\\n".encode())


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8642
    server = ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
'''


def dbt_platform(plan: Plan) -> dict[str, str]:
    """Return the receiver; the job itself is in its head."""
    pairs = ", ".join(
        f"{python_list([n])[1:-1]}: {python_list([v])[1:-1]}" for n, v in sorted(plan.environment.items())
    )
    return {
        "pulse_webhook.py": fill(
            TEXT,
            time=plan.time,
            zone=plan.zone,
            # what dbt builds by itself is always the day of the run
            command=python_list((*plan.command, "run", "--date", "today", "--no-build")),
            root=python_list([str(plan.root)])[1:-1],
            settings=pairs,
        )
    }
