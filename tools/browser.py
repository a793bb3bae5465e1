"""The browser that looks at the built site: an installed Chromium, driven by Playwright.

Playwright's own browsers are not used; they would have to be downloaded.
"""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SWITCHES = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_browser():
    """Return the path of an installed Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def launch(playwright):
    """Start the installed browser, without a window and without a sandbox.

    Parameters
    ----------
    playwright : playwright.sync_api.Playwright

    Returns
    -------
    playwright.sync_api.Browser
    """
    return playwright.chromium.launch(
        executable_path=find_browser(), args=list(SWITCHES), chromium_sandbox=False
    )


def settle(page):
    """Wait until the whole page is laid out and the font of the formulas is there."""
    page.wait_for_function("!document.documentElement.classList.contains('in-helpings')")
    page.evaluate("async () => { await document.fonts.ready; }")
