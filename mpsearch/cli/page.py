"""``mpsearch page``: open the page where the cheetah adapts in a browser, without Python."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Page:
    """Serve the page where the cheetah adapts in the browser, on this computer only."""

    port: int = 8377
    """The port on 127.0.0.1; 0 takes any free one."""
    browser: bool = True
    """Open a browser window."""

    def run(self) -> None:
        from mpsearch.course.page import open_page

        open_page(self.port, browser=self.browser)
