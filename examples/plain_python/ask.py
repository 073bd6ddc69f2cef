"""Asks four questions at once."""

from __future__ import annotations

import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor

URL = "http://127.0.0.1:8080/predictions/titles"
QUESTIONS = ("mobby dik", "pride & prejudise", "master und margarita", "lighthouse")


def ask(question: str) -> str:
    """Return the title that is most like the question."""
    headers = {"Content-Type": "text/plain"}  # else urllib calls it a form
    request = urllib.request.Request(URL, question.encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        title: str = json.load(response)["title"]
        return title


with ThreadPoolExecutor(len(QUESTIONS)) as pool:
    for question, title in zip(QUESTIONS, pool.map(ask, QUESTIONS), strict=True):
        print(f"{question}: {title}")
