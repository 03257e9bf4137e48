# SPDX-License-Identifier: Apache-2.0
"""The screen of an emulated terminal (pyte): what a person would see of what a program writes."""
import pyte


class Screen(pyte.Screen):
    """What ncurses uses of xterm and pyte does not know: scrolling a region, repeating a character."""
    last = " "

    def draw(self, data):
        self.last = data[-1]
        super().draw(data)

    def repeat(self, count=1):
        self.draw(self.last * (count or 1))

    def scroll_up(self, count=1):
        self.at_the_top(self.delete_lines, count)

    def scroll_down(self, count=1):
        self.at_the_top(self.insert_lines, count)

    def at_the_top(self, change, count):
        y, x = self.cursor.y, self.cursor.x
        self.cursor.y = self.margins.top if self.margins else 0
        change(count or 1)
        self.cursor.y, self.cursor.x = y, x


class Stream(pyte.Stream):
    csi = {**pyte.Stream.csi, "S": "scroll_up", "T": "scroll_down", "b": "repeat"}
    events = pyte.Stream.events | {"scroll_up", "scroll_down", "repeat"}
