# SPDX-License-Identifier: Apache-2.0
"""A model behind the Messages API, on this machine: it says what it was given, one a call, whatever is
asked."""
import http.server
import itertools
import json
import threading

_numbers = itertools.count(1)


def says(text):
    return [{"type": "text", "text": text}]


def calls(**tools):
    """A call of each tool, with its input."""
    return [{"type": "tool_use", "id": f"toolu_{next(_numbers)}", "name": name, "input": given}
            for name, given in tools.items()]


def _deltas(index, block):
    if block["type"] == "text":
        return dict(block, text=""), {"type": "text_delta", "text": block["text"]}
    return dict(block, input={}), {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}


def _stream(blocks):
    """A message as the events of a stream."""
    stop = "tool_use" if blocks[0]["type"] == "tool_use" else "end_turn"
    yield {"type": "message_start", "message": {
        "id": f"msg_{next(_numbers)}", "type": "message", "role": "assistant", "model": "fake-model",
        "content": [], "stop_reason": None, "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 1}}}
    for index, block in enumerate(blocks):
        begun, delta = _deltas(index, block)
        yield {"type": "content_block_start", "index": index, "content_block": begun}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None},
           "usage": {"output_tokens": 5}}
    yield {"type": "message_stop"}


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not self.path.split("?")[0].endswith("/v1/messages"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for event in _stream(self.server.answer(asked)):
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        self.close_connection = True

    def log_message(self, *words):
        pass


class Model:
    """answers: one a call, the last for ever; agent: what it says in a sub-agent."""

    def __init__(self, answers, agent):
        self.left, self.agent = list(answers), agent

    def answer(self, asked):
        if "SUB-AGENT" in json.dumps(asked["messages"][0]):
            return self.agent
        if not asked.get("tools"):
            return says("a title")
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.answer = self.answer
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
