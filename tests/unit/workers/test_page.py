from __future__ import annotations

import mmap
import os
from typing import Any

from mms import wire
from mms.worker.loop import map_page
from mms.worker.outbox import Outbox
from mms_server.workers.page import Page


def test_both_sides_see_the_same_words() -> None:
    page = Page.create()
    words = map_page(os.dup(page.fd))
    page.close_fd()
    assert page.begun == 0
    words[wire.PAGE_BEGUN] = 2**63
    assert page.begun == 2**63
    assert page.withdraw(7) == 2**63
    assert words[wire.PAGE_WITHDRAWN] == 7
    assert words.nbytes == wire.PAGE_BYTES <= mmap.PAGESIZE
    page.close()


def test_what_a_worker_has_not_sent_can_be_read() -> None:
    page = Page.create()
    words = map_page(os.dup(page.fd))
    outbox = Outbox(words)
    assert page.read_unsent() == b""
    words[wire.PAGE_BEGUN] = 1
    assert outbox.put([b"first ", memoryview(b"answer")])
    words[wire.PAGE_BEGUN] = 2
    assert outbox.put([b", second"])
    assert page.read_unsent() == bytes(outbox.frames) == b"first answer, second"
    outbox.clear()
    assert page.read_unsent() == b""
    page.close()


def test_there_is_room_for_a_page_less_its_words() -> None:
    page = Page.create()
    outbox = Outbox(map_page(os.dup(page.fd)))
    room = wire.OUTBOX_BYTES
    assert outbox.put([b"x" * (room - 1)])
    assert not outbox.put([b"yz"])
    assert outbox.put([b"z"])
    assert page.read_unsent() == b"x" * (room - 1) + b"z"
    page.close()


def test_what_a_worker_changes_meanwhile_is_not_read() -> None:
    page = Page.create()
    words = map_page(os.dup(page.fd))
    assert Outbox(words).put([b"an answer"])

    class Changing(mmap.mmap):
        def __getitem__(self, at: Any) -> Any:
            words[wire.PAGE_BEGUN] += 1
            return super().__getitem__(at)

    page._map = Changing(page.fd, wire.PAGE_BYTES)
    assert page.read_unsent() == b""
    page.close()


def test_a_page_that_a_model_has_written_over_is_not_read() -> None:
    page = Page.create()
    words = map_page(os.dup(page.fd))
    words[wire.PAGE_UNSENT] = 2**64 - 1
    assert page.read_unsent() == b""
    page.close()
