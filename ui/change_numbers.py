"""Numbers that browser tabs give their changes, so that each is applied once and acknowledged."""

from __future__ import annotations

from collections.abc import Mapping

from engine.core.lru import LRU

MOST_TABS = 256


class ChangeNumbers:
    """Highest change number of each tab: received, handled (applied or refused), and acknowledged to the tab.

    A tab numbers its changes from 1 and, after a lost connection, sends those again that were not acknowledged.
    Number 0 is a change without a number.
    """

    def __init__(self) -> None:
        self._received = LRU[str, int](MOST_TABS)
        self._handled = LRU[str, int](MOST_TABS)
        self._announced = LRU[str, int](MOST_TABS)

    def receive(self, tab: str, number: int) -> bool:
        """Whether a change is new; False where its number was received before."""
        if number <= 0:
            return True
        if number <= (self._received.get(tab) or 0):
            return False
        self._received.put(tab, number)
        return True

    def handled_by_tab(self) -> dict[str, int]:
        """The highest number handled of each tab, for the autosave."""
        return dict(self._handled.items())

    def restore(self, handled: Mapping[str, int]) -> None:
        """Restore the numbers after a restart: changes in the autosave are not applied again when resent."""
        for tab, number in handled.items():
            self._received.put(tab, number)
            self._handled.put(tab, number)

    def handle(self, tab: str, number: int) -> None:
        """Note that a change is in the document, or refused."""
        if number > self.handled(tab):
            self._handled.put(tab, number)

    def handled(self, tab: str) -> int:
        """The highest number handled."""
        return self._handled.get(tab) or 0

    def announce(self, tab: str) -> int:
        """The highest number handled, which is about to be acknowledged to the tab."""
        number = self.handled(tab)
        self._announced.put(tab, number)
        return number

    def is_announced(self, tab: str) -> bool:
        """Whether the tab was sent the highest number handled."""
        return (self._announced.get(tab) or 0) >= self.handled(tab)
