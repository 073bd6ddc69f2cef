from __future__ import annotations

import mmap
import os

from mms import wire
from mms.worker.loop import map_page
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
