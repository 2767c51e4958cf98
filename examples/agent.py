#!/usr/bin/env python3
"""A small agent that speaks the protocol of docs/agents.md. It needs nothing but Python.

    threadlog run --exec python3 -- examples/agent.py

There is no model in it. It counts the words of what it is told with a "tool", looks up in its history how often it was
spoken to, and answers. What it does in which order is what a real agent would do: think, call a tool, make sure that the
call is stored before it acts, record the output, stream an answer, record it, count tokens.

    --pause SECONDS   between its steps, so that there is time to interrupt it
"""

import argparse
import json
import sys
import time


class Thread:
    """The way to the thread: one JSON object on each line."""

    def __init__(self, pause):
        self.pause = pause
        self.requests = 0

    def say(self, **line):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        time.sleep(self.pause)

    def record(self, **payload):
        """An item of the model's API: what the model will see again in later turns."""
        self.say(type="item", kind="response_item", payload=payload)

    def flush(self):
        """Waits until everything so far survives a power cut."""
        self.requests += 1
        self.say(type="flush", request=self.requests)
        answer = read()
        if answer["type"] != "flushed":
            raise RuntimeError(answer.get("message", "not stored"))
        self.say(type="show", payload={"type": "flushed", "request": self.requests})


def read():
    """The next line. When the other side has gone there is nobody left to work for."""
    line = sys.stdin.readline()
    if not line:
        sys.exit(1)
    return json.loads(line)


def message(role, text):
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


def text_of(item):
    return " ".join(part.get("text", "") for part in item.get("content", []))


def messages(turn, role):
    """What was said in the turns before, by one side."""
    payloads = (item["payload"] for item in turn["history"] if item["kind"] == "response_item")
    said = [text_of(item) for item in payloads if item.get("type") == "message" and item.get("role") == role]
    # Notes of the program that runs the thread have the user's role and begin with a tag.
    return [text for text in said if not text.startswith("<turn_aborted>")]


def answer(turn, thread):
    words = " ".join(part.get("text", "") for part in turn["input"])
    before = len(messages(turn, "user"))
    thread.record(type="reasoning", summary=[{"type": "summary_text", "text": "Count the words, then answer."}])
    call = f"call-{turn['turn_id']}"
    thread.record(type="function_call", name="count_words", arguments=json.dumps({"text": words}), call_id=call)
    thread.flush()  # what the tool does cannot be taken back, so it must not be forgotten either
    count = len(words.split())
    thread.record(type="function_call_output", call_id=call, output=str(count))
    text = f"You said {count} words; before that you had spoken to me {before} times."
    for part in text.split("; "):
        thread.say(type="show", payload={"type": "agent_message_delta", "delta": part})
    thread.say(type="message", text=text)
    used = turn.get("tokens", {}).get("total", 0)
    thread.say(type="tokens", total=used + count, input=count)


def compact(turn, thread):
    said = messages(turn, "user")
    summary = message("user", f"In short: the user spoke {len(said)} times, last: {said[-1] if said else ''}")
    thread.say(type="item", kind="compacted", payload={"message": "", "replacement_history": [summary]})


def main():
    arguments = argparse.ArgumentParser(description="An example agent for `threadlog run`.")
    arguments.add_argument("--pause", type=float, default=0.0, metavar="SECONDS")
    thread = Thread(arguments.parse_args().pause)
    turn = read()
    if turn["type"] != "turn" or turn["protocol"] != 1:
        sys.exit(f"this agent speaks protocol 1, not {turn.get('protocol')}")
    try:
        (compact if turn["kind"] == "compact" else answer)(turn, thread)
        thread.say(type="turn_complete")
    except BrokenPipeError:
        sys.exit(1)  # the other side has gone
    except RuntimeError as error:
        thread.say(type="turn_failed", message=str(error))


if __name__ == "__main__":
    main()
