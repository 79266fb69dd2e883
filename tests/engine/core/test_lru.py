"""The bounded memory: what it keeps, in which order it forgets, and that threads may share it."""

from __future__ import annotations

import threading

from engine.core.lru import LRU


def test_the_one_used_longest_ago_is_forgotten_first() -> None:
    lru = LRU[str, int](3)
    for k, name in enumerate("abc"):
        lru.put(name, k)
    assert lru.get("a") == 0  # now "b" is the one used longest ago
    lru.put("d", 3)
    assert [name for name in "abcd" if name in lru] == ["a", "c", "d"]
    lru.put("c", 9)
    lru.put("e", 4)
    lru.put("f", 5)
    assert [(name, lru.get(name)) for name in "abcdef" if name in lru] == [("c", 9), ("e", 4), ("f", 5)]


def test_sizes_bound_it_and_what_is_too_large_is_not_kept() -> None:
    lru = LRU[str, bytes](10, len)
    lru.put("a", b"12345")
    lru.put("b", b"12345")
    lru.put("a", b"1")
    lru.put("c", b"1234")  # 1 + 5 + 4: just fits
    assert all(name in lru for name in "abc")
    lru.put("d", b"12")
    assert [name for name in "abcd" if name in lru] == ["a", "c", "d"]
    lru.put("c", b"12345678901")
    assert "c" not in lru and lru.get("a") == b"1"
    lru.remove("a")
    lru.remove("a")
    lru.put("e", b"12345678")
    assert [name for name in "abcde" if name in lru] == ["d", "e"]


def test_threads_may_share_it() -> None:
    lru = LRU[int, int](50)

    def use(offset: int) -> None:
        for k in range(2000):
            lru.put((k + offset) % 70, k)
            lru.get(k % 70)

    threads = [threading.Thread(target=use, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(k in lru for k in range(70)) == 50
